"""How secrets are kept: not at all, only their SHA-256. They are long and random, so nothing slower
is needed.
"""

import hashlib
import hmac


def hashed(secret: str) -> bytes:
    return hashlib.sha256(secret.encode()).digest()


def matches(secret: str, hash: bytes) -> bool:
    """In constant time."""
    return hmac.compare_digest(hashed(secret), hash)
