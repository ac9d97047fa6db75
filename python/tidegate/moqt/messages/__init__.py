"""Control messages: one draft-neutral type each, shaped like the newest draft."""

from tidegate.moqt.messages.client_setup import ClientSetup
from tidegate.moqt.messages.codec import Message, StreamRole, decode, encode
from tidegate.moqt.messages.fetch import (
    AbsoluteJoiningFetch,
    Fetch,
    FetchRange,
    RelativeJoiningFetch,
    StandaloneFetch,
)
from tidegate.moqt.messages.fetch_cancel import FetchCancel
from tidegate.moqt.messages.fetch_ok import FetchOk
from tidegate.moqt.messages.frames import Frames
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
from tidegate.moqt.setup_options import SetupOptions

__all__ = [
    "AbsoluteJoiningFetch",
    "ClientSetup",
    "Fetch",
    "FetchCancel",
    "FetchOk",
    "FetchRange",
    "Frames",
    "Goaway",
    "MaxRequestId",
    "Message",
    "Namespace",
    "NamespaceDone",
    "Publish",
    "PublishDone",
    "PublishNamespace",
    "PublishNamespaceCancel",
    "PublishNamespaceDone",
    "PublishOk",
    "RelativeJoiningFetch",
    "RequestError",
    "RequestOk",
    "RequestUpdate",
    "RequestsBlocked",
    "ServerSetup",
    "SetupOptions",
    "StandaloneFetch",
    "StreamRole",
    "Subscribe",
    "SubscribeNamespace",
    "SubscribeOk",
    "TrackStatus",
    "Unsubscribe",
    "UnsubscribeNamespace",
    "decode",
    "encode",
]
