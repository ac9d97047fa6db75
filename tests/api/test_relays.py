"""``/moq/relays``, in the superset shape and with the codes of every generation of clients."""

import asyncio
import re
from pathlib import Path
from typing import Any

import pytest
from tidegate.config import ApiConfig, Config
from tidegate.errors import TokenUnauthorized
from tidegate.store.database import Store

from tests.api.replies import error
from tests.control_plane import ACCOUNT, Api, running_api

TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{6})?Z")
HEX32 = re.compile(r"[0-9a-f]{32}")
NOBODY = "0" * 32


async def test_a_new_relay_has_the_fields_of_every_generation(api: Api) -> None:
    reply = await api.call("POST", "/moq/relays", {"name": "Production Live Stream"})
    assert reply.status_code == 201
    body = reply.json()
    assert {key: body[key] for key in ("success", "errors", "messages")} == {
        "success": True,
        "errors": [],
        "messages": [],
    }
    relay = body["result"]
    assert set(relay) == {
        "uid",
        "name",
        "created",
        "modified",
        "config",
        "token_publish_subscribe",
        "token_subscribe",
        "issuers",
    }
    assert HEX32.fullmatch(relay["uid"])
    assert relay["name"] == "Production Live Stream"
    assert TIME.fullmatch(relay["created"])
    assert relay["modified"] == relay["created"]
    assert relay["config"] == {
        "lingering_subscribe": {"enabled": True, "max_timeout_ms": 30000},
        "origin_fallback": {"enabled": False, "origins": []},
        "upstreams": {"enabled": False, "upstreams": []},
    }
    [issuer] = relay["issuers"]
    assert (issuer["type"], issuer["issuer"]) == ("cloudflare_jwt", "cloudflare")
    full, watcher = issuer["cloudflare_tokens"]
    assert full["operations"] == ["publish", "subscribe"]
    assert watcher["operations"] == ["subscribe"]
    assert full["secret"] == relay["token_publish_subscribe"]
    assert watcher["secret"] == relay["token_subscribe"]
    assert "label" not in full


async def test_both_tokens_of_a_new_relay_open_it_at_once(api: Api) -> None:
    relay = await api.create_relay()
    full = api.opens(relay["token_publish_subscribe"])
    watcher = api.opens(relay["token_subscribe"])
    assert full.relay == watcher.relay == relay["uid"]
    assert full.operations == {"publish", "subscribe"}
    assert watcher.operations == {"subscribe"}


async def test_get_shows_the_relay_without_its_tokens(api: Api) -> None:
    made = await api.create_relay()
    reply = await api.call("GET", f"/moq/relays/{made['uid']}")
    assert reply.status_code == 200
    shown = reply.json()["result"]
    hidden = {"token_publish_subscribe", "token_subscribe", "issuers"}
    assert shown == {key: value for key, value in made.items() if key not in hidden}


async def test_status_is_there_only_while_a_session_is_up(api: Api) -> None:
    made = await api.create_relay()
    path = f"/moq/relays/{made['uid']}"
    assert "status" not in (await api.call("GET", path)).json()["result"]
    api.connected.add(made["uid"])
    assert (await api.call("GET", path)).json()["result"]["status"] == "connected"
    api.connected.clear()
    assert "status" not in (await api.call("GET", path)).json()["result"]


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (b"", (400, 21002)),
        (b"{}", (400, 21002)),
        (b'{"title": "x"}', (400, 21002)),
        (b"{", (400, 21004)),
        (b"\xff\xfe", (400, 21004)),
        (b'{"name": "\xff"}', (400, 21004)),
        (b"[" * 60_000, (400, 21004)),
        (b"[]", (400, 21004)),
        (b'"name"', (400, 21004)),
        (b'{"name": 5}', (400, 21004)),
        (b'{"name": null}', (400, 21004)),
        (b'{"name": ""}', (400, 21011)),
        (b'{"name": "  "}', (400, 21011)),
        (b'{"name": "a\\u0000b"}', (400, 21004)),
        (b'{"name": "' + b"x" * 256 + b'"}', (400, 21004)),
        (b'{"name": "' + b"x" * 70_000 + b'"}', (413, 21001)),
        (b'{"name": "x", "config": {"upstreams": {"enabled": true}}}', (400, 21014)),
        (b'{"name": "x", "config": []}', (400, 21014)),
    ],
    ids=lambda value: repr(value)[:40],
)
async def test_a_bad_creation_gets_its_code(
    api: Api, body: bytes, expected: tuple[int, int]
) -> None:
    assert error(await api.call("POST", "/moq/relays", body)) == expected


