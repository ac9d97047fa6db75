"""PUBLISH_DONE: the publisher has ended a subscription."""

from dataclasses import dataclass

from tidegate.moqt.codes import DoneCode
from tidegate.moqt.version import Profile
from tidegate.moqt.wire import MAX_VARINT, Reader, write_reason, write_varint


@dataclass(frozen=True, slots=True)
class PublishDone:
    """Ends a subscription from the publisher's side.

    Attributes:
        stream_count: data streams opened for the subscription; None = unknown.
    """

    request_id: int
    code: DoneCode
    stream_count: int | None = None
    reason: str = ""

    @classmethod
    def decode(cls, profile: Profile, reader: Reader) -> "PublishDone":
        request_id = reader.varint()
        code = profile.codes.done_code(reader.varint())
        stream_count = reader.varint()
        return cls(
            request_id,
            code,
            None if stream_count == MAX_VARINT else stream_count,
            reader.reason(),
        )

    def encode(self, profile: Profile, out: bytearray) -> int:
        write_varint(out, self.request_id)
        write_varint(out, profile.codes.done_number(self.code))
        write_varint(out, MAX_VARINT if self.stream_count is None else self.stream_count)
        write_reason(out, self.reason)
        return 0x0B
