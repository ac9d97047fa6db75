"""``/moq/relays/{relay_id}/tokens``: both generations of token calls, side by side."""

import asyncio
import contextlib
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from tidegate.errors import TokenUnauthorized

from tests.api.replies import error
from tests.control_plane import Api

NOBODY = "0" * 32


@pytest.fixture
async def relay(api: Api) -> dict[str, Any]:
    return await api.create_relay()


@pytest.fixture
def path(relay: dict[str, Any]) -> str:
    return f"/moq/relays/{relay['uid']}/tokens"


def only_issuer(reply: Any) -> list[dict[str, Any]]:
    """The tokens in an answer."""
    body = reply.json()
    assert body["success"] is True
    [issuer] = body["result"]["issuers"]
    assert (issuer["type"], issuer["issuer"]) == ("cloudflare_jwt", "cloudflare")
    tokens: list[dict[str, Any]] = issuer["cloudflare_tokens"]
    return tokens


def after(**delta: float) -> str:
    return (datetime.now(UTC) + timedelta(**delta)).isoformat()


async def test_the_list_shows_every_token_without_its_secret(
    api: Api, relay: dict[str, Any], path: str
) -> None:
    made = relay["issuers"][0]["cloudflare_tokens"]
    for token in made:
        del token["secret"]
    assert only_issuer(await api.call("GET", path)) == made


async def test_a_new_token_is_shown_once_and_opens_the_relay(api: Api, path: str) -> None:
    body = {"operations": ["subscribe"], "label": "Studio", "expires": after(hours=1)}
    reply = await api.call("POST", path, body)
    assert reply.status_code == 201
    [token] = only_issuer(reply)
    assert set(token) == {"jti", "operations", "created", "expires", "label", "secret"}
    assert (token["operations"], token["label"]) == (["subscribe"], "Studio")
    grant = api.opens(token["secret"])
    assert grant.jti == token["jti"]
    assert grant.operations == {"subscribe"}
    listed = only_issuer(await api.call("GET", path))
    assert {key: value for key, value in token.items() if key != "secret"} in listed
    assert "secret" not in listed[-1]


async def test_a_token_lasts_a_year_unless_told_otherwise(api: Api, path: str) -> None:
    [token] = only_issuer(await api.call("POST", path, {"operations": ["publish"]}))
    created = datetime.fromisoformat(token["created"]).replace(microsecond=0)
    expires = datetime.fromisoformat(token["expires"])
    assert expires - created == timedelta(seconds=31_535_999)
    assert api.opens(token["secret"]).expires == expires.timestamp()


async def test_an_expiry_is_cut_to_seconds_and_echoed_so(api: Api, path: str) -> None:
    wanted = (datetime.now(UTC) + timedelta(days=1)).replace(microsecond=987_654)
    body = {"operations": ["publish"], "expires": wanted.isoformat()}
    [token] = only_issuer(await api.call("POST", path, body))
    assert token["expires"] == f"{wanted:%Y-%m-%dT%H:%M:%SZ}"


async def test_operations_keep_their_order_and_lose_repetitions(api: Api, path: str) -> None:
    body = {"operations": ["subscribe", "publish", "subscribe"]}
    [token] = only_issuer(await api.call("POST", path, body))
    assert token["operations"] == ["subscribe", "publish"]


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ({}, (400, 21010)),
        ({"operations": []}, (400, 21010)),
        ({"operations": "publish"}, (400, 21010)),
        ({"operations": ["publish", "fetch"]}, (400, 21010)),
        ({"operations": [["publish"]]}, (400, 21010)),
        ({"operations": [None]}, (400, 21010)),
        ({"operations": ["publish"], "expires": "soon"}, (400, 21004)),
        ({"operations": ["publish"], "expires": 1_800_000_000}, (400, 21004)),
        ({"operations": ["publish"], "expires": "2027-01-01T00:00:00"}, (400, 21004)),
        ({"operations": ["publish"], "expires": "2020-01-01T00:00:00Z"}, (400, 21012)),
        ({"operations": ["publish"], "expires": "9999-12-31T23:59:59Z"}, (400, 21012)),
        ({"operations": ["publish"], "label": 5}, (400, 21004)),
        ({"operations": ["publish"], "label": "x" * 256}, (400, 21004)),
        ({"operations": ["publish"], "label": "a\u0000"}, (400, 21004)),
        (b"", (400, 21004)),
        (b"{", (400, 21004)),
        (b"[]", (400, 21004)),
        (b" " * 70_000, (413, 21001)),
    ],
    ids=lambda value: repr(value)[:60],
)
async def test_a_bad_token_gets_its_code(
    api: Api, path: str, body: Any, expected: tuple[int, int]
) -> None:
    assert error(await api.call("POST", path, body)) == expected


async def test_the_longest_life_is_a_year_to_the_second(api: Api, path: str) -> None:
    now = datetime.now(UTC).replace(microsecond=0)
    body = {"operations": ["publish"], "expires": (now + timedelta(days=365)).isoformat()}
    assert (await api.call("POST", path, body)).status_code == 201
    body["expires"] = (now + timedelta(days=365, seconds=30)).isoformat()
    assert error(await api.call("POST", path, body)) == (400, 21012)
    body["expires"] = now.isoformat()
    assert error(await api.call("POST", path, body)) == (400, 21012)


