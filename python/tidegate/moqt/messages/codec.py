"""Which type number means which message, in which draft and on which stream."""

from collections.abc import Callable, Mapping
from enum import Enum, auto
from typing import NamedTuple, TypeAlias

from tidegate.moqt.codes import RequestKind
from tidegate.moqt.errors import EncodeError, UnknownMessage
from tidegate.moqt.messages.client_setup import ClientSetup
from tidegate.moqt.messages.fetch import Fetch
from tidegate.moqt.messages.fetch_cancel import FetchCancel
from tidegate.moqt.messages.fetch_ok import FetchOk
from tidegate.moqt.messages.goaway import Goaway
from tidegate.moqt.messages.max_request_id import MaxRequestId
from tidegate.moqt.messages.namespace import Namespace
from tidegate.moqt.messages.namespace_done import NamespaceDone
from tidegate.moqt.messages.publish import Publish
from tidegate.moqt.messages.publish_done import PublishDone
from tidegate.moqt.messages.publish_namespace import PublishNamespace
from tidegate.moqt.messages.publish_namespace_cancel import PublishNamespaceCancel
from tidegate.moqt.messages.publish_namespace_done import PublishNamespaceDone
from tidegate.moqt.messages.publish_ok import PublishOk
from tidegate.moqt.messages.request_error import RequestError
from tidegate.moqt.messages.request_ok import RequestOk
from tidegate.moqt.messages.request_update import RequestUpdate
from tidegate.moqt.messages.requests_blocked import RequestsBlocked
from tidegate.moqt.messages.server_setup import ServerSetup
from tidegate.moqt.messages.subscribe import Subscribe
from tidegate.moqt.messages.subscribe_namespace import SubscribeNamespace
from tidegate.moqt.messages.subscribe_ok import SubscribeOk
from tidegate.moqt.messages.track_status import TrackStatus
from tidegate.moqt.messages.unsubscribe import Unsubscribe
from tidegate.moqt.messages.unsubscribe_namespace import UnsubscribeNamespace
from tidegate.moqt.version import Draft, Profile
from tidegate.moqt.wire import MAX_MESSAGE, Reader, write_varint

Message: TypeAlias = (
    ClientSetup
    | ServerSetup
    | Goaway
    | MaxRequestId
    | RequestsBlocked
    | Subscribe
    | SubscribeOk
    | RequestOk
    | RequestError
    | RequestUpdate
    | Unsubscribe
    | Publish
    | PublishOk
    | PublishDone
    | Fetch
    | FetchOk
    | FetchCancel
    | TrackStatus
    | PublishNamespace
    | PublishNamespaceDone
    | PublishNamespaceCancel
    | SubscribeNamespace
    | UnsubscribeNamespace
    | Namespace
    | NamespaceDone
)


class StreamRole(Enum):
    """What a message arrives on."""

    CONTROL = auto()
    """The session's control stream."""
    REQUEST = auto()
    """From the asking side of a request's own stream."""
    RESPONSE = auto()
    """From the answering side of a request's own stream."""

    def __str__(self) -> str:
        return f"the {self.name.lower()} stream"


class _Entry(NamedTuple):
    decode: Callable[[Profile, Reader], Message]
    roles: frozenset[StreamRole]


_CONTROL = frozenset({StreamRole.CONTROL})
_REQUEST = frozenset({StreamRole.REQUEST})
_RESPONSE = frozenset({StreamRole.RESPONSE})

