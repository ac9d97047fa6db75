"""SUBSCRIBE through a relay: aggregation, joins, filters and ends."""

import pytest
from tidegate.moqt import messages
from tidegate.moqt.codes import DoneCode, RequestCode, RequestKind, SessionCode
from tidegate.moqt.names import Location
from tidegate.moqt.properties import TrackProperty
from tidegate.moqt.subscription import LARGEST_OBJECT, NEXT_GROUP, Filter, GroupOrder
from tidegate.moqt.version import D14, D16, Profile

from tests.moqt.harness import PAIRS, PROFILES, RelayNet, SinkAttached, SinkDrained, track

pairs = pytest.mark.parametrize(("publishing", "subscribing"), PAIRS, ids=str)
profiles = pytest.mark.parametrize("profile", PROFILES, ids=str)

GROUPS = [(group, number) for group in range(3) for number in range(2)]


@pairs
def test_a_subscription_is_answered_once_its_publisher_has_answered(
    publishing: Profile, subscribing: Profile
) -> None:
    """B2: SUBSCRIBE_OK waits for an established upstream subscription."""
    net = RelayNet()
    publisher, subscriber = net.client(publishing), net.client(subscribing)
    publisher.publish_namespace("live")
    request_id = subscriber.subscribe("live/cam", "video")
    asked = publisher.take(messages.Subscribe)
    assert asked.track == track("live/cam", "video")
    assert subscriber.heard == []
    publisher.say(messages.SubscribeOk(asked.request_id, 9, largest=Location(4, 2)))
    reply = subscriber.take(messages.SubscribeOk)
    assert (reply.request_id, reply.largest) == (request_id, Location(4, 2))
    assert subscriber.heard == []


@pairs
def test_every_request_gets_exactly_one_answer(publishing: Profile, subscribing: Profile) -> None:
    """B1: one OK or one ERROR, whatever becomes of the publishers."""
    net = RelayNet()
    good, bad, subscriber = net.client(publishing), net.client(publishing), net.client(subscribing)
    for publisher in (good, bad):
        publisher.publish_namespace("live")
    subscriber.subscribe("live", "video")
    refusing, granting = bad.take(messages.Subscribe), good.take(messages.Subscribe)
    bad.say(
        messages.RequestError(
            refusing.request_id, RequestKind.SUBSCRIBE, RequestCode.DOES_NOT_EXIST
        )
    )
    assert subscriber.heard == []
    good.say(messages.SubscribeOk(granting.request_id, 1))
    bad.leave()
    net.advance(60)
    assert [type(message) for message in subscriber.heard] == [messages.SubscribeOk]


@pairs
def test_an_established_track_answers_at_once(publishing: Profile, subscribing: Profile) -> None:
    """B3: with an established upstream, SUBSCRIBE_OK needs nobody."""
    net = RelayNet()
    publisher = net.client(publishing)
    publisher.publish_namespace("live")
    served = publisher.serve()
    for _ in range(2):
        subscriber = net.client(subscribing)
        subscriber.subscribe("live", "video")
        subscriber.take(messages.SubscribeOk)
    assert len(served) == 1


@pairs
def test_a_join_costs_three_commands(publishing: Profile, subscribing: Profile) -> None:
    """B3: SERVER_SETUP, a sink and its start; nothing more, however many have joined before."""
    net = RelayNet()
    publisher = net.client(publishing)
    publisher.publish_namespace("live")
    publisher.serve()
    net.client(subscribing).subscribe("live", "video")
    for _ in range(20):
        net.engine.calls.clear()
        net.client(subscribing).subscribe("live", "video")
        assert net.engine.calls == ["send", "attach_sink", "start_sink"]


