"""The official Python SDKs, the first with MoQ relays and the newest, with strict response
validation.
"""

import json
import os
import sys
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any

import cloudflare
import httpx
import pytest
from cloudflare import AsyncCloudflare
from tidegate.errors import TokenUnauthorized

from tests.control_plane import ACCOUNT, API_TOKEN, Api
from tests.interop.clients import BUILD, INTEROP
from tests.interop.scripts import output_of

pytestmark = pytest.mark.foreign

Newest = Any
"""An ``AsyncCloudflare``: its types call every answer optional, which on the wire none is."""


@pytest.fixture
async def newest(api: Api) -> AsyncIterator[Newest]:
    """PyPI 5.9.0, as a user sets it up, but for the validation; it repeats calls as it likes."""
    assert cloudflare.__version__ == "5.9.0"
    async with AsyncCloudflare(
        base_url=f"{api.url}/client/v4", api_token=API_TOKEN, _strict_response_validation=True
    ) as client:
        yield client


async def test_a_relays_life_with_5_5_0(api: Api) -> None:
    """moq-relays-api.md 6.1, 2: `upstreams` and flat tokens."""
    seen = json.loads(
        await output_of(
            [sys.executable, str(INTEROP / "foreign" / "cloudflare_5_5.py")],
            {
                **os.environ,
                "PYTHONPATH": str(BUILD / "cloudflare-5.5"),
                "API_URL": f"{api.url}/client/v4",
                "API_TOKEN": API_TOKEN,
                "ACCOUNT_ID": ACCOUNT,
            },
        )
    )
    made = seen["made"]
    assert made["config"]["upstreams"] == {"enabled": False, "upstreams": []}
    assert made["config"]["lingering_subscribe"] == {"enabled": True, "max_timeout_ms": 30000}
    for old in (made["token_publish_subscribe"], made["token_subscribe"]):
        with pytest.raises(TokenUnauthorized):
            api.opens(old)
    assert api.opens(seen["rotated"]["publish_subscribe"]).operations == {"publish", "subscribe"}
    assert api.opens(seen["rotated"]["subscribe"]).operations == {"subscribe"}
    assert seen["lingering"]["name"] == "renamed"
    assert seen["lingering"]["config"]["lingering_subscribe"]["max_timeout_ms"] == 1000
    upstreams = {"enabled": True, "upstreams": [{"url": "moqt://origin.example:443"}]}
    assert seen["upstreams"]["config"]["upstreams"] == upstreams
    assert seen["upstreams"]["config"]["lingering_subscribe"]["enabled"] is False
    assert seen["shown"]["config"] == seen["upstreams"]["config"]
    assert (seen["page"], seen["conflict"], seen["gone"]) == (["second"], 21009, 21007)


async def test_a_relays_life_with_5_9_0(api: Api, newest: Newest) -> None:
    """moq-relays-api.md 6.1, 3 and 4: `upstreams` alone, and issuers."""
    relays = newest.moq.relays
    made = await relays.create(account_id=ACCOUNT, name="from 5.9.0")
    [issuer] = made.issuers
    full, watcher = issuer.cloudflare_tokens
    assert api.opens(str(full.secret)).operations == {"publish", "subscribe"}
    assert api.opens(str(watcher.secret)).operations == {"subscribe"}
    upstreams = {"enabled": True, "upstreams": [{"url": "moqt://origin.example"}]}
    updated = await relays.update(
        made.uid,
        account_id=ACCOUNT,
        name="renamed",
        config={"upstreams": upstreams},
    )
    assert updated.name == "renamed"
    assert updated.config.to_dict() == {
        "lingering_subscribe": {"enabled": False, "max_timeout_ms": 30000},
        "origin_fallback": {"enabled": True, "origins": [{"url": "moqt://origin.example"}]},
        "upstreams": upstreams,
    }
    api.connected.add(made.uid)
    shown = await relays.get(made.uid, account_id=ACCOUNT)
    assert shown.status == "connected"
    assert shown.config.to_dict() == updated.config.to_dict()
    await relays.delete(made.uid, account_id=ACCOUNT)
    with pytest.raises(cloudflare.NotFoundError) as gone:
        await relays.get(made.uid, account_id=ACCOUNT)
    assert gone.value.errors[0].code == 21007


