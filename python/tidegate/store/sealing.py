"""Seals what the database must not show: AES-256-GCM under a key that stands elsewhere."""

import os
import secrets
from pathlib import Path
from typing import Self

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.scrypt import Scrypt

from tidegate.datadir import write_private
from tidegate.errors import DataDirectoryError, SealError

_NONCE_BYTES = 12
_KEY_FILE = "secret.key"


class Sealer:
    """Seals and opens; a value opens only under the name that it was sealed for."""

    def __init__(self, key: bytes) -> None:
        """``key``: 32 bytes."""
        self._aead = AESGCM(key)

    @classmethod
    def of(cls, secret_key: str, data_dir: Path) -> Self:
        """Keyed by the setting, or else by a file of the data directory, made when missing."""
        if secret_key:
            return cls(_stretched(secret_key))
        file = data_dir / _KEY_FILE
        try:
            if not file.exists():
                write_private(file, secrets.token_hex(32) + "\n")
            return cls(bytes.fromhex(file.read_text("ascii")))
        except OSError as error:
            raise DataDirectoryError(f"{file}: {error.strerror}") from None
        except ValueError:
            raise DataDirectoryError(f"{file}: not a key of 64 hex digits") from None

    def seal(self, name: str, secret: bytes) -> bytes:
        nonce = os.urandom(_NONCE_BYTES)
        return nonce + self._aead.encrypt(nonce, secret, name.encode())

    def open(self, name: str, sealed: bytes) -> bytes:
        """Raises SealError when the key or the name is another one than at sealing."""
        try:
            return self._aead.decrypt(sealed[:_NONCE_BYTES], sealed[_NONCE_BYTES:], name.encode())
        except (InvalidTag, ValueError):
            raise SealError(
                f"{name} does not open: TIDEGATE_SECRET_KEY (or {_KEY_FILE} of the data directory) "
                "is not the one that this database was filled with"
            ) from None


def _stretched(passphrase: str) -> bytes:
    """A key that is slow to guess from what it sealed."""
    return Scrypt(salt=b"tidegate seal v1", length=32, n=1 << 15, r=8, p=1).derive(
        passphrase.encode()
    )