async def test_the_eleventh_token_is_one_too_many(api: Api, path: str) -> None:
    """Section 6.1, 3: the two automatic tokens count."""
    for _ in range(8):
        assert (await api.call("POST", path, {"operations": ["publish"]})).status_code == 201
    refused = await api.call("POST", path, {"operations": ["publish"]})
    assert error(refused) == (409, 21009)
    assert refused.headers["x-should-retry"] == "false"
    rotated = await api.call("POST", f"{path}/rotate", {"type": "subscribe"})
    assert rotated.status_code == 200
    [*_, last] = only_issuer(await api.call("GET", path))
    await api.call("DELETE", f"{path}/{last['jti']}")
    assert (await api.call("POST", path, {"operations": ["publish"]})).status_code == 201


async def test_the_limit_holds_for_calls_that_come_together(api: Api, path: str) -> None:
    body = {"operations": ["publish"]}
    replies = await asyncio.gather(*(api.call("POST", path, body) for _ in range(12)))
    assert sorted(reply.status_code for reply in replies) == [201] * 8 + [409] * 4
    assert len(only_issuer(await api.call("GET", path))) == 10


async def test_of_rotations_that_come_together_one_token_is_left(api: Api, path: str) -> None:
    body = {"type": "subscribe"}
    replies = await asyncio.gather(*(api.call("POST", f"{path}/rotate", body) for _ in range(6)))
    tokens = [reply.json()["result"]["token"] for reply in replies]
    left = {token["jti"] for token in only_issuer(await api.call("GET", path))}
    opening = []
    for token in tokens:
        with contextlib.suppress(TokenUnauthorized):
            opening.append(api.opens(token).jti)
    assert len(left) == 2
    assert len(opening) == 1
    assert opening[0] in left


async def test_a_revoked_token_opens_nothing(api: Api, path: str) -> None:
    [token] = only_issuer(await api.call("POST", path, {"operations": ["publish"]}))
    reply = await api.call("DELETE", f"{path}/{token['jti']}")
    assert reply.status_code == 200
    assert reply.json() == {"success": True, "errors": [], "messages": []}
    with pytest.raises(TokenUnauthorized):
        api.opens(token["secret"])
    again = await api.call("DELETE", f"{path}/{token['jti']}")
    assert again.json() == reply.json()


async def test_revoking_what_never_was_succeeds_if_it_could_have_been(api: Api, path: str) -> None:
    assert (await api.call("DELETE", f"{path}/{NOBODY}")).status_code == 200
    assert error(await api.call("DELETE", f"{path}/nonsense")) == (400, 21003)


@pytest.mark.parametrize(
    ("type_", "field", "operations"),
    [
        ("publish_subscribe", "token_publish_subscribe", {"publish", "subscribe"}),
        ("subscribe", "token_subscribe", {"subscribe"}),
    ],
)
async def test_rotation_replaces_an_automatic_token_at_once(
    api: Api, relay: dict[str, Any], path: str, type_: str, field: str, operations: set[str]
) -> None:
    reply = await api.call("POST", f"{path}/rotate", {"type": type_})
    assert reply.status_code == 200
    result = reply.json()["result"]
    assert set(result) == {"token", "type"}
    assert result["type"] == type_
    assert api.opens(result["token"]).operations == operations
    with pytest.raises(TokenUnauthorized):
        api.opens(relay[field])
    other = {"token_publish_subscribe", "token_subscribe"} - {field}
    api.opens(relay[other.pop()])
    assert len(only_issuer(await api.call("GET", path))) == 2


async def test_rotation_fills_a_slot_that_was_emptied(
    api: Api, relay: dict[str, Any], path: str
) -> None:
    await api.call("DELETE", f"{path}/{api.opens(relay['token_subscribe']).jti}")
    reply = await api.call("POST", f"{path}/rotate", {"type": "subscribe"})
    assert api.opens(reply.json()["result"]["token"]).operations == {"subscribe"}


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ({}, (400, 21010)),
        ({"type": "publish"}, (400, 21010)),
        ({"type": None}, (400, 21010)),
        ({"type": ["subscribe"]}, (400, 21010)),
        (b"", (400, 21004)),
        (b"nonsense", (400, 21004)),
    ],
)
async def test_a_bad_rotation_gets_its_code(
    api: Api, path: str, body: Any, expected: tuple[int, int]
) -> None:
    assert error(await api.call("POST", f"{path}/rotate", body)) == expected


async def test_tokens_of_no_relay(api: Api) -> None:
    good = {"operations": ["publish"]}
    for id, expected in [(NOBODY, (404, 21007)), ("nonsense", (400, 21003))]:
        path = f"/moq/relays/{id}/tokens"
        assert error(await api.call("GET", path)) == expected
        assert error(await api.call("POST", path, good)) == expected
        assert error(await api.call("POST", f"{path}/rotate", {"type": "subscribe"})) == expected
        assert error(await api.call("DELETE", f"{path}/{NOBODY}")) == expected


async def test_token_calls_leave_the_relay_unmodified(
    api: Api, relay: dict[str, Any], path: str
) -> None:
    await api.call("POST", f"{path}/rotate", {"type": "subscribe"})
    await api.call("POST", path, {"operations": ["publish"]})
    shown = (await api.call("GET", f"/moq/relays/{relay['uid']}")).json()["result"]
    assert shown["modified"] == relay["modified"]
