"""REQUEST_UPDATE and SUBSCRIBE_UPDATE, and new groups on demand."""

import pytest
from tidegate.moqt import messages
from tidegate.moqt.codes import DoneCode, RequestCode, RequestKind, SessionCode
from tidegate.moqt.names import Location
from tidegate.moqt.properties import TrackProperty
from tidegate.moqt.subscription import LARGEST_OBJECT, NEXT_GROUP, Filter
from tidegate.moqt.token import Token
from tidegate.moqt.version import D14, D16, Profile

from tests.moqt.harness import PAIRS, RelayNet, TrackState, track

publishers = pytest.mark.parametrize("publishing", [D14, D16], ids=str)
DYNAMIC = ((TrackProperty.DYNAMIC_GROUPS, 1),)


@publishers
def test_an_update_is_answered_once(publishing: Profile) -> None:
    """B23: forward, priority and timeout change; what is left out stays."""
    net = RelayNet()
    publisher, subscriber = net.client(publishing), net.client(D16)
    publisher.publish("live", "video")
    subscribed = subscriber.subscribe("live", "video", priority=9)
    subscriber.take(messages.SubscribeOk)
    (sink,) = net.engine.sinks.values()
    update = subscriber.update(subscribed, forward=False)
    assert subscriber.take(messages.RequestOk).request_id == update
    assert (sink.forward, sink.priority) == (False, 9)
    subscriber.update(subscribed, priority=4, delivery_timeout=250)
    subscriber.take(messages.RequestOk)
    assert (sink.forward, sink.priority, sink.delivery_timeout) == (False, 4, 250)
    assert subscriber.heard == []


@publishers
@pytest.mark.parametrize(
    ("chosen", "start", "end_group"),
    [
        (Filter(Location(1, 0), 8), (1, 0), 8),
        (Filter(Location(1, 0)), (1, 0), None),
        (LARGEST_OBJECT, (5, 3), None),
        (NEXT_GROUP, (6, 0), None),
    ],
)
def test_an_update_may_widen_from_16_on(
    publishing: Profile, chosen: Filter, start: tuple[int, int], end_group: int | None
) -> None:
    """B23: and its answer tells the largest location."""
    net = RelayNet()
    publisher, subscriber = net.client(publishing), net.client(D16)
    publisher.publish("live", "video")
    publisher.objects((5, 2))
    subscribed = subscriber.subscribe("live", "video", filter=Filter(Location(5, 0), 6))
    subscriber.take(messages.SubscribeOk)
    subscriber.update(subscribed, filter=chosen)
    assert subscriber.take(messages.RequestOk).largest == Location(5, 2)
    (sink,) = net.engine.sinks.values()
    assert (sink.start, sink.end_group) == (start, end_group)


@publishers
@pytest.mark.parametrize(
    ("options", "code"),
    [
        ({"filter": Filter(Location(5, 0), 4)}, RequestCode.INVALID_RANGE),
        ({"tokens": (Token.use_value(b"expired"),)}, RequestCode.EXPIRED_AUTH_TOKEN),
    ],
)
def test_an_update_that_fails_ends_its_subscription(
    publishing: Profile, options: dict[str, object], code: RequestCode
) -> None:
    """B23: REQUEST_ERROR, then PUBLISH_DONE UPDATE_FAILED."""
    net = RelayNet()
    publisher, subscriber = net.client(publishing), net.client(D16)
    publisher.publish("live", "video")
    subscribed = subscriber.subscribe("live", "video")
    subscriber.take(messages.SubscribeOk)
    subscriber.update(subscribed, **options)
    assert subscriber.take(messages.RequestError).code is code
    done = subscriber.take(messages.PublishDone)
    assert (done.request_id, done.code) == (subscribed, DoneCode.UPDATE_FAILED)


