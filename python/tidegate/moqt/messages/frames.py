"""Cuts one direction of a stream into messages."""

from collections.abc import Iterator

from tidegate.moqt.messages.codec import Message, StreamRole, decode, require_known
from tidegate.moqt.version import Profile
from tidegate.moqt.wire import Reader


class Frames:
    """Keeps the incomplete end of a stream until the rest arrives; 64 KiB at most.

    A DecodeError ends it: what follows on the stream has no meaning any more.
    """

    __slots__ = ("_profile", "_role", "_tail")

    def __init__(self, profile: Profile, role: StreamRole = StreamRole.CONTROL) -> None:
        self._profile = profile
        self._role = role
        self._tail = bytearray()

    @property
    def incomplete(self) -> bool:
        """Whether the stream would end inside a message if it ended now."""
        return bool(self._tail)

    def feed(self, data: bytes) -> Iterator[Message]:
        """The messages that ``data`` completes. Exhaust it before the next ``feed``.

        Raises:
            DecodeError: while iterating, after the messages that came before the fault.
        """
        self._tail += data
        return self._messages()

    def _messages(self) -> Iterator[Message]:
        tail = self._tail
        while len(tail) >= 3:
            first = tail[0]
            header = (1 << (first >> 6)) + 2
            if len(tail) < header:
                break
            message_type = first if header == 3 else Reader(bytes(tail[:header])).varint()
            require_known(self._profile, message_type, self._role)
            end = header + (tail[header - 2] << 8 | tail[header - 1])
            if len(tail) < end:
                break
            payload = bytes(tail[header:end])
            del tail[:end]
            yield decode(self._profile, message_type, payload, self._role)
