"""Whoever is told that a creation failed may try again without making a second one."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from sqlalchemy.exc import OperationalError
from sqlalchemy.ext.asyncio import AsyncConnection
from tidegate.store import accounts
from tidegate.store.accounts import Account
from tidegate.store.database import Store

NOW = 1_790_000_000_000_000
LOST = OperationalError("COMMIT", {}, ConnectionError("connection lost"))


async def make(db: AsyncConnection) -> Account:
    return await accounts.create(db, "test", now=NOW)


async def exists(db: AsyncConnection, made: Account) -> bool:
    return made in await accounts.list_all(db)


async def count(store: Store) -> int:
    async with store.reading() as db:
        return len(await accounts.list_all(db))


async def test_a_commit_whose_acknowledgement_is_lost_counts(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    writing = store.writing

    @asynccontextmanager
    async def then_lost() -> AsyncIterator[AsyncConnection]:
        async with writing() as db:
            yield db
        raise LOST

    monkeypatch.setattr(store, "writing", then_lost)
    made = await store.create(make, exists)
    assert made.name == "test"
    assert await count(store) == 1


async def test_a_commit_that_did_not_happen_fails(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    writing = store.writing

    @asynccontextmanager
    async def lost_before() -> AsyncIterator[AsyncConnection]:
        async with writing() as db:
            yield db
            raise LOST

    monkeypatch.setattr(store, "writing", lost_before)
    with pytest.raises(OperationalError):
        await store.create(make, exists)
    assert await count(store) == 0
