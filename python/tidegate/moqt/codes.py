"""Symbolic error and status codes, and their numbers in each draft."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum, IntEnum, auto


class SessionCode(IntEnum):
    """Why a session closes; one number space for all drafts."""

    NO_ERROR = 0x0
    INTERNAL_ERROR = 0x1
    UNAUTHORIZED = 0x2
    PROTOCOL_VIOLATION = 0x3
    INVALID_REQUEST_ID = 0x4
    DUPLICATE_TRACK_ALIAS = 0x5
    KEY_VALUE_FORMATTING_ERROR = 0x6
    TOO_MANY_REQUESTS = 0x7
    INVALID_PATH = 0x8
    MALFORMED_PATH = 0x9
    GOAWAY_TIMEOUT = 0x10
    CONTROL_MESSAGE_TIMEOUT = 0x11
    DATA_STREAM_TIMEOUT = 0x12
    AUTH_TOKEN_CACHE_OVERFLOW = 0x13
    DUPLICATE_AUTH_TOKEN_ALIAS = 0x14
    VERSION_NEGOTIATION_FAILED = 0x15
    MALFORMED_AUTH_TOKEN = 0x16
    UNKNOWN_AUTH_TOKEN_ALIAS = 0x17
    EXPIRED_AUTH_TOKEN = 0x18
    INVALID_AUTHORITY = 0x19
    MALFORMED_AUTHORITY = 0x1A

    @classmethod
    def from_number(cls, number: int) -> "SessionCode":
        """What a peer closed with; an unknown number is INTERNAL_ERROR."""
        return cls(number) if number in _SESSION_NUMBERS else cls.INTERNAL_ERROR


_SESSION_NUMBERS = frozenset(SessionCode)


class RequestKind(Enum):
    """What a reply answers."""

    SUBSCRIBE = auto()
    PUBLISH = auto()
    FETCH = auto()
    TRACK_STATUS = auto()
    PUBLISH_NAMESPACE = auto()
    SUBSCRIBE_NAMESPACE = auto()
    UPDATE = auto()


class RequestCode(Enum):
    """Why a request is refused."""

    INTERNAL_ERROR = auto()
    UNAUTHORIZED = auto()
    TIMEOUT = auto()
    NOT_SUPPORTED = auto()
    MALFORMED_AUTH_TOKEN = auto()
    EXPIRED_AUTH_TOKEN = auto()
    GOING_AWAY = auto()
    EXCESSIVE_LOAD = auto()
    DOES_NOT_EXIST = auto()
    INVALID_RANGE = auto()
    MALFORMED_TRACK = auto()
    DUPLICATE_SUBSCRIPTION = auto()
    UNINTERESTED = auto()
    PREFIX_OVERLAP = auto()
    NAMESPACE_TOO_LARGE = auto()
    INVALID_JOINING_REQUEST_ID = auto()
    NO_OBJECTS = auto()
    UNKNOWN_STATUS_IN_RANGE = auto()
    UNSUPPORTED_EXTENSION = auto()


class DoneCode(Enum):
    """Why a subscription ended (PUBLISH_DONE)."""

    INTERNAL_ERROR = auto()
    UNAUTHORIZED = auto()
    TRACK_ENDED = auto()
    SUBSCRIPTION_ENDED = auto()
    GOING_AWAY = auto()
    EXPIRED = auto()
    TOO_FAR_BEHIND = auto()
    MALFORMED_TRACK = auto()
    UPDATE_FAILED = auto()
    EXCESSIVE_LOAD = auto()


class ResetCode(Enum):
    """Why a data stream was reset, or should stop."""

    INTERNAL_ERROR = auto()
    CANCELLED = auto()
    DELIVERY_TIMEOUT = auto()
    SESSION_CLOSED = auto()
    UNKNOWN_OBJECT_STATUS = auto()
    TOO_FAR_BEHIND = auto()
    EXCESSIVE_LOAD = auto()
    MALFORMED_TRACK = auto()


@dataclass(frozen=True, slots=True, eq=False)
class CodeTable:
    """One draft's numbers. A code without a number is replaced by the nearest that has one; a
    number without a code is INTERNAL_ERROR, and never a reason to close a session.

    Attributes:
        request: by kind of request; the same for every kind where replies are unified.
    """

    request: Mapping[RequestKind, Mapping[RequestCode, int]]
    done: Mapping[DoneCode, int]
    reset: Mapping[ResetCode, int]

    def request_number(self, code: RequestCode, kind: RequestKind) -> int:
        numbers = self.request[kind]
        for candidate in (code, *_NEAREST_REQUEST.get(code, ())):
            if candidate in numbers:
                return numbers[candidate]
        return numbers[RequestCode.INTERNAL_ERROR]

    def request_code(self, number: int, kind: RequestKind) -> RequestCode:
        for code, candidate in self.request[kind].items():
            if candidate == number:
                return code
        return RequestCode.INTERNAL_ERROR

    def done_number(self, code: DoneCode) -> int:
        return self.done.get(code, self.done[DoneCode.INTERNAL_ERROR])

    def done_code(self, number: int) -> DoneCode:
        for code, candidate in self.done.items():
            if candidate == number:
                return code
        return DoneCode.INTERNAL_ERROR

    def reset_number(self, code: ResetCode) -> int:
        if code not in self.reset:
            code = _NEAREST_RESET.get(code, ResetCode.INTERNAL_ERROR)
        return self.reset[code]

    def reset_code(self, number: int) -> ResetCode:
        for code, candidate in self.reset.items():
            if candidate == number:
                return code
        return ResetCode.INTERNAL_ERROR


_NEAREST_REQUEST: Mapping[RequestCode, tuple[RequestCode, ...]] = {
    RequestCode.MALFORMED_AUTH_TOKEN: (RequestCode.UNAUTHORIZED,),
    RequestCode.EXPIRED_AUTH_TOKEN: (RequestCode.UNAUTHORIZED,),
    RequestCode.UNSUPPORTED_EXTENSION: (RequestCode.NOT_SUPPORTED,),
    RequestCode.UNINTERESTED: (RequestCode.DOES_NOT_EXIST,),
    RequestCode.DOES_NOT_EXIST: (RequestCode.UNINTERESTED,),
    RequestCode.INVALID_JOINING_REQUEST_ID: (RequestCode.INVALID_RANGE,),
    RequestCode.NO_OBJECTS: (RequestCode.INVALID_RANGE,),
}
# PUBLISH_DONE follows such a reset and says more.
_NEAREST_RESET: Mapping[ResetCode, ResetCode] = {ResetCode.TOO_FAR_BEHIND: ResetCode.CANCELLED}

_COMMON: Mapping[RequestCode, int] = {
    RequestCode.INTERNAL_ERROR: 0x0,
    RequestCode.UNAUTHORIZED: 0x1,
    RequestCode.TIMEOUT: 0x2,
    RequestCode.NOT_SUPPORTED: 0x3,
}
_D14_TOKENS: Mapping[RequestCode, int] = {
    RequestCode.MALFORMED_AUTH_TOKEN: 0x10,
    RequestCode.EXPIRED_AUTH_TOKEN: 0x12,
}
_D14_SUBSCRIBE: Mapping[RequestCode, int] = {
    **_COMMON,
    **_D14_TOKENS,
    RequestCode.DOES_NOT_EXIST: 0x4,
    RequestCode.INVALID_RANGE: 0x5,
}
_RESET_COMMON: Mapping[ResetCode, int] = {
    ResetCode.INTERNAL_ERROR: 0x0,
    ResetCode.CANCELLED: 0x1,
    ResetCode.DELIVERY_TIMEOUT: 0x2,
    ResetCode.SESSION_CLOSED: 0x3,
}
_DONE_COMMON: Mapping[DoneCode, int] = {
    DoneCode.INTERNAL_ERROR: 0x0,
    DoneCode.UNAUTHORIZED: 0x1,
    DoneCode.TRACK_ENDED: 0x2,
    DoneCode.SUBSCRIPTION_ENDED: 0x3,
    DoneCode.GOING_AWAY: 0x4,
    DoneCode.EXPIRED: 0x5,
    DoneCode.TOO_FAR_BEHIND: 0x6,
}

D14_CODES = CodeTable(
    request={
        RequestKind.SUBSCRIBE: _D14_SUBSCRIBE,
        RequestKind.TRACK_STATUS: _D14_SUBSCRIBE,
        RequestKind.PUBLISH: {**_COMMON, RequestCode.UNINTERESTED: 0x4},
        RequestKind.FETCH: {
            **_D14_SUBSCRIBE,
            RequestCode.NO_OBJECTS: 0x6,
            RequestCode.INVALID_JOINING_REQUEST_ID: 0x7,
            RequestCode.UNKNOWN_STATUS_IN_RANGE: 0x8,
            RequestCode.MALFORMED_TRACK: 0x9,
        },
        RequestKind.PUBLISH_NAMESPACE: {
            **_COMMON,
            **_D14_TOKENS,
            RequestCode.UNINTERESTED: 0x4,
        },
        RequestKind.SUBSCRIBE_NAMESPACE: {
            **_COMMON,
            **_D14_TOKENS,
            RequestCode.DOES_NOT_EXIST: 0x4,
            RequestCode.PREFIX_OVERLAP: 0x5,
        },
    },
    done={**_DONE_COMMON, DoneCode.MALFORMED_TRACK: 0x7},
    reset=_RESET_COMMON,
)

_D16_REQUEST: Mapping[RequestCode, int] = {
    **_COMMON,
    RequestCode.MALFORMED_AUTH_TOKEN: 0x4,
    RequestCode.EXPIRED_AUTH_TOKEN: 0x5,
    RequestCode.DOES_NOT_EXIST: 0x10,
    RequestCode.INVALID_RANGE: 0x11,
    RequestCode.MALFORMED_TRACK: 0x12,
    RequestCode.DUPLICATE_SUBSCRIPTION: 0x19,
    RequestCode.UNINTERESTED: 0x20,
    RequestCode.PREFIX_OVERLAP: 0x30,
    RequestCode.INVALID_JOINING_REQUEST_ID: 0x32,
}
D16_CODES = CodeTable(
    request=dict.fromkeys(RequestKind, _D16_REQUEST),
    done={**_DONE_COMMON, DoneCode.UPDATE_FAILED: 0x8, DoneCode.MALFORMED_TRACK: 0x12},
    reset={
        **_RESET_COMMON,
        ResetCode.UNKNOWN_OBJECT_STATUS: 0x4,
        ResetCode.MALFORMED_TRACK: 0x12,
    },
)
