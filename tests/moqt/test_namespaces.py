"""Discovery: who hears of which namespace and which track."""

import pytest
from tidegate.moqt import messages
from tidegate.moqt.codes import DoneCode, RequestCode, RequestKind
from tidegate.moqt.limits import Limits
from tidegate.moqt.names import Location
from tidegate.moqt.subscription import Filter
from tidegate.moqt.version import D14, D16, Profile

from tests.moqt.harness import (
    PAIRS,
    PROFILES,
    Client,
    RelayNet,
    SinkAttached,
    SinkDrained,
    namespace,
)

pairs = pytest.mark.parametrize(("publishing", "subscribing"), PAIRS, ids=str)
profiles = pytest.mark.parametrize("profile", PROFILES, ids=str)


def announced(client: Client, prefix: str) -> list[str]:
    """The namespaces that a client heard of, oldest first; they are taken."""
    found = []
    for message in [*client.heard]:
        if isinstance(message, messages.Namespace):
            found.append(namespace(prefix) + message.suffix)
        elif isinstance(message, messages.PublishNamespace):
            found.append(message.namespace)
            client.say(messages.RequestOk(message.request_id, RequestKind.PUBLISH_NAMESPACE))
        else:
            continue
        client.heard.remove(message)
    return ["/".join(field.decode() for field in fields) for fields in found]


def withdrawn(client: Client, prefix: str) -> list[str]:
    """The namespaces that a client heard are gone; they are taken."""
    found = []
    for message in [*client.heard]:
        if isinstance(message, messages.NamespaceDone):
            found.append(namespace(prefix) + message.suffix)
        elif isinstance(message, messages.PublishNamespaceDone):
            assert message.namespace is not None
            found.append(message.namespace)
        else:
            continue
        client.heard.remove(message)
    return ["/".join(field.decode() for field in fields) for fields in found]


@pairs
def test_namespaces_are_told_to_who_subscribed_their_prefix(
    publishing: Profile, subscribing: Profile
) -> None:
    """P8: those that exist, those that come, and when they go."""
    net = RelayNet()
    publisher, watcher = net.client(publishing), net.client(subscribing)
    publisher.publish_namespace("live/early")
    publisher.publish_namespace("other")
    watcher.subscribe_namespace("live")
    watcher.take(messages.RequestOk)
    assert announced(watcher, "live") == ["live/early"]
    late = publisher.publish_namespace("live/late/1")
    publisher.publish_namespace("live")
    publisher.publish_namespace("lively")
    assert announced(watcher, "live") == ["live/late/1", "live"]
    publisher.withdraw_namespace(late, "live/late/1")
    assert withdrawn(watcher, "live") == ["live/late/1"]
    publisher.leave(None)
    assert sorted(withdrawn(watcher, "live")) == ["live", "live/early"]
    assert watcher.heard == []


@pairs
def test_a_namespace_goes_with_its_last_publisher(
    publishing: Profile, subscribing: Profile
) -> None:
    """P9: it is told once, and withdrawn once, after it was told."""
    net = RelayNet()
    watcher = net.client(subscribing)
    watcher.subscribe_namespace("live")
    publishers = [net.client(publishing) for _ in range(3)]
    requests = [publisher.publish_namespace("live/cam") for publisher in publishers]
    assert announced(watcher, "live") == ["live/cam"]
    publishers[0].withdraw_namespace(requests[0], "live/cam")
    publishers[1].leave()
    assert withdrawn(watcher, "live") == []
    publishers[2].withdraw_namespace(requests[2], "live/cam")
    assert withdrawn(watcher, "live") == ["live/cam"]
    publishers[2].publish_namespace("live/cam")
    assert announced(watcher, "live") == ["live/cam"]


@pairs
def test_a_namespace_of_two_publishers_is_told_once(
    publishing: Profile, subscribing: Profile
) -> None:
    """P8: also to who subscribes its prefix later."""
    net = RelayNet()
    for _ in range(2):
        net.client(publishing).publish_namespace("live/cam")
    watcher = net.client(subscribing)
    watcher.subscribe_namespace("live")
    assert announced(watcher, "live") == ["live/cam"]


