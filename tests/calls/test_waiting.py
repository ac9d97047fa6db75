"""Pulling a track that is not ready yet ("Error codes", "Best practices")."""

from tests.calls.harness import Client, Reply, Sfu

NOT_FOUND = "not_found_track_error"
EMPTY = "empty_track_error"


def answered_after(sfu: Sfu, reply: Reply) -> float:
    """Seconds until the reply is answered, to a tenth."""
    started = sfu.now
    while reply.waits:
        assert sfu.now - started < 60
        sfu.advance(0.1)
    return round(sfu.now - started, 1)


def test_a_name_that_a_connected_publisher_lacks_is_not_found_at_once() -> None:
    sfu = Sfu()
    publisher, subscriber = sfu.publisher("cam"), sfu.client()
    assert subscriber.ask((publisher, "nothing")).item_errors == [NOT_FOUND]


def test_a_publisher_that_connects_is_waited_for() -> None:
    """Cloudflare's relay example pulls before the publisher connected at all."""
    sfu = Sfu()
    publisher, subscriber = sfu.client(), sfu.client()
    reply = subscriber.ask((publisher, "cam"))
    sfu.advance(2)
    publisher.push("cam")
    sfu.advance(2)
    publisher.connect()
    sfu.advance(0.5)
    assert reply.waits
    publisher.send("cam")
    assert reply.item_errors == [None]
    subscriber.finish(reply)
    assert subscriber.sinks["0"].track == publisher.track("cam")


def test_a_publisher_that_never_connects_is_given_up() -> None:
    sfu = Sfu()
    publisher, subscriber = sfu.client(), sfu.client()
    unknown = subscriber.ask((publisher, "cam"))
    assert answered_after(sfu, unknown) == 5.0
    assert unknown.item_errors == [NOT_FOUND]
    publisher.push("cam")
    known = subscriber.ask((publisher, "cam"))
    assert answered_after(sfu, known) == 5.0
    assert known.item_errors == [NOT_FOUND]


def test_a_track_without_media_is_empty() -> None:
    """``empty_track_error``: the publisher is known, but no media arrived in time."""
    sfu = Sfu()
    publisher, subscriber = sfu.client(), sfu.client()
    publisher.push("cam")
    publisher.connect()
    reply = subscriber.ask((publisher, "cam"))
    assert answered_after(sfu, reply) == 5.0
    assert reply.item_errors == [EMPTY]


def test_both_waits_together_end_in_time() -> None:
    sfu = Sfu()
    publisher, subscriber = sfu.client(), sfu.client()
    publisher.push("cam")
    reply = subscriber.ask((publisher, "cam"))
    sfu.advance(4.5)
    publisher.connect()
    assert answered_after(sfu, reply) == 4.5
    assert reply.item_errors == [EMPTY]


def test_tracks_of_a_batch_wait_side_by_side() -> None:
    sfu = Sfu()
    ready, late, never = sfu.publisher("cam"), sfu.client(), sfu.client()
    late.push("cam")
    subscriber = sfu.client()
    reply = subscriber.ask((ready, "cam"), (late, "cam"), (never, "cam"))
    sfu.advance(3)
    late.connect()
    late.send("cam")
    assert answered_after(sfu, reply) == 2.0
    assert reply.item_errors == [None, None, NOT_FOUND]
    subscriber.finish(reply)


def test_what_was_found_may_be_gone_when_the_batch_is_complete() -> None:
    sfu = Sfu()
    ready, never, subscriber = sfu.publisher("cam"), sfu.client(), sfu.client()
    reply = subscriber.ask((ready, "cam"), (never, "cam"))
    ready.force("0")
    sfu.advance(5)
    assert reply.item_errors == [NOT_FOUND, NOT_FOUND]


def test_a_publisher_that_lost_its_connection_has_time_to_come_back() -> None:
    sfu = Sfu()
    publisher, subscriber = sfu.publisher("cam"), sfu.client()
    publisher.disconnect()
    reply = subscriber.ask((publisher, "cam"))
    sfu.advance(1)
    publisher.connect()
    assert reply.item_errors == [None]
    subscriber.finish(reply)
    publisher.disconnect()
    reply = subscriber.ask((publisher, "cam"))
    assert answered_after(sfu, reply) == 5.0
    assert reply.item_errors == [NOT_FOUND]


