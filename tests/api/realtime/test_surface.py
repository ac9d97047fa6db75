"""What holds for every call: credentials, routes, bodies, browsers of any origin."""

import asyncio
from pathlib import Path

import httpx
import pytest
from tidegate.config import Config
from tidegate.errors import SessionGone
from tidegate.store.database import Store

from tests.api.realtime.app import App, created
from tests.control_plane import Api, running_api
from tests.fake_calls import SESSION

ONE = f"/sessions/{SESSION}"
CALLS = [
    ("POST", "/sessions/new"),
    ("GET", ONE),
    ("POST", f"{ONE}/tracks/new"),
    ("PUT", f"{ONE}/tracks/update"),
    ("PUT", f"{ONE}/tracks/close"),
    ("PUT", f"{ONE}/renegotiate"),
    ("POST", f"{ONE}/datachannels/new"),
    ("POST", "/adapters/websocket/new"),
    ("GET", "/generate-ice-servers"),
]
ORIGIN = "https://page.example"


def error(reply: httpx.Response) -> tuple[int, str]:
    return reply.status_code, reply.json()["errorCode"]


@pytest.mark.parametrize(("method", "path"), CALLS)
async def test_only_the_apps_own_secret_opens_it(app: App, method: str, path: str) -> None:
    other = await created(app.api, app.prefix)
    for header in [f"Bearer {other.secret}", "Bearer", "Bearer x", f"Basic {app.secret}", ""]:
        reply = await app.call(method, path, authorization=header)
        assert error(reply) == (401, "unauthorized")
        assert reply.headers["www-authenticate"] == "Bearer"
    assert app.calls.calls == []


@pytest.mark.parametrize(("method", "path"), CALLS)
async def test_an_unknown_app_is_told_before_its_secret(app: App, method: str, path: str) -> None:
    nobody = App(app.api, "0" * 32, app.secret, app.prefix)
    assert error(await nobody.call(method, path)) == (404, "not_found")


async def test_a_deleted_app_is_unknown_at_once(app: App) -> None:
    assert (await app.call("POST", "/sessions/new")).status_code == 201
    await app.api.call("DELETE", f"/calls/apps/{app.uid}")
    assert error(await app.call("POST", "/sessions/new")) == (404, "not_found")


async def test_a_request_does_not_touch_the_database(
    app: App, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Store, "reading", None)
    monkeypatch.setattr(Store, "writing", None)
    assert (await app.call("POST", "/sessions/new")).status_code == 201
    assert (await app.call("POST", "/sessions/new", authorization="x")).status_code == 401


@pytest.mark.parametrize(
    ("method", "path", "expected"),
    [
        ("DELETE", ONE, (405, "invalid_params")),
        ("PUT", "/sessions/new", (405, "invalid_params")),
        ("POST", f"{ONE}/nothing", (404, "not_found")),
        ("GET", "", (404, "not_found")),
        ("GET", "/", (404, "not_found")),
    ],
)
async def test_what_is_not_there_is_told_as_this_surface_does(
    app: App, method: str, path: str, expected: tuple[int, str]
) -> None:
    reply = await app.call(method, path, origin=ORIGIN)
    assert error(reply) == expected
    assert reply.headers["access-control-allow-origin"] == ORIGIN
    assert ("allow" in reply.headers) == (reply.status_code == 405)


@pytest.mark.parametrize("path", ["/sessions/new/", "//sessions/new"])
async def test_nothing_redirects(app: App, path: str) -> None:
    """partytracks takes a redirect for a login that has expired."""
    assert not (await app.call("POST", path)).is_redirect


async def test_a_body_too_large_is_refused(app: App) -> None:
    assert (await app.call("POST", f"{ONE}/tracks/new", b" " * 4096)).status_code == 201
    reply = await app.call("POST", f"{ONE}/tracks/new", b" " * 4097)
    assert error(reply) == (413, "payload_too_large")


async def test_a_mebibyte_is_not_too_large(store: Store, tmp_path: Path) -> None:
    async with running_api(store, Config(), tmp_path) as api:
        app = await created(api)
        body = b" " * (1 << 20)
        assert (await app.call("POST", f"{ONE}/tracks/new", body)).status_code == 201
        assert (await app.call("POST", f"{ONE}/tracks/new", body + b" ")).status_code == 413


async def test_a_body_that_breaks_off_reaches_nobody(api: Api) -> None:
    app = await created(api)
    host, port = api.url.removeprefix("http://").split(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    head = f"POST /v1/apps/{app.uid}/sessions/new HTTP/1.1\r\nhost: x\r\ncontent-length: 10\r\n"
    writer.write(f"{head}authorization: Bearer {app.secret}\r\n\r\n{{".encode())
    writer.write_eof()
    assert await reader.read() == b""
    writer.close()
    assert app.calls.calls == []


@pytest.mark.parametrize("path", [path for _, path in CALLS] + ["/nothing"])
async def test_browsers_may_ask_before_they_call(app: App, path: str) -> None:
    """A preflight carries no credentials."""
    reply = await app.call(
        "OPTIONS",
        path,
        authorization="",
        origin=ORIGIN,
        **{"access-control-request-method": "PUT"},
    )
    assert (reply.status_code, reply.content) == (204, b"")
    headers = reply.headers
    assert headers["access-control-allow-origin"] == ORIGIN
    assert headers["access-control-allow-methods"] == "GET, POST, PUT, DELETE, OPTIONS"
    assert headers["access-control-allow-headers"] == "authorization, content-type"
    assert headers["access-control-max-age"] == "86400"
    assert headers["vary"] == "Origin"


async def test_a_page_may_read_answers_and_failures(app: App) -> None:
    answers = [
        await app.call("POST", "/sessions/new", origin=ORIGIN),
        await app.call("POST", "/sessions/new", authorization="x", origin=ORIGIN),
        await app.call("POST", "/sessions/new", b" " * 5000, origin=ORIGIN),
    ]
    assert [answer.status_code for answer in answers] == [201, 401, 413]
    assert {answer.headers["access-control-allow-origin"] for answer in answers} == {ORIGIN}
    assert {answer.headers["vary"] for answer in answers} == {"Origin"}
    alone = await app.call("POST", "/sessions/new")
    assert alone.headers["access-control-allow-origin"] == "*"
    assert alone.headers["vary"] == "Origin"


async def test_the_control_plane_is_no_business_of_other_origins(app: App) -> None:
    reply = await app.api.call("GET", "/calls/apps")
    assert "access-control-allow-origin" not in reply.headers


async def test_there_are_no_ice_servers(app: App) -> None:
    reply = await app.call("GET", "/generate-ice-servers")
    assert (reply.status_code, reply.json()) == (200, {"iceServers": []})


@pytest.mark.parametrize("path", ["establish", "new", "update", "close"])
async def test_data_channels_are_refused(app: App, path: str) -> None:
    method = "PUT" if path in {"update", "close"} else "POST"
    reply = await app.call(method, f"{ONE}/datachannels/{path}", {})
    assert error(reply) == (406, "invalid_params")
    app.calls.outcome = SessionGone()
    reply = await app.call(method, f"{ONE}/datachannels/{path}", {})
    assert error(reply) == (410, "session_error")


@pytest.mark.parametrize("path", ["new", "close"])
async def test_adapters_are_not_here(app: App, path: str) -> None:
    reply = await app.call("POST", f"/adapters/websocket/{path}", {"tracks": []})
    assert error(reply) == (503, "temporarily_unavailable_error")
    assert "retry-after" not in reply.headers