@profiles
def test_saying_a_namespace_twice_is_saying_it_once(profile: Profile) -> None:
    """P9: one withdrawal takes it back."""
    net = RelayNet()
    publisher, watcher = net.client(profile), net.client(profile)
    watcher.subscribe_namespace("live")
    first = publisher.publish_namespace("live")
    second = publisher.publish_namespace("live")
    assert publisher.count(messages.RequestOk) == 2
    assert announced(watcher, "live") == ["live"]
    if profile is D16:
        publisher.withdraw_namespace(first, "live")
        assert withdrawn(watcher, "live") == []
    publisher.withdraw_namespace(second, "live")
    assert withdrawn(watcher, "live") == ["live"]


@pairs
def test_published_tracks_are_offered_to_who_subscribed_their_prefix(
    publishing: Profile, subscribing: Profile
) -> None:
    """P5: every PUBLISH, those that exist and those that come."""
    net = RelayNet()
    publisher, watcher = net.client(publishing), net.client(subscribing)
    taken = watcher.take_publishes()
    publisher.publish("live/early", "video", alias=1)
    publisher.objects((2, 3), alias=1)
    publisher.publish("other", "video", alias=2)
    watcher.subscribe_namespace("live")
    publisher.publish("live", "audio", alias=3)
    assert [(str(each.track), each.largest) for each in taken] == [
        ("live-early--video", Location(2, 3)),
        ("live--audio", None),
    ]
    assert all(each.forward for each in taken)
    publisher.objects((2, 4), (3, 0), alias=1)
    assert watcher.received(taken[0].track_alias) == [(2, 4), (3, 0)]


@profiles
def test_nobody_is_offered_a_track_who_did_not_ask(profile: Profile) -> None:
    """P6: without a matching SUBSCRIBE_NAMESPACE there is no PUBLISH."""
    net = RelayNet()
    publisher, stranger, former = (net.client(profile) for _ in range(3))
    subscribed = former.subscribe_namespace("live")
    former.take(messages.RequestOk)
    former.unsubscribe_namespace(subscribed, "live")
    stranger.subscribe_namespace("elsewhere")
    stranger.take(messages.RequestOk)
    publisher.publish("live", "video")
    publisher.publish_namespace("live")
    assert stranger.heard == former.heard == []


@profiles
def test_options_choose_what_is_told(profile: Profile) -> None:
    """P5, P8: tracks, namespaces or both, where the draft lets choose."""
    net = RelayNet()
    publisher = net.client(profile)
    tracks, names, both = (net.client(profile) for _ in range(3))
    tracks.subscribe_namespace("live", wants_namespaces=False)
    names.subscribe_namespace("live", wants_tracks=False)
    both.subscribe_namespace("live")
    publisher.publish_namespace("live")
    publisher.publish("live", "video")
    heard = {
        client: (len(announced(client, "live")), client.count(messages.Publish))
        for client in (tracks, names, both)
    }
    chosen = [(0, 1), (1, 0), (1, 1)] if profile is D16 else [(1, 1)] * 3
    assert [*heard.values()] == chosen


@profiles
def test_own_namespaces_and_tracks_are_echoed(profile: Profile) -> None:
    """P7: up to draft-16 the sender hears its own, if it subscribed the prefix."""
    net = RelayNet()
    client = net.client(profile)
    taken = client.take_publishes()
    client.subscribe_namespace("live")
    client.publish_namespace("live")
    client.publish("live", "video", alias=9)
    assert announced(client, "live") == ["live"]
    assert len(taken) == 1
    client.objects((0, 0), alias=9)
    assert client.received(taken[0].track_alias) == [(0, 0)]


@profiles
def test_overlapping_prefixes_are_refused(profile: Profile) -> None:
    """P12: equal, shorter or longer; other sessions do not count."""
    net = RelayNet()
    client, other = net.client(profile), net.client(profile)
    first = client.subscribe_namespace("live/cam")
    client.take(messages.RequestOk)
    for text in ("live/cam", "live", "live/cam/1"):
        client.subscribe_namespace(text)
        assert client.take(messages.RequestError).code is RequestCode.PREFIX_OVERLAP
        other_request = other.subscribe_namespace(text)
        other.take(messages.RequestOk)
        other.unsubscribe_namespace(other_request, text)
    client.subscribe_namespace("live/camera")
    client.take(messages.RequestOk)
    client.unsubscribe_namespace(first, "live/cam")
    client.subscribe_namespace("live/cam/1")
    client.take(messages.RequestOk)


def test_a_refused_request_stream_is_finished() -> None:
    """P12: REQUEST_ERROR and the end of its stream."""
    net = RelayNet()
    client = net.client(D16)
    client.subscribe_namespace("live")
    refused = client.subscribe_namespace("live")
    assert client.fins == {client.stream_of(refused)}


