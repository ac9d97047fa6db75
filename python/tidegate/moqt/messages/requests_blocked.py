"""REQUESTS_BLOCKED: a request waits for credit."""

from dataclasses import dataclass

from tidegate.moqt.version import Profile
from tidegate.moqt.wire import Reader, write_varint


@dataclass(frozen=True, slots=True)
class RequestsBlocked:
    """Says that credit is short.

    Attributes:
        maximum: the MAX_REQUEST_ID that is in the way.
    """

    maximum: int

    @classmethod
    def decode(cls, profile: Profile, reader: Reader) -> "RequestsBlocked":
        return cls(reader.varint())

    def encode(self, profile: Profile, out: bytearray) -> int:
        write_varint(out, self.maximum)
        return 0x1A