async def test_tokens_with_5_9_0(api: Api, newest: Newest) -> None:
    made = await newest.moq.relays.create(account_id=ACCOUNT, name="tokens")
    tokens = newest.moq.relays.tokens
    where: dict[str, Any] = {"account_id": ACCOUNT}
    expires = datetime.now(UTC) + timedelta(hours=1)
    created = await tokens.create(
        made.uid, **where, operations=["subscribe"], label="viewer", expires=expires
    )
    [token] = created.issuers[0].cloudflare_tokens
    assert (token.label, token.operations) == ("viewer", ["subscribe"])
    assert token.expires == expires.replace(microsecond=0)
    assert api.opens(str(token.secret)).operations == {"subscribe"}
    listed = (await tokens.list(made.uid, **where)).issuers[0].cloudflare_tokens
    assert [bool(one.secret) for one in listed] == [False] * 3
    await tokens.delete(token.jti, **where, relay_id=made.uid)
    await tokens.delete(token.jti, **where, relay_id=made.uid)
    with pytest.raises(TokenUnauthorized):
        api.opens(str(token.secret))
    for _ in range(8):
        await tokens.create(made.uid, **where, operations=["publish"])
    requests = count_requests(newest)
    with pytest.raises(cloudflare.ConflictError) as full:
        await tokens.create(made.uid, **where, operations=["publish"])
    assert full.value.errors[0].code == 21009
    assert len(requests) == 1, "the SDK repeats a conflict unless it is told not to"


def count_requests(client: Newest) -> list[httpx.Request]:
    """A list that grows with every request from now on."""
    sent: list[httpx.Request] = []

    async def note(request: httpx.Request) -> None:
        sent.append(request)

    client._client.event_hooks["request"].append(note)
    return sent


async def test_a_config_at_creation_is_refused_unless_it_is_empty(newest: Newest) -> None:
    relays = newest.moq.relays
    config = {"upstreams": {"enabled": True, "upstreams": [{"url": "moqt://x.example"}]}}
    with pytest.raises(cloudflare.BadRequestError) as refused:
        await relays.create(account_id=ACCOUNT, name="x", extra_body={"config": config})
    assert refused.value.errors[0].code == 21014
    empty: list[Any] = [None, {}]
    for nothing in empty:
        await relays.create(account_id=ACCOUNT, name="x", extra_body={"config": nothing})


async def test_cursors_with_5_9_0(newest: Newest) -> None:
    relays = newest.moq.relays
    made = [await relays.create(account_id=ACCOUNT, name=f"{n}") for n in range(4)]

    async def names(**cursors: Any) -> list[str | None]:
        return [relay.name async for relay in relays.list(account_id=ACCOUNT, **cursors)]

    assert await names() == ["3", "2", "1", "0"]
    assert await names(asc=True, per_page=2) == ["0", "1"]
    assert await names(asc=True, created_after=made[1].created) == ["2", "3"]
    assert await names(created_before=made[2].created) == ["1", "0"]
    assert await names(created_before=made[2].created.isoformat(), per_page=1) == ["1"]


async def test_apps_and_turn_keys_with_5_9_0(newest: Newest) -> None:
    for resource, secret in [(newest.calls.sfu, "secret"), (newest.calls.turn, "key")]:
        made: Any = await resource.create(account_id=ACCOUNT)
        assert (made.name, len(getattr(made, secret))) == ("", 64)
        edited = await resource.update(made.uid, account_id=ACCOUNT, name="edited")
        assert edited.name == "edited"
        assert [one.uid async for one in resource.list(account_id=ACCOUNT)] == [made.uid]
        assert (await resource.get(made.uid, account_id=ACCOUNT)).modified == edited.modified
        await resource.delete(made.uid, account_id=ACCOUNT)
        with pytest.raises(cloudflare.NotFoundError):
            await resource.get(made.uid, account_id=ACCOUNT)


async def test_refusals_become_the_sdks_own_exceptions(api: Api) -> None:
    async def fails(token: str, account: str = ACCOUNT) -> type[Exception]:
        url = f"{api.url}/client/v4"
        async with AsyncCloudflare(base_url=url, api_token=token) as client:
            with pytest.raises(cloudflare.APIStatusError) as refused:
                await client.moq.relays.create(account_id=account, name="x")
        return refused.type

    assert await fails("wrong") is cloudflare.AuthenticationError
    assert await fails(API_TOKEN, account="f" * 32) is cloudflare.PermissionDeniedError
    assert await fails(API_TOKEN, account="f" * 33) is cloudflare.NotFoundError


async def test_the_sdk_verifies_its_token(newest: Newest) -> None:
    verified = await newest.user.tokens.verify()
    assert verified is not None
    assert verified.status == "active"
