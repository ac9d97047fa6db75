"""Publishers of a relay: several of one track, offers, losses, returns and refusals."""

import pytest
from tidegate.moqt import messages
from tidegate.moqt.codes import DoneCode, RequestCode, RequestKind, SessionCode
from tidegate.moqt.limits import Limits
from tidegate.moqt.names import Location
from tidegate.moqt.version import D14, Profile

from tests.moqt.harness import PAIRS, PROFILES, Malformed, RelayNet, SourceEnded, track

pairs = pytest.mark.parametrize(("publishing", "subscribing"), PAIRS, ids=str)
profiles = pytest.mark.parametrize("profile", PROFILES, ids=str)


@pairs
def test_several_publishers_of_a_track_are_all_kept(
    publishing: Profile, subscribing: Profile
) -> None:
    """P1: their objects are merged, and each reaches a subscriber once."""
    net = RelayNet()
    first, second, offering = (
        net.client(publishing),
        net.client(subscribing),
        net.client(publishing),
    )
    subscriber = net.client(subscribing)
    for publisher in (first, second):
        publisher.publish_namespace("live")
        publisher.take(messages.RequestOk)
        publisher.serve()
    subscriber.subscribe("live", "video")
    offering.publish("live", "video", alias=5)
    offering.take(messages.PublishOk)
    assert len(net.engine.tracks) == 1
    assert len(net.engine.sources) == 3
    first.objects((0, 0), (0, 1))
    second.objects((0, 1), (0, 2))
    offering.objects((0, 2), (0, 3), alias=5)
    assert subscriber.received() == [(0, 0), (0, 1), (0, 2), (0, 3)]


@pairs
def test_the_track_ends_with_its_last_publisher(publishing: Profile, subscribing: Profile) -> None:
    """P1: a publisher that ends or leaves changes nothing while another one is there."""
    net = RelayNet()
    subscriber = net.client(subscribing)
    publishers = [net.client(publishing) for _ in range(3)]
    served = []
    for publisher in publishers:
        publisher.publish_namespace("live")
        served.append(publisher.serve())
    subscriber.subscribe("live", "video")
    subscriber.take(messages.SubscribeOk)
    publishers[0].say(messages.PublishDone(served[0][0].request_id, DoneCode.TRACK_ENDED, 0))
    publishers[1].leave(None)
    net.advance(60)
    assert subscriber.heard == []
    publishers[2].say(messages.PublishDone(served[2][0].request_id, DoneCode.TRACK_ENDED, 0))
    assert subscriber.take(messages.PublishDone).code is DoneCode.TRACK_ENDED


@pairs
def test_a_publish_is_taken_and_forwards_when_wanted(
    publishing: Profile, subscribing: Profile
) -> None:
    """P2, P3: PUBLISH_OK always, with Forward = 1 if a subscriber has it."""
    net = RelayNet()
    publisher, subscriber = net.client(publishing), net.client(subscribing)
    publisher.publish("live", "video", alias=3)
    assert publisher.take(messages.PublishOk).forward is False
    publisher.objects((0, 0), (0, 1), alias=3)
    subscriber.subscribe("live", "video")
    assert subscriber.take(messages.SubscribeOk).largest == Location(0, 1)
    publisher.objects((0, 2), alias=3)
    assert subscriber.received() == [(0, 2)]
    other = net.client(publishing)
    other.publish("live", "video", alias=4)
    assert other.take(messages.PublishOk).forward is True


@profiles
def test_a_publish_that_cannot_be_taken_is_refused(profile: Profile) -> None:
    """P4: partly: its streams are never mapped, but run out unread; S8: tracks are limited."""
    net = RelayNet(Limits(aliases=2))
    publisher = net.client(profile)
    for name in ("a", "b"):
        publisher.publish("live", name)
        publisher.take(messages.PublishOk)
    publisher.publish("live", "c")
    error = publisher.take(messages.RequestError)
    assert error.code is RequestCode.INTERNAL_ERROR
    assert len(net.engine.sources) == 2
    reader = net.client(profile, "s")
    reader.publish("live", "d")
    assert reader.take(messages.RequestError).code is RequestCode.UNAUTHORIZED
    assert len(net.engine.sources) == 2