def test_resetting_a_request_stream_cancels_it() -> None:
    """P8: from 16 on, closing the stream is how a prefix is unsubscribed."""
    net = RelayNet()
    client, publisher = net.client(D16), net.client(D16)
    request = client.subscribe_namespace("live")
    client.take(messages.RequestOk)
    client.reset(client.stream_of(request))
    publisher.publish_namespace("live")
    assert client.heard == []
    assert client.stream_of(request) in client.fins


@profiles
def test_a_track_that_is_subscribed_already_is_not_offered(profile: Profile) -> None:
    """P5: one subscription a track and session."""
    net = RelayNet()
    first, second, watcher = (net.client(profile) for _ in range(3))
    watcher.subscribe_namespace("live")
    first.publish("live", "video")
    watcher.take(messages.Publish)
    second.publish("live", "video")
    assert watcher.count(messages.Publish) == 0


@pairs
def test_an_offer_on_the_subscribers_terms(publishing: Profile, subscribing: Profile) -> None:
    """B15: PUBLISH_OK states forward, priority and filter."""
    net = RelayNet()
    publisher, watcher = net.client(publishing), net.client(subscribing)
    taken = watcher.take_publishes(
        forward=False, priority=7, filter=Filter(Location(4, 0), 6), delivery_timeout=300
    )
    watcher.subscribe_namespace("live")
    publisher.publish("live", "video")
    (sink,) = net.engine.sinks.values()
    assert (sink.forward, sink.priority, sink.start, sink.end_group) == (False, 7, (4, 0), 6)
    assert sink.delivery_timeout == 300
    watcher.update(taken[0].request_id, forward=True, priority=8, filter=Filter(Location(5, 0), 6))
    assert (sink.forward, sink.priority, sink.start) == (True, 8, (5, 0))


@profiles
def test_a_refused_offer_sends_nothing_more(profile: Profile) -> None:
    """P6: and NOT_SUPPORTED is remembered for the session."""
    net = RelayNet()
    publisher, watcher = net.client(profile), net.client(profile)
    watcher.subscribe_namespace("live")
    for name, code in (
        ("a", RequestCode.UNINTERESTED),
        ("b", RequestCode.NOT_SUPPORTED),
    ):
        publisher.publish("live", name)
        request_id = watcher.take(messages.Publish).request_id
        watcher.say(messages.RequestError(request_id, RequestKind.PUBLISH, code))
        assert not net.engine.sinks
    publisher.publish("live", "c")
    assert watcher.count(messages.Publish) == 0


@profiles
def test_an_offered_track_ends_like_any_other(profile: Profile) -> None:
    """O20: PUBLISH_DONE names our PUBLISH."""
    net = RelayNet()
    publisher, watcher = net.client(profile), net.client(profile)
    taken = watcher.take_publishes()
    watcher.subscribe_namespace("live")
    published = publisher.publish("live", "video")
    publisher.objects((0, 0), (1, 0))
    publisher.say(messages.PublishDone(published, DoneCode.TRACK_ENDED, 2))
    done = watcher.take(messages.PublishDone)
    assert (done.request_id, done.stream_count) == (taken[0].request_id, 2)


@profiles
def test_a_track_that_is_published_anew_is_offered_anew(profile: Profile) -> None:
    """P5: also when its old subscription is still draining."""
    net = RelayNet()
    publisher, watcher = net.client(profile), net.client(profile)
    taken = watcher.take_publishes()
    watcher.subscribe_namespace("live")
    first = publisher.publish("live", "video")
    net.engine.slow.add(SinkDrained)
    publisher.say(messages.PublishDone(first, DoneCode.TRACK_ENDED, 0))
    publisher.publish("live", "video")
    assert len(taken) == 1
    net.engine.release()
    net.run()
    assert watcher.count(messages.PublishDone) == 1
    assert len(taken) == 2


@profiles
def test_a_peer_unsubscribes_what_it_was_offered(profile: Profile) -> None:
    net = RelayNet()
    publisher, watcher = net.client(profile), net.client(profile)
    taken = watcher.take_publishes()
    watcher.subscribe_namespace("live")
    publisher.publish("live", "video")
    watcher.say(messages.Unsubscribe(taken[0].request_id))
    assert not net.engine.sinks
    publisher.objects((0, 0))
    watcher.subscribe("live", "video")
    watcher.take(messages.SubscribeOk)


