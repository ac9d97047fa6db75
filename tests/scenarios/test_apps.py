"""Realtime SFU apps on a whole server: what each secret opens, and for how long."""

import asyncio
import secrets
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.server import App, Server

VECTORS = Path(__file__).parents[2] / "vectors" / "sdp"
CHROMIUM = (VECTORS / "chromium-156" / "audio-video.sdp").read_text()


@pytest.fixture
async def http() -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient(timeout=20) as client:
        yield client


class Calls:
    """Calls of one app."""

    def __init__(self, http: httpx.AsyncClient, app: App) -> None:
        self._http = http
        self._app = app

    async def __call__(self, method: str, path: str, body: Any = None) -> httpx.Response:
        url = f"{self._app.url}{path}"
        return await self._http.request(method, url, headers=self._app.headers, json=body)

    async def session(self) -> str:
        """The path of a new one."""
        made = await self("POST", "/sessions/new")
        assert made.status_code == 201, made.text
        return f"/sessions/{made.json()['sessionId']}"


def error(reply: httpx.Response) -> tuple[int, str]:
    return reply.status_code, reply.json()["errorCode"]


async def test_an_app_works_at_once_and_until_it_is_deleted(
    server: Server, http: httpx.AsyncClient
) -> None:
    with server.cloudflare() as client:
        for _ in range(10):
            app = server.create_app()
            calls = Calls(http, app)
            session = await calls.session()
            assert (await calls("GET", session)).json() == {"tracks": [], "dataChannels": []}
            client.calls.sfu.delete(app.uid, account_id=server.account_id)
            assert error(await calls("GET", session)) == (404, "not_found")
            assert error(await calls("POST", "/sessions/new")) == (404, "not_found")


async def test_sessions_are_the_apps_own(server: Server, http: httpx.AsyncClient) -> None:
    mine, others = Calls(http, server.create_app()), Calls(http, server.create_app())
    session = await mine.session()
    assert error(await others("GET", session)) == (404, "session_error")
    assert error(await mine("GET", f"/sessions/{secrets.token_hex(16)}")) == (404, "session_error")
    pull = {"location": "remote", "sessionId": session.split("/")[-1], "trackName": "x"}
    reply = await others("POST", f"{await others.session()}/tracks/new", {"tracks": [pull]})
    [result] = reply.json()["tracks"]
    assert (reply.status_code, result["errorCode"]) == (200, "not_found_track_error")
    assert not reply.json()["requiresImmediateRenegotiation"]
    assert "sessionDescription" not in reply.json()


@pytest.mark.parametrize("prefix", ["/v1/apps", "/apps"])
async def test_a_browsers_offer_is_answered_under_both_prefixes(
    app: App, http: httpx.AsyncClient, prefix: str
) -> None:
    calls = Calls(http, App(app.url.replace("/v1/apps", prefix), app.uid, app.secret))
    session = await calls.session()
    push = {
        "sessionDescription": {"type": "offer", "sdp": CHROMIUM},
        "tracks": [
            {"location": "local", "mid": "0", "trackName": "microphone"},
            {"location": "local", "mid": "1", "trackName": "camera"},
        ],
    }
    reply = await calls("POST", f"{session}/tracks/new", push)
    assert reply.status_code == 200, reply.text
    answer = reply.json()
    assert [(each["mid"], each["trackName"]) for each in answer["tracks"]] == [
        ("0", "microphone"),
        ("1", "camera"),
    ]
    assert not answer["requiresImmediateRenegotiation"]
    assert set(answer["sessionDescription"]) == {"type", "sdp"}
    assert answer["sessionDescription"]["type"] == "answer"
    assert "a=ice-lite" in answer["sessionDescription"]["sdp"]
    assert " typ host" in answer["sessionDescription"]["sdp"]


async def test_what_fails_first_is_told_first(app: App, http: httpx.AsyncClient) -> None:
    """The session before JSON, JSON before parameters, parameters before the negotiation."""
    session = f"{app.url}{await Calls(http, app).session()}"
    nowhere = f"{app.url}/sessions/{secrets.token_hex(16)}/tracks/new"

    async def refusal(method: str, url: str, content: str) -> tuple[int, str]:
        return error(await http.request(method, url, headers=app.headers, content=content))

    assert await refusal("POST", nowhere, "{") == (404, "session_error")
    tracks = f"{session}/tracks/new"
    assert await refusal("POST", tracks, "{") == (400, "decoding_error")
    assert await refusal("POST", tracks, "[]") == (400, "decoding_error")
    assert await refusal("POST", tracks, '{"tracks": 1}') == (400, "decoding_error")
    assert await refusal("POST", tracks, "{}") == (406, "invalid_params")
    bad_sdp = '{"sessionDescription": {"type": "offer", "sdp": "v=1"}, "autoDiscover": true}'
    assert await refusal("POST", tracks, bad_sdp) == (400, "invalid_session_description")
    assert await refusal("PUT", f"{session}/renegotiate", "{}") == (406, "invalid_params")


async def test_a_session_has_its_own_rate(app: App, http: httpx.AsyncClient) -> None:
    """Fifty calls a second of one session, as documented; another one is not held back."""
    calls = Calls(http, app)
    busy, idle = await calls.session(), await calls.session()
    replies = await asyncio.gather(*(calls("GET", busy) for _ in range(150)))
    refused = [reply for reply in replies if reply.status_code == 429]
    assert refused
    assert error(refused[0]) == (429, "temporarily_unavailable_error")
    assert refused[0].headers["retry-after"] == "1"
    assert (await calls("GET", idle)).status_code == 200
