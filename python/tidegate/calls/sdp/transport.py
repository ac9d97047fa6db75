"""How the peers of a description reach and know each other: ICE (RFC 8839) and DTLS (RFC 8842)."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Literal, TypeAlias, cast

from tidegate.calls.sdp.fields import malformed
from tidegate.calls.sdp.limits import MAX_CANDIDATES

Setup: TypeAlias = Literal["actpass", "active", "passive", "holdconn"]


@dataclass(frozen=True, slots=True)
class Fingerprint:
    """Of a certificate (RFC 8122 §5); ``algorithm`` is in lower case."""

    algorithm: str
    digest: bytes

    @classmethod
    def parse(cls, value: str) -> "Fingerprint":
        algorithm, _, digits = value.partition(" ")
        try:
            digest = bytes.fromhex(digits.replace(":", " "))
        except ValueError:
            raise malformed("a=fingerprint") from None
        if not algorithm or not digest:
            raise malformed("a=fingerprint")
        return cls(algorithm.lower(), digest)

    def __str__(self) -> str:
        return f"{self.algorithm} {self.digest.hex(':').upper()}"


@dataclass(frozen=True, slots=True)
class Candidate:
    """A UDP host candidate for component 1 (RFC 8839 §5.1). Others are not written."""

    foundation: str
    priority: int
    address: str
    port: int

    def __str__(self) -> str:
        return f"{self.foundation} 1 udp {self.priority} {self.address} {self.port} typ host"

    @classmethod
    def parse(cls, value: str) -> "Candidate | None":
        """``None`` for a candidate of another kind, or one that cannot be read."""
        match value.split(" ", 8):
            case [foundation, "1", protocol, priority, address, port, "typ", "host", *_] if (
                protocol.lower() == "udp" and priority.isdecimal() and port.isdecimal()
            ):
                if int(priority) < 1 << 32 and int(port) < 1 << 16:
                    return cls(foundation, int(priority), address, int(port))
        return None


@dataclass(frozen=True, slots=True)
class Transport:
    """What a section, or the whole description, says about its transport.

    Attributes:
        candidates: those that we would write ourselves; complete in our own descriptions only.
    """

    ufrag: str | None = field(default=None, repr=False)
    pwd: str | None = field(default=None, repr=False)
    fingerprints: tuple[Fingerprint, ...] = ()
    setup: Setup | None = None
    candidates: tuple[Candidate, ...] = ()
    end_of_candidates: bool = False

    def write(self) -> Iterator[str]:
        if self.ufrag is not None:
            yield f"a=ice-ufrag:{self.ufrag}"
        if self.pwd is not None:
            yield f"a=ice-pwd:{self.pwd}"
        for fingerprint in self.fingerprints:
            yield f"a=fingerprint:{fingerprint}"
        if self.setup is not None:
            yield f"a=setup:{self.setup}"
        for candidate in self.candidates:
            yield f"a=candidate:{candidate}"
        if self.end_of_candidates:
            yield "a=end-of-candidates"


class TransportLines:
    """Gathers the lines about the transport of one section, or of the whole description."""

    def __init__(self) -> None:
        self._ufrag: str | None = None
        self._pwd: str | None = None
        self._fingerprints: list[Fingerprint] = []
        self._setup: Setup | None = None
        self._candidates: list[Candidate] = []
        self._end_of_candidates = False

    def read(self, name: str, value: str) -> bool:
        """Takes an attribute; False when it is about something else."""
        match name:
            case "ice-ufrag":
                if not 4 <= len(value) <= 256:
                    raise malformed("a=ice-ufrag")
                self._ufrag = value
            case "ice-pwd":
                if not 22 <= len(value) <= 256:
                    raise malformed("a=ice-pwd")
                self._pwd = value
            case "fingerprint":
                self._fingerprints.append(Fingerprint.parse(value))
            case "setup":
                if value not in ("actpass", "active", "passive", "holdconn"):
                    raise malformed("a=setup")
                self._setup = cast(Setup, value)
            case "candidate":
                if len(self._candidates) < MAX_CANDIDATES:
                    candidate = Candidate.parse(value)
                    if candidate is not None:
                        self._candidates.append(candidate)
            case "end-of-candidates":
                self._end_of_candidates = True
            case _:
                return False
        return True

    def transport(self) -> Transport:
        return Transport(
            self._ufrag,
            self._pwd,
            tuple(self._fingerprints),
            self._setup,
            tuple(self._candidates),
            self._end_of_candidates,
        )
