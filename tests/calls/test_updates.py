"""``PUT tracks/update``: layers, and other tracks for a section ("Simulcast", "HTTPS API")."""

import pytest

from tests.calls.harness import Client, Sfu

RIDS = ["f", "h", "q"]


def subscribed(sfu: Sfu, publisher: Client, *names: str) -> Client:
    """A connected session that receives the tracks."""
    subscriber = sfu.client()
    subscriber.pull(*((publisher, name) for name in names))
    subscriber.connect()
    return subscriber


def test_an_update_asks_for_another_layer() -> None:
    """The OpenAPI example: no SDP, and ``mid`` is the receiver's."""
    sfu = Sfu()
    publisher = sfu.publisher("cam", rids=RIDS)
    subscriber = subscribed(sfu, publisher, "cam")
    assert subscriber.sinks["0"].layers == ["f", "h", "q"]
    reply = subscriber.update(
        "0",
        publisher,
        "cam",
        simulcast={
            "preferredRid": "h",
            "priorityOrdering": "asciibetical",
            "ridNotAvailable": "asciibetical",
        },
    )
    assert reply.ok == {
        "requiresImmediateRenegotiation": False,
        "tracks": [{"mid": "0", "sessionId": publisher.session_id, "trackName": "cam"}],
    }
    assert subscriber.sinks["0"].layers == ["h", "q", "f"]


def test_a_new_preference_replaces_the_old_one_as_a_whole() -> None:
    """Members that are absent are back at their defaults: ``none``."""
    sfu = Sfu()
    publisher = sfu.publisher("cam", rids=RIDS)
    subscriber = subscribed(sfu, publisher, "cam")
    subscriber.update(
        "0", publisher, "cam", simulcast={"preferredRid": "h", "ridNotAvailable": "asciibetical"}
    )
    subscriber.update("0", publisher, "cam", simulcast={"preferredRid": "q"})
    assert subscriber.sinks["0"].layers == ["q"]
    subscriber.update("0", publisher, "cam", simulcast={"preferredRid": ""})
    assert subscriber.sinks["0"].layers == ["f", "h", "q"]


def test_a_track_without_layers_cannot_be_updated() -> None:
    """``update_track_error``, and the media goes on."""
    sfu = Sfu()
    publisher = sfu.publisher("cam")
    subscriber = subscribed(sfu, publisher, "cam")
    reply = subscriber.update("0", publisher, "cam", simulcast={"preferredRid": "h"})
    assert reply.item_errors == ["update_track_error"]
    assert reply.tracks[0]["errorDescription"] == (
        "The track is not configured for simulcast, no updates applicable."
    )
    assert subscriber.sinks["0"].track == publisher.track("cam")


def test_an_update_points_a_section_at_another_track() -> None:
    """No SDP, and the stream that the subscriber sees goes on."""
    sfu = Sfu()
    one, other = sfu.publisher("cam"), sfu.publisher("cam", rids=RIDS)
    subscriber = subscribed(sfu, one, "cam")
    before = subscriber.sinks["0"].ssrc
    reply = subscriber.update("0", other, "cam", simulcast={"preferredRid": "q"})
    assert reply.tracks == [{"mid": "0", "sessionId": other.session_id, "trackName": "cam"}]
    sink = subscriber.sinks["0"]
    assert (sink.track, sink.ssrc, sink.layers) == (other.track("cam"), before, ["q"])
    assert sink.cname == other.session.stream
    assert one.session.names["cam"].subscriptions == set()
    one.force("0")
    assert subscriber.statuses() == {("remote", "0"): "active"}


def test_a_section_left_silent_is_pointed_at_a_track_that_flows() -> None:
    sfu = Sfu()
    one, other = sfu.publisher("cam"), sfu.publisher("cam")
    subscriber = subscribed(sfu, one, "cam")
    one.force("0")
    assert subscriber.statuses() == {("remote", "0"): "inactive"}
    assert subscriber.update("0", other, "cam").item_errors == [None]
    assert subscriber.statuses() == {("remote", "0"): "active"}


def test_the_same_name_published_again_is_another_track() -> None:
    sfu = Sfu()
    publisher = sfu.publisher("cam")
    subscriber = subscribed(sfu, publisher, "cam")
    publisher.force("0")
    publisher.push_offer(("cam", "0"))
    publisher.send("cam")
    assert subscriber.update("0", publisher, "cam").item_errors == [None]
    assert subscriber.sinks["0"].track == publisher.track("cam")