@pairs
def test_every_matching_publisher_is_asked(publishing: Profile, subscribing: Profile) -> None:
    """B4: the exact namespace and every prefix of it, but nobody else."""
    net = RelayNet()
    asked = {}
    for text in ("live", "live/cam", "live/cam/1", "other", "liv", "live/c"):
        publisher = net.client(publishing)
        publisher.publish_namespace(text)
        asked[text] = publisher.serve()
    net.client(subscribing).subscribe("live/cam", "video")
    assert {text for text, served in asked.items() if served} == {"live", "live/cam"}


@profiles
def test_namespaces_match_by_whole_fields(profile: Profile) -> None:
    """B5: (foo) covers (foo, bar), and not (foobar)."""
    net = RelayNet()
    publisher, subscriber = net.client(profile), net.client(profile)
    publisher.publish_namespace("foo")
    publisher.serve()
    subscriber.subscribe("foo/bar", "x")
    subscriber.take(messages.SubscribeOk)
    subscriber.subscribe("foobar", "x")
    assert subscriber.take(messages.RequestError).code is RequestCode.DOES_NOT_EXIST
    subscriber.subscribe("fo/o", "x")
    assert subscriber.take(messages.RequestError).code is RequestCode.DOES_NOT_EXIST


@pairs
def test_a_paused_subscriber_does_not_pause_the_publisher(
    publishing: Profile, subscribing: Profile
) -> None:
    """B6: upstream always forwards, so nobody downstream has to ask for it."""
    net = RelayNet()
    publisher, paused, watching = (
        net.client(publishing),
        net.client(subscribing),
        net.client(subscribing),
    )
    publisher.publish_namespace("live")
    served = publisher.serve()
    paused.subscribe("live", "video", forward=False)
    watching.subscribe("live", "video")
    assert [each.forward for each in served] == [True]
    publisher.objects((0, 0))
    assert paused.received() == []
    assert watching.received() == [(0, 0)]


@pairs
def test_what_is_asked_upstream_suits_everybody(publishing: Profile, subscribing: Profile) -> None:
    """B7, B8, B9, B10: forward, from the live edge, and no subscriber's own wishes."""
    net = RelayNet()
    publisher, subscriber = net.client(publishing), net.client(subscribing)
    publisher.publish_namespace("live")
    served = publisher.serve()
    subscriber.subscribe(
        "live",
        "video",
        filter=Filter(Location(3, 0), 9),
        forward=False,
        priority=3,
        group_order=GroupOrder.DESCENDING,
        delivery_timeout=500,
    )
    (asked,) = served
    assert (asked.forward, asked.filter, asked.priority) == (True, LARGEST_OBJECT, 128)
    assert (asked.group_order, asked.delivery_timeout) == (None, None)
    (sink,) = net.engine.sinks.values()
    assert (sink.start, sink.end_group, sink.forward, sink.priority) == ((3, 0), 9, False, 3)
    assert (sink.descending, sink.delivery_timeout) == (True, 500)


@pairs
def test_subscribers_share_one_upstream_subscription(
    publishing: Profile, subscribing: Profile
) -> None:
    """B8: however many subscribe, each publisher is asked once."""
    net = RelayNet()
    publisher = net.client(publishing)
    publisher.publish_namespace("live")
    served = publisher.serve()
    subscribers = [net.client(subscribing) for _ in range(3)]
    for subscriber in subscribers:
        subscriber.subscribe("live", "video")
    publisher.objects(*GROUPS)
    assert len(served) == 1
    assert [subscriber.received() for subscriber in subscribers] == [GROUPS] * 3
    # The upstream stays until the last of them has left, and a little longer.
    for subscriber in subscribers[:2]:
        subscriber.leave()
    net.advance(30)
    assert publisher.count(messages.Unsubscribe) == 0
    subscribers[2].leave()
    net.advance(1)
    assert publisher.count(messages.Unsubscribe) == 0
    net.advance(2)
    assert publisher.take(messages.Unsubscribe).request_id == served[0].request_id