def test_requests_of_every_kind_can_be_updated() -> None:
    """B23: a namespace, a prefix and an offered track, on either stream."""
    net = RelayNet()
    client = net.client(D16)
    prefix = client.subscribe_namespace("seen", wants_namespaces=False)
    requests = [client.publish_namespace("live"), client.publish("live", "video"), prefix]
    client.heard.clear()
    for request_id in requests:
        update = client.update(request_id)
        assert client.take(messages.RequestOk).request_id == update
    update = client.next_request()
    client.say(
        messages.RequestUpdate(update, prefix, forward=False), stream=client.stream_of(prefix)
    )
    assert client.take(messages.RequestOk).request_id == update
    client.publish("seen", "video")
    assert client.take(messages.Publish).forward is False
    bad = client.update(requests[0], tokens=(Token.use_value(b"garbage"),))
    error = client.take(messages.RequestError)
    assert (error.request_id, error.code) == (bad, RequestCode.MALFORMED_AUTH_TOKEN)
    assert client.closed is None


def test_updating_what_never_was_closes_the_session() -> None:
    """B23: PROTOCOL_VIOLATION; what is only over is refused."""
    net = RelayNet()
    client = net.client(D16)
    withdrawn = client.publish_namespace("live")
    client.withdraw_namespace(withdrawn, "live")
    client.update(withdrawn)
    assert client.take(messages.RequestError).code is RequestCode.DOES_NOT_EXIST
    client.update(4000)
    assert client.closed is not None
    assert client.closed[0] is SessionCode.PROTOCOL_VIOLATION


@publishers
def test_a_waiting_subscription_takes_updates(publishing: Profile) -> None:
    """B23: they count from its start."""
    net = RelayNet()
    publisher, subscriber = net.client(publishing), net.client(D16)
    publisher.publish_namespace("live")
    subscribed = subscriber.subscribe("live", "video")
    subscriber.update(subscribed, filter=Filter(Location(3, 0)), priority=2)
    subscriber.take(messages.RequestOk)
    asked = publisher.take(messages.Subscribe)
    publisher.say(messages.SubscribeOk(asked.request_id, 1))
    (sink,) = net.engine.sinks.values()
    assert (sink.start, sink.priority) == ((3, 0), 2)


@publishers
def test_an_update_of_draft_14_narrows_and_is_not_answered(publishing: Profile) -> None:
    """B23: there is no reply to it."""
    net = RelayNet()
    publisher, subscriber = net.client(publishing), net.client(D14)
    publisher.publish("live", "video")
    subscribed = subscriber.subscribe("live", "video", filter=Filter(Location(2, 0), 9))
    subscriber.take(messages.SubscribeOk)
    subscriber.update(subscribed, filter=Filter(Location(3, 0), 8), priority=7, forward=False)
    (sink,) = net.engine.sinks.values()
    assert (sink.start, sink.end_group, sink.priority, sink.forward) == ((3, 0), 8, 7, False)
    assert subscriber.heard == []


@publishers
@pytest.mark.parametrize(
    "wider", [Filter(Location(1, 0), 9), Filter(Location(2, 0), 10), Filter(Location(2, 0))]
)
def test_an_update_of_draft_14_may_not_widen(publishing: Profile, wider: Filter) -> None:
    """B23: PROTOCOL_VIOLATION."""
    net = RelayNet()
    publisher, subscriber = net.client(publishing), net.client(D14)
    publisher.publish("live", "video")
    subscribed = subscriber.subscribe("live", "video", filter=Filter(Location(2, 0), 9))
    subscriber.update(subscribed, filter=wider, priority=7, forward=True)
    assert subscriber.closed is not None
    assert subscriber.closed[0] is SessionCode.PROTOCOL_VIOLATION


@pytest.mark.parametrize(("publishing", "subscribing"), PAIRS, ids=str)
def test_a_track_that_closes_answers_what_it_was_asked(
    publishing: Profile, subscribing: Profile
) -> None:
    """B1: a question that is open when the engine's track goes is answered all the same."""
    net = RelayNet()
    publisher, subscriber = net.client(publishing), net.client(subscribing)
    publisher.publish("live", "video")
    publisher.objects((4, 0))
    net.engine.slow.add(TrackState)
    subscriber.say(messages.TrackStatus(subscriber.next_request(), track("live", "video")))
    publisher.leave()
    net.advance(60)
    assert subscriber.count(messages.RequestOk) == 1


