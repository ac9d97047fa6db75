"""FETCH from the cache, standalone and joining."""

import pytest
from tidegate.moqt import messages
from tidegate.moqt.codes import RequestCode, SessionCode
from tidegate.moqt.limits import Limits
from tidegate.moqt.messages import AbsoluteJoiningFetch, RelativeJoiningFetch, StandaloneFetch
from tidegate.moqt.names import Location
from tidegate.moqt.subscription import NEXT_GROUP, GroupOrder
from tidegate.moqt.token import Token
from tidegate.moqt.version import D14, D16, Profile

from tests.moqt.harness import (
    PAIRS,
    PROFILES,
    Client,
    FetchAnswer,
    FetchDone,
    RelayNet,
    SinkAttached,
    track,
)

pairs = pytest.mark.parametrize(("publishing", "subscribing"), PAIRS, ids=str)
profiles = pytest.mark.parametrize("profile", PROFILES, ids=str)

VIDEO = track("live", "video")
GROUPS = [(group, number) for group in range(4) for number in range(3)]


def standalone(start: tuple[int, int], end: tuple[int, int]) -> StandaloneFetch:
    return StandaloneFetch(VIDEO, Location(*start), Location(*end))


def scene(publishing: Profile, subscribing: Profile) -> tuple[RelayNet, Client, Client]:
    """A publisher whose track flows, and a subscriber that has not said anything."""
    net = RelayNet()
    publisher, subscriber = net.client(publishing), net.client(subscribing)
    publisher.publish("live", "video")
    publisher.objects(*GROUPS)
    return net, publisher, subscriber


@pairs
@pytest.mark.parametrize(
    ("start", "end", "told"),
    [
        ((1, 0), (2, 0), Location(2, 0)),
        ((1, 1), (2, 2), Location(2, 2)),
        ((0, 0), (9, 0), Location(3, 3)),
        ((3, 0), (3, 0), Location(3, 3)),
    ],
)
def test_a_range_comes_from_the_cache(
    publishing: Profile,
    subscribing: Profile,
    start: tuple[int, int],
    end: tuple[int, int],
    told: Location,
) -> None:
    """C4: FETCH_OK tells where the answer ends: at the largest object, at the latest."""
    net, _, subscriber = scene(publishing, subscribing)
    net.engine.slow.add(FetchAnswer)
    request_id = subscriber.fetch(standalone(start, end))
    assert subscriber.heard == []
    net.engine.release()
    net.run()
    reply = subscriber.take(messages.FetchOk)
    assert (reply.request_id, reply.end) == (request_id, told)


@profiles
def test_the_requested_order_reaches_the_engine(profile: Profile) -> None:
    """C6: ascending unless asked otherwise."""
    net, _, subscriber = scene(profile, profile)
    net.engine.slow.add(FetchDone)
    for order in (None, GroupOrder.ASCENDING, GroupOrder.DESCENDING):
        subscriber.fetch(standalone((0, 0), (2, 0)), group_order=order)
    assert [fetch.descending for fetch in net.engine.fetches.values()] == [False, False, True]


@pairs
def test_what_the_cache_does_not_know_is_not_left_as_a_gap(
    publishing: Profile, subscribing: Profile
) -> None:
    """C7: a range of which nothing is known is marked as unknown, or refused as such."""
    net = RelayNet()
    publisher, subscriber = net.client(publishing), net.client(subscribing)
    publisher.publish("live", "video", largest=Location(7, 0))
    publisher.publish_namespace("live")
    subscriber.fetch(standalone((1, 0), (2, 0)))
    if subscribing.unknown_ranges_marked:
        # The engine marks it on the stream.
        assert subscriber.take(messages.FetchOk).end == Location(2, 0)
    else:
        error = subscriber.take(messages.RequestError)
        assert error.code is RequestCode.UNKNOWN_STATUS_IN_RANGE
    never_seen = track("live", "never-seen")
    subscriber.fetch(StandaloneFetch(never_seen, Location(0, 0), Location(1, 0)))
    # Draft-16 has no number for it.
    expected = {14: RequestCode.UNKNOWN_STATUS_IN_RANGE, 16: RequestCode.INTERNAL_ERROR}
    assert subscriber.take(messages.RequestError).code is expected[subscribing.draft]


