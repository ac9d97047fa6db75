"""The official SDK for TypeScript, of the generation with `origin_fallback` and flat tokens."""

import json
import os

import pytest
from tidegate.errors import TokenUnauthorized

from tests.control_plane import ACCOUNT, API_TOKEN, Api
from tests.interop.clients import INTEROP
from tests.interop.scripts import output_of

pytestmark = pytest.mark.foreign

SEED_FIELDS = {
    "uid": str,
    "name": str,
    "created": str,
    "modified": str,
    "config": dict,
    "token_publish_subscribe": str,
    "token_subscribe": str,
}


async def test_the_life_of_a_relay_and_an_app_with_7_0_0(api: Api) -> None:
    """moq-relays-api.md 6.1, 1."""
    seen = json.loads(
        await output_of(
            ["node", str(INTEROP / "node" / "cloudflare.mjs")],
            {
                **os.environ,
                "API_URL": f"{api.url}/client/v4",
                "API_TOKEN": API_TOKEN,
                "ACCOUNT_ID": ACCOUNT,
            },
        )
    )
    made = seen["made"]
    assert {name: type(made[name]) for name in SEED_FIELDS} == SEED_FIELDS
    assert made["config"]["lingering_subscribe"] == {"enabled": True, "max_timeout_ms": 30000}
    assert made["config"]["origin_fallback"] == {"enabled": False, "origins": []}

    assert seen["lingering"]["config"]["lingering_subscribe"] == {
        "enabled": False,
        "max_timeout_ms": 0,
    }
    origins = [{"url": "https://origin.example/live"}]
    assert seen["fallback"]["config"]["origin_fallback"] == {"enabled": True, "origins": origins}
    assert seen["shown"]["config"] == seen["fallback"]["config"]
    assert "token_subscribe" not in seen["shown"]
    assert seen["conflict"] == {"class": "BadRequestError", "status": 400, "code": 21009}

    for type_, operations in [
        ("publish_subscribe", {"publish", "subscribe"}),
        ("subscribe", {"subscribe"}),
    ]:
        assert seen["rotated"][type_]["type"] == type_
        assert api.opens(seen["rotated"][type_]["token"]).operations == operations
        with pytest.raises(TokenUnauthorized):
            api.opens(made[f"token_{type_}"])

    pages = {name: [relay["name"] for relay in page] for name, page in seen["pages"].items()}
    assert pages == {"after": ["second"], "before": ["from node"], "one": ["second"]}
    assert seen["deleted"] is None
    assert seen["gone"] == {"class": "NotFoundError", "status": 404, "code": 21007}

    calls = seen["calls"]
    assert len(calls["app"]["secret"]) == len(calls["key"]["key"]) == 64
    assert [app["name"] for app in calls["apps"]] == ["renamed"]
    assert [key["uid"] for key in calls["keys"]] == [calls["key"]["uid"]]
    assert calls["deleted"]["uid"] == calls["app"]["uid"]