@profiles
def test_a_subscriber_that_comes_back_at_once_finds_the_track(profile: Profile) -> None:
    """B8: a short absence does not end the upstream subscription."""
    net = RelayNet()
    publisher, first = net.client(profile), net.client(profile)
    publisher.publish_namespace("live")
    served = publisher.serve()
    first.subscribe("live", "video")
    first.leave()
    net.advance(1)
    second = net.client(profile)
    second.subscribe("live", "video")
    second.take(messages.SubscribeOk)
    net.advance(60)
    assert len(served) == 1
    assert publisher.count(messages.Unsubscribe) == 0


@profiles
def test_a_second_subscription_to_a_track(profile: Profile) -> None:
    """B11: a violation at 14, DUPLICATE_SUBSCRIPTION from 16 on."""
    net = RelayNet()
    publisher, subscriber = net.client(profile), net.client(profile)
    publisher.publish_namespace("live")
    publisher.serve()
    subscriber.subscribe("live", "video")
    subscriber.take(messages.SubscribeOk)
    subscriber.subscribe("live", "video")
    if profile is D14:
        assert subscriber.closed is not None
        assert subscriber.closed[0] is SessionCode.PROTOCOL_VIOLATION
    else:
        error = subscriber.take(messages.RequestError)
        assert error.code is RequestCode.DUPLICATE_SUBSCRIPTION
        publisher.objects((0, 0))
        assert subscriber.received() == [(0, 0)]


@profiles
def test_a_subscribe_that_crosses_our_publish(profile: Profile) -> None:
    """B12: refused at 16; at 14, which does not say, it takes the place of our PUBLISH."""
    net = RelayNet()
    publisher, subscriber = net.client(profile), net.client(profile)
    subscriber.subscribe_namespace("live")
    publisher.publish("live", "video")
    offered = subscriber.take(messages.Publish)
    subscriber.subscribe("live", "video")
    if profile is D16:
        error = subscriber.take(messages.RequestError)
        assert error.code is RequestCode.DUPLICATE_SUBSCRIPTION
        alias = offered.track_alias
    else:
        alias = subscriber.take(messages.SubscribeOk).track_alias
    subscriber.say(messages.PublishOk(offered.request_id))
    publisher.objects((0, 0))
    assert subscriber.received(alias) == [(0, 0)]
    assert len(net.engine.sinks) == 1
    assert subscriber.closed is None


@profiles
def test_a_publish_that_crosses_our_subscribe(profile: Profile) -> None:
    """B12: our own SUBSCRIBE is taken back before PUBLISH_OK."""
    net = RelayNet()
    publisher, subscriber = net.client(profile), net.client(profile)
    publisher.publish_namespace("live")
    subscriber.subscribe("live", "video")
    asked = publisher.take(messages.Subscribe)
    publisher.publish("live", "video", alias=7)
    kinds = [type(message) for message in publisher.heard]
    assert kinds[-2:] == [messages.Unsubscribe, messages.PublishOk]
    assert publisher.take(messages.Unsubscribe).request_id == asked.request_id
    subscriber.take(messages.SubscribeOk)
    publisher.objects((0, 0), alias=7)
    assert subscriber.received() == [(0, 0)]


@pairs
def test_the_largest_location_is_the_largest_that_anyone_knows(
    publishing: Profile, subscribing: Profile
) -> None:
    """B13: what the publisher said or what came since; never smaller, never invented."""
    net = RelayNet()
    publisher = net.client(publishing)
    publisher.publish_namespace("live")
    publisher.serve(largest=Location(5, 3))
    told = []
    for places in ([], [(5, 4)], [(6, 0)]):
        if places:
            publisher.objects(*places)
        subscriber = net.client(subscribing)
        subscriber.subscribe("live", "video")
        told.append(subscriber.take(messages.SubscribeOk).largest)
    assert told == [Location(5, 3), Location(5, 4), Location(6, 0)]
    nothing = net.client(publishing)
    nothing.publish_namespace("silent")
    nothing.serve()
    subscriber.subscribe("silent", "video")
    assert subscriber.take(messages.SubscribeOk).largest is None


