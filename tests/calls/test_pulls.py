"""Subscribing: ``POST tracks/new`` with remote tracks ("Sessions and tracks", "Simulcast")."""

import pytest
from tidegate.calls.limits import Limits

from tests.calls.harness import Sfu, read, remote


def test_a_pull_gets_an_offer_that_has_to_be_answered() -> None:
    """The OpenAPI example "pull": the publisher's names, a ``mid``, simulcast as it was sent."""
    sfu = Sfu()
    publisher, subscriber = sfu.publisher("cam", rids=["f", "h", "q"]), sfu.client()
    preference = {"preferredRid": "h", "priorityOrdering": "asciibetical"}
    reply = subscriber.ask((publisher, "cam"), simulcast=preference)
    assert {**reply.ok, "sessionDescription": None} == {
        "requiresImmediateRenegotiation": True,
        "tracks": [
            {
                "sessionId": publisher.session_id,
                "trackName": "cam",
                "mid": "0",
                "simulcast": preference,
            }
        ],
        "sessionDescription": None,
    }
    (section,) = read(reply.sdp)
    assert section.direction == "sendonly"
    assert sfu.engine.sinks == {}
    subscriber.finish(reply)
    sink = subscriber.sinks["0"]
    assert sink.track == publisher.track("cam")
    assert sink.ssrc in section.streams.ssrcs
    assert sink.layers == ["h"]
    assert [(each[0], each[1]) for each in sink.mappings] == [(96, 96), (102, 102)]


def test_mids_of_a_fresh_session_begin_at_zero_in_the_order_of_the_request() -> None:
    """Cloudflare's simulcast example relies on it: it sends the publisher's mids in updates."""
    sfu = Sfu()
    publisher, subscriber = sfu.publisher("mic", "cam"), sfu.client()
    reply = subscriber.ask((publisher, "cam"), (publisher, "mic"))
    assert [(track["trackName"], track["mid"]) for track in reply.tracks] == [
        ("cam", "0"),
        ("mic", "1"),
    ]
    subscriber.finish(reply)
    assert subscriber.pull((publisher, "cam")) == ["2"]


def test_every_pull_makes_a_section_of_its_own() -> None:
    """The browser has to fire ``track`` for each, the same track pulled again included."""
    sfu = Sfu()
    publisher, subscriber = sfu.publisher("cam"), sfu.client()
    assert subscriber.pull((publisher, "cam"), (publisher, "cam")) == ["0", "1"]
    subscriber.force("0", "1")
    assert subscriber.pull((publisher, "cam")) == ["2"]


def test_a_session_pulls_what_it_publishes() -> None:
    """Any session of the app may subscribe, the publisher included."""
    sfu = Sfu()
    client = sfu.publisher("cam")
    assert client.pull((client, "cam")) == ["1"]


def test_a_batch_offers_what_was_found() -> None:
    """One HTTP 200 can carry failed items: their ``mid`` is empty, the offer has the others."""
    sfu = Sfu()
    one, other, subscriber = sfu.publisher("cam"), sfu.publisher("mic"), sfu.client()
    reply = subscriber.ask((one, "cam"), (one, "nothing"), ("e" * 32, "cam"), (other, "mic"))
    assert reply.item_errors == [None, "not_found_track_error", "not_found_track_error", None]
    assert [track["mid"] for track in reply.tracks] == ["0", "", "", "1"]
    assert reply.tracks[1]["sessionId"] == one.session_id
    assert reply.tracks[1]["trackName"] == "nothing"
    assert len(read(reply.sdp)) == 2
    subscriber.finish(reply)


def test_where_nothing_was_found_there_is_no_offer() -> None:
    sfu = Sfu()
    publisher, subscriber = sfu.publisher("cam"), sfu.client()
    reply = subscriber.ask((publisher, "nothing"))
    assert reply.status == 200
    assert reply.ok["requiresImmediateRenegotiation"] is False
    assert "sessionDescription" not in reply.ok
    assert subscriber.pull((publisher, "cam")) == ["0"]