_BOTH: Mapping[int, _Entry] = {
    0x03: _Entry(Subscribe.decode, _CONTROL),
    0x04: _Entry(SubscribeOk.decode, _CONTROL),
    0x06: _Entry(PublishNamespace.decode, _CONTROL),
    0x09: _Entry(PublishNamespaceDone.decode, _CONTROL),
    0x0A: _Entry(Unsubscribe.decode, _CONTROL),
    0x0B: _Entry(PublishDone.decode, _CONTROL),
    0x0C: _Entry(PublishNamespaceCancel.decode, _CONTROL),
    0x0D: _Entry(TrackStatus.decode, _CONTROL),
    0x10: _Entry(Goaway.decode, _CONTROL),
    0x15: _Entry(MaxRequestId.decode, _CONTROL),
    0x16: _Entry(Fetch.decode, _CONTROL),
    0x17: _Entry(FetchCancel.decode, _CONTROL),
    0x18: _Entry(FetchOk.decode, _CONTROL),
    0x1A: _Entry(RequestsBlocked.decode, _CONTROL),
    0x1D: _Entry(Publish.decode, _CONTROL),
    0x1E: _Entry(PublishOk.decode, _CONTROL),
    0x20: _Entry(ClientSetup.decode, _CONTROL),
    0x21: _Entry(ServerSetup.decode, _CONTROL),
}
_TABLES: Mapping[Draft, Mapping[int, _Entry]] = {
    Draft.D14: {
        **_BOTH,
        0x02: _Entry(RequestUpdate.decode, _CONTROL),
        0x05: _Entry(RequestError.decoder(RequestKind.SUBSCRIBE), _CONTROL),
        0x07: _Entry(RequestOk.decode_publish_namespace_ok, _CONTROL),
        0x08: _Entry(RequestError.decoder(RequestKind.PUBLISH_NAMESPACE), _CONTROL),
        0x0E: _Entry(RequestOk.decode_track_status_ok, _CONTROL),
        0x0F: _Entry(RequestError.decoder(RequestKind.TRACK_STATUS), _CONTROL),
        0x11: _Entry(SubscribeNamespace.decode, _CONTROL),
        0x12: _Entry(RequestOk.decode_subscribe_namespace_ok, _CONTROL),
        0x13: _Entry(RequestError.decoder(RequestKind.SUBSCRIBE_NAMESPACE), _CONTROL),
        0x14: _Entry(UnsubscribeNamespace.decode, _CONTROL),
        0x19: _Entry(RequestError.decoder(RequestKind.FETCH), _CONTROL),
        0x1F: _Entry(RequestError.decoder(RequestKind.PUBLISH), _CONTROL),
    },
    Draft.D16: {
        **_BOTH,
        # The draft does not say where an update of SUBSCRIBE_NAMESPACE goes.
        0x02: _Entry(RequestUpdate.decode, _CONTROL | _REQUEST),
        0x05: _Entry(RequestError.decode, _CONTROL | _RESPONSE),
        0x07: _Entry(RequestOk.decode, _CONTROL | _RESPONSE),
        0x08: _Entry(Namespace.decode, _RESPONSE),
        0x0E: _Entry(NamespaceDone.decode, _RESPONSE),
        0x11: _Entry(SubscribeNamespace.decode, _REQUEST),
    },
}


def require_known(profile: Profile, message_type: int, role: StreamRole) -> None:
    """Refuses a type before its payload is there.

    Raises:
        UnknownMessage: no message of this type may arrive there.
    """
    entry = _TABLES[profile.draft].get(message_type)
    if entry is None or role not in entry.roles:
        raise UnknownMessage(message_type, str(role))


def decode(
    profile: Profile,
    message_type: int,
    payload: bytes,
    role: StreamRole = StreamRole.CONTROL,
) -> Message:
    """Reads what follows a message's type and length.

    Raises:
        DecodeError: close the session with its code.
    """
    entry = _TABLES[profile.draft].get(message_type)
    if entry is None or role not in entry.roles:
        raise UnknownMessage(message_type, str(role))
    reader = Reader(payload)
    message = entry.decode(profile, reader)
    reader.finish()
    return message


def encode(profile: Profile, message: Message) -> bytes:
    """The whole message: type, length and payload.

    Raises:
        EncodeError: this draft has no way to say it, or it is too long.
    """
    payload = bytearray()
    message_type = message.encode(profile, payload)
    if message_type not in _TABLES[profile.draft]:
        raise EncodeError(f"{type(message).__name__} has no place in {profile}")
    if len(payload) > MAX_MESSAGE:
        raise EncodeError(f"{type(message).__name__} would have {len(payload)} bytes")
    out = bytearray()
    write_varint(out, message_type)
    out += len(payload).to_bytes(2, "big")
    out += payload
    return bytes(out)
