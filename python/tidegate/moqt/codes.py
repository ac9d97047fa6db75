"""Symbolic error and status codes, and their numbers in each draft."""

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