@profiles
def test_ranges_that_cannot_be(profile: Profile) -> None:
    """C4: beyond the largest object, or backwards: INVALID_RANGE; no track: DOES_NOT_EXIST."""
    net, _, subscriber = scene(profile, profile)
    for start, end in (((9, 0), (10, 0)), ((2, 0), (1, 0)), ((2, 2), (2, 1))):
        subscriber.fetch(standalone(start, end))
        assert subscriber.take(messages.RequestError).code is RequestCode.INVALID_RANGE
    subscriber.fetch(StandaloneFetch(track("no", "body"), Location(0, 0), Location(1, 0)))
    assert subscriber.take(messages.RequestError).code is RequestCode.DOES_NOT_EXIST
    assert not net.plane.fetches


@pairs
@pytest.mark.parametrize(
    ("chosen", "start"),
    [
        (RelativeJoiningFetch(0, 0), (3, 0)),
        (RelativeJoiningFetch(0, 1), (2, 0)),
        (RelativeJoiningFetch(0, 99), (0, 0)),
        (AbsoluteJoiningFetch(0, 1), (1, 0)),
    ],
)
def test_a_joining_fetch_ends_where_its_subscription_starts(
    publishing: Profile,
    subscribing: Profile,
    chosen: RelativeJoiningFetch | AbsoluteJoiningFetch,
    start: tuple[int, int],
) -> None:
    """B14, C10: at the largest location that SUBSCRIBE_OK told, whatever came since."""
    net, publisher, subscriber = scene(publishing, subscribing)
    net.engine.slow.add(FetchDone)
    subscriber.subscribe("live", "video")
    publisher.objects((3, 3), (4, 0))
    subscriber.fetch(chosen)
    (fetch,) = net.engine.fetches.values()
    assert (fetch.start, fetch.end) == (start, (3, 3))
    assert subscriber.take(messages.FetchOk).end == Location(3, 3)
    assert subscriber.received() == [(3, 3), (4, 0)]


@pairs
def test_a_joining_fetch_waits_for_its_subscription(
    publishing: Profile, subscribing: Profile
) -> None:
    """C10: one that comes before the subscription is established is kept until then."""
    net = RelayNet()
    publisher, subscriber = net.client(publishing), net.client(subscribing)
    publisher.publish_namespace("live")
    joined = subscriber.subscribe("live", "video")
    subscriber.fetch(RelativeJoiningFetch(joined, 0))
    asked = publisher.take(messages.Subscribe)
    net.engine.slow.add(SinkAttached)
    publisher.say(messages.SubscribeOk(asked.request_id, 1))
    publisher.objects((0, 0))
    assert subscriber.heard == []
    net.engine.release()
    net.run()
    # Nothing was published before the join.
    subscriber.take(messages.SubscribeOk)
    assert subscriber.take(messages.RequestError).code is RequestCode.INVALID_RANGE


@profiles
def test_a_joining_fetch_goes_down_with_its_subscription(profile: Profile) -> None:
    """C10: a subscription that fails, is unknown, or is no subscription."""
    net = RelayNet()
    publisher, subscriber = net.client(profile), net.client(profile)
    publisher.publish_namespace("live")
    joined = subscriber.subscribe("live", "video")
    subscriber.fetch(RelativeJoiningFetch(joined, 0))
    publisher.leave()
    codes = {subscriber.take(messages.RequestError).code for _ in range(2)}
    assert codes == {RequestCode.DOES_NOT_EXIST, RequestCode.INVALID_JOINING_REQUEST_ID}
    namespace_request = subscriber.publish_namespace("mine")
    subscriber.take(messages.RequestOk)
    for request_id in (joined, namespace_request, 4444):
        subscriber.fetch(RelativeJoiningFetch(request_id, 0))
        error = subscriber.take(messages.RequestError)
        assert error.code is RequestCode.INVALID_JOINING_REQUEST_ID
    subscriber.leave()
    net.assert_nothing_left()


@profiles
def test_joining_needs_the_filter_largest_object(profile: Profile) -> None:
    """C10: any other filter closes the session, up to draft-16."""
    _, _, subscriber = scene(profile, profile)
    joined = subscriber.subscribe("live", "video", filter=NEXT_GROUP)
    subscriber.fetch(RelativeJoiningFetch(joined, 0))
    assert subscriber.closed is not None
    assert subscriber.closed[0] is SessionCode.PROTOCOL_VIOLATION


