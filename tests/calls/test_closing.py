"""``PUT tracks/close``, negotiated and forced ("HTTPS API")."""

import pytest
from tidegate.calls.limits import Limits

from tests.calls.harness import Sfu

CLOSED = "close_track_error"


def test_a_negotiated_close_is_answered() -> None:
    """The OpenAPI example: the client's offer in, an answer out, the mids confirmed."""
    sfu = Sfu()
    publisher = sfu.publisher("cam", "mic")
    publisher.lines[0].stopped = True
    reply = publisher.close("0")
    assert reply.ok["requiresImmediateRenegotiation"] is False
    assert reply.tracks == [{"mid": "0"}]
    assert reply.ok["sessionDescription"]["type"] == "answer"
    assert publisher.statuses() == {("local", "1"): "active"}
    assert len(sfu.engine.tracks) == 1


def test_tracks_are_closed_by_the_list_not_by_the_offer() -> None:
    """partytracks closes several mids in one request and stops only the first transceiver."""
    sfu = Sfu()
    publisher = sfu.publisher("a", "b", "c")
    publisher.lines[0].stopped = True
    reply = publisher.close("0", "1")
    assert reply.item_errors == [None, None]
    assert publisher.answered == {"0": "inactive", "1": "inactive", "2": "recvonly"}
    assert publisher.statuses() == {("local", "2"): "active"}


def test_closing_a_publication_ends_it_for_everybody() -> None:
    sfu = Sfu()
    publisher, one, other = sfu.publisher("cam"), sfu.client(), sfu.client()
    one.pull((publisher, "cam"))
    other.pull((publisher, "cam"))
    publisher.lines[0].stopped = True
    publisher.close("0")
    assert sfu.engine.tracks == {}
    assert one.statuses() == other.statuses() == {("remote", "0"): "inactive"}
    assert one.ask((publisher, "cam")).item_errors == ["not_found_track_error"]


def test_closing_a_subscription_ends_that_one() -> None:
    sfu = Sfu()
    publisher, one, other = sfu.publisher("cam"), sfu.client(), sfu.client()
    one.pull((publisher, "cam"))
    other.pull((publisher, "cam"))
    one.lines[0].stopped = True
    one.close("0")
    assert one.statuses() == {}
    assert one.sinks == {}
    assert [*other.sinks] == ["0"]
    assert publisher.statuses() == {("local", "0"): "active"}


def test_closing_a_bidirectional_section_ends_both_directions() -> None:
    sfu = Sfu()
    publisher, client = sfu.publisher("mic"), sfu.client()
    client.push("mic", bidirectionalMediaStream=True)
    client.connect()
    client.ask((publisher, "mic"), mid="0")
    assert client.force("0").item_errors == [None]
    assert client.statuses() == {("local", "0"): "inactive", ("remote", "0"): "inactive"}
    assert client.sinks == {}
    assert len(sfu.engine.tracks) == 1


def test_a_subscriber_closes_what_its_publisher_ended() -> None:
    sfu = Sfu()
    publisher, subscriber = sfu.publisher("cam"), sfu.client()
    subscriber.pull((publisher, "cam"))
    publisher.force("0")
    subscriber.lines[0].stopped = True
    assert subscriber.close("0").item_errors == [None]
    assert sfu.engine.sinks == {}


def test_what_an_offer_stopped_can_still_be_closed() -> None:
    """A page stops a transceiver, offers something else first, and then calls close."""
    sfu = Sfu()
    publisher, client = sfu.publisher("cam"), sfu.publisher("cam")
    client.pull((publisher, "cam"))
    for line in client.lines:
        line.stopped = True
    client.push("mic")
    assert client.sinks == {}
    assert client.close("0", "1").item_errors == [None, None]
    assert client.statuses() == {("local", "2"): "active"}


def test_a_forced_close_needs_no_sdp() -> None:
    """The record may remain as ``inactive``; what is unknown or closed is an item error."""
    sfu = Sfu()
    publisher = sfu.publisher("cam", "mic")
    reply = publisher.force("0", "7")
    assert reply.ok["requiresImmediateRenegotiation"] is False
    assert "sessionDescription" not in reply.ok
    assert reply.tracks[0] == {"mid": "0"}
    assert reply.tracks[1] == {
        "mid": "7",
        "errorCode": CLOSED,
        "errorDescription": "Track doesn't exist or was already closed",
    }
    assert publisher.statuses() == {("local", "0"): "inactive", ("local", "1"): "active"}
    assert publisher.force("0", "1", "1").item_errors == [CLOSED, None, CLOSED]


