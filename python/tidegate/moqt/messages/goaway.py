"""GOAWAY: the sender will close the session soon."""

from dataclasses import dataclass

from tidegate.moqt.errors import ProtocolViolation
from tidegate.moqt.version import Profile
from tidegate.moqt.wire import MAX_GOAWAY_URI, Reader, write_bytes


@dataclass(frozen=True, slots=True)
class Goaway:
    """Asks the peer to leave.

    Attributes:
        new_session_uri: where to go instead; "" = the same place. A client must send "".
    """

    new_session_uri: str = ""

    @classmethod
    def decode(cls, profile: Profile, reader: Reader) -> "Goaway":
        uri = reader.string()
        if len(uri) > MAX_GOAWAY_URI:
            raise ProtocolViolation(f"GOAWAY's URI has {len(uri)} bytes")
        return cls(uri.decode(errors="replace"))

    def encode(self, profile: Profile, out: bytearray) -> int:
        write_bytes(out, self.new_session_uri.encode())
        return 0x10
