"""Sessions are opened, found again, and kept apart ("Sessions and tracks", "HTTPS API")."""

import json
import re

import pytest
from tidegate.calls.limits import Limits

from tests.calls.harness import APP, OTHER_APP, Client, Reply, Sfu


def test_a_new_session_needs_no_body() -> None:
    """``POST sessions/new`` → 201 ``{"sessionId"}``: 32 hex digits that nobody guesses."""
    sfu = Sfu()
    first, second = sfu.open(), sfu.open(b"{}")
    assert (first.status, second.status) == (201, 201)
    assert [*first.json] == ["sessionId"]
    ids = {first.json["sessionId"], second.json["sessionId"]}
    assert len(ids) == 2
    assert all(re.fullmatch("[0-9a-f]{32}", each) for each in ids)


def test_a_new_session_with_an_offer_is_answered_at_once() -> None:
    """NewSessionRequest of the OpenAPI file: one round trip. ``tracks`` is ignored here."""
    sfu = Sfu()
    client = Client(sfu)
    client.add("video")
    body = {"sessionDescription": {"type": "offer", "sdp": client.offer()}, "tracks": [{"x": 1}]}
    reply = sfu.open(json.dumps(body).encode())
    assert reply.status == 201
    client.session_id = reply.json["sessionId"]
    client.take_answer(reply.sdp)
    assert reply.json["sessionDescription"]["type"] == "answer"
    assert client.state().ok == {"tracks": [], "dataChannels": []}


def test_a_section_of_the_first_offer_can_be_published_later_without_another() -> None:
    sfu = Sfu()
    client = Client(sfu)
    client.add("video")
    reply = sfu.open(
        json.dumps({"sessionDescription": {"type": "offer", "sdp": client.offer()}}).encode()
    )
    client.session_id = reply.json["sessionId"]
    pushed = client.call(
        "new_tracks", {"tracks": [{"location": "local", "mid": "0", "trackName": "cam"}]}
    )
    assert pushed.ok == {
        "requiresImmediateRenegotiation": False,
        "tracks": [{"trackName": "cam", "mid": "0"}],
    }
    client.connect()
    client.send("cam")


@pytest.mark.parametrize(
    ("body", "error"),
    [
        (b"[1]", (400, "decoding_error", None)),
        (b"{", (400, "decoding_error", None)),
        (
            b'{"sessionDescription": {"type": "answer", "sdp": "v=0"}}',
            (406, "invalid_params", None),
        ),
        (
            b'{"sessionDescription": {"type": "offer", "sdp": "hello"}}',
            (400, "invalid_session_description", None),
        ),
        (b"x" * 2_000_000, (413, "payload_too_large", None)),
    ],
)
def test_a_session_that_cannot_be_opened_is_not(
    body: bytes, error: tuple[int, str, str | None]
) -> None:
    sfu = Sfu()
    assert sfu.open(body).error == error
    assert sfu.server.sessions(APP) == 0
    assert sfu.engine.sessions == {}


def test_thirdparty_is_refused_until_it_exists() -> None:
    assert Sfu().open(thirdparty=True).error == (406, "invalid_params", None)


def every_operation(client: Client) -> list[Reply]:
    return [
        client.state(),
        client.ask(("e" * 32, "cam")),
        client.renegotiate("v=0\r\n"),
        client.update("0", "e" * 32, "cam"),
        client.force("0"),
    ]


def test_a_session_id_that_was_never_given_is_not_found() -> None:
    sfu = Sfu()
    stranger = Client(sfu)
    stranger.session_id = "e" * 32
    assert {reply.error for reply in every_operation(stranger)} == {(404, "session_error", None)}


def test_the_session_is_looked_for_before_the_body_is() -> None:
    sfu = Sfu()
    stranger = Client(sfu)
    stranger.session_id = "e" * 32
    assert stranger.call("new_tracks", b"{").error == (404, "session_error", None)


