"""``/calls/apps`` and ``/calls/turn_keys``: the same calls, with the secret under its own name."""

import re
from pathlib import Path
from typing import Any

import pytest
from tidegate.config import ApiConfig, Config
from tidegate.store.apps import apps
from tidegate.store.database import Store

from tests.control_plane import Api, running_api

KINDS = [("/calls/apps", "secret"), ("/calls/turn_keys", "key")]
pytestmark = pytest.mark.parametrize(("path", "secret"), KINDS, ids=["apps", "turn_keys"])

SHOWN = {"created", "modified", "name", "uid"}
NOBODY = "0" * 32


async def create(api: Api, path: str, body: Any = None) -> dict[str, Any]:
    reply = await api.call("POST", path, body)
    assert reply.status_code == 201, reply.text
    made: dict[str, Any] = reply.json()["result"]
    return made


def error(reply: Any) -> tuple[int, int]:
    body = reply.json()
    assert (body["success"], body["result"]) == (False, None)
    return reply.status_code, body["errors"][0]["code"]


async def test_the_secret_is_shown_at_creation_only(api: Api, path: str, secret: str) -> None:
    made = await create(api, path, {"name": "production"})
    assert set(made) == SHOWN | {secret}
    assert re.fullmatch(r"[0-9a-f]{64}", made.pop(secret))
    assert re.fullmatch(r"[0-9a-f]{32}", made["uid"])
    one = f"{path}/{made['uid']}"
    assert (await api.call("GET", one)).json()["result"] == made
    assert (await api.call("GET", path)).json()["result"] == [made]
    assert (await api.call("PUT", one, {})).json()["result"] == made
    deleted = await api.call("DELETE", one)
    assert (deleted.status_code, deleted.json()["result"]) == (200, made)
    assert error(await api.call("GET", one)) == (404, 1001)


@pytest.mark.parametrize("body", [None, {}, b"", b"  "])
async def test_the_name_may_be_left_out(api: Api, path: str, secret: str, body: Any) -> None:
    assert (await create(api, path, body))["name"] == ""


async def test_renaming_moves_modified(api: Api, path: str, secret: str) -> None:
    made = await create(api, path, {"name": "before"})
    edited = (await api.call("PUT", f"{path}/{made['uid']}", {"name": "after"})).json()["result"]
    assert edited["name"] == "after"
    assert edited["modified"] > made["modified"]
    assert edited["created"] == made["created"]


@pytest.mark.parametrize("body", [b"{", b"[]", b'{"name": 1}', b'{"name": null}'])
async def test_a_bad_body_is_refused(api: Api, path: str, secret: str, body: bytes) -> None:
    assert error(await api.call("POST", path, body)) == (400, 1002)
    made = await create(api, path)
    assert error(await api.call("PUT", f"{path}/{made['uid']}", body)) == (400, 1002)


async def test_the_wrong_member_is_pointed_at(api: Api, path: str, secret: str) -> None:
    [problem] = (await api.call("POST", path, {"name": 1})).json()["errors"]
    assert problem["source"] == {"pointer": "/name"}


@pytest.mark.parametrize("uid", [NOBODY, "x", "%00", "A" * 32])
async def test_what_does_not_exist_is_not_found(api: Api, path: str, secret: str, uid: str) -> None:
    for method, body in [("GET", None), ("PUT", {"name": "x"}), ("DELETE", None)]:
        assert error(await api.call(method, f"{path}/{uid}", body)) == (404, 1001)


async def test_the_limit_is_answered(store: Store, tmp_path: Path, path: str, secret: str) -> None:
    config = Config(api=ApiConfig(apps_per_account=1, turn_keys_per_account=1))
    async with running_api(store, config, tmp_path) as api:
        made = await create(api, path)
        assert error(await api.call("POST", path)) == (409, 1003)
        await api.call("DELETE", f"{path}/{made['uid']}")
        await create(api, path)


async def test_the_list_is_one_page(api: Api, path: str, secret: str) -> None:
    for _ in range(3):
        await create(api, path)
    info = (await api.call("GET", path)).json()["result_info"]
    assert info == {"page": 1, "per_page": 3, "count": 3, "total_count": 3, "total_pages": 1}


async def test_a_secret_opens_its_own_and_no_other(api: Api, path: str, secret: str) -> None:
    first, second = await create(api, "/calls/apps"), await create(api, "/calls/apps")
    async with api.services.store.reading() as db:
        assert await apps.opens(db, first["uid"], first["secret"])
        assert not await apps.opens(db, first["uid"], second["secret"])
        assert not await apps.opens(db, NOBODY, first["secret"])


async def test_the_media_side_sees_an_app_before_its_creation_is_answered(
    api: Api, path: str, secret: str
) -> None:
    made = await create(api, "/calls/apps")
    directory = api.services.directory
    assert directory.opens_app(made["secret"], made["uid"])
    await api.call("DELETE", f"/calls/apps/{made['uid']}")
    assert directory.app(made["uid"]) is None
