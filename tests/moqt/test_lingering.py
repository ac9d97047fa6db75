"""A SUBSCRIBE that comes before its publisher."""

import pytest
from tidegate.moqt import messages
from tidegate.moqt.codes import RequestCode, RequestKind
from tidegate.moqt.limits import Limits
from tidegate.moqt.messages import RelativeJoiningFetch, StandaloneFetch
from tidegate.moqt.names import Location
from tidegate.moqt.version import Profile

from tests.moqt.harness import OTHER_RELAY, PAIRS, PROFILES, RELAY, RelayNet, Settings, track

pairs = pytest.mark.parametrize(("publishing", "subscribing"), PAIRS, ids=str)
profiles = pytest.mark.parametrize("profile", PROFILES, ids=str)


@pairs
@pytest.mark.parametrize("by", ["PUBLISH_NAMESPACE", "PUBLISH"])
def test_a_held_subscribe_completes_when_its_publisher_comes(
    publishing: Profile, subscribing: Profile, by: str
) -> None:
    """B2: held is the same as waiting for its upstream; no OK before."""
    net = RelayNet(linger_ms=30_000)
    subscriber, publisher = net.client(subscribing), net.client(publishing)
    subscriber.subscribe("live", "video")
    net.advance(3)
    assert subscriber.heard == []
    if by == "PUBLISH":
        publisher.publish("live", "video")
    else:
        publisher.serve()
        publisher.publish_namespace("live")
    subscriber.take(messages.SubscribeOk)
    publisher.objects((0, 0))
    assert subscriber.received() == [(0, 0)]
    net.advance(60)
    assert subscriber.heard == []


@profiles
def test_a_held_subscribe_times_out(profile: Profile) -> None:
    """S9: TIMEOUT at the relay's ceiling, and a retry may come at once."""
    net = RelayNet(linger_ms=1000)
    subscriber = net.client(profile)
    subscriber.subscribe("live", "video")
    net.advance(0.9)
    assert subscriber.heard == []
    net.advance(0.2)
    error = subscriber.take(messages.RequestError)
    assert error.code is RequestCode.TIMEOUT
    assert error.retry_after == (0 if profile.has_retry_interval else None)
    assert net.plane.held == 0


@profiles
@pytest.mark.parametrize("settings", [Settings(False, 30_000), Settings(True, 0)])
def test_without_lingering_the_answer_comes_at_once(profile: Profile, settings: Settings) -> None:
    net = RelayNet()
    net.authorizer.relays[RELAY] = settings
    subscriber = net.client(profile)
    subscriber.subscribe("live", "video")
    error = subscriber.take(messages.RequestError)
    assert (error.code, error.retry_after) == (RequestCode.DOES_NOT_EXIST, None)


@profiles
def test_settings_change_for_new_subscribes(profile: Profile) -> None:
    net = RelayNet(linger_ms=30_000)
    subscriber = net.client(profile)
    subscriber.subscribe("live", "video")
    net.set_linger(0)
    net.server.relay_changed(RELAY, net.now)
    subscriber.subscribe("live", "audio")
    assert subscriber.take(messages.RequestError).code is RequestCode.DOES_NOT_EXIST
    assert subscriber.heard == []


@profiles
def test_the_ceiling_covers_the_upstream_too(profile: Profile) -> None:
    """S9: counted from the SUBSCRIBE's arrival."""
    net = RelayNet(linger_ms=5_000)
    publisher, subscriber = net.client(profile), net.client(profile)
    subscriber.subscribe("live", "video")
    net.advance(4)
    publisher.publish_namespace("live")
    publisher.take(messages.Subscribe)
    net.advance(2)
    assert subscriber.take(messages.RequestError).code is RequestCode.TIMEOUT


@profiles
def test_a_subscribe_whose_publisher_leaves_is_held(profile: Profile) -> None:
    """B1: until another one comes, or its time is over."""
    net = RelayNet(linger_ms=30_000)
    first, second, subscriber = (net.client(profile) for _ in range(3))
    first.publish_namespace("live")
    subscriber.subscribe("live", "video")
    first.leave()
    assert subscriber.heard == []
    second.serve()
    second.publish_namespace("live")
    subscriber.take(messages.SubscribeOk)


@profiles
def test_a_hold_is_counted_from_the_subscribes_arrival(profile: Profile) -> None:
    """S9: a publisher that came and went does not make it longer."""
    net = RelayNet(linger_ms=8_000)
    publisher, subscriber = net.client(profile), net.client(profile)
    publisher.publish_namespace("live")
    subscriber.subscribe("live", "video")
    net.advance(6)
    publisher.leave()
    net.advance(1)
    assert subscriber.heard == []
    net.advance(2)
    assert subscriber.take(messages.RequestError).code is RequestCode.TIMEOUT