@profiles
def test_a_publisher_that_lags_does_not_lower_the_largest_location(profile: Profile) -> None:
    """B13: never smaller than what was told before."""
    net = RelayNet()
    for largest in (Location(9, 2), Location(3, 0)):
        publisher = net.client(profile)
        publisher.publish("live", "video", largest=largest)
    subscriber = net.client(profile)
    subscriber.subscribe("live", "video")
    assert subscriber.take(messages.SubscribeOk).largest == Location(9, 2)


@pairs
@pytest.mark.parametrize(
    ("chosen", "expected"),
    [
        (LARGEST_OBJECT, [(1, 1), (2, 0), (2, 1)]),
        (NEXT_GROUP, [(2, 0), (2, 1)]),
        (Filter(Location(2, 1)), [(2, 1)]),
        (Filter(Location(0, 1), 1), [(0, 1), (1, 0), (1, 1)]),
    ],
)
def test_filters_apply_to_each_subscription(
    publishing: Profile,
    subscribing: Profile,
    chosen: Filter,
    expected: list[tuple[int, int]],
) -> None:
    """B15: nothing outside the range that a subscriber chose."""
    net = RelayNet()
    publisher, other = net.client(publishing), net.client(subscribing)
    publisher.publish_namespace("live")
    publisher.serve()
    other.subscribe("live", "video")
    publisher.objects(*GROUPS[:3])
    subscriber = net.client(subscribing)
    subscriber.subscribe("live", "video", filter=chosen)
    publisher.objects(*GROUPS[3:])
    assert subscriber.received() == expected
    assert other.received() == GROUPS


@pairs
@pytest.mark.parametrize("by", ["PUBLISH", "SUBSCRIBE_OK"])
def test_who_waited_for_the_publisher_misses_nothing(
    publishing: Profile, subscribing: Profile, by: str
) -> None:
    """B15: objects that overtake the join belong to it; it starts after what the publisher told."""
    net = RelayNet(linger_ms=30_000)
    publisher, subscriber = net.client(publishing), net.client(subscribing)
    net.engine.parked[publisher.session, 1] = ((4, 1), (4, 2))
    subscriber.subscribe("live", "video")
    if by == "PUBLISH":
        publisher.publish("live", "video", alias=1, largest=Location(4, 0))
    else:
        publisher.serve(largest=Location(4, 0))
        publisher.publish_namespace("live")
    assert subscriber.take(messages.SubscribeOk).largest == Location(4, 0)
    publisher.objects((5, 0))
    assert subscriber.received() == [(4, 1), (4, 2), (5, 0)]


@pairs
def test_a_range_that_cannot_be_had_is_refused(publishing: Profile, subscribing: Profile) -> None:
    """B15: INVALID_RANGE for a range that is over, or backwards."""
    net = RelayNet()
    publisher, subscriber = net.client(publishing), net.client(subscribing)
    publisher.publish_namespace("live")
    publisher.serve(largest=Location(8, 0))
    for chosen in (Filter(Location(3, 0), 5), Filter(Location(9, 0), 8)):
        subscriber.subscribe("live", "video", filter=chosen)
        assert subscriber.take(messages.RequestError).code is RequestCode.INVALID_RANGE
    assert subscriber.heard == []
    assert not net.engine.sinks
    # Nor is a track remembered that was only asked for wrongly.
    subscriber.subscribe("live", "never", filter=Filter(Location(9, 0), 8))
    (relay,) = net.server.relays.values()
    assert [*relay.tracks] == [track("live", "video")]