def test_a_new_group_is_asked_for_with_the_subscription() -> None:
    """B17: without an upstream subscription it travels in our SUBSCRIBE."""
    net = RelayNet()
    publisher, subscriber = net.client(D16), net.client(D16)
    publisher.publish_namespace("live")
    served = publisher.serve(properties=DYNAMIC)
    subscriber.subscribe("live", "video", new_group_request=5)
    assert [asked.new_group_request for asked in served] == [5]
    subscriber.take(messages.SubscribeOk)
    assert publisher.count(messages.RequestUpdate) == 0


@pytest.mark.parametrize(
    ("wanted", "asked"), [(0, True), (9, True), (8, True), (7, False), (3, False)]
)
def test_a_new_group_is_asked_for_when_it_is_news(wanted: int, asked: bool) -> None:
    """B17: 0, or beyond the largest group; otherwise the group is there already."""
    net = RelayNet()
    publisher, subscriber = net.client(D16), net.client(D16)
    published = publisher.publish("live", "video", properties=DYNAMIC)
    publisher.objects((7, 0))
    subscribed = subscriber.subscribe("live", "video")
    subscriber.update(subscribed, new_group_request=wanted)
    subscriber.take(messages.RequestOk)
    assert publisher.count(messages.RequestUpdate) == int(asked)
    if asked:
        update = publisher.take(messages.RequestUpdate)
        assert (update.existing_request_id, update.new_group_request) == (published, wanted)


def test_a_new_group_is_asked_for_once_until_it_comes() -> None:
    """B17: an equal or greater request is outstanding until the largest group grows."""
    net = RelayNet()
    publisher = net.client(D16)
    publisher.publish("live", "video", properties=DYNAMIC)
    publisher.objects((7, 0))
    subscribers = [net.client(D16) for _ in range(4)]
    for subscriber, wanted in zip(subscribers, (9, 9, 0, 12), strict=True):
        subscriber.subscribe("live", "video", new_group_request=wanted)
    asked = [
        message.new_group_request
        for message in publisher.heard
        if isinstance(message, messages.RequestUpdate)
    ]
    assert asked == [9, 12]
    publisher.heard.clear()
    publisher.objects((8, 0))
    subscribers[0].update(0, new_group_request=9)
    assert publisher.take(messages.RequestUpdate).new_group_request == 9


@pytest.mark.parametrize("publishing", [D14, D16], ids=str)
def test_a_track_without_dynamic_groups_is_not_asked(publishing: Profile) -> None:
    """B17: nor can a draft-14 publisher be."""
    net = RelayNet()
    publisher, subscriber = net.client(publishing), net.client(D16)
    publisher.publish("live", "video")
    subscriber.subscribe("live", "video", new_group_request=0)
    publisher.publish_namespace("more")
    publisher.serve()
    subscriber.subscribe("more", "video", new_group_request=0)
    assert subscriber.count(messages.SubscribeOk) == 2
    assert publisher.count(messages.RequestUpdate) == 0


def test_a_refused_new_group_changes_nothing() -> None:
    """B17: the answer to our update is nobody else's business."""
    net = RelayNet()
    publisher, subscriber = net.client(D16), net.client(D16)
    publisher.publish("live", "video", properties=DYNAMIC)
    subscriber.subscribe("live", "video", new_group_request=0)
    update = publisher.take(messages.RequestUpdate)
    publisher.say(
        messages.RequestError(update.request_id, RequestKind.UPDATE, RequestCode.NOT_SUPPORTED)
    )
    publisher.objects((0, 0))
    assert subscriber.received() == [(0, 0)]
