"""Who may do what: no token, a wrong one, too little permission, another account."""

import pytest
from tidegate.store.api_tokens import Permission

from tests.control_plane import ACCOUNT, API_TOKEN, Api

P = Permission
OTHER = "f" * 32
NOBODY = "0" * 32

CALLS = [
    ("GET", "/calls/apps", P.CALLS_READ),
    ("POST", "/calls/apps", P.CALLS_WRITE),
    ("GET", f"/calls/turn_keys/{NOBODY}", P.CALLS_READ),
    ("PUT", f"/calls/turn_keys/{NOBODY}", P.CALLS_WRITE),
    ("DELETE", f"/calls/apps/{NOBODY}", P.CALLS_WRITE),
    ("GET", "/moq/relays", P.MOQ_READ),
    ("POST", "/moq/relays", P.MOQ_WRITE),
    ("GET", f"/moq/relays/{NOBODY}", P.MOQ_READ),
    ("PUT", f"/moq/relays/{NOBODY}", P.MOQ_WRITE),
    ("DELETE", f"/moq/relays/{NOBODY}", P.MOQ_WRITE),
    ("GET", f"/moq/relays/{NOBODY}/tokens", P.MOQ_READ),
    ("POST", f"/moq/relays/{NOBODY}/tokens", P.MOQ_WRITE),
    ("POST", f"/moq/relays/{NOBODY}/tokens/rotate", P.MOQ_WRITE),
    ("DELETE", f"/moq/relays/{NOBODY}/tokens/{NOBODY}", P.MOQ_WRITE),
]
INCLUDES = {P.CALLS_READ: P.CALLS_WRITE, P.MOQ_READ: P.MOQ_WRITE}


async def refusal(api: Api, method: str, path: str, authorization: str | None) -> tuple[int, int]:
    headers = {} if authorization is None else {"authorization": authorization}
    api.http.headers.pop("authorization", None)
    reply = await api.http.request(method, path, headers=headers)
    body = reply.json()
    code = body["errors"][0]["code"] if body["errors"] else 0
    return reply.status_code, code


@pytest.mark.parametrize(("method", "path", "needed"), CALLS)
async def test_every_call_asks_for_its_permission(
    api: Api, method: str, path: str, needed: Permission
) -> None:
    path = f"/client/v4/accounts/{ACCOUNT}{path}"
    enough = {needed, INCLUDES.get(needed, needed), P.ADMIN}
    for permission in Permission:
        token = await api.token_with(permission)
        status, code = await refusal(api, method, path, f"Bearer {token}")
        assert ((status, code) == (403, 10000)) == (permission not in enough)


@pytest.mark.parametrize(("method", "path", "needed"), CALLS[:2])
@pytest.mark.parametrize(
    ("authorization", "expected"),
    [
        (None, (401, 9106)),
        ("", (401, 9106)),
        ("Basic dTpw", (401, 9106)),
        ("Bearer", (401, 9106)),
        ("Bearer nonsense", (401, 1000)),
        (f"Bearer {API_TOKEN}x", (401, 1000)),
    ],
)
async def test_without_a_good_token_nothing_is_told(
    api: Api,
    method: str,
    path: str,
    needed: Permission,
    authorization: str | None,
    expected: tuple[int, int],
) -> None:
    path = f"/client/v4/accounts/{ACCOUNT}{path}"
    assert await refusal(api, method, path, authorization) == expected


async def test_another_account_is_forbidden_whether_it_exists_or_not(api: Api) -> None:
    for account, expected in [
        (OTHER, (403, 10000)),
        ("%00", (403, 10000)),
        ("a" * 33, (404, 7003)),
    ]:
        path = f"/client/v4/accounts/{account}/moq/relays"
        assert await refusal(api, "GET", path, f"Bearer {API_TOKEN}") == expected


async def test_the_scheme_is_not_case_sensitive(api: Api) -> None:
    path = f"/client/v4/accounts/{ACCOUNT}/moq/relays"
    assert await refusal(api, "GET", path, f"bearer {API_TOKEN}") == (200, 0)


async def test_a_token_can_be_verified(api: Api) -> None:
    reply = await api.http.get("/client/v4/user/tokens/verify")
    assert reply.json()["result"]["status"] == "active"
    assert await refusal(api, "GET", "/client/v4/user/tokens/verify", "Bearer x") == (401, 1000)