def test_a_forced_close_leaves_an_open_exchange_alone() -> None:
    """It neither completes nor cancels one, and is allowed meanwhile."""
    sfu = Sfu()
    publisher, client = sfu.publisher("cam"), sfu.publisher("mic")
    offer = client.ask((publisher, "cam"))
    assert client.force("0").item_errors == [None]
    client.finish(offer)
    assert [*client.sinks] == ["1"]


def test_what_is_offered_can_be_closed_before_it_is_answered() -> None:
    sfu = Sfu()
    publisher, client = sfu.publisher("cam"), sfu.client()
    offer = client.ask((publisher, "cam"))
    assert client.force("0").item_errors == [None]
    client.finish(offer)
    assert client.sinks == {}
    assert client.statuses() == {("remote", "0"): "inactive"}


def test_a_negotiated_close_waits_for_the_open_exchange() -> None:
    sfu = Sfu()
    publisher, client = sfu.publisher("cam"), sfu.publisher("mic")
    offer = client.ask((publisher, "cam"))
    body = {
        "tracks": [{"mid": "0"}],
        "sessionDescription": {"type": "offer", "sdp": client.offer()},
        "force": False,
    }
    reply = client.call("close_tracks", body)
    assert reply.error == (406, "invalid_session_description", "signaling_state_not_stable")
    assert client.statuses()["local", "0"] == "active"
    client.finish(offer)


def test_a_close_without_force_is_negotiated() -> None:
    """``force`` is required; with a description it is plain what was meant."""
    sfu = Sfu()
    client = sfu.publisher("cam")
    offer = {"type": "offer", "sdp": client.offer()}
    body: dict[str, object] = {"tracks": [{"mid": "0"}], "sessionDescription": offer}
    assert client.call("close_tracks", body).item_errors == [None]


@pytest.mark.parametrize(
    ("body", "error"),
    [
        ({"tracks": [{"mid": "0"}]}, (400, "decoding_error", None)),
        ({"tracks": [{"mid": "0"}], "force": False}, (406, "invalid_params", None)),
        ({"tracks": [], "force": True}, (406, "invalid_params", None)),
        ({"force": True}, (406, "invalid_params", None)),
        ({"tracks": [{}], "force": True}, (406, "invalid_params", None)),
        ({"tracks": [{"mid": "0"}] * 65, "force": True}, (406, "invalid_params", None)),
        ({"tracks": [{"mid": "0"}], "force": "yes"}, (400, "decoding_error", None)),
        (
            {
                "tracks": [{"mid": "0"}],
                "force": False,
                "sessionDescription": {"type": "answer", "sdp": "v=0"},
            },
            (406, "invalid_params", None),
        ),
        (
            {
                "tracks": [{"mid": "0"}],
                "force": False,
                "sessionDescription": {"type": "offer", "sdp": "?"},
            },
            (400, "invalid_session_description", None),
        ),
    ],
)
def test_a_close_that_is_refused_closes_nothing(
    body: dict[str, object], error: tuple[int, str, str | None]
) -> None:
    sfu = Sfu()
    client = sfu.publisher("cam")
    reply = client.call("close_tracks", body)
    assert reply.error == error
    assert reply.json["tracks"] == []
    assert client.statuses() == {("local", "0"): "active"}


def test_a_section_is_recycled_after_a_close() -> None:
    """The browser's next offer has the new mid at the old m-line's place."""
    sfu = Sfu()
    client = sfu.publisher("cam", "mic")
    client.lines[0].stopped = True
    client.close("0")
    fresh = client.add("video")
    client.lines.remove(fresh)
    client.lines[0] = fresh
    assert client.push_offer(("cam2", fresh.mid)).item_errors == [None]
    client.send("cam2")
    assert sfu.client().pull((client, "cam2")) == ["0"]


def test_what_recycled_sections_carried_is_forgotten() -> None:
    """A page that publishes and stops for ever fills no memory."""
    sfu = Sfu(Limits(requests_per_second=100_000, sections=8))
    client = sfu.publisher("mic")
    fresh = client.add("video")
    for round in range(40):
        client.push_offer((f"cam{round}", fresh.mid))
        client.force(fresh.mid)
        index = client.lines.index(fresh)
        client.lines[index].stopped = True
        client.push_offer(("mic", "0"))
        fresh = client.add("video")
        client.lines.remove(fresh)
        client.lines[index] = fresh
    assert len(client.state().tracks) == 8
    assert client.statuses()["local", "0"] == "active"
