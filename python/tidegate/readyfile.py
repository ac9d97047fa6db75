"""The ready file: what a supervisor or a test needs to know of a server that listens."""

from dataclasses import dataclass, field
from pathlib import Path

import msgspec

from tidegate.datadir import write_private
from tidegate.errors import StartError


@dataclass(frozen=True, slots=True)
class Ready:
    """URLs that this machine can dial, and the credentials to go with them.

    Attributes:
        api: ``http://127.0.0.1:8080/client/v4``.
        sfu: ``http://127.0.0.1:8080/v1``.
        moq: ``moqt://127.0.0.1:4443``.
        webtransport: ``https://127.0.0.1:4443``.
        api_token: None on later starts, unless the settings fix it.
        certificate_sha256: of the certificate that QUIC shows, lower-case hex.
        pid: the process that carries the media.
    """

    api: str
    sfu: str
    moq: str
    webtransport: str
    account_id: str
    api_token: str | None = field(repr=False)
    certificate_sha256: str
    pid: int

    def write(self, file: Path) -> None:
        """Appears whole or not at all, for its owner alone; raises StartError when it cannot."""
        try:
            write_private(file, msgspec.json.encode(self).decode() + "\n")
        except OSError as error:
            raise StartError(f"ready file {file}: {error.strerror}") from None
