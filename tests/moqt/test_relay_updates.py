"""REQUEST_UPDATE and SUBSCRIBE_UPDATE, and new groups on demand."""

import pytest
from tidegate.moqt import messages
from tidegate.moqt.codes import DoneCode, RequestCode, RequestKind, SessionCode
from tidegate.moqt.names import Location
from tidegate.moqt.properties import TrackProperty
from tidegate.moqt.subscription import LARGEST_OBJECT, NEXT_GROUP, UNFILTERED, Filter
from tidegate.moqt.token import Token
from tidegate.moqt.version import D14, D16, Profile

from tests.moqt.harness import PAIRS, Client, RelayNet, TrackState, track

publishers = pytest.mark.parametrize("publishing", [D14, D16], ids=str)
pairs = pytest.mark.parametrize(("publishing", "subscribing"), PAIRS, ids=str)
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


@publishers
def test_an_update_of_draft_14_may_leave_the_range_alone(publishing: Profile) -> None:
    """B23: libquicr says {0, 0} and no end when it pauses a subscription from the live edge."""
    net = RelayNet()
    publisher, subscriber = net.client(publishing), net.client(D14)
    publisher.publish("live", "video")
    publisher.objects((5, 0))
    subscribed = subscriber.subscribe("live", "video")
    for forward in (False, True):
        subscriber.update(subscribed, filter=UNFILTERED, priority=7, forward=forward)
    (sink,) = net.engine.sinks.values()
    assert (sink.start, sink.priority, sink.forward) == ((5, 1), 7, True)
    assert subscriber.closed is None
    # What was subscribed from the live edge can still be joined.
    subscriber.take(messages.SubscribeOk)
    subscriber.update(subscribed, filter=Filter(Location(6, 0)), priority=7, forward=True)
    subscriber.fetch(messages.RelativeJoiningFetch(subscribed, 0))
    subscriber.take(messages.FetchOk)


@pairs
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
    expected = [(published, wanted)] if asked else []
    assert groups_asked(publisher) == expected


def test_a_new_group_is_asked_for_once_until_it_comes() -> None:
    """B17: an equal or greater request is outstanding until the largest group grows."""
    net = RelayNet()
    publisher = net.client(D16)
    published = publisher.publish("live", "video", properties=DYNAMIC)
    publisher.objects((7, 0))
    subscribers = [net.client(D16) for _ in range(4)]
    for subscriber, wanted in zip(subscribers, (9, 9, 0, 12), strict=True):
        subscriber.subscribe("live", "video", new_group_request=wanted)
    assert groups_asked(publisher) == [(published, 9), (published, 12)]
    publisher.objects((8, 0))
    subscribers[0].update(0, new_group_request=9)
    assert groups_asked(publisher) == [(published, 9)]


def test_the_largest_new_group_that_is_waited_for_is_asked() -> None:
    """B17: several subscribers that wait for one publisher, the largest request of them."""
    net = RelayNet()
    publisher, first, second = (net.client(D16) for _ in range(3))
    publisher.publish_namespace("live")
    for subscriber, wanted in ((first, 5), (second, 3)):
        subscriber.subscribe("live", "video", new_group_request=wanted)
    asked = publisher.take(messages.Subscribe)
    assert asked.new_group_request == 5
    publisher.say(messages.SubscribeOk(asked.request_id, 1, properties=DYNAMIC))
    assert groups_asked(publisher) == []


def test_a_larger_request_that_came_too_late_follows() -> None:
    """B17: one that our SUBSCRIBE could not carry any more is an update."""
    net = RelayNet()
    publisher, first, second = (net.client(D16) for _ in range(3))
    publisher.publish_namespace("live")
    first.subscribe("live", "video")
    second.subscribe("live", "video", new_group_request=3)
    asked = publisher.take(messages.Subscribe)
    publisher.say(messages.SubscribeOk(asked.request_id, 1, properties=DYNAMIC))
    assert groups_asked(publisher) == [(asked.request_id, 3)]


@pytest.mark.parametrize("publishing", [D14, D16], ids=str)
def test_a_track_without_dynamic_groups_is_not_asked(publishing: Profile) -> None:
    """B17: nor can a draft-14 publisher be."""
    net = RelayNet()
    publisher, subscriber = net.client(publishing), net.client(D16)
    publisher.publish("live", "video")
    subscriber.subscribe("live", "video", new_group_request=0)
    publisher.serve()
    publisher.publish_namespace("more")
    subscriber.subscribe("more", "video", new_group_request=0)
    assert subscriber.count(messages.SubscribeOk) == 2
    assert groups_asked(publisher) == []


