"""API tokens: hashed at rest, with permissions per account."""

import pytest
from sqlalchemy import text
from tidegate.store import accounts, api_tokens
from tidegate.store.api_tokens import Permission
from tidegate.store.database import Store

MINE, OTHER = "a" * 32, "b" * 32
NOW = 1_790_000_000_000_000


@pytest.fixture(autouse=True)
async def two_accounts(store: Store) -> None:
    async with store.writing() as db:
        await accounts.create(db, "mine", now=NOW, id=MINE)
        await accounts.create(db, "other", now=NOW, id=OTHER)


async def make(store: Store, *held: Permission, expires: int | None = None) -> tuple[str, str]:
    async with store.writing() as db:
        token, secret = await api_tokens.create(
            db, "test", account_id=MINE, permissions=held, now=NOW, expires=expires
        )
    return token.id, secret


P = Permission


@pytest.mark.parametrize(
    ("held", "allowed"),
    [
        (P.ADMIN, {P.CALLS_READ, P.CALLS_WRITE, P.MOQ_READ, P.MOQ_WRITE, P.ADMIN}),
        (P.MOQ_WRITE, {P.MOQ_READ, P.MOQ_WRITE}),
        (P.MOQ_READ, {P.MOQ_READ}),
        (P.CALLS_WRITE, {P.CALLS_READ, P.CALLS_WRITE}),
        (P.CALLS_READ, {P.CALLS_READ}),
    ],
)
async def test_writing_includes_reading_and_products_are_apart(
    store: Store, held: Permission, allowed: set[Permission]
) -> None:
    _, secret = await make(store, held)
    async with store.reading() as db:
        token = await api_tokens.authenticate(db, secret, now=NOW)
    assert token is not None
    assert {permission for permission in Permission if token.may(permission, MINE)} == allowed
    assert not any(token.may(permission, OTHER) for permission in Permission)


async def test_an_expired_or_revoked_token_is_nobody(store: Store) -> None:
    id, secret = await make(store, P.ADMIN, expires=NOW + 1)
    async with store.writing() as db:
        assert await api_tokens.authenticate(db, secret, now=NOW) is not None
        assert await api_tokens.authenticate(db, secret, now=NOW + 1) is None
        assert await api_tokens.authenticate(db, "", now=NOW) is None
        assert await api_tokens.revoke(db, id)
        assert not await api_tokens.revoke(db, id)
        assert await api_tokens.authenticate(db, secret, now=NOW) is None


async def test_the_secret_is_nowhere_in_the_database(store: Store) -> None:
    _, secret = await make(store, P.ADMIN)
    async with store.reading() as db:
        rows = (await db.execute(text("SELECT * FROM api_tokens"))).all()
    assert secret not in str(rows)
    assert secret.encode() not in b"".join(bytes(row.hash) for row in rows)


async def test_the_list_names_every_grant(store: Store) -> None:
    await make(store, P.MOQ_READ, P.CALLS_READ)
    async with store.reading() as db:
        [token] = await api_tokens.list_all(db)
    assert token.grants == {MINE: {P.MOQ_READ, P.CALLS_READ}}
