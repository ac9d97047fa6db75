"""Publishers that start anew under a name whose past the relay still knows."""

import pytest
from tidegate.moqt import messages
from tidegate.moqt.codes import DoneCode
from tidegate.moqt.messages import StandaloneFetch
from tidegate.moqt.names import Location
from tidegate.moqt.version import Profile

from tests.moqt.harness import PAIRS, PROFILES, FetchDone, RelayNet, SinkAttached, track

pairs = pytest.mark.parametrize(("publishing", "subscribing"), PAIRS, ids=str)
profiles = pytest.mark.parametrize("profile", PROFILES, ids=str)

PAST = [(group, 0) for group in range(50)]


@pairs
@pytest.mark.parametrize("by", ["PUBLISH", "SUBSCRIBE"])
@pytest.mark.parametrize("returns_after", [0, 2])
def test_a_publisher_that_crashed_starts_again_from_its_first_group(
    publishing: Profile, subscribing: Profile, by: str, returns_after: int
) -> None:
    """P1: its objects are not taken for repetitions for ever: a new track begins."""
    net = RelayNet(linger_ms=30_000)
    first, second = net.client(publishing), net.client(publishing)
    viewer = net.client(subscribing)
    first.publish("live", "video")
    viewer.subscribe("live", "video")
    viewer.take(messages.SubscribeOk)
    first.objects(*PAST)
    if returns_after:
        first.leave(None)
        net.advance(returns_after)
    if by == "PUBLISH":
        second.publish("live", "video")
    else:
        second.serve()
        second.publish_namespace("live")
    second.objects((0, 0), (1, 0))
    if not returns_after:
        net.advance(9)
        assert viewer.heard == []
        first.leave(None)
    net.advance(6)
    done = viewer.take(messages.PublishDone)
    assert (done.code, done.stream_count) == (DoneCode.TRACK_ENDED, None)
    second.objects((2, 0))
    viewer.subscribe("live", "video")
    alias = viewer.take(messages.SubscribeOk).track_alias
    second.objects((3, 0))
    assert viewer.received(alias) == [(3, 0)]
    net.advance(60)
    assert viewer.heard == []


@pairs
def test_a_redundant_publisher_that_catches_up_is_no_restart(
    publishing: Profile, subscribing: Profile
) -> None:
    """P1: one that had published nothing when it came, and goes on when the other one vanishes."""
    net = RelayNet()
    first, second, viewer = (
        net.client(publishing),
        net.client(publishing),
        net.client(subscribing),
    )
    first.publish("live", "video")
    viewer.subscribe("live", "video")
    viewer.take(messages.SubscribeOk)
    first.objects(*PAST)
    second.publish("live", "video")
    second.objects((49, 0))
    first.leave(None)
    net.advance(1)
    second.objects((50, 0))
    net.advance(60)
    assert viewer.heard == []
    assert viewer.received() == [*PAST, (50, 0)]


@pairs
def test_a_track_that_rarely_changes_is_no_restart(
    publishing: Profile, subscribing: Profile
) -> None:
    """P1: a publisher that knows what we know may be silent for as long as it likes."""
    net = RelayNet()
    first, second, viewer = (
        net.client(publishing),
        net.client(publishing),
        net.client(subscribing),
    )
    first.publish("live", "catalog")
    viewer.subscribe("live", "catalog")
    viewer.take(messages.SubscribeOk)
    first.objects((0, 0))
    second.publish("live", "catalog", largest=Location(0, 0))
    first.leave(None)
    net.advance(3600)
    assert viewer.heard == []
    second.objects((1, 0))
    assert viewer.received() == [(0, 0), (1, 0)]


@profiles
def test_a_restart_while_nobody_watches(profile: Profile) -> None:
    """P1: whoever comes then finds the new track."""
    net = RelayNet()
    first, second, viewer = (net.client(profile) for _ in range(3))
    first.publish("live", "video")
    viewer.subscribe("live", "video")
    first.objects(*PAST)
    viewer.leave()
    second.publish("live", "video")
    first.leave(None)
    net.advance(10)
    late = net.client(profile)
    late.subscribe("live", "video")
    assert late.take(messages.SubscribeOk).largest is None
    second.objects((0, 0))
    assert late.received() == [(0, 0)]


@profiles
def test_a_restart_is_offered_to_who_subscribed_the_namespace(profile: Profile) -> None:
    """P5: the new track is a new PUBLISH."""
    net = RelayNet()
    first, second, watcher = (net.client(profile) for _ in range(3))
    taken = watcher.take_publishes()
    watcher.subscribe_namespace("live", wants_namespaces=False)
    first.publish("live", "video")
    first.objects(*PAST)
    second.publish("live", "video")
    first.leave(None)
    net.advance(6)
    assert watcher.take(messages.PublishDone).request_id == taken[0].request_id
    assert len(taken) == 2
    second.objects((0, 0))
    assert watcher.received(taken[1].track_alias) == [(0, 0)]


@profiles
def test_what_is_under_way_at_a_restart(profile: Profile) -> None:
    """B1, C11: a join is made anew, and a fetch is over."""
    net = RelayNet()
    first, second, joining, fetching = (net.client(profile) for _ in range(4))
    first.publish("live", "video")
    first.objects(*PAST)
    net.engine.slow.add(FetchDone)
    whole = StandaloneFetch(track("live", "video"), Location(0, 0), Location(40, 0))
    fetching.fetch(whole)
    fetching.take(messages.FetchOk)
    second.publish("live", "video")
    first.leave(None)
    net.advance(4)
    net.engine.slow.add(SinkAttached)
    joining.subscribe("live", "video")
    net.advance(2)
    assert not net.engine.fetches
    net.engine.release()
    net.run()
    assert joining.take(messages.SubscribeOk).largest is None
    second.objects((0, 0))
    assert joining.received(2) == [(0, 0)]
    for client in (second, joining, fetching):
        client.leave()
    net.assert_nothing_left()