@profiles
def test_a_full_relay_forgets_what_only_its_cache_keeps(profile: Profile) -> None:
    """S8: tracks of a relay are limited, and a publisher of the past is in nobody's way."""
    net = RelayNet(Limits(tracks_per_relay=2))
    publisher = net.client(profile)
    for name in ("a", "b", "c"):
        request_id = publisher.publish("live", name)
        publisher.say(messages.PublishDone(request_id, DoneCode.TRACK_ENDED, 0))
    assert publisher.count(messages.PublishOk) == 3
    assert len(net.engine.tracks) == 2
    publisher.publish("live", "d")
    publisher.publish("live", "e")
    publisher.publish("live", "f")
    assert publisher.count(messages.PublishOk) == 5
    assert publisher.take(messages.RequestError).code is RequestCode.INTERNAL_ERROR


@profiles
def test_one_session_publishes_a_track_once(profile: Profile) -> None:
    net = RelayNet()
    publisher = net.client(profile)
    publisher.publish("live", "video")
    publisher.take(messages.PublishOk)
    publisher.publish("live", "video")
    expected = {14: RequestCode.INTERNAL_ERROR, 16: RequestCode.DUPLICATE_SUBSCRIPTION}
    assert publisher.take(messages.RequestError).code is expected[profile.draft]


@profiles
def test_an_alias_names_one_track(profile: Profile) -> None:
    """O15: the same alias for two tracks of a session is DUPLICATE_TRACK_ALIAS."""
    net = RelayNet()
    offering = net.client(profile)
    offering.publish("live", "video", alias=3)
    offering.publish("live", "audio", alias=3)
    assert offering.closed is not None
    assert offering.closed[0] is SessionCode.DUPLICATE_TRACK_ALIAS
    serving, subscriber = net.client(profile), net.client(profile)
    serving.publish_namespace("live")
    for name in ("video", "audio"):
        subscriber.subscribe("live", name)
        serving.say(messages.SubscribeOk(serving.take(messages.Subscribe).request_id, 3))
    assert serving.closed is not None
    assert serving.closed[0] is SessionCode.DUPLICATE_TRACK_ALIAS
    subscriber.leave()
    net.assert_nothing_left()


@profiles
def test_a_track_that_could_not_be_taken_is_not_kept(profile: Profile) -> None:
    """S8: a PUBLISH that closes its session leaves no track behind."""
    net = RelayNet()
    offering, other = net.client(profile), net.client(profile)
    offering.publish("live", "video", alias=3)
    other.publish("live", "video", alias=3)
    offering.publish("live", "audio", alias=3)
    assert offering.closed is not None
    (relay,) = net.server.relays.values()
    assert [*relay.tracks] == [track("live", "video")]


@profiles
def test_an_alias_is_free_once_its_track_has_ended(profile: Profile) -> None:
    """O15: also while the last streams of the ended track still come in."""
    net = RelayNet()
    publisher = net.client(profile)
    first = publisher.publish("live", "video", alias=3)
    net.engine.slow.add(SourceEnded)
    publisher.say(messages.PublishDone(first, DoneCode.TRACK_ENDED, 9))
    publisher.publish("live", "audio", alias=3)
    assert publisher.closed is None
    assert publisher.count(messages.PublishOk) == 2
    assert [source.alias for source in net.engine.sources.values()] == [3]


@pairs
def test_a_new_publisher_of_a_running_track_is_asked_too(
    publishing: Profile, subscribing: Profile
) -> None:
    """P10: PUBLISH_NAMESPACE that covers a subscription served by another session."""
    net = RelayNet()
    first, late = net.client(publishing), net.client(publishing)
    subscriber = net.client(subscribing)
    first.publish_namespace("live")
    first.serve()
    subscriber.subscribe("live/cam", "video")
    served = late.serve()
    late.publish_namespace("live/cam")
    assert [asked.track for asked in served] == [track("live/cam", "video")]
    late.publish_namespace("live")
    late.publish_namespace("elsewhere")
    assert len(served) == 1
    late.objects((0, 0))
    assert subscriber.received() == [(0, 0)]


@pairs
def test_a_publisher_that_was_not_needed_takes_over(
    publishing: Profile, subscribing: Profile
) -> None:
    """P1: when the one that served the track vanishes, whoever publishes its namespace is asked."""
    net = RelayNet()
    offering, serving = net.client(publishing), net.client(publishing)
    subscriber = net.client(subscribing)
    served = serving.serve()
    serving.publish_namespace("live")
    offering.publish("live", "video")
    subscriber.subscribe("live", "video")
    assert served == []
    offering.leave(None)
    assert len(served) == 1
    serving.objects((3, 0))
    net.advance(60)
    assert subscriber.received() == [(3, 0)]
    assert subscriber.count(messages.PublishDone) == 0


