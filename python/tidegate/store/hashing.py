"""How secrets are kept: as their SHA-256, since they are long and random."""

import hashlib
import hmac


def hashed(secret: str) -> bytes:
    return hashlib.sha256(secret.encode()).digest()


def matches(secret: str, hash: bytes) -> bool:
    """In constant time."""
    return hmac.compare_digest(hashed(secret), hash)