@profiles
def test_a_publishers_refusal_ends_the_wait(profile: Profile) -> None:
    """B1: once there is a publisher, its word counts."""
    net = RelayNet(linger_ms=30_000)
    publisher, subscriber = net.client(profile), net.client(profile)
    subscriber.subscribe("live", "video")
    publisher.publish_namespace("live")
    asked = publisher.take(messages.Subscribe)
    publisher.say(
        messages.RequestError(asked.request_id, RequestKind.SUBSCRIBE, RequestCode.DOES_NOT_EXIST)
    )
    assert subscriber.take(messages.RequestError).code is RequestCode.DOES_NOT_EXIST


@profiles
def test_only_so_many_are_held(profile: Profile) -> None:
    """S8: for each session, each relay and the node; leaving frees them."""
    net = RelayNet(Limits(held_per_session=2, held_per_relay=3, held=4), linger_ms=30_000)
    clients = [net.client(profile) for _ in range(2)] + [net.client(profile, relay=OTHER_RELAY)]
    for client in clients:
        for name in ("a", "b", "c"):
            client.subscribe("live", name)
    assert [client.count(messages.RequestError) for client in clients] == [1, 2, 2]
    error = clients[0].take(messages.RequestError)
    assert error.code is RequestCode.INTERNAL_ERROR
    assert error.retry_after == (1000 if profile.has_retry_interval else None)
    assert net.plane.held == 4
    clients[0].say(messages.Unsubscribe(0))
    assert net.plane.held == 3
    clients[0].subscribe("live", "d")
    assert clients[0].heard == []
    for client in clients:
        client.leave()
    net.assert_nothing_left()


@profiles
def test_a_held_subscribe_with_a_publisher_does_not_count(profile: Profile) -> None:
    """S8: only those that nobody can serve yet."""
    net = RelayNet(Limits(held_per_session=1), linger_ms=30_000)
    publisher, subscriber = net.client(profile), net.client(profile)
    publisher.publish_namespace("live")
    publisher.serve()
    subscriber.subscribe("live", "a")
    subscriber.subscribe("nobody", "b")
    assert subscriber.count(messages.RequestError) == 0
    assert net.plane.held == 1


@pairs
def test_a_held_subscribe_is_not_also_offered_the_track(
    publishing: Profile, subscribing: Profile
) -> None:
    """P5: a PUBLISH completes the SUBSCRIBE, and is not pushed besides."""
    net = RelayNet(linger_ms=30_000)
    subscriber, publisher = net.client(subscribing), net.client(publishing)
    subscriber.subscribe_namespace("live", wants_namespaces=False)
    subscriber.subscribe("live", "video")
    publisher.publish("live", "video")
    subscriber.take(messages.SubscribeOk)
    assert subscriber.count(messages.Publish) == 0


@profiles
def test_nothing_but_subscribe_lingers(profile: Profile) -> None:
    net = RelayNet(linger_ms=30_000)
    client = net.client(profile)
    client.say(messages.TrackStatus(client.next_request(), track("live", "video")))
    client.fetch(StandaloneFetch(track("live", "video"), Location(0, 0), Location(1, 0)))
    for _ in range(2):
        assert client.take(messages.RequestError).code is RequestCode.DOES_NOT_EXIST


@profiles
def test_a_second_subscribe_during_a_hold(profile: Profile) -> None:
    """B11: a held subscription is a subscription."""
    net = RelayNet(linger_ms=30_000)
    client = net.client(profile)
    client.subscribe("live", "video")
    client.subscribe("live", "video")
    if profile.duplicate_subscription_closes:
        assert client.closed is not None
    else:
        error = client.take(messages.RequestError)
        assert error.code is RequestCode.DUPLICATE_SUBSCRIPTION
    assert net.plane.held == (0 if client.closed else 1)


@profiles
def test_a_joining_fetch_of_a_held_subscribe_waits_with_it(profile: Profile) -> None:
    """C10: and is refused when the hold ends in nothing."""
    net = RelayNet(linger_ms=1000)
    client = net.client(profile)
    joined = client.subscribe("live", "video")
    client.fetch(RelativeJoiningFetch(joined, 1))
    assert client.heard == []
    net.advance(2)
    codes = {message.code for message in client.heard if isinstance(message, messages.RequestError)}
    assert codes == {RequestCode.TIMEOUT, RequestCode.INVALID_JOINING_REQUEST_ID}