@pairs
def test_an_endpoint_subscribes_to_its_own_track(publishing: Profile, subscribing: Profile) -> None:
    """B18: a self-subscription is like any other."""
    net = RelayNet()
    client = net.client(publishing)
    client.publish_namespace("live")
    served = client.serve()
    client.subscribe("live", "video")
    assert len(served) == 1
    client.take(messages.SubscribeOk)
    client.objects(*GROUPS)
    assert client.received() == GROUPS
    offering = net.client(subscribing)
    offering.publish("own", "audio", alias=4)
    offering.take(messages.PublishOk)
    offering.subscribe("own", "audio")
    offering.take(messages.SubscribeOk)
    for each in (client, offering):
        each.leave()
    net.assert_nothing_left()


@pairs
def test_track_properties_travel_with_every_ok(publishing: Profile, subscribing: Profile) -> None:
    """B20: unknown ones too, as far as the drafts on both sides can carry them."""
    properties: tuple[tuple[int, int | bytes], ...] = (
        (TrackProperty.DELIVERY_TIMEOUT, 700),
        (TrackProperty.MAX_CACHE_DURATION, 9000),
        (TrackProperty.IMMUTABLE, b"\x40\x01x"),
        (0x7F00, 5),
    )
    net = RelayNet()
    publisher, subscriber = net.client(publishing), net.client(subscribing)
    watcher = net.client(subscribing)
    watcher.subscribe_namespace("offered")
    publisher.publish_namespace("live")
    publisher.serve(properties=properties)
    subscriber.subscribe("live", "video", delivery_timeout=900)
    publisher.publish("offered", "video", alias=77, properties=properties)
    whole = publishing.track_properties and subscribing.track_properties
    expected = properties if whole else properties[:2]
    assert subscriber.take(messages.SubscribeOk).properties == expected
    assert watcher.take(messages.Publish).properties == expected
    publisher.objects((0, 0))
    subscriber.fetch(
        messages.StandaloneFetch(track("live", "video"), Location(0, 0), Location(0, 0))
    )
    fetched = subscriber.take(messages.FetchOk).properties
    assert fetched == (expected if subscribing.track_properties else properties[1:2])
    # The shorter of both delivery timeouts counts.
    (sink,) = (sink for sink in net.engine.sinks.values() if sink.session == subscriber.session)
    assert sink.delivery_timeout == 700


@pairs
def test_the_end_of_a_track_reaches_its_subscribers(
    publishing: Profile, subscribing: Profile
) -> None:
    """O20: PUBLISH_DONE comes last, with the number of streams that we opened."""
    net = RelayNet()
    publisher, subscriber = net.client(publishing), net.client(subscribing)
    publisher.publish_namespace("live")
    served = publisher.serve()
    request_id = subscriber.subscribe("live", "video")
    subscriber.take(messages.SubscribeOk)
    publisher.objects(*GROUPS)
    net.engine.slow.add(SinkDrained)
    publisher.say(messages.PublishDone(served[0].request_id, DoneCode.TRACK_ENDED, 3))
    assert subscriber.heard == []
    net.engine.release()
    net.run()
    done = subscriber.take(messages.PublishDone)
    assert (done.request_id, done.code, done.stream_count) == (
        request_id,
        DoneCode.TRACK_ENDED,
        3,
    )


@pairs
def test_a_track_that_ends_during_a_join_is_granted_first(
    publishing: Profile, subscribing: Profile
) -> None:
    """B1: the OK still comes, and PUBLISH_DONE after it."""
    net = RelayNet()
    publisher, subscriber = net.client(publishing), net.client(subscribing)
    publisher.publish_namespace("live")
    served = publisher.serve()
    net.engine.slow.add(SinkAttached)
    subscriber.subscribe("live", "video")
    publisher.say(messages.PublishDone(served[0].request_id, DoneCode.TRACK_ENDED, 0))
    assert subscriber.heard == []
    net.engine.release()
    net.run()
    kinds = [type(message) for message in subscriber.heard]
    assert kinds == [messages.SubscribeOk, messages.PublishDone]


