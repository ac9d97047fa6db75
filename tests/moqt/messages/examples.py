"""What the vectors mean, and one example at least of every message that a draft has."""

from collections.abc import Mapping

from tidegate.moqt import version
from tidegate.moqt.codes import DoneCode, RequestCode, RequestKind
from tidegate.moqt.messages import (
    AbsoluteJoiningFetch,
    ClientSetup,
    Fetch,
    FetchCancel,
    FetchOk,
    Goaway,
    MaxRequestId,
    Message,
    Namespace,
    NamespaceDone,
    Publish,
    PublishDone,
    PublishNamespace,
    PublishNamespaceCancel,
    PublishNamespaceDone,
    PublishOk,
    RelativeJoiningFetch,
    RequestError,
    RequestOk,
    RequestsBlocked,
    RequestUpdate,
    ServerSetup,
    SetupOptions,
    StandaloneFetch,
    StreamRole,
    Subscribe,
    SubscribeNamespace,
    SubscribeOk,
    TrackStatus,
    Unsubscribe,
    UnsubscribeNamespace,
)
from tidegate.moqt.names import FullTrackName, Location
from tidegate.moqt.subscription import LARGEST_OBJECT, NEXT_GROUP, Filter, GroupOrder
from tidegate.moqt.token import Token
from tidegate.moqt.version import Profile

ASC, DESC = GroupOrder.ASCENDING, GroupOrder.DESCENDING
NAMESPACE = (b"live", b"cam 1")
TRACK = FullTrackName(NAMESPACE, b"video")
SECRET = (Token.use_value(b"secret"),)
INTEROP = FullTrackName((b"moq-test", b"interop"), b"test-track")

_COMMON: Mapping[str, Message] = {
    "goaway": Goaway("https://two.example/moq"),
    "goaway without uri": Goaway(),
    "max request id": MaxRequestId(200),
    "requests blocked": RequestsBlocked(100),
    "subscribe to the largest object": Subscribe(2, TRACK, group_order=ASC, filter=LARGEST_OBJECT),
    "subscribe to the next group": Subscribe(4, TRACK, 7, DESC, False, NEXT_GROUP),
    "subscribe from a location": Subscribe(6, TRACK, filter=Filter(Location(70, 5))),
    "subscribe to a range with a token": Subscribe(
        8,
        TRACK,
        filter=Filter(Location(70, 5), end_group=20000),
        delivery_timeout=1500,
        tokens=SECRET,
    ),
    "subscribe, worked": Subscribe(0, INTEROP, group_order=ASC, filter=LARGEST_OBJECT),
    "unsubscribe": Unsubscribe(2),
    "publish done": PublishDone(2, DoneCode.TRACK_ENDED, 12, "over"),
    "publish done, streams not counted": PublishDone(2, DoneCode.TOO_FAR_BEHIND),
    "publish ok": PublishOk(1, group_order=ASC, filter=LARGEST_OBJECT),
    "publish ok from a location": PublishOk(
        1, False, 3, DESC, Filter(Location(1, 2)), delivery_timeout=250
    ),
    "fetch a range": Fetch(
        10,
        StandaloneFetch(TRACK, Location(3, 0), Location(5, 0)),
        group_order=ASC,
        tokens=SECRET,
    ),
    "fetch joining, relative": Fetch(12, RelativeJoiningFetch(2, 1), 1, DESC),
    "fetch joining, absolute": Fetch(14, AbsoluteJoiningFetch(2, 40)),
    "fetch cancel": FetchCancel(10),
    "publish namespace": PublishNamespace(1, NAMESPACE),
    "publish namespace with a token": PublishNamespace(1, NAMESPACE, SECRET),
    "publish namespace, registering a token": PublishNamespace(
        1, NAMESPACE, (Token.register(5, b"secret"),)
    ),
    "publish namespace, using an alias": PublishNamespace(1, NAMESPACE, (Token.use_alias(5),)),
    "publish namespace, deleting an alias": PublishNamespace(1, NAMESPACE, (Token.delete(5),)),
    "track status": TrackStatus(16, TRACK, SECRET),
}