@profiles
def test_offers_wait_for_the_peers_credit(profile: Profile) -> None:
    """S8: nothing is attached, and nothing pinned, for a peer that grants no request."""
    net = RelayNet()
    publisher, watcher = net.client(profile), net.client(profile, max_request_id=0)
    watcher.subscribe_namespace("live", wants_namespaces=False)
    for name in ("a", "b", "c"):
        publisher.publish("live", name)
    assert not net.engine.sinks
    watcher.say(messages.MaxRequestId(4))
    assert watcher.count(messages.Publish) == 2
    assert len(net.engine.sinks) == 2
    publisher.leave()
    watcher.say(messages.MaxRequestId(40))
    assert watcher.count(messages.Publish) == 2


def test_an_offer_that_is_given_up_gives_its_credit_back() -> None:
    """S8: the peer's only request is there for the next offer."""
    net = RelayNet()
    publisher, watcher = net.client(D14), net.client(D14, max_request_id=2)
    watcher.subscribe_namespace("live")
    net.engine.slow.add(SinkAttached)
    publisher.publish("live", "video")
    watcher.subscribe("live", "video")
    net.engine.release()
    net.run()
    watcher.take(messages.SubscribeOk)
    assert watcher.count(messages.Publish) == 0
    publisher.publish("live", "audio")
    watcher.take(messages.Publish)


@profiles
def test_an_unanswered_offer_is_dropped(profile: Profile) -> None:
    """S9: a PUBLISH of ours that gets no answer holds nothing for long."""
    net = RelayNet()
    publisher, watcher = net.client(profile), net.client(profile)
    watcher.subscribe_namespace("live")
    publisher.publish("live", "video")
    watcher.take(messages.Publish)
    net.advance(11)
    assert not net.engine.sinks
    assert watcher.closed is None


def test_a_draft_14_peer_may_cancel_or_refuse_a_namespace() -> None:
    """P8: what it does not want is not withdrawn either."""
    net = RelayNet()
    publisher, watcher = net.client(D14), net.client(D14)
    watcher.subscribe_namespace("live")
    requests = {text: publisher.publish_namespace(text) for text in ("live/a", "live/b", "live/c")}
    for message in [*watcher.heard]:
        if not isinstance(message, messages.PublishNamespace):
            continue
        if message.namespace == namespace("live/a"):
            watcher.say(messages.RequestOk(message.request_id, RequestKind.PUBLISH_NAMESPACE))
            watcher.say(messages.PublishNamespaceCancel(namespace=message.namespace))
        elif message.namespace == namespace("live/b"):
            kind, code = RequestKind.PUBLISH_NAMESPACE, RequestCode.UNINTERESTED
            watcher.say(messages.RequestError(message.request_id, kind, code))
    for text, request_id in requests.items():
        publisher.withdraw_namespace(request_id, text)
    assert withdrawn(watcher, "live") == ["live/c"]


def test_a_namespace_withdrawn_before_credit_came_is_never_told() -> None:
    """P9: no withdrawal without an announcement, and no announcement after the withdrawal."""
    net = RelayNet()
    publisher, watcher = net.client(D14), net.client(D14, max_request_id=0)
    watcher.subscribe_namespace("live")
    gone = publisher.publish_namespace("live/a")
    publisher.publish_namespace("live/b")
    publisher.withdraw_namespace(gone, "live/a")
    watcher.say(messages.MaxRequestId(10))
    assert announced(watcher, "live") == ["live/b"]
    assert withdrawn(watcher, "live") == []


@profiles
def test_namespaces_and_prefixes_are_limited(profile: Profile) -> None:
    """S8: per session, near the root or not."""
    net = RelayNet(Limits(namespaces=3, namespace_subscriptions=3))
    client = net.client(profile)
    for number in range(4):
        client.publish_namespace(f"live/{number}")
        client.subscribe_namespace(f"seen/{number}")
    assert client.count(messages.RequestOk) == 6
    for _ in range(2):
        error = client.take(messages.RequestError)
        assert error.code is RequestCode.INTERNAL_ERROR
        assert error.retry_after == (1000 if profile.has_retry_interval else None)


def test_the_empty_prefix_is_everything() -> None:
    """P8: legal from draft-16 on."""
    net = RelayNet()
    publisher, watcher = net.client(D16), net.client(D16)
    watcher.subscribe_namespace("")
    publisher.publish_namespace("live/cam")
    assert announced(watcher, "") == ["live/cam"]
