"""A publisher that is gone without a word: how long its name and its viewers wait."""

import asyncio
import time

import pytest
from tidegate.moqt import messages
from tidegate.moqt.version import Profile

from tests.scenarios.peer import PROFILES, Peers, subgroup
from tests.scenarios.vanishing import publishing
from tests.server import Relay

IDLE_SECONDS, GRACE_SECONDS = 10, 5
LATE = 2
"""Seconds that a busy machine may add."""


@pytest.mark.slow
async def test_one_that_stays_away_is_gone_after_fifteen_seconds(
    relay: Relay, peers: Peers
) -> None:
    await asyncio.gather(*(vanishes(relay, peers, profile) for profile in PROFILES))


async def vanishes(relay: Relay, peers: Peers, profile: Profile) -> None:
    async with publishing(relay.moqt_url(), profile.draft, f"{profile}/gone") as publisher:
        viewer = await peers.enter(relay.moqt_url(relay.subscribe_token), profile)
        alias = await viewer.watch(f"{profile}/gone")
        await viewer.receives(alias, 1)
        publisher.kill()
        vanished = time.monotonic()
    ended = await viewer.hears(messages.PublishDone, timeout=IDLE_SECONDS + GRACE_SECONDS + LATE)
    took = time.monotonic() - vanished
    print(f"subscribers heard of it after {took:.1f} s; {ended}")
    assert took > IDLE_SECONDS - 1


@pytest.mark.parametrize("profile", PROFILES, ids=str)
async def test_one_that_returns_is_taken_at_once_and_nobody_leaves(
    relay: Relay, peers: Peers, profile: Profile
) -> None:
    async with publishing(relay.moqt_url(), profile.draft, "live/cam") as publisher:
        viewer = await peers.enter(relay.moqt_url(relay.subscribe_token), profile)
        alias = await viewer.watch("live/cam")
        await viewer.receives(alias, 1)
        publisher.kill()
        await publisher.wait()
        again = await peers.enter(relay.moqt_url(), profile)
        begun = time.monotonic()
        await again.publish("live/cam")
        assert time.monotonic() - begun < 1
        again.open_data(subgroup(1, 1_000_000, b"picture"), fin=True)
        await viewer.receives(alias, 1_000_000)
    assert not [each for each in viewer.heard if isinstance(each, messages.PublishDone)]
