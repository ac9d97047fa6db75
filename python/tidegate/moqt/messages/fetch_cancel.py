"""FETCH_CANCEL: the rest of a fetch is not wanted."""

from dataclasses import dataclass

from tidegate.moqt.version import Profile
from tidegate.moqt.wire import Reader, write_varint


@dataclass(frozen=True, slots=True)
class FetchCancel:
    request_id: int

    @classmethod
    def decode(cls, profile: Profile, reader: Reader) -> "FetchCancel":
        return cls(reader.varint())

    def encode(self, profile: Profile, out: bytearray) -> int:
        write_varint(out, self.request_id)
        return 0x17
