"""A directory sees what is committed, whoever committed it."""

import asyncio
import random
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from tidegate.store import accounts, relay_tokens, relays, signing_keys
from tidegate.store.apps import apps
from tidegate.store.database import Store
from tidegate.store.directory import Directory, RelayRecord
from tidegate.store.relay_tokens import Slot
from tidegate.store.relays import Relay, RelayConfig
from tidegate.store.sealing import Sealer
from tidegate.store.turn_keys import turn_keys
from tidegate.store.watch import Watch

ACCOUNT = "a" * 32
NOW = 1_790_000_000_000_000
SEALER = Sealer(bytes(32))


class Heard:
    """A listener that writes down what it is told."""

    def __init__(self) -> None:
        self.events: list[tuple[object, ...]] = []

    def relay_changed(self, relay: RelayRecord) -> None:
        self.events.append(("changed", relay.uid))

    def relay_deleted(self, uid: str) -> None:
        self.events.append(("deleted", uid))

    def tokens_changed(self, uid: str, revoked: frozenset[str]) -> None:
        self.events.append(("tokens", uid, revoked))

    def app_deleted(self, uid: str) -> None:
        self.events.append(("app deleted", uid))


@pytest.fixture
def directory() -> Directory:
    return Directory()


@pytest.fixture
async def watch(store: Store, directory: Directory) -> Watch:
    async with store.writing() as db:
        await accounts.create(db, "test", now=NOW, id=ACCOUNT)
    return Watch(store, directory)


@pytest.fixture
def heard(directory: Directory) -> Iterator[Heard]:
    listener = Heard()
    unsubscribe = directory.subscribe(listener)
    yield listener
    unsubscribe()


async def create(store: Store) -> tuple[Relay, str]:
    async with store.writing() as db:
        relay = await relays.create(db, ACCOUNT, "r", RelayConfig(), limit=99, now=NOW)
        token = await relay_tokens.fill(db, relay.uid, Slot.SUBSCRIBE, now=NOW)
    return relay, token.jti


async def test_a_new_relay_opens_with_its_token(
    store: Store, directory: Directory, watch: Watch
) -> None:
    relay, jti = await create(store)
    assert directory.relay(relay.uid) is None
    await watch.catch_up()
    assert directory.relay(relay.uid) == RelayRecord(
        relay.uid, ACCOUNT, True, 30_000, (), frozenset({jti})
    )
    assert directory.accepts(jti, relay.uid)
    assert not directory.accepts(jti, "b" * 32)
    assert not directory.accepts("c" * 32, relay.uid)


async def test_listeners_hear_of_configuration_tokens_and_deletion(
    store: Store, watch: Watch, heard: Heard
) -> None:
    relay, jti = await create(store)
    await watch.catch_up()
    async with store.writing() as db:
        config = RelayConfig(linger_enabled=False)
        await relays.save(db, replace(relay, config=config))
    await watch.catch_up()
    async with store.writing() as db:
        await relays.get(db, ACCOUNT, relay.uid, lock=True)
        await relay_tokens.rotate(db, relay.uid, Slot.SUBSCRIBE, now=NOW)
    await watch.catch_up()
    async with store.writing() as db:
        await relays.remove(db, ACCOUNT, relay.uid, now=NOW)
    await watch.catch_up()
    await watch.catch_up()
    assert heard.events == [
        ("changed", relay.uid),
        ("changed", relay.uid),
        ("tokens", relay.uid, frozenset({jti})),
        ("deleted", relay.uid),
    ]


async def test_a_new_app_opens_with_its_secret(
    store: Store, directory: Directory, watch: Watch
) -> None:
    async with store.writing() as db:
        app, secret = await apps.create(db, ACCOUNT, "a", limit=99, now=NOW)
        other, _ = await apps.create(db, ACCOUNT, "b", limit=99, now=NOW)
    assert not directory.opens_app(secret, app.uid)
    await watch.catch_up()
    assert directory.opens_app(secret, app.uid)
    assert not directory.opens_app(secret, other.uid)
    assert not directory.opens_app("", app.uid)
    assert not directory.opens_app("", "c" * 32)
    assert secret not in repr(directory.app(app.uid))


async def test_listeners_hear_that_an_app_is_gone(
    store: Store, directory: Directory, watch: Watch, heard: Heard
) -> None:
    async with store.writing() as db:
        app, secret = await apps.create(db, ACCOUNT, "a", limit=99, now=NOW)
        await turn_keys.create(db, ACCOUNT, "t", limit=99, now=NOW)
    await watch.catch_up()
    async with store.writing() as db:
        await apps.delete(db, ACCOUNT, app.uid, now=NOW)
    await watch.catch_up()
    await watch.catch_up()
    assert heard.events == [("app deleted", app.uid)]
    assert directory.app(app.uid) is None
    assert not directory.opens_app(secret, app.uid)
    fresh = Directory()
    await Watch(store, fresh).catch_up()
    assert fresh.app(app.uid) is None


async def test_a_failing_listener_keeps_nobody_else_from_hearing(
    store: Store, directory: Directory, watch: Watch, caplog: pytest.LogCaptureFixture
) -> None:
    class Broken(Heard):
        def relay_changed(self, relay: RelayRecord) -> None:
            raise RuntimeError("broken")

    directory.subscribe(Broken())
    late = Heard()
    directory.subscribe(late)
    relay, _ = await create(store)
    await watch.catch_up()
    assert late.events == [("changed", relay.uid)]
    assert "a directory listener failed" in caplog.text


