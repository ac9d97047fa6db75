"""UNSUBSCRIBE: the subscriber has had enough."""

from dataclasses import dataclass

from tidegate.moqt.version import Profile
from tidegate.moqt.wire import Reader, write_varint


@dataclass(frozen=True, slots=True)
class Unsubscribe:
    request_id: int

    @classmethod
    def decode(cls, profile: Profile, reader: Reader) -> "Unsubscribe":
        return cls(reader.varint())

    def encode(self, profile: Profile, out: bytearray) -> int:
        write_varint(out, self.request_id)
        return 0x0A
