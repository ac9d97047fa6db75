"""REQUEST_ERROR (14: the *_ERROR of each request)."""

from collections.abc import Callable
from dataclasses import dataclass

from tidegate.moqt.codes import RequestCode, RequestKind
from tidegate.moqt.errors import EncodeError
from tidegate.moqt.version import Profile
from tidegate.moqt.wire import Reader, write_reason, write_varint


@dataclass(frozen=True, slots=True)
class RequestError:
    """Refuses a request.

    Attributes:
        answers: None where replies are unified: the Request ID tells.
        retry_after: milliseconds; None = do not try again. Not carried at 14.
        reason: for people; longer than 1024 bytes is cut.
    """

    request_id: int
    answers: RequestKind | None
    code: RequestCode
    reason: str = ""
    retry_after: int | None = None

    @classmethod
    def decode(cls, profile: Profile, reader: Reader) -> "RequestError":
        """Reads REQUEST_ERROR."""
        return cls._decode(profile, reader, None)

    @classmethod
    def decoder(cls, answers: RequestKind) -> Callable[[Profile, Reader], "RequestError"]:
        """Reads the *_ERROR of one kind of request."""
        return lambda profile, reader: cls._decode(profile, reader, answers)

    @classmethod
    def _decode(
        cls, profile: Profile, reader: Reader, answers: RequestKind | None
    ) -> "RequestError":
        request_id = reader.varint()
        # Where replies are unified, all kinds have the same numbers.
        code = profile.codes.request_code(reader.varint(), answers or RequestKind.SUBSCRIBE)
        retry = reader.varint() if profile.has_retry_interval else 0
        return cls(request_id, answers, code, reader.reason(), retry - 1 if retry else None)

    def encode(self, profile: Profile, out: bytearray) -> int:
        if profile.replies_unified:
            message_type = 0x05
        elif self.answers in _TYPES:
            message_type = _TYPES[self.answers]
        else:
            raise EncodeError(f"this draft has no error for {self.answers}")
        kind = self.answers or RequestKind.SUBSCRIBE
        write_varint(out, self.request_id)
        write_varint(out, profile.codes.request_number(self.code, kind))
        if profile.has_retry_interval:
            write_varint(out, 0 if self.retry_after is None else self.retry_after + 1)
        write_reason(out, self.reason)
        return message_type


_TYPES: dict[RequestKind | None, int] = {
    RequestKind.SUBSCRIBE: 0x05,
    RequestKind.PUBLISH_NAMESPACE: 0x08,
    RequestKind.TRACK_STATUS: 0x0F,
    RequestKind.SUBSCRIBE_NAMESPACE: 0x13,
    RequestKind.FETCH: 0x19,
    RequestKind.PUBLISH: 0x1F,
}