@pytest.mark.parametrize("config", ["null", "{}"])
async def test_an_empty_config_counts_as_not_sent(api: Api, config: str) -> None:
    body = f'{{"name": "x", "config": {config}}}'.encode()
    assert (await api.call("POST", "/moq/relays", body)).status_code == 201


async def test_names_are_trimmed_and_may_be_any_text(api: Api) -> None:
    assert (await api.create_relay("  Übertragung 🎥 "))["name"] == "Übertragung 🎥"
    assert (await api.create_relay("x" * 255))["name"] == "x" * 255


async def test_a_deployment_may_apply_the_config_of_a_creation(
    store: Store, tmp_path: Path
) -> None:
    config = Config(api=ApiConfig(config_on_create="apply"))
    async with running_api(store, config, tmp_path) as api:
        sent = {"upstreams": {"enabled": True, "upstreams": [{"url": "moqt://x.example"}]}}
        reply = await api.call("POST", "/moq/relays", {"name": "x", "config": sent})
        assert reply.status_code == 201
        assert reply.json()["result"]["config"]["upstreams"] == sent["upstreams"]
        assert reply.json()["result"]["config"]["lingering_subscribe"]["enabled"] is False


async def test_the_relay_limit_is_answered_and_deletion_makes_room(
    store: Store, tmp_path: Path
) -> None:
    config = Config(api=ApiConfig(relays_per_account=2))
    async with running_api(store, config, tmp_path) as api:
        first = await api.create_relay()
        await api.create_relay()
        refused = await api.call("POST", "/moq/relays", {"name": "third"})
        assert error(refused) == (409, 21008)
        assert refused.headers["x-should-retry"] == "false"
        await api.call("DELETE", f"/moq/relays/{first['uid']}")
        await api.create_relay()


async def test_an_update_replaces_only_what_it_names(api: Api) -> None:
    made = await api.create_relay("before")
    path = f"/moq/relays/{made['uid']}"
    renamed = (await api.call("PUT", path, {"name": "after"})).json()["result"]
    assert renamed["name"] == "after"
    assert renamed["config"] == made["config"]
    assert renamed["modified"] > made["modified"]
    assert renamed["created"] == made["created"]
    linger = {"lingering_subscribe": {"max_timeout_ms": 0}}
    changed = (await api.call("PUT", path, {"config": linger})).json()["result"]
    assert changed["name"] == "after"
    assert changed["config"]["lingering_subscribe"] == {"enabled": True, "max_timeout_ms": 0}
    record = api.services.directory.relay(made["uid"])
    assert record is not None
    assert record.linger_max_ms == 0


@pytest.mark.parametrize("body", [{}, {"config": None}, {"config": {}}, {"other": 1}])
async def test_an_update_that_asks_for_nothing_changes_nothing(api: Api, body: Any) -> None:
    made = await api.create_relay()
    reply = await api.call("PUT", f"/moq/relays/{made['uid']}", body)
    assert reply.status_code == 200
    assert reply.json()["result"]["modified"] == made["modified"]


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (b"", (400, 21004)),
        (b"nonsense", (400, 21004)),
        (b"[]", (400, 21004)),
        (b'{"name": 1}', (400, 21004)),
        (b'{"name": " "}', (400, 21011)),
        (b'{"config": 1}', (400, 21004)),
        (b'{"config": {"lingering_subscribe": {"max_timeout_ms": 300001}}}', (400, 21004)),
        (b'{"config": {"origin_fallback": {"enabled": true}}}', (400, 21009)),
        (b'{"config": {"upstreams": {"upstreams": [{"url": "http://x"}]}}}', (400, 21013)),
    ],
)
async def test_a_bad_update_gets_its_code_and_changes_nothing(
    api: Api, body: bytes, expected: tuple[int, int]
) -> None:
    made = await api.create_relay()
    path = f"/moq/relays/{made['uid']}"
    assert error(await api.call("PUT", path, body)) == expected
    assert (await api.call("GET", path)).json()["result"]["config"] == made["config"]