@profiles
def test_a_new_publisher_is_not_asked_for_what_nobody_wants(profile: Profile) -> None:
    """P10: a track that is only published, or only cached, is not subscribed."""
    net = RelayNet()
    offering, late = net.client(profile), net.client(profile)
    offering.publish("live", "video")
    ended = offering.publish("live", "audio")
    offering.say(messages.PublishDone(ended, DoneCode.TRACK_ENDED, 0))
    late.publish_namespace("live")
    assert late.count(messages.Subscribe) == 0


@profiles
def test_a_publish_says_nothing_of_its_namespace(profile: Profile) -> None:
    """P11: who publishes one track is not asked for another."""
    net = RelayNet()
    publisher, subscriber, watcher = net.client(profile), net.client(profile), net.client(profile)
    watcher.subscribe_namespace("live")
    watcher.take(messages.RequestOk)
    publisher.publish("live", "video")
    publisher.take(messages.PublishOk)
    subscriber.subscribe("live", "audio")
    assert subscriber.take(messages.RequestError).code is RequestCode.DOES_NOT_EXIST
    assert publisher.heard == []
    watcher.take(messages.Publish)
    assert watcher.heard == []


@pytest.mark.parametrize(
    ("upstream", "downstream"),
    [
        (RequestCode.DOES_NOT_EXIST, RequestCode.DOES_NOT_EXIST),
        (RequestCode.INVALID_RANGE, RequestCode.INVALID_RANGE),
        (RequestCode.NOT_SUPPORTED, RequestCode.NOT_SUPPORTED),
        (RequestCode.UNAUTHORIZED, RequestCode.INTERNAL_ERROR),
        (RequestCode.EXPIRED_AUTH_TOKEN, RequestCode.INTERNAL_ERROR),
        (RequestCode.UNINTERESTED, RequestCode.DOES_NOT_EXIST),
    ],
)
@pairs
def test_what_a_subscriber_hears_of_a_publishers_refusal(
    publishing: Profile, subscribing: Profile, upstream: RequestCode, downstream: RequestCode
) -> None:
    """B1: the same code where it means the same; our own credentials are not the subscriber's."""
    net = RelayNet()
    publisher, subscriber = net.client(publishing), net.client(subscribing)
    publisher.publish_namespace("live")
    subscriber.subscribe("live", "video")
    request_id = publisher.take(messages.Subscribe).request_id
    publisher.say(messages.RequestError(request_id, RequestKind.SUBSCRIBE, upstream))
    assert subscriber.take(messages.RequestError).code is downstream


@profiles
def test_only_when_all_publishers_refuse_does_a_subscriber_hear_it(profile: Profile) -> None:
    """B3: one that grants is enough."""
    net = RelayNet()
    publishers = [net.client(profile) for _ in range(2)]
    subscriber = net.client(profile)
    for publisher in publishers:
        publisher.publish_namespace("live")
    subscriber.subscribe("live", "video")
    for publisher in publishers:
        assert subscriber.heard == []
        publisher.say(
            messages.RequestError(
                publisher.take(messages.Subscribe).request_id,
                RequestKind.SUBSCRIBE,
                RequestCode.DOES_NOT_EXIST,
            )
        )
    assert subscriber.take(messages.RequestError).code is RequestCode.DOES_NOT_EXIST


@profiles
def test_a_silent_publisher_outweighs_one_that_refused(profile: Profile) -> None:
    """S9: TIMEOUT, as the track may exist."""
    net = RelayNet()
    publishers = [net.client(profile) for _ in range(2)]
    subscriber = net.client(profile)
    for publisher in publishers:
        publisher.publish_namespace("live")
    subscriber.subscribe("live", "video")
    request_id = publishers[0].take(messages.Subscribe).request_id
    kind = RequestKind.SUBSCRIBE
    publishers[0].say(messages.RequestError(request_id, kind, RequestCode.DOES_NOT_EXIST))
    net.advance(11)
    assert subscriber.take(messages.RequestError).code is RequestCode.TIMEOUT


@pairs
def test_a_silent_publisher_times_out(publishing: Profile, subscribing: Profile) -> None:
    """S9: an unanswered SUBSCRIBE becomes TIMEOUT after ten seconds, and is taken back."""
    net = RelayNet()
    publisher, subscriber = net.client(publishing), net.client(subscribing)
    publisher.publish_namespace("live")
    subscriber.subscribe("live", "video")
    asked = publisher.take(messages.Subscribe)
    net.advance(9)
    assert subscriber.heard == []
    net.advance(2)
    assert subscriber.take(messages.RequestError).code is RequestCode.TIMEOUT
    assert publisher.take(messages.Unsubscribe).request_id == asked.request_id
    assert publisher.closed is None
    # It may still answer late, and be asked again.
    publisher.say(messages.SubscribeOk(asked.request_id, 1))
    publisher.serve()
    subscriber.subscribe("live", "video")
    subscriber.take(messages.SubscribeOk)