async def test_upstreams_are_shown_only_while_fallback_is_on(
    store: Store, directory: Directory, watch: Watch
) -> None:
    relay, _ = await create(store)
    for enabled, shown in [(False, ()), (True, ("moqt://up.example",))]:
        config = RelayConfig(False, 0, enabled, ("moqt://up.example",))
        async with store.writing() as db:
            await relays.save(db, replace(relay, config=config))
        await watch.catch_up()
        record = directory.relay(relay.uid)
        assert record is not None
        assert record.upstream_urls == shown


async def test_another_process_is_seen_too(
    store: Store, store_url: str, tmp_path: Path, directory: Directory, watch: Watch
) -> None:
    await watch.catch_up()
    other = await Store.open(store_url, tmp_path)
    relay, jti = await create(other)
    async with other.writing() as db:
        await signing_keys.ensure(db, SEALER, now=NOW)
    await other.close()
    await watch.catch_up()
    assert directory.accepts(jti, relay.uid)
    assert set(directory.keys) == {"moq-v1"}


async def test_a_rotated_key_keeps_the_old_one_until_it_is_retired(
    store: Store, directory: Directory, watch: Watch
) -> None:
    async with store.writing() as db:
        first = await signing_keys.ensure(db, SEALER, now=NOW)
        assert (await signing_keys.ensure(db, SEALER, now=NOW)).kid == first.kid
    await watch.catch_up()
    old = directory.keys[first.kid]
    async with store.writing() as db:
        second = await signing_keys.rotate(db, SEALER, now=NOW)
        assert (await signing_keys.active(db, SEALER)).kid == second.kid
    await watch.catch_up()
    assert set(directory.keys) == {"moq-v1", "moq-v2"}
    assert directory.keys[first.kid] is old
    async with store.writing() as db:
        await signing_keys.rotate(db, SEALER, now=NOW, retire_others=True)
    await watch.catch_up()
    assert set(directory.keys) == {"moq-v3"}


async def test_a_watch_outlives_a_database_that_does_not_answer(
    store: Store,
    directory: Directory,
    watch: Watch,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """The other node's change is seen once the database answers again."""
    await watch.catch_up()
    relay, jti = await create(store)
    answers = [ConnectionError("gone"), RuntimeError("a bug"), None]
    caught_up = watch.catch_up
    seen = asyncio.Event()

    async def sometimes() -> None:
        answer = answers.pop(0) if answers else None
        if answer is not None:
            raise answer
        await caught_up()
        seen.set()

    monkeypatch.setattr(watch, "catch_up", sometimes)
    running = asyncio.create_task(watch.run(every=0.001))
    await asyncio.wait_for(seen.wait(), 5)
    running.cancel()
    assert directory.accepts(jti, relay.uid)
    assert "cannot be read for changes: ConnectionError" in caplog.text
    assert "changes could not be taken over" in caplog.text


@pytest.mark.parametrize("seed", range(4))
async def test_a_directory_that_followed_is_like_one_that_starts_now(
    store: Store, directory: Directory, watch: Watch, seed: int
) -> None:
    dice = random.Random(seed)
    living: list[Relay] = []
    ever: set[str] = set()

    async def change() -> None:
        if not living or dice.random() < 0.2:
            relay, _ = await create(store)
            living.append(relay)
            ever.add(relay.uid)
            return
        at = dice.randrange(len(living))
        relay = living[at]
        async with store.writing() as db:
            match dice.randrange(5):
                case 0:
                    await relays.remove(db, ACCOUNT, relay.uid, now=NOW)
                    living.pop(at)
                case 1:
                    config = RelayConfig(linger_max_ms=dice.randrange(300_000))
                    await relays.save(db, replace(relay, config=config))
                case 2:
                    await relay_tokens.rotate(db, relay.uid, dice.choice(list(Slot)), now=NOW)
                case 3:
                    tokens = await relay_tokens.list_of(db, relay.uid)
                    if tokens:
                        await relay_tokens.revoke(db, relay.uid, dice.choice(tokens).jti)
                case _:
                    await signing_keys.rotate(
                        db, SEALER, now=NOW, retire_others=dice.random() < 0.3
                    )

    for _ in range(40):
        await change()
        if dice.random() < 0.5:
            await watch.catch_up()
    await watch.catch_up()
    fresh = Directory()
    await Watch(store, fresh).catch_up()
    assert [fresh.relay(uid) for uid in ever] == [directory.relay(uid) for uid in ever]
    assert {uid for uid in ever if fresh.relay(uid)} == {relay.uid for relay in living}
    assert set(fresh.keys) == set(directory.keys)


async def test_a_look_under_way_is_finished_before_the_watch_ends(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    watch = Watch(store, Directory())
    begun, release, finished = asyncio.Event(), asyncio.Event(), asyncio.Event()

    async def slow_look() -> None:
        begun.set()
        await release.wait()
        finished.set()

    monkeypatch.setattr(watch, "catch_up", slow_look)
    running = asyncio.create_task(watch.run(every=0.001))
    await begun.wait()
    running.cancel()
    asyncio.get_running_loop().call_soon(release.set)
    await asyncio.wait([running])
    assert running.cancelled()
    assert finished.is_set()