@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE"])
async def test_malformed_and_unknown_ids(api: Api, method: str) -> None:
    body: Any = {} if method == "PUT" else None
    for malformed in ("x", "A" * 32, "0" * 31, "0" * 33, "%00" * 32):
        assert error(await api.call(method, f"/moq/relays/{malformed}", body)) == (400, 21003)
    assert error(await api.call(method, f"/moq/relays/{NOBODY}", body)) == (404, 21007)


async def test_a_deleted_relay_is_gone_with_its_tokens(api: Api) -> None:
    made = await api.create_relay()
    path = f"/moq/relays/{made['uid']}"
    reply = await api.call("DELETE", path)
    assert (reply.status_code, reply.json()["result"]) == (200, None)
    for method, where in [("GET", path), ("DELETE", path), ("GET", f"{path}/tokens")]:
        assert error(await api.call(method, where)) == (404, 21007)
    with pytest.raises(TokenUnauthorized):
        api.opens(made["token_publish_subscribe"])


async def test_the_list_shows_summaries_newest_first(api: Api) -> None:
    made = [await api.create_relay(f"{number}") for number in range(3)]
    body = (await api.call("GET", "/moq/relays")).json()
    assert [relay["name"] for relay in body["result"]] == ["2", "1", "0"]
    assert set(body["result"][0]) == {"uid", "name", "created", "modified"}
    assert body["result_info"] == {"count": 3, "total": 3}
    ascending = (await api.call("GET", "/moq/relays", asc="true")).json()["result"]
    assert [relay["uid"] for relay in ascending] == [relay["uid"] for relay in made]


async def test_pages_visit_every_relay_once_in_both_directions(api: Api) -> None:
    made = await asyncio.gather(*(api.create_relay(f"{number}") for number in range(7)))
    for ascending, cursor in [("true", "created_after"), ("false", "created_before")]:
        seen: list[str] = []
        params: dict[str, str] = {"per_page": "3", "asc": ascending}
        while True:
            body = (await api.call("GET", "/moq/relays", **params)).json()
            assert body["result_info"] == {"count": len(body["result"]), "total": 7 - len(seen)}
            if not body["result"]:
                break
            seen += [relay["uid"] for relay in body["result"]]
            params[cursor] = body["result"][-1]["created"]
        assert sorted(seen) == sorted(relay["uid"] for relay in made)


async def test_a_cursor_may_carry_any_offset(api: Api) -> None:
    await api.create_relay()
    everything = await api.call("GET", "/moq/relays", created_after="2020-01-01T02:00:00+02:00")
    assert everything.json()["result_info"]["total"] == 1
    bare = await api.http.get(
        f"/client/v4/accounts/{ACCOUNT}/moq/relays?created_after=2020-01-01T00:00:00+00:00"
    )
    assert bare.json()["result_info"]["total"] == 1
    nothing = await api.call("GET", "/moq/relays", created_before="2020-01-01T00:00:00-05:30")
    assert nothing.json()["result_info"] == {"count": 0, "total": 0}


@pytest.mark.parametrize("per_page", ["1001", "9" * 5000, "00000001000"])
async def test_large_pages_are_clamped(api: Api, per_page: str) -> None:
    assert (await api.call("GET", "/moq/relays", per_page=per_page)).status_code == 200


@pytest.mark.parametrize(
    "params",
    [
        {"per_page": "0"},
        {"per_page": "-1"},
        {"per_page": "ten"},
        {"per_page": "1.5"},
        {"per_page": "²"},
        {"asc": "maybe"},
        {"created_after": "yesterday"},
        {"created_after": "2026-01-01T00:00:00"},
        {"created_before": ""},
    ],
    ids=str,
)
async def test_bad_list_parameters_are_refused(api: Api, params: dict[str, str]) -> None:
    assert error(await api.call("GET", "/moq/relays", **params)) == (400, 21004)


async def test_bodies_are_json_whatever_their_content_type_says(api: Api) -> None:
    for content_type in ("text/plain;charset=UTF-8", "application/x-www-form-urlencoded", "", "x"):
        reply = await api.http.post(
            f"/client/v4/accounts/{ACCOUNT}/moq/relays",
            content=b'{"name": "x"}',
            headers={"content-type": content_type},
        )
        assert reply.status_code == 201