@pairs
def test_a_publisher_that_says_goodbye_ends_its_tracks(
    publishing: Profile, subscribing: Profile
) -> None:
    net = RelayNet()
    publisher, subscriber = net.client(publishing), net.client(subscribing)
    publisher.publish("live", "video")
    subscriber.subscribe("live", "video")
    publisher.leave(0)
    assert subscriber.take(messages.PublishDone).code is DoneCode.TRACK_ENDED


@profiles
def test_a_publisher_that_finishes_its_control_stream_leaves_on_purpose(profile: Profile) -> None:
    net = RelayNet()
    publisher, subscriber = net.client(profile), net.client(profile)
    publisher.publish("live", "video")
    subscriber.subscribe("live", "video")
    publisher.say_bytes(b"", fin=True)
    assert publisher.closed is not None
    assert subscriber.take(messages.PublishDone).code is DoneCode.TRACK_ENDED


@pairs
def test_a_publisher_that_vanishes_may_come_back(publishing: Profile, subscribing: Profile) -> None:
    """P1: subscribers wait a little; then they hear that it failed."""
    net = RelayNet()
    subscriber = net.client(subscribing)
    for returns in (True, False):
        publisher = net.client(publishing)
        publisher.serve()
        publisher.publish_namespace("live")
        if returns:
            subscriber.subscribe("live", "video")
            subscriber.take(messages.SubscribeOk)
            publisher.objects((0, 0))
        else:
            publisher.objects((1, 0))
            assert subscriber.received() == [(0, 0), (1, 0)]
        publisher.leave(None)
        net.advance(4)
        assert subscriber.heard == []
    net.advance(2)
    assert subscriber.take(messages.PublishDone).code is DoneCode.INTERNAL_ERROR


@profiles
def test_a_publisher_that_starts_anew_is_a_new_track_to_the_engine(profile: Profile) -> None:
    """P1: once nobody holds on to the old one, its cache says nothing of the new one."""
    net = RelayNet()
    subscriber = net.client(profile)
    for life in range(2):
        publisher = net.client(profile)
        publisher.publish("live", "video")
        subscriber.subscribe("live", "video")
        alias = subscriber.take(messages.SubscribeOk).track_alias
        publisher.objects((0, 0), (1, 0))
        assert subscriber.received(alias) == [(0, 0), (1, 0)], f"life {life}"
        publisher.leave()
        subscriber.take(messages.PublishDone)
    assert len(net.engine.tracks) == 1


@profiles
def test_losing_the_only_publisher_during_a_subscribe(profile: Profile) -> None:
    """B1: what cannot be answered any more is answered DOES_NOT_EXIST."""
    net = RelayNet()
    publisher, subscriber = net.client(profile), net.client(profile)
    publisher.publish_namespace("live")
    subscriber.subscribe("live", "video")
    publisher.leave(None)
    assert subscriber.take(messages.RequestError).code is RequestCode.DOES_NOT_EXIST


@pytest.mark.parametrize(
    ("upstream", "downstream"),
    [
        (DoneCode.TRACK_ENDED, DoneCode.TRACK_ENDED),
        (DoneCode.SUBSCRIPTION_ENDED, DoneCode.TRACK_ENDED),
        (DoneCode.MALFORMED_TRACK, DoneCode.MALFORMED_TRACK),
        (DoneCode.UNAUTHORIZED, DoneCode.INTERNAL_ERROR),
        (DoneCode.TOO_FAR_BEHIND, DoneCode.INTERNAL_ERROR),
    ],
)
@pairs
def test_why_a_publisher_ended_is_translated(
    publishing: Profile, subscribing: Profile, upstream: DoneCode, downstream: DoneCode
) -> None:
    net = RelayNet()
    publisher, subscriber = net.client(publishing), net.client(subscribing)
    request_id = publisher.publish("live", "video")
    subscriber.subscribe("live", "video")
    publisher.say(messages.PublishDone(request_id, upstream, 0))
    assert subscriber.take(messages.PublishDone).code is downstream


