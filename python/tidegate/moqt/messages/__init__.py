"""Control messages: one draft-neutral type each, shaped like the newest draft."""

from typing import TypeAlias

from tidegate.moqt.messages.fetch import (
    AbsoluteJoiningFetch,
    Fetch,
    FetchRange,
    RelativeJoiningFetch,
    StandaloneFetch,
)
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
from tidegate.moqt.messages.setup import ClientSetup, ServerSetup, SetupOptions
from tidegate.moqt.messages.subscribe import Subscribe
from tidegate.moqt.messages.subscribe_namespace import SubscribeNamespace
from tidegate.moqt.messages.subscribe_ok import SubscribeOk
from tidegate.moqt.messages.track_status import TrackStatus
from tidegate.moqt.messages.unsubscribe import Unsubscribe
from tidegate.moqt.messages.unsubscribe_namespace import UnsubscribeNamespace

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

__all__ = [
    "AbsoluteJoiningFetch",
    "ClientSetup",
    "Fetch",
    "FetchCancel",
    "FetchOk",
    "FetchRange",
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
    "Subscribe",
    "SubscribeNamespace",
    "SubscribeOk",
    "TrackStatus",
    "Unsubscribe",
    "UnsubscribeNamespace",
]
