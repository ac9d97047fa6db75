"""Writes aiomoqt-0.13.3.json: control messages as an independent implementation encodes them.

Run with a Python that has aiomoqt 0.13.3 (PyPI; Python >= 3.12), redirecting stdout.
"""

import json

from aiomoqt.context import profile_for
from aiomoqt.messages import (
    AuthToken,
    AuthTokenRef,
    ClientSetup,
    Fetch,
    FetchCancel,
    FetchError,
    FetchOk,
    GoAway,
    MaxSubscribeId,
    Namespace,
    NamespaceDone,
    Publish,
    PublishError,
    PublishNamespace,
    PublishNamespaceCancel,
    PublishNamespaceDone,
    PublishNamespaceError,
    PublishNamespaceOk,
    PublishOk,
    RequestError,
    RequestOk,
    RequestUpdate,
    ServerSetup,
    Subscribe,
    SubscribeDone,
    SubscribeError,
    SubscribeNamespace,
    SubscribeNamespaceError,
    SubscribeNamespaceOk,
    SubscribeOk,
    SubscribesBlocked,
    SubscribeUpdate,
    TrackStatus,
    TrackStatusError,
    TrackStatusOk,
    Unsubscribe,
    UnsubscribeNamespace,
)
from aiomoqt.types import ContentExistsCode, FetchType, GroupOrder, ParamType, SetupParamType

NAMESPACE = (b"live", b"cam 1")
NAME = b"video"
ASC, DESC, PUBLISHERS = GroupOrder.ASCENDING, GroupOrder.DESCENDING, 0
TOKEN = {ParamType.AUTH_TOKEN: AuthToken(b"secret")}
EXISTS, NOTHING = ContentExistsCode.EXISTS, ContentExistsCode(0)


def track(request_id, **fields):
    return {"request_id": request_id, "track_namespace": NAMESPACE, "track_name": NAME, **fields}


COMMON = {
    "goaway": GoAway(new_session_uri="https://two.example/moq"),
    "goaway without uri": GoAway(new_session_uri=""),
    "max request id": MaxSubscribeId(request_id=200),
    "requests blocked": SubscribesBlocked(maximum_request_id=100),
    "subscribe to the largest object": Subscribe(
        **track(2, priority=128, group_order=ASC, forward=1, filter_type=2)
    ),
    "subscribe to the next group": Subscribe(
        **track(4, priority=7, group_order=DESC, forward=0, filter_type=1)
    ),
    "subscribe from a location": Subscribe(
        **track(
            6,
            priority=128,
            group_order=PUBLISHERS,
            forward=1,
            filter_type=3,
            start_group=70,
            start_object=5,
        )
    ),
    "subscribe to a range with a token": Subscribe(
        **track(
            8,
            priority=128,
            group_order=PUBLISHERS,
            forward=1,
            filter_type=4,
            start_group=70,
            start_object=5,
            end_group=20000,
            parameters={ParamType.DELIVERY_TIMEOUT: 1500, **TOKEN},
        )
    ),
    "unsubscribe": Unsubscribe(request_id=2),
    "publish done": SubscribeDone(request_id=2, status_code=0x2, stream_count=12, reason="over"),
    "publish done, streams not counted": SubscribeDone(
        request_id=2, status_code=0x6, stream_count=2**62 - 1, reason=""
    ),
    "publish": Publish(
        **track(
            1,
            track_alias=9,
            group_order=ASC,
            content_exists=EXISTS,
            largest_group_id=7,
            largest_object_id=65,
            forward=1,
            parameters=TOKEN,
        )
    ),
    "publish, newest group first, held back": Publish(
        **track(1, track_alias=9, group_order=DESC, content_exists=NOTHING, forward=0)
    ),
    "publish ok": PublishOk(request_id=1, forward=1, priority=128, group_order=ASC, filter_type=2),
    "publish ok from a location": PublishOk(
        request_id=1,
        forward=0,
        priority=3,
        group_order=DESC,
        filter_type=3,
        start_group=1,
        start_object=2,
        parameters={ParamType.DELIVERY_TIMEOUT: 250},
    ),
    "fetch a range": Fetch(
        fetch_type=FetchType.STANDALONE,
        request_id=10,
        subscriber_priority=128,
        group_order=ASC,
        namespace=NAMESPACE,
        track_name=NAME,
        start_group=3,
        start_object=0,
        end_group=5,
        end_object=0,
        parameters=TOKEN,
    ),
    "fetch joining, relative": Fetch(
        fetch_type=FetchType(2),
        request_id=12,
        subscriber_priority=1,
        group_order=DESC,
        joining_request_id=2,
        joining_start=1,
    ),
    "fetch joining, absolute": Fetch(
        fetch_type=FetchType(3),
        request_id=14,
        subscriber_priority=128,
        group_order=PUBLISHERS,
        joining_request_id=2,
        joining_start=40,
    ),
    "fetch cancel": FetchCancel(request_id=10),
    "publish namespace": PublishNamespace(request_id=1, namespace=NAMESPACE, parameters={}),
    "publish namespace with a token": PublishNamespace(
        request_id=1, namespace=NAMESPACE, parameters=TOKEN
    ),
    "publish namespace, registering a token": PublishNamespace(
        request_id=1,
        namespace=NAMESPACE,
        parameters={ParamType.AUTH_TOKEN: AuthTokenRef(1, 5, 0, b"secret")},
    ),
    "publish namespace, using an alias": PublishNamespace(
        request_id=1, namespace=NAMESPACE, parameters={ParamType.AUTH_TOKEN: AuthTokenRef(2, 5)}
    ),
    "publish namespace, deleting an alias": PublishNamespace(
        request_id=1, namespace=NAMESPACE, parameters={ParamType.AUTH_TOKEN: AuthTokenRef(0, 5)}
    ),
    "publish namespace done": PublishNamespaceDone(namespace=NAMESPACE, request_id=1),
    "publish namespace cancel": PublishNamespaceCancel(
        namespace=NAMESPACE, request_id=1, error_code=0x1, reason="no"
    ),
    "track status": TrackStatus(
        **track(
            16, priority=128, group_order=PUBLISHERS, forward=1, filter_type=2, parameters=TOKEN
        )
    ),
}

