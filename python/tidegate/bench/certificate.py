"""A certificate for relays that want one from a file; nobody checks it."""

import ssl
from datetime import UTC, datetime
from pathlib import Path

from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_der_private_key,
)

from tidegate.certificates import load_or_make


def write_certificate(directory: Path) -> tuple[Path, Path]:
    """Writes a certificate for this machine's loopback, and its key, in PEM."""
    directory.mkdir()
    made = load_or_make(directory, ["localhost", "127.0.0.1"], now=datetime.now(UTC))
    certificate, key = directory / "cert.pem", directory / "key.pem"
    certificate.write_text(ssl.DER_cert_to_PEM_cert(made.chain[0]))
    private = load_der_private_key(made.key, password=None)
    key.write_bytes(private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    return certificate, key
