"""What a fresh database gets, and what later starts leave alone."""

import pytest
from tidegate.errors import SealError
from tidegate.store import accounts, api_tokens, signing_keys
from tidegate.store.api_tokens import ApiToken, Permission
from tidegate.store.bootstrap import Bootstrap, bootstrap, mark_shown
from tidegate.store.database import Store
from tidegate.store.sealing import Sealer

NOW = 1_790_000_000_000_000
SEALER = Sealer(bytes(32))
CHOSEN = "c" * 32


async def start(
    store: Store, *, account_id: str = "", api_token: str = "", now: int = NOW
) -> Bootstrap:
    return await bootstrap(store, SEALER, account_id=account_id, api_token=api_token, now=now)


async def who(store: Store, secret: str | None) -> ApiToken | None:
    assert secret is not None
    async with store.reading() as db:
        return await api_tokens.authenticate(db, secret, now=NOW)


async def test_the_first_start_makes_an_account_and_shows_its_token(store: Store) -> None:
    made = await start(store)
    assert made.made_now
    token = await who(store, made.api_token)
    assert token is not None
    assert token.may(Permission.MOQ_WRITE, made.account_id)
    assert token.may(Permission.CALLS_WRITE, made.account_id)
    assert not token.may(Permission.MOQ_READ, "d" * 32)
    assert str(made.api_token) not in repr(made)


async def test_a_token_that_nobody_was_shown_is_replaced(store: Store) -> None:
    """The first start may fail after this: its port was in use, say."""
    lost = await start(store)
    again = await start(store)
    assert again.made_now
    assert again.account_id == lost.account_id
    assert await who(store, lost.api_token) is None
    assert await who(store, again.api_token) is not None


async def test_later_starts_find_the_account_and_show_nothing(store: Store) -> None:
    made = await start(store)
    await mark_shown(store, made)
    assert await start(store) == Bootstrap(made.account_id, None, made_now=False)
    assert await who(store, made.api_token) is not None


async def test_the_settings_fix_account_and_token(store: Store) -> None:
    secret = "a-secret-of-the-operator"
    for _ in range(2):
        made = await start(store, account_id=CHOSEN, api_token=secret)
        assert made == Bootstrap(CHOSEN, secret, made_now=False)
    token = await who(store, secret)
    assert token is not None
    assert token.may(Permission.ADMIN, CHOSEN)
    async with store.reading() as db:
        assert len(await api_tokens.list_all(db)) == 1


async def test_a_token_that_is_set_anew_replaces_the_one_before(store: Store) -> None:
    made = await start(store)
    await mark_shown(store, made)
    await start(store, api_token="the-first-secret-in-force")
    await start(store, api_token="the-second-secret-in-force")
    assert await who(store, "the-first-secret-in-force") is None
    assert await who(store, "the-second-secret-in-force") is not None
    assert await who(store, made.api_token) is not None


async def test_another_account_of_the_settings_is_added(store: Store) -> None:
    first = await start(store)
    await mark_shown(store, first)
    second = await start(store, account_id=CHOSEN, now=NOW + 1)
    assert second.account_id == CHOSEN
    assert second.made_now
    assert (await start(store)).account_id == first.account_id
    async with store.reading() as db:
        assert len(await accounts.list_all(db)) == 2


async def test_the_signing_key_is_made_once_and_sealed(store: Store) -> None:
    await start(store)
    await start(store)
    async with store.reading() as db:
        key = await signing_keys.active(db, SEALER)
        assert set(await signing_keys.verification_keys(db)) == {key.kid}


async def test_another_secret_key_is_told_at_the_start(store: Store) -> None:
    await start(store)
    other = Sealer(bytes([1] * 32))
    with pytest.raises(SealError, match="TIDEGATE_SECRET_KEY"):
        await bootstrap(store, other, account_id="", api_token="", now=NOW)