DRAFT_14 = {
    "client setup": ClientSetup(
        versions=[0xFF00000E],
        parameters={SetupParamType.PATH: b"/relay?x=1", SetupParamType.MAX_REQUEST_ID: 100},
    ),
    "server setup": ServerSetup(
        selected_version=0xFF00000E, parameters={SetupParamType.MAX_REQUEST_ID: 100}
    ),
    "subscribe ok": SubscribeOk(
        request_id=2,
        track_alias=9,
        expires=3000,
        group_order=ASC,
        content_exists=EXISTS,
        largest_group_id=7,
        largest_object_id=65,
        parameters={ParamType.DELIVERY_TIMEOUT: 1500, ParamType.MAX_CACHE_DURATION: 10000},
    ),
    "subscribe ok, nothing published": SubscribeOk(
        request_id=2, track_alias=9, expires=0, group_order=DESC, content_exists=NOTHING
    ),
    "subscribe update": SubscribeUpdate(
        request_id=18,
        subscription_request_id=2,
        start_group=4,
        start_object=0,
        end_group=10,
        priority=9,
        forward=1,
    ),
    "subscribe error": SubscribeError(request_id=2, error_code=0x4, reason="no such track"),
    "publish error": PublishError(request_id=1, error_code=0x4, reason="no, thanks"),
    "fetch ok": FetchOk(
        request_id=10,
        group_order=ASC,
        end_of_track=0,
        largest_group_id=7,
        largest_object_id=66,
        parameters={ParamType.MAX_CACHE_DURATION: 10000},
    ),
    "fetch error": FetchError(request_id=10, error_code=0x6, reason="nothing there"),
    "track status ok": TrackStatusOk(
        request_id=16,
        track_alias=0,
        expires=0,
        group_order=ASC,
        content_exists=EXISTS,
        largest_group_id=7,
        largest_object_id=65,
    ),
    "track status error": TrackStatusError(request_id=16, error_code=0x1, reason="token"),
    "publish namespace ok": PublishNamespaceOk(request_id=1),
    "publish namespace error": PublishNamespaceError(request_id=1, error_code=0x12, reason="old"),
    "subscribe namespace": SubscribeNamespace(
        request_id=20, namespace_prefix=(b"live",), parameters={}
    ),
    "subscribe namespace ok": SubscribeNamespaceOk(request_id=20),
    "subscribe namespace error": SubscribeNamespaceError(
        request_id=20, error_code=0x5, reason="overlap"
    ),
    "unsubscribe namespace": UnsubscribeNamespace(namespace_prefix=(b"live",)),
}