@pairs
def test_a_malformed_track_ends_with_its_only_publisher(
    publishing: Profile, subscribing: Profile
) -> None:
    """O16: the publisher at fault is dropped; without another one the subscribers are told."""
    net = RelayNet()
    bad, good = net.client(publishing), net.client(publishing)
    subscriber = net.client(subscribing)
    requests = {}
    for publisher in (bad, good):
        requests[publisher] = publisher.publish("live", "video")
    subscriber.subscribe("live", "video")
    for publisher in (bad, good):
        assert subscriber.count(messages.PublishDone) == 0
        (source,) = (
            handle
            for handle, each in net.engine.sources.items()
            if each.session == publisher.session
        )
        net.engine.tell(Malformed(1, source))
        net.run()
        assert publisher.take(messages.Unsubscribe).request_id == requests[publisher]
    assert subscriber.take(messages.PublishDone).code is DoneCode.MALFORMED_TRACK


@profiles
def test_withdrawing_a_namespace_keeps_what_runs(profile: Profile) -> None:
    net = RelayNet()
    publisher, subscriber = net.client(profile), net.client(profile)
    request_id = publisher.publish_namespace("live")
    publisher.serve()
    subscriber.subscribe("live", "video")
    publisher.withdraw_namespace(request_id, "live")
    publisher.objects((0, 0))
    assert subscriber.received() == [(0, 0)]
    subscriber.subscribe("live", "audio")
    assert subscriber.take(messages.RequestError).code is RequestCode.DOES_NOT_EXIST


@pairs
def test_track_status_of_a_running_track(publishing: Profile, subscribing: Profile) -> None:
    """B19: answered from what we know."""
    net = RelayNet()
    publisher, subscriber = net.client(publishing), net.client(subscribing)
    publisher.publish("live", "video")
    publisher.objects((3, 4))
    request_id = subscriber.next_request()
    subscriber.say(messages.TrackStatus(request_id, track("live", "video")))
    reply = subscriber.take(messages.RequestOk)
    assert (reply.request_id, reply.largest) == (request_id, Location(3, 4))
    assert not net.engine.sinks


@pairs
def test_track_status_is_forwarded_when_nobody_subscribes(
    publishing: Profile, subscribing: Profile
) -> None:
    """B19: to every publisher; the first good answer counts, and none subscribes."""
    net = RelayNet()
    publishers = [net.client(publishing) for _ in range(2)]
    subscriber = net.client(subscribing)
    for publisher in publishers:
        publisher.publish_namespace("live")
        publisher.take(messages.RequestOk)
    for granted in (True, False):
        subscriber.say(messages.TrackStatus(subscriber.next_request(), track("live", "video")))
        asked = [publisher.take(messages.TrackStatus).request_id for publisher in publishers]
        kind = RequestKind.TRACK_STATUS
        publishers[0].say(messages.RequestError(asked[0], kind, RequestCode.DOES_NOT_EXIST))
        assert subscriber.heard == []
        if granted:
            publishers[1].say(messages.RequestOk(asked[1], kind, largest=Location(7, 0)))
            assert subscriber.take(messages.RequestOk).largest == Location(7, 0)
        else:
            publishers[1].say(messages.RequestError(asked[1], kind, RequestCode.DOES_NOT_EXIST))
            assert subscriber.take(messages.RequestError).code is RequestCode.DOES_NOT_EXIST
    subscriber.say(messages.TrackStatus(subscriber.next_request(), track("nobody", "here")))
    assert subscriber.take(messages.RequestError).code is RequestCode.DOES_NOT_EXIST
    assert not net.engine.tracks


@profiles
def test_track_status_times_out(profile: Profile) -> None:
    """S9: a publisher that does not answer does not know."""
    net = RelayNet()
    publisher, subscriber = net.client(profile), net.client(profile)
    publisher.publish_namespace("live")
    subscriber.say(messages.TrackStatus(subscriber.next_request(), track("live", "video")))
    net.advance(11)
    assert subscriber.take(messages.RequestError).code is RequestCode.DOES_NOT_EXIST


@profiles
def test_the_hosted_service_refuses_a_second_publisher(profile: Profile) -> None:
    net = RelayNet(Limits(compat="cloudflare"))
    first, second = net.client(profile), net.client(profile)
    first.publish_namespace("live")
    first.take(messages.RequestOk)
    second.publish_namespace("live")
    assert second.take(messages.RequestError).code is RequestCode.UNINTERESTED
    first.leave(None)
    second.publish_namespace("live")
    second.take(messages.RequestOk)


def test_a_track_opens_near_its_first_publisher() -> None:
    net = RelayNet()
    publisher = net.client(D14)
    publisher.publish("live", "video")
    (opened,) = net.engine.tracks.values()
    assert (opened.near, opened.scope) == (
        publisher.session,
        net.server.relays["a" * 32].number,
    )
