"""Which call becomes which operation, and how its outcome travels back."""

import asyncio
from typing import Any

import pytest
from tidegate.calls.bodies import (
    NewSessionResponse,
    RenegotiateResponse,
    Response,
    SessionDescription,
    SessionState,
    TrackResult,
    TracksResponse,
    TrackState,
)
from tidegate.calls.operations import Answer
from tidegate.errors import (
    CallsError,
    CallsRateLimited,
    InvalidParams,
    SessionGone,
    SessionNotConnected,
    SessionNotFound,
    SignalingStateNotStable,
)

from tests.api.realtime.app import App
from tests.fake_calls import SESSION, Call

ONE = f"/sessions/{SESSION}"
TRACKS = TracksResponse(False, [TrackResult(track_name="cam", mid="4")])
OFFER = SessionDescription("offer", "v=0\r\n")


@pytest.mark.parametrize(
    ("method", "path", "operation", "outcome", "status", "body"),
    [
        (
            "POST",
            "/sessions/new",
            "open_session",
            NewSessionResponse(SESSION),
            201,
            {"sessionId": SESSION},
        ),
        (
            "GET",
            ONE,
            "session_state",
            SessionState([TrackState("local", "2", "cam", "active")], []),
            200,
            {
                "tracks": [
                    {"location": "local", "mid": "2", "trackName": "cam", "status": "active"}
                ],
                "dataChannels": [],
            },
        ),
        (
            "POST",
            f"{ONE}/tracks/new",
            "new_tracks",
            TracksResponse(True, [TrackResult(session_id="p", track_name="c", mid="7")], OFFER),
            200,
            {
                "requiresImmediateRenegotiation": True,
                "tracks": [{"sessionId": "p", "trackName": "c", "mid": "7"}],
                "sessionDescription": {"type": "offer", "sdp": "v=0\r\n"},
            },
        ),
        ("PUT", f"{ONE}/renegotiate", "renegotiate", RenegotiateResponse(), 200, {}),
        (
            "PUT",
            f"{ONE}/tracks/update",
            "update_tracks",
            TRACKS,
            200,
            {"requiresImmediateRenegotiation": False, "tracks": [{"trackName": "cam", "mid": "4"}]},
        ),
        (
            "PUT",
            f"{ONE}/tracks/close",
            "close_tracks",
            TRACKS,
            200,
            {"requiresImmediateRenegotiation": False, "tracks": [{"trackName": "cam", "mid": "4"}]},
        ),
    ],
    ids=lambda value: value if isinstance(value, str) and "_" in value else "",
)
async def test_a_call_is_an_operation_and_its_outcome_the_answer(
    app: App,
    method: str,
    path: str,
    operation: str,
    outcome: Response,
    status: int,
    body: dict[str, Any],
) -> None:
    app.calls.outcome = outcome
    sent = b"" if method == "GET" else b'{"tracks": []}'
    reply = await app.call(method, path, sent)
    session = None if operation == "open_session" else SESSION
    assert app.calls.calls == [Call(operation, app.uid, session, sent)]
    assert (reply.status_code, reply.json()) == (status, body)
    assert reply.headers["content-type"] == "application/json"


@pytest.mark.parametrize("content_type", ["text/plain;charset=UTF-8", "application/json", "x/y"])
async def test_a_body_is_taken_whatever_its_content_type(app: App, content_type: str) -> None:
    """Pages send a JSON string without a content type, which arrives as text."""
    await app.call("POST", "/sessions/new", b"{}", **{"content-type": content_type})
    assert app.calls.calls[0].body == b"{}"


@pytest.mark.parametrize(
    ("query", "thirdparty"),
    [("?", False), ("?correlationId=a&streamDebug", False), ("?thirdparty=true", True)],
)
async def test_unknown_query_parameters_mean_nothing(
    app: App, query: str, thirdparty: bool
) -> None:
    reply = await app.call("POST", f"/sessions/new{query}")
    assert reply.status_code == 201
    assert app.calls.calls == [Call("open_session", app.uid, None, b"", thirdparty)]


async def test_an_operation_may_answer_later(app: App) -> None:
    waiting: asyncio.Queue[Answer] = asyncio.Queue()
    app.calls.outcome = waiting.put_nowait
    reply = asyncio.create_task(app.call("POST", f"{ONE}/tracks/new", {}))
    answer = await waiting.get()
    assert not reply.done()
    answer(TRACKS)
    assert (await reply).status_code == 200


async def test_nobody_hears_the_answer_to_who_hung_up(app: App) -> None:
    waiting: asyncio.Queue[Answer] = asyncio.Queue()
    app.calls.outcome = waiting.put_nowait
    reply = asyncio.create_task(app.call("POST", f"{ONE}/tracks/new", {}))
    answer = await waiting.get()
    reply.cancel()
    await asyncio.wait([reply])
    answer(TRACKS)
    answer(SessionGone())
    app.calls.outcome = TRACKS
    assert (await app.call("POST", f"{ONE}/tracks/new", {})).status_code == 200


@pytest.mark.parametrize(
    ("error", "status", "code"),
    [
        (SessionNotFound(), 404, "session_error"),
        (SessionGone(), 410, "session_error"),
        (SessionNotConnected(), 425, "session_error"),
        (InvalidParams("tracks[0]: Missing mid in track"), 406, "invalid_params"),
    ],
    ids=str,
)
async def test_a_failure_is_told_with_its_status(
    app: App, error: CallsError, status: int, code: str
) -> None:
    app.calls.outcome = error
    reply = await app.call("PUT", f"{ONE}/renegotiate", {})
    assert reply.status_code == status
    assert reply.json() == {"errorCode": code, "errorDescription": str(error)}


async def test_a_glare_has_a_subcode(app: App) -> None:
    app.calls.outcome = SignalingStateNotStable()
    body = (await app.call("PUT", f"{ONE}/renegotiate", {})).json()
    assert body["errorCode"] == "invalid_session_description"
    assert body["errorSubcode"] == "signaling_state_not_stable"


async def test_who_asks_too_often_is_told_when_to_come_back(app: App) -> None:
    app.calls.outcome = CallsRateLimited("Too many requests.")
    reply = await app.call("POST", f"{ONE}/tracks/new", {})
    assert (reply.status_code, reply.headers["retry-after"]) == (429, "1")


@pytest.mark.parametrize("path", ["new", "update", "close"])
async def test_a_failure_about_tracks_has_tracks(app: App, path: str) -> None:
    """partytracks reads ``tracks`` before it looks for an error."""
    app.calls.outcome = SessionGone()
    method = "POST" if path == "new" else "PUT"
    assert (await app.call(method, f"{ONE}/tracks/{path}", {})).json()["tracks"] == []


async def test_a_failure_of_ours_tells_nothing_of_itself(
    app: App, caplog: pytest.LogCaptureFixture
) -> None:
    def fail(_: Answer) -> None:
        raise LookupError("hunter2")

    app.calls.outcome = fail
    reply = await app.call("POST", f"{ONE}/tracks/new", b"v=0 a=ice-pwd:hunter3")
    assert reply.status_code == 500
    assert reply.json()["errorCode"] == "internal_error"
    assert "hunter2" not in reply.text
    assert "LookupError" in caplog.text
    assert "hunter3" not in caplog.text
    assert app.secret not in caplog.text