DRAFT_16 = {
    "client setup": ClientSetup(
        parameters={
            SetupParamType.MAX_REQUEST_ID: 100,
            SetupParamType.PATH: b"/relay?x=1",
            SetupParamType.AUTHORITY: b"relay.example:4443",
            SetupParamType.MAX_AUTH_TOKEN_CACHE_SIZE: 4096,
            SetupParamType.AUTH_TOKEN: AuthToken(b"secret"),
            SetupParamType.IMPLEMENTATION: b"someone/1.0",
        },
    ),
    "server setup": ServerSetup(parameters={SetupParamType.MAX_REQUEST_ID: 100}),
    "subscribe without options": Subscribe(**track(2)),
    "subscribe ok": SubscribeOk(
        request_id=2,
        track_alias=9,
        expires=3000,
        largest_group_id=7,
        largest_object_id=65,
        track_extensions={0x02: 1500, 0x04: 10000, 0x0E: 64, 0x30: 1, 0x3FFF: b"unknown"},
    ),
    "subscribe ok, nothing published": SubscribeOk(request_id=2, track_alias=9, group_order=DESC),
    "publish with properties": Publish(
        **track(1, track_alias=9, forward=1, track_extensions={0x04: 10000, 0x0E: 64})
    ),
    "publish ok without options": PublishOk(request_id=1),
    "request update": RequestUpdate(
        request_id=18,
        existing_request_id=2,
        parameters={
            ParamType.FORWARD: 0,
            ParamType.SUBSCRIBER_PRIORITY: 9,
            ParamType.NEW_GROUP_REQUEST: 8,
        },
    ),
    "request update without options": RequestUpdate(request_id=18, existing_request_id=2),
    "request ok": RequestOk(request_id=20),
    "request ok, expiring": RequestOk(
        request_id=20,
        parameters={ParamType.EXPIRES: 3000, ParamType.LARGEST_OBJECT: b"\x07\x40\x41"},
    ),
    "request error": RequestError(request_id=2, error_code=0x10, reason="no such track"),
    "request error, to be tried again": RequestError(
        request_id=2, error_code=0x2, retry_interval=1001, reason=""
    ),
    "fetch ok": FetchOk(
        request_id=10,
        group_order=0,
        end_of_track=1,
        largest_group_id=7,
        largest_object_id=66,
        parameters={},
        track_extensions={0x04: 10000},
    ),
    "fetch ok with a group order": FetchOk(
        request_id=10,
        group_order=ASC,
        end_of_track=0,
        largest_group_id=7,
        largest_object_id=66,
        parameters={},
    ),
    "subscribe namespace for tracks": SubscribeNamespace(
        request_id=20, namespace_prefix=(), subscribe_options=0, parameters={}
    ),
    "subscribe namespace for namespaces": SubscribeNamespace(
        request_id=20, namespace_prefix=(b"live",), subscribe_options=1, parameters=TOKEN
    ),
    "subscribe namespace for both": SubscribeNamespace(
        request_id=20,
        namespace_prefix=(b"live",),
        subscribe_options=2,
        parameters={ParamType.FORWARD: 0},
    ),
    "namespace": Namespace(namespace_suffix=(b"cam 1",)),
    "namespace of the prefix itself": Namespace(namespace_suffix=()),
    "namespace done": NamespaceDone(namespace_suffix=(b"cam 1",)),
}


def vectors():
    for draft, own in ((14, DRAFT_14), (16, DRAFT_16)):
        for name, message in (COMMON | own).items():
            encoded = message.serialize(prof=profile_for(draft))
            data = encoded if isinstance(encoded, bytes) else encoded.data
            yield {"draft": draft, "name": name, "hex": bytes(data).hex()}


source = (
    "aiomoqt 0.13.3 from PyPI (github.com/gmarzot/aiomoqt), by encode_with_aiomoqt.py beside it"
)
print(json.dumps({"source": source, "vectors": list(vectors())}, indent=1))