def test_updates_of_a_batch_stand_alone() -> None:
    sfu = Sfu()
    publisher = sfu.publisher("cam", "mic", rids=RIDS)
    subscriber = subscribed(sfu, publisher, "cam", "mic")
    simulcast = {"preferredRid": "h"}
    entries = [("7", "cam"), ("0", "cam"), ("0", "mic"), ("1", "mic")]
    reply = subscriber.call(
        "update_tracks",
        {
            "tracks": [
                {
                    "location": "remote",
                    "sessionId": publisher.session_id,
                    "trackName": name,
                    "mid": mid,
                    "simulcast": simulcast,
                }
                for mid, name in entries
            ]
        },
    )
    assert reply.item_errors == [
        "not_found_track_error",
        None,
        "update_track_error",
        "update_track_error",
    ]
    assert subscriber.sinks["0"].layers == ["h"]


@pytest.mark.parametrize("name", ["nothing", "cam"])
def test_an_update_to_a_track_that_is_not_there_changes_nothing(name: str) -> None:
    sfu = Sfu()
    publisher = sfu.publisher("cam")
    subscriber = subscribed(sfu, publisher, "cam")
    target = publisher if name == "nothing" else "e" * 32
    assert subscriber.update("0", target, name).item_errors == ["not_found_track_error"]
    assert subscriber.sinks["0"].track == publisher.track("cam")


def test_an_update_waits_for_the_track_as_a_pull_does() -> None:
    sfu = Sfu()
    one, other = sfu.publisher("cam"), sfu.client()
    subscriber = subscribed(sfu, one, "cam")
    reply = subscriber.update("0", other, "cam")
    other.push("cam")
    other.connect()
    sfu.advance(4)
    assert reply.waits
    other.send("cam")
    assert reply.item_errors == [None]


def test_a_closed_section_is_not_updated() -> None:
    sfu = Sfu()
    publisher = sfu.publisher("cam")
    subscriber = subscribed(sfu, publisher, "cam")
    subscriber.force("0")
    assert subscriber.update("0", publisher, "cam").item_errors == ["not_found_track_error"]
    assert sfu.engine.sinks == {}


def test_an_update_needs_a_connection() -> None:
    """425 after 5 s; an update right after ``renegotiate`` only waits for ICE."""
    sfu = Sfu()
    publisher, subscriber = sfu.publisher("cam", rids=RIDS), sfu.client()
    subscriber.pull((publisher, "cam"))
    reply = subscriber.update("0", publisher, "cam", simulcast={"preferredRid": "h"})
    sfu.advance(1)
    subscriber.connect()
    assert reply.item_errors == [None]
    subscriber.disconnect()
    reply = subscriber.update("0", publisher, "cam", simulcast={"preferredRid": "f"})
    sfu.advance(5)
    assert reply.error == (425, "session_error", None)
    assert reply.retry_after == 1
    assert subscriber.sinks["0"].layers == ["h"]


def test_an_update_does_not_mind_an_open_exchange() -> None:
    sfu = Sfu()
    publisher = sfu.publisher("cam", rids=RIDS)
    subscriber = subscribed(sfu, publisher, "cam")
    offer = subscriber.ask((publisher, "cam"))
    reply = subscriber.update("0", publisher, "cam", simulcast={"preferredRid": "h"})
    assert reply.item_errors == [None]
    subscriber.finish(offer)


def test_a_preference_for_a_section_that_is_not_answered_yet_counts() -> None:
    sfu = Sfu()
    publisher = sfu.publisher("cam", rids=RIDS)
    subscriber = subscribed(sfu, publisher, "cam")
    offer = subscriber.ask((publisher, "cam"))
    subscriber.update("1", publisher, "cam", simulcast={"preferredRid": "q"})
    subscriber.finish(offer)
    assert subscriber.sinks["1"].layers == ["q"]


@pytest.mark.parametrize(
    ("track", "text"),
    [
        ({"location": "remote", "sessionId": "e", "trackName": "t"}, "Missing mid in track"),
        ({"location": "local", "mid": "0", "trackName": "t"}, "only remote tracks"),
        ({"location": "remote", "mid": "0", "trackName": "t"}, "sessionId and trackName"),
        ({"mid": "0", "simulcast": {"ridNotAvailable": "x"}}, "simulcast.ridNotAvailable"),
    ],
)
def test_parameters_of_an_update_are_checked(track: dict[str, object], text: str) -> None:
    client = Sfu().client()
    reply = client.call("update_tracks", {"tracks": [track]})
    assert reply.error == (406, "invalid_params", None)
    assert text in reply.json["errorDescription"]
    assert client.call("update_tracks", {"tracks": []}).error == (406, "invalid_params", None)
