"""Relays in the store: times that never repeat, pages, limits, and deletion."""

import asyncio
from dataclasses import replace

import pytest
from tidegate.errors import RelayLimitReached, RelayNotFound
from tidegate.store import accounts, relays
from tidegate.store.database import Store
from tidegate.store.relays import Relay, RelayConfig

ACCOUNT = "a" * 32
NOW = 1_790_000_000_000_000


@pytest.fixture(autouse=True)
async def account(store: Store) -> None:
    async with store.writing() as db:
        await accounts.create(db, "test", now=NOW, id=ACCOUNT)


async def create(store: Store, name: str = "r", *, now: int = NOW, limit: int = 100) -> Relay:
    async with store.writing() as db:
        return await relays.create(db, ACCOUNT, name, RelayConfig(), limit=limit, now=now)


async def names(store: Store, **filters: int | None) -> list[str]:
    async with store.reading() as db:
        bounds = {"after": None, "before": None, "limit": 1000} | filters
        found, _ = await relays.page(db, ACCOUNT, ascending=True, **bounds)  # type: ignore[arg-type]
    return [relay.name for relay in found]


async def test_a_relay_comes_back_as_it_was_saved(store: Store) -> None:
    made = await create(store, "live")
    config = RelayConfig(False, 1000, True, ("moqt://b.example", "https://a.example"))
    changed = replace(made, name="später", modified=NOW + 5, config=config)
    async with store.writing() as db:
        await relays.save(db, changed)
    async with store.reading() as db:
        assert await relays.get(db, ACCOUNT, made.uid) == changed


async def test_relays_made_in_the_same_microsecond_get_different_times(store: Store) -> None:
    made = [await create(store) for _ in range(5)]
    assert [relay.created - NOW for relay in made] == [0, 1, 2, 3, 4]


async def test_a_clock_that_went_back_does_not_repeat_a_time(store: Store) -> None:
    first = await create(store)
    assert (await create(store, now=NOW - 1_000_000)).created == first.created + 1


async def test_relays_made_concurrently_get_different_times(store: Store) -> None:
    made = await asyncio.gather(*(create(store) for _ in range(20)))
    assert len({relay.created for relay in made}) == 20


async def test_the_limit_holds_under_concurrency(store: Store) -> None:
    results = await asyncio.gather(
        *(create(store, limit=3) for _ in range(10)), return_exceptions=True
    )
    refused = [result for result in results if isinstance(result, BaseException)]
    assert len(refused) == 7
    assert all(isinstance(error, RelayLimitReached) for error in refused)


async def test_cursors_are_strict(store: Store) -> None:
    made = [await create(store, f"{number}") for number in range(5)]
    assert await names(store, after=made[1].created) == ["2", "3", "4"]
    assert await names(store, before=made[2].created) == ["0", "1"]
    assert await names(store, after=made[0].created, before=made[3].created) == ["1", "2"]


async def test_the_total_counts_what_the_cursors_let_through_not_the_page(store: Store) -> None:
    made = [await create(store) for _ in range(5)]
    async with store.reading() as db:
        page, total = await relays.page(
            db, ACCOUNT, after=made[0].created, before=None, ascending=False, limit=2
        )
    assert [relay.uid for relay in page] == [made[4].uid, made[3].uid]
    assert total == 4


async def test_a_deleted_relay_is_gone_and_gives_its_place_back(store: Store) -> None:
    made = await create(store, limit=1)
    async with store.writing() as db:
        await relays.remove(db, ACCOUNT, made.uid, now=NOW)
    async with store.reading() as db:
        with pytest.raises(RelayNotFound):
            await relays.get(db, ACCOUNT, made.uid)
    assert (await create(store, limit=1)).created > made.created


async def test_a_relay_of_another_account_does_not_exist(store: Store) -> None:
    made = await create(store)
    async with store.reading() as db:
        with pytest.raises(RelayNotFound):
            await relays.get(db, "b" * 32, made.uid)
