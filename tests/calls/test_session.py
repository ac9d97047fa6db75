"""A session lives as long as its connection does, and a little longer ("Sessions and tracks")."""

import pytest
from tidegate.calls.limits import Limits

from tests.calls.harness import RtcClosed, RtcConnected, Sfu, TrackFlowing


def test_a_session_that_never_connects_expires() -> None:
    """60 s from its creation or last change; then 410."""
    sfu = Sfu()
    client = sfu.client()
    sfu.advance(59)
    client.push("cam")
    sfu.advance(59)
    assert client.state().status == 200
    sfu.advance(2)
    assert client.state().error == (410, "session_error", None)
    assert sfu.engine.sessions == {}
    assert sfu.engine.tracks == {}


def test_reading_a_session_does_not_keep_it() -> None:
    sfu = Sfu()
    client = sfu.client()
    for _ in range(3):
        sfu.advance(19)
        client.state()
    sfu.advance(4)
    assert client.state().status == 410


def test_a_connected_session_without_media_stays() -> None:
    sfu = Sfu()
    client = sfu.client()
    client.push("cam")
    client.connect()
    sfu.advance(3600)
    assert client.state().status == 200


@pytest.mark.parametrize("reason", ["silent", "close_notify", "handshake"])
def test_a_lost_session_can_come_back_for_thirty_seconds(reason: str) -> None:
    sfu = Sfu()
    publisher, subscriber = sfu.publisher("cam"), sfu.client()
    subscriber.pull((publisher, "cam"))
    subscriber.connect()
    publisher.disconnect(reason)
    sfu.advance(29)
    publisher.connect()
    sfu.advance(60)
    assert publisher.statuses() == {("local", "0"): "active"}
    assert subscriber.sinks["0"].track is not None


def test_a_handshake_that_fails_takes_nothing_from_the_time_to_connect() -> None:
    sfu = Sfu()
    client = sfu.client()
    client.push("cam")
    client.disconnect("handshake")
    sfu.advance(50)
    client.connect()
    sfu.advance(20)
    assert client.state().status == 200


def test_a_session_that_stays_away_is_gone_for_good() -> None:
    sfu = Sfu()
    publisher, subscriber = sfu.publisher("cam"), sfu.client()
    subscriber.pull((publisher, "cam"))
    subscriber.connect()
    publisher.disconnect()
    sfu.advance(31)
    assert publisher.state().error == (410, "session_error", None)
    assert subscriber.statuses() == {("remote", "0"): "inactive"}
    assert subscriber.ask((publisher, "cam")).item_errors == ["not_found_track_error"]


def test_events_of_sessions_that_are_gone_mean_nothing() -> None:
    sfu = Sfu()
    publisher = sfu.publisher("cam")
    handle, track = publisher.handle, publisher.track("cam")
    publisher.disconnect()
    sfu.advance(31)
    for event in (RtcConnected(handle), TrackFlowing(handle, track), RtcClosed(handle)):
        sfu.tell(event)
    assert publisher.state().status == 410


def test_a_session_that_the_engine_closed_is_gone() -> None:
    sfu = Sfu()
    client = sfu.publisher("cam")
    handle = client.handle
    sfu.tell(RtcClosed(handle))
    assert client.state().status == 410
    assert sfu.server.next_timeout() is None


def test_a_track_without_packets_is_collected_with_its_subscriptions() -> None:
    """After 30 s without packets; the subscriber's section stays, silent, and its connection."""
    sfu = Sfu()
    publisher, subscriber = sfu.publisher("cam", "mic"), sfu.client()
    subscriber.pull((publisher, "cam"), (publisher, "mic"))
    publisher.fall_silent("cam")
    assert publisher.statuses() == {("local", "0"): "inactive", ("local", "1"): "active"}
    assert subscriber.statuses() == {("remote", "0"): "inactive", ("remote", "1"): "active"}
    assert subscriber.ask((publisher, "cam")).item_errors == ["not_found_track_error"]
    assert len(sfu.engine.tracks) == 1


def test_a_track_that_never_sends_is_collected_once_its_session_is_connected() -> None:
    sfu = Sfu()
    client = sfu.client()
    client.push("cam")
    sfu.advance(40)
    client.connect()
    sfu.advance(29)
    assert client.statuses() == {("local", "0"): "active"}
    sfu.advance(2)
    assert client.statuses() == {("local", "0"): "inactive"}
    assert sfu.engine.tracks == {}


def test_a_collected_track_is_published_again_under_its_name() -> None:
    sfu = Sfu()
    publisher, subscriber = sfu.publisher("cam"), sfu.client()
    subscriber.pull((publisher, "cam"))
    publisher.fall_silent("cam")
    assert publisher.push_offer(("cam", "0")).item_errors == [None]
    publisher.send("cam")
    assert publisher.statuses() == {("local", "0"): "active"}
    assert subscriber.pull((publisher, "cam")) == ["1"]


def test_the_state_lists_both_directions() -> None:
    """``GET sessions/{sessionId}``, as in the API reference."""
    sfu = Sfu()
    publisher, both = sfu.publisher("cam2"), sfu.publisher("cam")
    both.pull((publisher, "cam2"))
    assert both.state().ok == {
        "tracks": [
            {"location": "local", "mid": "0", "trackName": "cam", "status": "active"},
            {
                "location": "remote",
                "mid": "1",
                "trackName": "cam2",
                "status": "active",
                "sessionId": publisher.session_id,
            },
        ],
        "dataChannels": [],
    }


def test_tracks_of_one_publisher_share_a_stream_and_others_do_not() -> None:
    """One msid stream id and CNAME per publisher session keep audio and video together."""
    sfu = Sfu()
    one, other, subscriber = sfu.publisher("cam", "mic"), sfu.publisher("cam"), sfu.client()
    subscriber.pull((one, "cam"), (one, "mic"), (other, "cam"))
    names = [subscriber.sinks[mid].cname for mid in ("0", "1", "2")]
    assert names[0] == names[1] != names[2]
    assert one.session_id not in names[0]


def test_a_client_restarts_ice_with_any_offer() -> None:
    """A new ufrag in an offer on a live session is taken, with or without tracks."""
    sfu = Sfu()
    client = sfu.publisher("cam")
    client.ufrag = "efgh"
    reply = client.call(
        "new_tracks", {"sessionDescription": {"type": "offer", "sdp": client.offer()}}
    )
    client.take_answer(reply.sdp)
    assert reply.tracks == []
    assert sfu.engine.sessions[client.handle].restarts == 1
    assert client.statuses() == {("local", "0"): "active"}


def test_nothing_is_left_of_a_session_that_ended() -> None:
    sfu = Sfu(Limits(requests_per_second=100_000, remembered_sessions=0))
    publisher, subscriber = sfu.publisher("cam"), sfu.client()
    subscriber.pull((publisher, "cam"))
    subscriber.connect()
    for client in (publisher, subscriber):
        client.disconnect()
    sfu.advance(31)
    assert sfu.server.apps == {}
    assert sfu.engine.sinks == {}
    assert sfu.server.next_timeout() is None
    assert publisher.state().status == 404
