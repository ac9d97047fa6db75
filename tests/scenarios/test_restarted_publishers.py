"""A publisher that was killed and starts again from its first group, as most of them do."""

import asyncio
import itertools
import time

import pytest
from tidegate.moqt import messages
from tidegate.moqt.codes import DoneCode
from tidegate.moqt.version import Profile

from tests.scenarios.peer import PROFILES, Peer, Peers, subgroup
from tests.scenarios.vanishing import publishing
from tests.server import Relay

IDLE_SECONDS, GRACE_SECONDS = 10, 5
LATE = 3
"""Seconds that a busy machine may add."""


async def send_groups(publisher: Peer) -> None:
    for group in itertools.count():
        publisher.open_data(subgroup(1, group, b"picture"), fin=True)
        await asyncio.sleep(0.1)


@pytest.mark.slow
@pytest.mark.parametrize("profile", PROFILES, ids=str)
async def test_its_viewers_are_not_stuck_until_it_passes_its_own_past(
    relay: Relay, peers: Peers, profile: Profile
) -> None:
    """P1: they are told within the idle timeout and the grace, and come back to what it is now."""
    async with publishing(relay.moqt_url(), profile.draft, "live/again") as first:
        viewer = await peers.enter(relay.moqt_url(relay.subscribe_token), profile)
        alias = await viewer.watch("live/again")
        await viewer.receives(alias, 250, timeout=30)
        first.kill()
        await first.wait()
    killed = time.monotonic()
    second = await peers.enter(relay.moqt_url(), profile)
    await second.publish("live/again")
    sending = asyncio.create_task(send_groups(second))
    try:
        told = IDLE_SECONDS + GRACE_SECONDS + LATE
        done = await viewer.hears(messages.PublishDone, timeout=told)
        print(f"viewers heard of it after {time.monotonic() - killed:.1f} s")
        assert done.code is DoneCode.TRACK_ENDED
        alias = await viewer.watch("live/again")
        await viewer.receives(alias, 100)
    finally:
        sending.cancel()