def test_a_publisher_that_ends_is_not_waited_for() -> None:
    sfu = Sfu()
    publisher = sfu.client()
    sfu.advance(58)
    subscriber = sfu.client()
    reply = subscriber.ask((publisher, "cam"))
    assert reply.waits
    sfu.advance(2)
    assert reply.item_errors == [NOT_FOUND]


def test_an_offer_under_way_may_still_bring_the_name() -> None:
    """The publisher is connected, and has not answered our offer of its section."""
    sfu = Sfu()
    publisher, subscriber = sfu.publisher("cam"), sfu.client()
    track = {"location": "local", "trackName": "mic", "kind": "audio"}
    pushed = publisher.call("new_tracks", {"tracks": [track]})
    reply = subscriber.ask((publisher, "mic"))
    assert reply.waits
    publisher.finish(pushed)
    publisher.send("mic")
    assert reply.item_errors == [None]


def test_requests_of_one_session_take_turns() -> None:
    """A request that waits is not overtaken by one that needs SDP, and holds up nobody else."""
    sfu = Sfu()
    publisher, subscriber, other = sfu.client(), sfu.client(), sfu.client()
    first = subscriber.ask((publisher, "cam"))
    second = subscriber.ask(("e" * 32, "cam"))
    assert first.waits
    assert second.waits
    assert other.ask(("e" * 32, "cam")).item_errors == [NOT_FOUND]
    sfu.advance(5)
    assert first.item_errors == [NOT_FOUND]
    assert second.item_errors == [NOT_FOUND]


def test_the_second_of_two_pulls_finds_the_firsts_offer_open() -> None:
    sfu = Sfu()
    publisher, subscriber = sfu.client(), sfu.client()
    first, second = subscriber.ask((publisher, "cam")), subscriber.ask((publisher, "cam"))
    publisher.push("cam")
    publisher.connect()
    publisher.send("cam")
    assert first.item_errors == [None]
    assert second.error == (406, "invalid_session_description", "signaling_state_not_stable")
    subscriber.finish(first)


def test_who_waits_too_long_for_a_turn_is_answered() -> None:
    sfu = Sfu()
    publishers, subscriber = [sfu.client() for _ in range(3)], sfu.client()
    replies = [subscriber.ask((publisher, "cam")) for publisher in publishers]
    sfu.advance(9)
    assert replies[0].item_errors == [NOT_FOUND]
    assert replies[2].error == (406, "invalid_session_description", "signaling_state_not_stable")
    sfu.advance(1)
    assert replies[1].item_errors == [NOT_FOUND]


def test_a_request_does_not_outlive_its_session() -> None:
    sfu = Sfu()
    subscriber = sfu.client()
    sfu.advance(57)
    publisher = sfu.client()
    replies = [subscriber.ask((publisher, "cam")), subscriber.update("0", publisher, "cam")]
    sfu.advance(3)
    assert {reply.error for reply in replies} == {(410, "session_error", None)}


def test_nobody_watches_when_nobody_waits() -> None:
    sfu = Sfu()
    publisher, subscriber = sfu.client(), sfu.client()
    reply = subscriber.ask((publisher, "cam"), (publisher, "mic"))
    assert len(publisher.session.watchers) == 1
    sfu.advance(5)
    assert not reply.waits
    assert publisher.session.watchers == {}
    assert subscriber.session.operations == set()


def test_many_who_wait_for_one_publisher_all_get_it() -> None:
    sfu = Sfu()
    publisher = sfu.client()
    waiting: list[tuple[Client, Reply]] = []
    for _ in range(100):
        subscriber = sfu.client()
        waiting.append((subscriber, subscriber.ask((publisher, "cam"))))
    publisher.push("cam")
    publisher.connect()
    publisher.send("cam")
    for subscriber, reply in waiting:
        subscriber.finish(reply)
    assert len(sfu.engine.sinks) == 100
