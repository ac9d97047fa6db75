"""Relay tokens in the store: slots, limits, rotation."""

import pytest
from tidegate.errors import TokenLimitReached
from tidegate.store import accounts, relay_tokens, relays
from tidegate.store.database import Store
from tidegate.store.relay_tokens import RelayToken, Slot
from tidegate.store.relays import RelayConfig
from tidegate.tokens import Operation

ACCOUNT = "a" * 32
NOW = 1_790_000_000_123_456


@pytest.fixture
async def relay(store: Store) -> str:
    """A relay with its two automatic tokens."""
    async with store.writing() as db:
        await accounts.create(db, "test", now=NOW, id=ACCOUNT)
        made = await relays.create(db, ACCOUNT, "r", RelayConfig(), limit=9, now=NOW)
        for nth, slot in enumerate(Slot):
            await relay_tokens.fill(db, made.uid, slot, now=NOW + nth)
    return made.uid


async def add(store: Store, relay: str, *, limit: int = 10) -> RelayToken:
    async with store.writing() as db:
        return await relay_tokens.create(
            db, relay, [Operation.PUBLISH], expires=None, label="studio", limit=limit, now=NOW + 9
        )


async def tokens(store: Store, relay: str) -> list[RelayToken]:
    async with store.reading() as db:
        return await relay_tokens.list_of(db, relay)


async def test_tokens_are_listed_as_they_were_made(store: Store, relay: str) -> None:
    added = await add(store, relay)
    full, watcher, last = await tokens(store, relay)
    assert (full.slot, full.operations) == (Slot.PUBLISH_SUBSCRIBE, ("publish", "subscribe"))
    assert (watcher.slot, watcher.operations) == (Slot.SUBSCRIBE, ("subscribe",))
    assert last == added


async def test_a_token_lasts_a_year_less_a_second_in_whole_seconds(
    store: Store, relay: str
) -> None:
    added = await add(store, relay)
    assert added.expires == (1_790_000_000 + 31_535_999) * 1_000_000


async def test_the_automatic_tokens_count(store: Store, relay: str) -> None:
    await add(store, relay, limit=3)
    with pytest.raises(TokenLimitReached):
        await add(store, relay, limit=3)


async def test_rotation_keeps_the_label_and_needs_no_room(store: Store, relay: str) -> None:
    before, other = await tokens(store, relay)
    async with store.writing() as db:
        after = await relay_tokens.rotate(db, relay, Slot.PUBLISH_SUBSCRIBE, now=NOW + 5)
    assert after.jti != before.jti
    assert after.operations == before.operations
    assert await tokens(store, relay) == [other, after]


async def test_an_emptied_slot_is_filled_by_rotation(store: Store, relay: str) -> None:
    _, watcher = await tokens(store, relay)
    async with store.writing() as db:
        assert await relay_tokens.revoke(db, relay, watcher.jti)
        assert not await relay_tokens.revoke(db, relay, watcher.jti)
        await relay_tokens.rotate(db, relay, Slot.SUBSCRIBE, now=NOW)
    assert {token.slot for token in await tokens(store, relay)} == set(Slot)


async def test_a_token_of_another_relay_is_not_revoked(store: Store, relay: str) -> None:
    full, _ = await tokens(store, relay)
    async with store.writing() as db:
        assert not await relay_tokens.revoke(db, "b" * 32, full.jti)
    assert len(await tokens(store, relay)) == 2
