"""aiortc, a WebRTC stack in Python: no browser, other codecs, and apps that must not meet."""

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import httpx
import pytest

from tests.interop.clients import foreign, running
from tests.server import App, Server

pytestmark = pytest.mark.foreign


@asynccontextmanager
async def publishing(app: App, *options: str) -> AsyncIterator[str]:
    """Sends a picture and a tone while the block runs; the session."""
    command = foreign("aiortc_call.py")
    async with running(*command, "publish", app.url, app.secret, *options) as publisher:
        await publisher.says("session ")
        yield publisher.out[0].removeprefix("session ")
        await publisher.finishes()


async def subscribed(app: App, session: str, *options: str) -> dict[str, int]:
    """What a subscriber saw and heard."""
    command = foreign("aiortc_call.py")
    async with running(*command, "subscribe", app.url, app.secret, session, *options) as subscriber:
        [line] = await subscriber.finishes(timeout=40)
    seen: dict[str, int] = json.loads(line)
    return seen


@pytest.mark.parametrize("audio", ["opus", "PCMU"])
@pytest.mark.parametrize("video", ["H264", "VP8"])
async def test_a_picture_and_a_tone_arrive(app: App, video: str, audio: str) -> None:
    """The picture is as bright, and the tone as high, as they were sent."""
    async with publishing(app, "--video", video, "--audio", audio) as session:
        for options in ([], ["--offer"]):
            seen = await subscribed(app, session, *options)
            assert seen["luma"] == pytest.approx(180, abs=4)
            assert seen["pitch"] == pytest.approx(440, abs=3)


async def test_every_session_of_an_app_reaches_a_track_and_no_other(server: Server) -> None:
    app, other = server.create_app(), server.create_app()
    async with publishing(app, "--luma", "90", "--pitch", "700") as session:
        for _ in range(2):
            seen = await subscribed(app, session)
            assert seen["luma"] == pytest.approx(90, abs=4)
            assert seen["pitch"] == pytest.approx(700, abs=3)
        pull = {"tracks": [{"location": "remote", "sessionId": session, "trackName": "video"}]}
        async with httpx.AsyncClient(timeout=20) as http:
            made = await http.post(f"{other.url}/sessions/new", headers=other.headers)
            stranger = f"{other.url}/sessions/{made.json()['sessionId']}/tracks/new"
            [result] = (await http.post(stranger, headers=other.headers, json=pull)).json()[
                "tracks"
            ]
            assert result["errorCode"] == "not_found_track_error"
            assert result["sessionId"] == session
            wrong = await http.post(stranger, headers=app.headers, json=pull)
            assert (wrong.status_code, wrong.json()["errorCode"]) == (401, "unauthorized")
            found = await http.get(f"{other.url}/sessions/{session}", headers=other.headers)
            assert (found.status_code, found.json()["errorCode"]) == (404, "session_error")
