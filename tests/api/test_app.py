"""The surface as a whole: routes, envelopes, failures, health."""

import logging
from typing import Any

import pytest
from sqlalchemy.exc import OperationalError
from tidegate.store.database import Store
from tidegate.store.watch import Watch

from tests.control_plane import ACCOUNT, API_TOKEN, SHA256, Api

RELAYS = f"/client/v4/accounts/{ACCOUNT}/moq/relays"
APPS = f"/client/v4/accounts/{ACCOUNT}/calls/apps"
BROKEN = OperationalError("SELECT", {}, ConnectionError("hunter2"))


@pytest.mark.parametrize(
    ("method", "path", "expected"),
    [
        ("GET", "/client/v4/nothing", (404, 7000)),
        ("GET", "/nothing", (404, 7000)),
        ("GET", "/api", (404, 7000)),
        ("GET", "/api/nothing", (404, 7000)),
        ("GET", "/client/v4/accounts", (404, 7000)),
        ("PATCH", RELAYS, (405, 10405)),
        ("HEAD", RELAYS, (405, None)),
        ("POST", f"{RELAYS}/{'0' * 32}", (405, 10405)),
        ("GET", f"{RELAYS}/{'0' * 32}/tokens/rotate", (405, 10405)),
    ],
)
async def test_what_is_not_there_is_told_in_the_envelope(
    api: Api, method: str, path: str, expected: tuple[int, int | None]
) -> None:
    reply = await api.http.request(method, path)
    assert reply.status_code == expected[0]
    if method != "HEAD":
        assert reply.json()["errors"][0]["code"] == expected[1]
        assert reply.json()["success"] is False
    if reply.status_code == 405:
        assert "allow" in reply.headers


@pytest.mark.parametrize(
    ("method", "path", "code"),
    [("GET", RELAYS, 21006), ("POST", RELAYS, 21006), ("GET", APPS, 10001)],
)
async def test_a_failure_of_ours_tells_nothing_of_itself(
    api: Api,
    method: str,
    path: str,
    code: int,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    def fail(*_: Any) -> Any:
        raise BROKEN

    monkeypatch.setattr(Store, "reading", fail)
    reply = await api.http.request(method, path, json={"name": "x"})
    assert reply.status_code == 500
    assert reply.json()["errors"][0]["code"] == code
    assert "hunter2" not in reply.text
    assert API_TOKEN not in caplog.text
    # The SDKs repeat a GET by themselves; a POST may have happened.
    assert reply.headers.get("x-should-retry") == ("false" if method == "POST" else None)


async def test_what_is_stored_is_answered_though_the_directory_cannot_follow(
    api: Api, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    async def fail(_: Watch) -> None:
        raise BROKEN

    with monkeypatch.context() as patched, caplog.at_level(logging.WARNING):
        patched.setattr(Watch, "catch_up", fail)
        made = await api.create_relay()
    assert "stored but not shown yet" in caplog.text
    await api.services.watch.catch_up()
    assert api.opens(made["token_subscribe"]).relay == made["uid"]


async def test_a_creation_that_fails_before_its_end_leaves_nothing(
    api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def fail(*_: Any, **__: Any) -> None:
        raise BROKEN

    with monkeypatch.context() as patched:
        patched.setattr("tidegate.store.relay_tokens._insert", fail)
        assert (await api.http.post(RELAYS, json={"name": "x"})).status_code == 500
    assert (await api.http.get(RELAYS)).json()["result"] == []


async def test_secrets_are_not_logged(api: Api, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.DEBUG):
        made = await api.create_relay()
        app = (await api.http.post(APPS)).json()["result"]
    hidden = [API_TOKEN, app["secret"], made["token_subscribe"], made["token_publish_subscribe"]]
    assert not any(secret in caplog.text for secret in hidden)


async def test_health_and_readiness(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    assert (await api.http.get("/healthz")).text == "ok\n"
    assert (await api.http.get("/readyz")).text == "ok\n"

    def fail(*_: Any) -> Any:
        raise BROKEN

    monkeypatch.setattr(Store, "reading", fail)
    reply = await api.http.get("/readyz")
    assert (reply.status_code, reply.text) == (503, "the database does not answer\n")
    assert (await api.http.get("/healthz")).status_code == 200


async def test_the_certificate_hash_is_one_line_for_every_page(api: Api) -> None:
    reply = await api.http.get("/certificate.sha256", headers={"origin": "https://x.example"})
    assert reply.text == f"{SHA256}\n"
    assert reply.headers["access-control-allow-origin"] == "*"
    assert reply.headers["content-type"].startswith("text/plain")


async def test_the_openapi_document_names_every_call(api: Api) -> None:
    document = (await api.http.get("/api/openapi.json")).json()
    operations = {
        operation["operationId"]
        for item in document["paths"].values()
        for operation in item.values()
    }
    resources = ["create", "list", "get", "update", "delete"]
    assert operations == {
        *(f"moq-relays-{call}" for call in resources),
        *(f"moq-relays-tokens-{call}" for call in ("create", "list", "rotate", "delete")),
        *(f"calls-apps-{call}" for call in resources),
        *(f"calls-turn-keys-{call}" for call in resources),
        "user-api-tokens-verify",
    }
