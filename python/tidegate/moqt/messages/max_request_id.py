"""MAX_REQUEST_ID: credit for requests."""

from dataclasses import dataclass

from tidegate.moqt.version import Profile
from tidegate.moqt.wire import Reader, write_varint


@dataclass(frozen=True, slots=True)
class MaxRequestId:
    """Grants credit.

    Attributes:
        maximum: the peer's Request IDs must be below it; it may only grow.
    """

    maximum: int

    @classmethod
    def decode(cls, profile: Profile, reader: Reader) -> "MaxRequestId":
        return cls(reader.varint())

    def encode(self, profile: Profile, out: bytearray) -> int:
        write_varint(out, self.maximum)
        return 0x15