_DRAFT_14: Mapping[str, Message] = {
    "client setup": ClientSetup((0xFF00000E,), SetupOptions("/relay?x=1", max_request_id=100)),
    "client setup, worked": ClientSetup((0xFF00000E,), SetupOptions(max_request_id=100)),
    "server setup": ServerSetup(0xFF00000E, SetupOptions(max_request_id=100)),
    "server setup, worked": ServerSetup(0xFF00000E, SetupOptions(max_request_id=100)),
    "subscribe ok": SubscribeOk(
        2, 9, 3000, ASC, Location(7, 65), properties=((0x02, 1500), (0x04, 10000))
    ),
    "subscribe ok, nothing published": SubscribeOk(2, 9, group_order=DESC, properties=((0x22, 2),)),
    "subscribe update": RequestUpdate(18, 2, 9, True, Filter(Location(4, 0), end_group=9)),
    "subscribe error": RequestError(
        2, RequestKind.SUBSCRIBE, RequestCode.DOES_NOT_EXIST, "no such track"
    ),
    "publish": Publish(1, TRACK, 9, ASC, Location(7, 65), tokens=SECRET),
    "publish, newest group first, held back": Publish(
        1, TRACK, 9, DESC, forward=False, properties=((0x22, 2),)
    ),
    "publish error": RequestError(1, RequestKind.PUBLISH, RequestCode.UNINTERESTED, "no, thanks"),
    "fetch ok": FetchOk(10, Location(7, 66), False, ASC, ((0x04, 10000),)),
    "fetch error": RequestError(10, RequestKind.FETCH, RequestCode.NO_OBJECTS, "nothing there"),
    "track status ok": RequestOk(
        16, RequestKind.TRACK_STATUS, largest=Location(7, 65), group_order=ASC
    ),
    "track status error": RequestError(
        16, RequestKind.TRACK_STATUS, RequestCode.UNAUTHORIZED, "token"
    ),
    "publish namespace ok": RequestOk(1, RequestKind.PUBLISH_NAMESPACE),
    "publish namespace error": RequestError(
        1, RequestKind.PUBLISH_NAMESPACE, RequestCode.EXPIRED_AUTH_TOKEN, "old"
    ),
    "publish namespace done": PublishNamespaceDone(namespace=NAMESPACE),
    "publish namespace cancel": PublishNamespaceCancel(
        namespace=NAMESPACE, code=RequestCode.UNAUTHORIZED, reason="no"
    ),
    "subscribe namespace": SubscribeNamespace(20, (b"live",)),
    "subscribe namespace ok": RequestOk(20, RequestKind.SUBSCRIBE_NAMESPACE),
    "subscribe namespace error": RequestError(
        20, RequestKind.SUBSCRIBE_NAMESPACE, RequestCode.PREFIX_OVERLAP, "overlap"
    ),
    "unsubscribe namespace": UnsubscribeNamespace((b"live",)),
}

_DRAFT_16: Mapping[str, Message] = {
    "client setup": ClientSetup(
        options=SetupOptions(
            path="/relay?x=1",
            authority="relay.example:4443",
            max_request_id=100,
            max_auth_token_cache_size=4096,
            tokens=SECRET,
            implementation="someone/1.0",
        )
    ),
    "client setup, worked": ClientSetup(
        options=SetupOptions(max_request_id=100, max_auth_token_cache_size=4096)
    ),
    "server setup": ServerSetup(options=SetupOptions(max_request_id=100)),
    "subscribe without options": Subscribe(2, TRACK),
    "subscribe ok": SubscribeOk(
        2,
        9,
        3000,
        largest=Location(7, 65),
        properties=(
            (0x02, 1500),
            (0x04, 10000),
            (0x0E, 64),
            (0x30, 1),
            (0x3FFF, b"unknown"),
        ),
    ),
    "subscribe ok, nothing published": SubscribeOk(2, 9, properties=((0x22, 2),)),
    "request update": RequestUpdate(18, 2, 9, False, new_group_request=8),
    "request update without options": RequestUpdate(18, 2),
    "request ok": RequestOk(20),
    "request ok, expiring": RequestOk(20, expires=3000, largest=Location(7, 65)),
    "request error": RequestError(2, None, RequestCode.DOES_NOT_EXIST, "no such track"),
    "request error, to be tried again": RequestError(
        2, None, RequestCode.TIMEOUT, retry_after=1000
    ),
    "publish": Publish(1, TRACK, 9, largest=Location(7, 65), tokens=SECRET),
    "publish, newest group first, held back": Publish(
        1, TRACK, 9, forward=False, properties=((0x22, 2),)
    ),
    "publish with properties": Publish(1, TRACK, 9, properties=((0x04, 10000), (0x0E, 64))),
    "publish ok without options": PublishOk(1),
    "fetch ok": FetchOk(10, Location(7, 66), True, properties=((0x04, 10000),)),
    "fetch ok with a group order": FetchOk(10, Location(7, 66)),
    "publish namespace done": PublishNamespaceDone(request_id=1),
    "publish namespace cancel": PublishNamespaceCancel(
        request_id=1, code=RequestCode.UNAUTHORIZED, reason="no"
    ),
    "subscribe namespace for tracks": SubscribeNamespace(20, (), wants_namespaces=False),
    "subscribe namespace for namespaces": SubscribeNamespace(
        20, (b"live",), wants_tracks=False, tokens=SECRET
    ),
    "subscribe namespace for both": SubscribeNamespace(20, (b"live",), forward=False),
    "namespace": Namespace((b"cam 1",)),
    "namespace of the prefix itself": Namespace(()),
    "namespace done": NamespaceDone((b"cam 1",)),
    "shaka 5.2.12 subscribes with group order 0": Subscribe(
        0,
        FullTrackName((b"tide", b"media"), b"catalog"),
        priority=0,
        filter=LARGEST_OBJECT,
    ),
}

EXAMPLES: Mapping[Profile, Mapping[str, Message]] = {
    version.D14: {**_COMMON, **_DRAFT_14},
    version.D16: {**_COMMON, **_DRAFT_16},
}
CASES = [
    (profile, name, message)
    for profile, examples in EXAMPLES.items()
    for name, message in examples.items()
]
CASE_IDS = [f"{profile} {name}" for profile, name, _ in CASES]


def role(profile: Profile, message: Message) -> StreamRole:
    """Where a message travels."""
    if profile.namespace_requests_on_own_stream:
        if isinstance(message, SubscribeNamespace):
            return StreamRole.REQUEST
        if isinstance(message, Namespace | NamespaceDone):
            return StreamRole.RESPONSE
    return StreamRole.CONTROL