def test_another_apps_session_does_not_exist() -> None:
    """Nothing of another app is reachable, even with a correct session id."""
    sfu = Sfu()
    publisher = sfu.publisher("cam")
    thief = Client(sfu, app=OTHER_APP)
    thief.session_id = publisher.session_id
    assert {reply.error for reply in every_operation(thief)} == {(404, "session_error", None)}
    publisher.disconnect()
    sfu.advance(31)
    assert publisher.state().error == (410, "session_error", None)
    assert {reply.error for reply in every_operation(thief)} == {(404, "session_error", None)}


def test_tracks_of_another_app_are_not_found() -> None:
    sfu = Sfu()
    publisher = sfu.publisher("cam")
    inside, outside = sfu.client(), sfu.client(app=OTHER_APP)
    assert outside.ask((publisher, "cam")).item_errors == ["not_found_track_error"]
    assert inside.pull((publisher, "cam")) == ["0"]


def test_deleting_an_app_ends_its_media_and_nothing_else() -> None:
    sfu = Sfu()
    publisher, other = sfu.publisher("cam"), sfu.publisher("cam", app=OTHER_APP)
    subscriber = sfu.client()
    subscriber.pull((publisher, "cam"))
    assert sfu.server.sessions(APP) == 2
    sfu.server.close_app(APP, sfu.now)
    assert sfu.server.sessions(APP) == 0
    assert set(sfu.engine.sessions) == {other.handle}
    assert sfu.engine.sinks == {}
    assert publisher.state().error == (410, "session_error", None)


def test_what_waits_when_its_app_is_deleted_is_answered() -> None:
    sfu = Sfu()
    publisher = sfu.client()
    waiting = sfu.client().ask((publisher, "cam"))
    assert waiting.waits
    sfu.server.close_app(APP, sfu.now)
    assert waiting.error == (404, "not_found", None)
    sfu.server.close_app(APP, sfu.now)


def test_what_waits_when_the_node_stops_is_answered_and_media_ends() -> None:
    sfu = Sfu()
    publisher = sfu.publisher("cam")
    waiting = sfu.client().ask((sfu.client(), "cam"))
    assert waiting.waits
    sfu.server.stop(sfu.now)
    assert waiting.error == (503, "temporarily_unavailable_error", None)
    assert sfu.engine.sessions == {}
    assert publisher.state().error == (410, "session_error", None)
    assert sfu.server.next_timeout() is None


def test_there_is_room_for_so_many_sessions_of_an_app_and_of_a_node() -> None:
    sfu = Sfu(Limits(sessions=3, sessions_per_app=2))
    sfu.client()
    sfu.client()
    full = sfu.open()
    assert full.error == (429, "temporarily_unavailable_error", None)
    assert full.retry_after == 1
    sfu.client(app=OTHER_APP)
    assert sfu.open(app=OTHER_APP).error == (503, "temporarily_unavailable_error", None)
    sfu.advance(61)
    sfu.client()


def test_a_session_makes_fifty_requests_a_second() -> None:
    """50 API calls per second per session ("Limits"); the answer beyond is ours: 429."""
    sfu = Sfu(Limits())
    client, other = sfu.client(), sfu.client()
    replies = [client.state() for _ in range(51)]
    assert {reply.status for reply in replies[:50]} == {200}
    assert replies[50].error == (429, "temporarily_unavailable_error", None)
    assert replies[50].retry_after == 1
    assert other.state().status == 200
    sfu.advance(1)
    assert client.state().status == 200


def test_requests_that_wait_are_counted() -> None:
    sfu = Sfu(Limits(requests_waiting=3))
    publisher, client = sfu.client(), sfu.client()
    waiting = [client.ask((publisher, "cam")) for _ in range(4)]
    assert [reply.status for reply in waiting] == [None, None, None, 429]


def test_a_body_has_a_size() -> None:
    sfu = Sfu(Limits(body_bytes=1000))
    client = sfu.client()
    assert client.call("new_tracks", b" " * 1001).error == (413, "payload_too_large", None)


def test_ids_of_ended_sessions_are_remembered_up_to_a_number() -> None:
    sfu = Sfu(Limits(remembered_sessions=2))
    clients = [sfu.client() for _ in range(3)]
    sfu.advance(61)
    assert [client.state().status for client in clients] == [404, 410, 410]