def test_a_pull_with_an_offer_takes_its_free_sections() -> None:
    """Cloudflare's WHEP and cloud gaming examples: recvonly sections, the answer at once."""
    sfu = Sfu()
    publisher, viewer = sfu.publisher("mic", "cam"), sfu.client()
    viewer.add("video", "recvonly")
    viewer.add("audio", "recvonly")
    body = {
        "sessionDescription": {"type": "offer", "sdp": viewer.offer()},
        "tracks": [remote(publisher, "mic"), remote(publisher, "cam"), remote(publisher, "cam")],
    }
    reply = viewer.call("new_tracks", body)
    assert reply.item_errors == [None, None, "invalid_params"]
    assert [track["mid"] for track in reply.tracks] == ["1", "0", ""]
    assert reply.ok["requiresImmediateRenegotiation"] is False
    viewer.take_answer(reply.sdp)
    assert viewer.answered == {"0": "sendonly", "1": "sendonly"}
    assert {mid: sink.track for mid, sink in viewer.sinks.items()} == {
        "0": publisher.track("cam"),
        "1": publisher.track("mic"),
    }


def test_an_offer_is_answered_even_if_nothing_is_found() -> None:
    sfu = Sfu()
    viewer = sfu.client()
    viewer.add("video", "recvonly")
    body = {
        "sessionDescription": {"type": "offer", "sdp": viewer.offer()},
        "tracks": [remote("e" * 32, "cam")],
    }
    reply = viewer.call("new_tracks", body)
    assert reply.item_errors == ["not_found_track_error"]
    viewer.take_answer(reply.sdp)


def test_offers_alternate_on_one_connection() -> None:
    """Cloud gaming: the client offers, then the SFU, then the client."""
    sfu = Sfu()
    publisher, client = sfu.publisher("cam"), sfu.client()
    client.push("mic")
    assert client.pull((publisher, "cam")) == ["1"]
    assert client.push("cam2") == ["2"]
    assert client.pull((publisher, "cam")) == ["3"]


def test_a_refused_section_is_no_subscription() -> None:
    """A subscriber that cannot decode rejects the section."""
    sfu = Sfu()
    publisher, subscriber = sfu.publisher("cam", "mic"), sfu.client()
    reply = subscriber.ask((publisher, "cam"), (publisher, "mic"))
    subscriber.take_offer(reply.sdp)
    subscriber.lines[0].stopped = True
    assert subscriber.renegotiate(subscriber.answer()).ok == {}
    assert [*subscriber.sinks] == ["1"]
    assert subscriber.statuses() == {("remote", "0"): "inactive", ("remote", "1"): "active"}


def test_a_track_that_ends_before_the_answer_is_not_attached() -> None:
    sfu = Sfu()
    publisher, subscriber = sfu.publisher("cam"), sfu.client()
    reply = subscriber.ask((publisher, "cam"))
    publisher.force("0")
    subscriber.finish(reply)
    assert subscriber.sinks == {}
    assert subscriber.statuses() == {("remote", "0"): "inactive"}


def test_a_pull_goes_into_a_transceiver_that_stands() -> None:
    """``mid`` without SDP: Cloudflare's relay example sends speech back in the user's section."""
    sfu = Sfu()
    speaker, user = sfu.publisher("mic-ai"), sfu.client()
    user.push("mic", bidirectionalMediaStream=True)
    user.connect()
    reply = user.ask((speaker, "mic-ai"), mid="#mic", kind="audio")
    assert reply.ok == {
        "requiresImmediateRenegotiation": False,
        "tracks": [{"sessionId": speaker.session_id, "trackName": "mic-ai", "mid": "0"}],
    }
    assert user.sinks["0"].track == speaker.track("mic-ai")
    assert user.statuses() == {("local", "0"): "active", ("remote", "0"): "active"}


def test_a_pull_by_mid_points_a_section_elsewhere() -> None:
    sfu = Sfu()
    publisher, client = sfu.publisher("mic", "mic2"), sfu.client()
    client.push("mic", bidirectionalMediaStream=True)
    client.connect()
    client.ask((publisher, "mic"), mid="0")
    ssrc = client.sinks["0"].ssrc
    assert client.ask((publisher, "mic2"), mid="0").item_errors == [None]
    assert client.sinks["0"].track == publisher.track("mic2")
    assert client.sinks["0"].ssrc == ssrc
    assert len(sfu.engine.sinks) == 1


def test_waiting_for_a_transceiver_keeps_nobody_from_answering_an_offer() -> None:
    """Its connection may need just that answer."""
    sfu = Sfu()
    publisher, client = sfu.publisher("mic"), sfu.client()
    track = {
        "location": "local",
        "trackName": "mic",
        "kind": "audio",
        "bidirectionalMediaStream": True,
    }
    offer = client.call("new_tracks", {"tracks": [track]})
    bound = client.ask((publisher, "mic"), mid="#mic")
    assert bound.waits
    client.finish(offer)
    client.connect()
    assert bound.item_errors == [None]
    assert client.sinks["0"].track == publisher.track("mic")