@pytest.mark.parametrize(
    ("reason", "code"),
    [
        ("range", DoneCode.SUBSCRIPTION_ENDED),
        ("too_far_behind", DoneCode.TOO_FAR_BEHIND),
        ("malformed", DoneCode.MALFORMED_TRACK),
    ],
)
@profiles
def test_why_the_engine_ended_a_subscription(profile: Profile, reason: str, code: DoneCode) -> None:
    """O19: the subscriber learns why, and the others go on."""
    net = RelayNet()
    publisher, slow, other = net.client(profile), net.client(profile), net.client(profile)
    publisher.publish_namespace("live")
    publisher.serve()
    for subscriber in (slow, other):
        subscriber.subscribe("live", "video")
    (handle,) = (
        handle for handle, sink in net.engine.sinks.items() if sink.session == slow.session
    )
    del net.engine.sinks[handle]
    net.engine.tell(SinkDrained(handle, 4, reason))
    net.run()
    done = slow.take(messages.PublishDone)
    assert (done.code, done.stream_count) == (code, 4)
    assert other.count(messages.PublishDone) == 0
    # The subscription is over: the track can be had again.
    slow.subscribe("live", "video")
    assert slow.count(messages.SubscribeOk) == 2


@profiles
def test_a_range_that_ends_during_the_join_is_refused(profile: Profile) -> None:
    """B1, B15: one answer, and it is no PUBLISH_DONE."""
    net = RelayNet()
    publisher, subscriber = net.client(profile), net.client(profile)
    publisher.publish("live", "video")
    net.engine.slow.add(SinkAttached)
    subscriber.subscribe("live", "video", filter=Filter(Location(0, 0), 1))
    (handle,) = net.engine.sinks
    net.engine.sinks.clear()
    net.engine.tell(SinkDrained(handle, 0, "range"))
    net.engine.release()
    net.run()
    assert subscriber.take(messages.RequestError).code is RequestCode.INVALID_RANGE
    assert subscriber.heard == []


@profiles
def test_unsubscribing_ends_a_subscription_without_an_answer(profile: Profile) -> None:
    net = RelayNet()
    publisher, subscriber = net.client(profile), net.client(profile)
    publisher.publish_namespace("live")
    publisher.serve()
    request_id = subscriber.subscribe("live", "video")
    subscriber.take(messages.SubscribeOk)
    subscriber.say(messages.Unsubscribe(request_id))
    publisher.objects((0, 0))
    assert subscriber.heard == []
    assert not net.engine.sinks


@pairs
def test_each_session_has_aliases_of_its_own(publishing: Profile, subscribing: Profile) -> None:
    """S1, O15: sessions end at the relay; what leaves was said anew, under our own alias."""
    net = RelayNet()
    publisher, subscriber = net.client(publishing), net.client(subscribing)
    publisher.publish_namespace("live")
    for alias, name in ((900, "video"), (901, "audio")):
        subscriber.subscribe("live", name)
        asked = publisher.take(messages.Subscribe)
        publisher.say(messages.SubscribeOk(asked.request_id, alias))
    aliases = [subscriber.take(messages.SubscribeOk).track_alias for _ in range(2)]
    assert aliases == [1, 2]


def test_a_name_that_a_draft_cannot_say_is_not_forwarded() -> None:
    """S4: an empty namespace field, legal at 14, would end a draft-16 publisher's session."""
    net = RelayNet()
    publisher, watcher, subscriber = net.client(D16), net.client(D16), net.client(D14)
    publisher.publish_namespace("live")
    publisher.serve()
    watcher.subscribe_namespace("live")
    subscriber.subscribe("live//x", "video")
    assert subscriber.take(messages.RequestError).code is RequestCode.DOES_NOT_EXIST
    subscriber.publish_namespace("live//x")
    assert watcher.count(messages.Namespace) == 1
    assert publisher.closed is watcher.closed is subscriber.closed is None
