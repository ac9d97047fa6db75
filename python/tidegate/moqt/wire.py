"""Integers, byte strings and names on the wire of drafts up to 16."""

from tidegate.moqt.errors import EncodeError, ProtocolViolation, Truncated
from tidegate.moqt.names import FullTrackName, Location, Namespace

MAX_VARINT = (1 << 62) - 1
"""The largest integer of RFC 9000 §16."""
MAX_NAMESPACE_FIELDS = 32
MAX_FULL_TRACK_NAME = 4096
"""Bytes of all namespace fields and the track name together."""
MAX_REASON = 1024
"""Bytes of a reason phrase."""
MAX_GOAWAY_URI = 8192
"""Bytes of GOAWAY's URI."""
MAX_LIST = 256
"""Entries of a list that a message carries. The drafts set no limit; this one keeps the time that
a hostile message costs near that of an honest one."""
MAX_MESSAGE = 0xFFFF
"""Bytes of a control message after its type and length."""

_MASKS = (0, 0, 0x3FFF, 0, 0x3FFF_FFFF, 0, 0, 0, MAX_VARINT)


class Reader:
    """Takes fields off the front of one message.

    Every method raises Truncated when the message ends inside its field.
    """

    __slots__ = ("_data", "_end", "_pos")

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._pos = 0
        self._end = len(data)

    def varint(self) -> int:
        pos = self._pos
        if pos >= self._end:
            raise Truncated("an integer is cut short")
        first = self._data[pos]
        if first < 0x40:
            self._pos = pos + 1
            return first
        size = 1 << (first >> 6)
        end = pos + size
        if end > self._end:
            raise Truncated("an integer is cut short")
        self._pos = end
        return int.from_bytes(self._data[pos:end], "big") & _MASKS[size]

    def count(self) -> int:
        """The number of entries in a list."""
        count = self.varint()
        if count > MAX_LIST:
            raise ProtocolViolation(f"a list of {count} entries is too long")
        return count

    def byte(self) -> int:
        pos = self._pos
        if pos >= self._end:
            raise Truncated("a byte is missing")
        self._pos = pos + 1
        return self._data[pos]

    def flag(self, name: str) -> bool:
        """A byte that is 0 or 1."""
        value = self.byte()
        if value > 1:
            raise ProtocolViolation(f"{name} is neither 0 nor 1")
        return value == 1

    def string(self) -> bytes:
        """A length, and so many bytes."""
        size = self.varint()
        pos = self._pos
        end = pos + size
        if end > self._end:
            raise Truncated("a byte string is cut short")
        self._pos = end
        return self._data[pos:end]

    def rest(self) -> bytes:
        """All that is left."""
        pos = self._pos
        self._pos = self._end
        return self._data[pos:]

    def location(self) -> Location:
        return Location(self.varint(), self.varint())

    def largest(self) -> Location | None:
        """Draft-14's Content Exists byte, and Largest Location if it does."""
        return self.location() if self.flag("Content Exists") else None

    def namespace(self, *, minimum_fields: int, empty_fields: bool) -> Namespace:
        """A namespace, a prefix or a suffix; the latter two may have no field."""
        count = self.varint()
        if not minimum_fields <= count <= MAX_NAMESPACE_FIELDS:
            raise ProtocolViolation(f"a namespace cannot have {count} fields")
        fields = tuple([self.string() for _ in range(count)])
        if not empty_fields and not all(fields):
            raise ProtocolViolation("a namespace field is empty")
        if self._end > MAX_FULL_TRACK_NAME:
            _check_length(fields)
        return fields

    def track(self, *, empty_fields: bool) -> FullTrackName:
        namespace = self.namespace(minimum_fields=1, empty_fields=empty_fields)
        track_name = self.string()
        if self._end > MAX_FULL_TRACK_NAME:
            _check_length((*namespace, track_name))
        return FullTrackName(namespace, track_name)

    def reason(self) -> str:
        """A reason phrase; what is not UTF-8 in it is replaced."""
        text = self.string()
        if len(text) > MAX_REASON:
            raise ProtocolViolation(f"a reason phrase has {len(text)} bytes")
        return text.decode(errors="replace")

    @property
    def at_end(self) -> bool:
        return self._pos == self._end

    def finish(self) -> None:
        """Requires that nothing is left: a message's length must match exactly."""
        if self._pos != self._end:
            raise ProtocolViolation(f"a message is {self._end - self._pos} bytes too long")


def _check_length(parts: tuple[bytes, ...]) -> None:
    total = sum(map(len, parts))
    if total > MAX_FULL_TRACK_NAME:
        raise ProtocolViolation(f"a full track name has {total} bytes")


def write_varint(out: bytearray, value: int) -> None:
    if value < 0x40:
        if value < 0:
            raise EncodeError("an integer is negative")
        out.append(value)
    elif value < 0x4000:
        out += (value | 0x4000).to_bytes(2, "big")
    elif value < 0x4000_0000:
        out += (value | 0x8000_0000).to_bytes(4, "big")
    elif value <= MAX_VARINT:
        out += (value | 0xC000_0000_0000_0000).to_bytes(8, "big")
    else:
        raise EncodeError("an integer needs more than 62 bits")


def write_bytes(out: bytearray, value: bytes) -> None:
    write_varint(out, len(value))
    out += value


def write_location(out: bytearray, location: Location) -> None:
    write_varint(out, location.group)
    write_varint(out, location.object)


def write_largest(out: bytearray, largest: Location | None) -> None:
    """Draft-14's Content Exists byte, and Largest Location if it does."""
    if largest is None:
        out.append(0)
    else:
        out.append(1)
        write_location(out, largest)


def write_namespace(out: bytearray, namespace: Namespace) -> None:
    """Also a prefix or a suffix; its limits were checked where it came from."""
    write_varint(out, len(namespace))
    for field in namespace:
        write_varint(out, len(field))
        out += field


def write_track(out: bytearray, track: FullTrackName) -> None:
    write_namespace(out, track.namespace)
    write_bytes(out, track.track_name)


def write_reason(out: bytearray, reason: str) -> None:
    """Cuts at a character where the reason is too long."""
    text = reason.encode(errors="replace")
    if len(text) > MAX_REASON:
        text = text[:MAX_REASON].decode(errors="ignore").encode()
    write_bytes(out, text)