@pytest.mark.parametrize("mid", ["7", "#nobody", "0"])
def test_a_transceiver_that_cannot_take_the_track_is_an_item_error(mid: str) -> None:
    """Unknown, or a section in which the client only sends."""
    sfu = Sfu()
    publisher, client = sfu.publisher("mic"), sfu.publisher("mic")
    reply = client.ask((publisher, "mic"), mid=mid)
    assert reply.item_errors == ["not_found_track_error"]
    assert "sessionDescription" not in reply.ok


def test_a_transceiver_needs_its_connection() -> None:
    """425 ``session_error``: not connected within 5 s, worth another try."""
    sfu = Sfu()
    publisher, client = sfu.publisher("mic"), sfu.client()
    client.push("mic", bidirectionalMediaStream=True)
    reply = client.ask((publisher, "mic"), mid="0")
    assert reply.waits
    sfu.advance(5)
    assert reply.error == (425, "session_error", None)
    reply = client.ask((publisher, "mic"), mid="0")
    sfu.advance(1)
    client.connect()
    assert reply.item_errors == [None]


@pytest.mark.parametrize(
    ("track", "text"),
    [
        ({"location": "remote", "trackName": "cam"}, "tracks[0]: Missing sessionId in track"),
        ({"location": "remote", "sessionId": "e"}, "tracks[0]: Missing trackName in track"),
        (remote("e", "cam", kind="x"), "tracks[0]: kind must be audio or video"),
        (
            remote("e", "cam", simulcast={"priorityOrdering": "best"}),
            "tracks[0]: simulcast.priorityOrdering",
        ),
        (
            remote("e", "cam", simulcast={"ridNotAvailable": ""}),
            "tracks[0]: simulcast.ridNotAvailable",
        ),
        (remote("e", "cam", simulcast={"preferredRid": "r" * 256}), "simulcast.preferredRid"),
    ],
)
def test_parameters_of_a_pull_are_checked(track: dict[str, object], text: str) -> None:
    reply = Sfu().client().call("new_tracks", {"tracks": [track]})
    assert reply.error == (406, "invalid_params", None)
    assert text in reply.json["errorDescription"]


def test_an_old_clients_fallback_strategy_is_ignored() -> None:
    sfu = Sfu()
    publisher, subscriber = sfu.publisher("cam", rids=["a", "b"]), sfu.client()
    subscriber.pull((publisher, "cam"), simulcast={"fallbackStrategy": "auto"})
    assert subscriber.sinks["0"].layers == ["a", "b"]


def test_a_preferred_layer_that_the_publisher_lacks_is_no_error() -> None:
    sfu = Sfu()
    publisher, subscriber = sfu.publisher("cam", "cam2"), sfu.client()
    subscriber.pull((publisher, "cam"), simulcast={"preferredRid": "h"})
    assert subscriber.sinks["0"].layers == []


def test_a_track_has_so_many_subscribers() -> None:
    sfu = Sfu(Limits(subscribers_per_track=2))
    publisher, one, other = sfu.publisher("cam"), sfu.client(), sfu.client()
    one.pull((publisher, "cam"))
    reply = other.ask((publisher, "cam"), (publisher, "cam"))
    assert reply.item_errors == [None, "track_error"]


def test_a_session_has_so_many_sections() -> None:
    sfu = Sfu(Limits(sections=2))
    publisher, subscriber = sfu.publisher("cam"), sfu.client()
    reply = subscriber.ask(*[(publisher, "cam")] * 3)
    assert reply.item_errors == [None, None, "track_error"]


def test_a_publisher_that_negotiates_anew_takes_its_subscribers_along() -> None:
    """Other payload types mean other mappings, and fewer layers another choice."""
    sfu = Sfu()
    publisher, subscriber = sfu.publisher("cam", rids=["f", "h", "q"]), sfu.client()
    subscriber.pull((publisher, "cam"))
    publisher.lines[0].formats = publisher.lines[0].formats[:1]
    publisher.push("mic")
    sink = subscriber.sinks["0"]
    assert [each[0] for each in sink.mappings] == [96]
    assert sink.track == publisher.track("cam")