@pairs
def test_an_offered_track_can_be_joined(publishing: Profile, subscribing: Profile) -> None:
    """B14: the largest location of our PUBLISH counts like that of a SUBSCRIBE_OK."""
    net = RelayNet()
    publisher, watcher = net.client(publishing), net.client(subscribing)
    taken = watcher.take_publishes()
    publisher.publish("live", "video")
    publisher.objects(*GROUPS)
    watcher.subscribe_namespace("live", wants_namespaces=False)
    net.engine.slow.add(FetchDone)
    watcher.fetch(RelativeJoiningFetch(taken[0].request_id, 0))
    (fetch,) = net.engine.fetches.values()
    assert (fetch.start, fetch.end) == ((3, 0), (3, 3))


@profiles
def test_a_fetch_is_cancelled(profile: Profile) -> None:
    """C11: FETCH_CANCEL stops the stream, before and after FETCH_OK."""
    net, _, subscriber = scene(profile, profile)
    net.engine.slow.add(FetchDone)
    running = subscriber.fetch(standalone((0, 0), (2, 0)))
    subscriber.take(messages.FetchOk)
    subscriber.say(messages.FetchCancel(running))
    assert not net.engine.fetches
    net.engine.slow.add(FetchAnswer)
    pending = subscriber.fetch(standalone((0, 0), (2, 0)))
    subscriber.say(messages.FetchCancel(pending))
    net.engine.release()
    net.run()
    assert subscriber.heard == []
    assert not net.plane.fetches
    assert subscriber.closed is None


@profiles
def test_a_session_fetches_only_so_much_at_once(profile: Profile) -> None:
    """S8: one fetch too many is refused; finished ones do not count."""
    net = RelayNet(Limits(fetches=2))
    publisher, subscriber = net.client(profile), net.client(profile)
    publisher.publish("live", "video")
    publisher.objects(*GROUPS)
    for _ in range(5):
        subscriber.fetch(standalone((0, 0), (2, 0)))
    assert subscriber.count(messages.FetchOk) == 5
    net.engine.slow.add(FetchDone)
    for _ in range(3):
        subscriber.fetch(standalone((0, 0), (2, 0)))
    assert subscriber.take(messages.RequestError).code is RequestCode.INTERNAL_ERROR
    assert subscriber.count(messages.FetchOk) == 7


@profiles
def test_refused_fetches_do_not_count(profile: Profile) -> None:
    """S8: only what is open is limited."""
    net = RelayNet(Limits(fetches=2))
    client = net.client(profile)
    for _ in range(5):
        client.fetch(standalone((0, 0), (2, 0)))
        assert client.take(messages.RequestError).code is RequestCode.DOES_NOT_EXIST


@profiles
def test_a_track_can_be_fetched_a_while_after_its_end(profile: Profile) -> None:
    """C1: its cache outlives publisher and subscribers, and then goes too."""
    net, publisher, subscriber = scene(profile, profile)
    publisher.leave()
    net.advance(9)
    subscriber.fetch(standalone((0, 0), (2, 0)))
    subscriber.take(messages.FetchOk)
    net.advance(11)
    assert not net.engine.tracks
    subscriber.fetch(standalone((0, 0), (2, 0)))
    assert subscriber.take(messages.RequestError).code is RequestCode.DOES_NOT_EXIST


def test_a_fetch_can_be_updated_from_16_on() -> None:
    """B23: an update that fails ends its fetch."""
    net, _, subscriber = scene(D14, D16)
    net.engine.slow.add(FetchDone)
    running = subscriber.fetch(standalone((0, 0), (2, 0)))
    subscriber.update(running, priority=3)
    assert subscriber.take(messages.RequestOk).request_id == running + 2
    subscriber.update(running, tokens=(Token.use_value(b"expired"),))
    assert subscriber.take(messages.RequestError).code is RequestCode.EXPIRED_AUTH_TOKEN
    assert not net.engine.fetches


@profiles
def test_a_closing_session_takes_its_fetches_along(profile: Profile) -> None:
    """C11: and nothing of them stays."""
    net, publisher, subscriber = scene(profile, profile)
    net.engine.slow.add(FetchDone)
    subscriber.fetch(standalone((0, 0), (2, 0)))
    subscriber.leave(None)
    assert not net.plane.fetches
    publisher.leave()
    net.assert_nothing_left()