def test_a_refused_new_group_changes_nothing() -> None:
    """B17: the answer to our update is nobody else's business."""
    net = RelayNet()
    publisher, subscriber = net.client(D16), net.client(D16)
    publisher.publish("live", "video", properties=DYNAMIC)
    subscriber.subscribe("live", "video", new_group_request=0)
    for update in [each for each in publisher.heard if isinstance(each, messages.RequestUpdate)]:
        publisher.say(
            messages.RequestError(update.request_id, RequestKind.UPDATE, RequestCode.NOT_SUPPORTED)
        )
    publisher.objects((0, 0))
    assert subscriber.received() == [(0, 0)]


def groups_asked(publisher: Client) -> list[tuple[int, int]]:
    """The new groups that a publisher was asked for since the last look, and of what."""
    asked = [
        (message.existing_request_id, message.new_group_request)
        for message in publisher.heard
        if isinstance(message, messages.RequestUpdate) and message.new_group_request is not None
    ]
    publisher.heard.clear()
    return asked


@pairs
def test_an_offered_track_flows_while_somebody_wants_it(
    publishing: Profile, subscribing: Profile
) -> None:
    """B6: Forward = 1 to its publisher with the first subscriber; 0 when the last has left."""
    net = RelayNet()
    publisher, silent, viewer = (
        net.client(publishing),
        net.client(subscribing),
        net.client(subscribing),
    )
    published = publisher.publish("live", "video")
    publisher.take(messages.PublishOk)
    paused = silent.subscribe("live", "video", forward=False)
    assert publisher.heard == []
    watching = viewer.subscribe("live", "video")
    update = publisher.take(messages.RequestUpdate)
    assert (update.existing_request_id, update.forward) == (published, True)
    if publishing.update_acknowledged:
        publisher.say(messages.RequestOk(update.request_id, RequestKind.UPDATE))
    silent.say(messages.Unsubscribe(paused))
    viewer.say(messages.Unsubscribe(watching))
    net.advance(1)
    assert publisher.heard == []
    net.advance(2)
    assert publisher.take(messages.RequestUpdate).forward is False
    viewer.subscribe("live", "video")
    assert publisher.take(messages.RequestUpdate).forward is True
    net.advance(60)
    assert publisher.heard == []


@pairs
@pytest.mark.parametrize("by", ["subscriber", "interest", "waiting"])
def test_an_offer_that_is_wanted_flows_at_once(
    publishing: Profile, subscribing: Profile, by: str
) -> None:
    """B6, P2: PUBLISH_OK says Forward = 1, and no update follows."""
    net = RelayNet(linger_ms=30_000)
    publisher, viewer = net.client(publishing), net.client(subscribing)
    if by == "subscriber":
        other = net.client(publishing)
        other.publish("live", "video")
        viewer.subscribe("live", "video")
    elif by == "interest":
        viewer.subscribe_namespace("live")
    else:
        viewer.subscribe("live", "video")
    publisher.publish("live", "video")
    assert publisher.take(messages.PublishOk).forward is True
    assert publisher.heard == []


@publishers
def test_an_update_can_make_an_offered_track_flow(publishing: Profile) -> None:
    """B6: a subscriber that wants objects after all."""
    net = RelayNet()
    publisher, viewer = net.client(publishing), net.client(D16)
    publisher.publish("live", "video")
    subscribed = viewer.subscribe("live", "video", forward=False)
    publisher.take(messages.PublishOk)
    viewer.update(subscribed, forward=True)
    assert publisher.take(messages.RequestUpdate).forward is True


@publishers
def test_a_publisher_that_grants_no_requests_is_not_paused(publishing: Profile) -> None:
    """B6: it could not be told when somebody comes."""
    net = RelayNet()
    publisher, viewer = net.client(publishing, max_request_id=0), net.client(D16)
    publisher.publish("live", "video")
    assert publisher.take(messages.PublishOk).forward is True
    viewer.subscribe("live", "video")
    viewer.take(messages.SubscribeOk)
    assert publisher.heard == []


def test_an_update_towards_draft_14_leaves_nothing_out() -> None:
    """B6: and widens nothing: PUBLISH_OK took everything from the start."""
    net = RelayNet()
    publisher, viewer = net.client(D14), net.client(D16)
    publisher.publish("live", "video", largest=Location(9, 0))
    assert publisher.take(messages.PublishOk).filter == UNFILTERED
    viewer.subscribe("live", "video", priority=3)
    update = publisher.take(messages.RequestUpdate)
    assert (update.filter, update.priority, update.forward) == (UNFILTERED, 128, True)
