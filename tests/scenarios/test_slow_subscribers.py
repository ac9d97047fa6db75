"""A subscriber that stops reading pays for it alone."""

import asyncio
import itertools
from pathlib import Path

import pytest
from tidegate.bench.relay.runs import Plan, run
from tidegate.moqt import messages
from tidegate.moqt.codes import DoneCode
from tidegate.moqt.version import Profile

from tests.scenarios.conftest import Observed, observed_server
from tests.scenarios.peer import PROFILES, Peers, subgroup
from tests.server import Relay

QUEUE_BYTES = 400_000
OBJECT_BYTES = 800


@pytest.mark.slow
@pytest.mark.parametrize("profile", PROFILES, ids=str)
async def test_one_that_never_reads_is_told_that_it_is_too_far_behind(
    relay: Relay, peers: Peers, profile: Profile
) -> None:
    """A stream an object: it runs out of streams, so that its control stream still has room."""
    publisher = await peers.enter(relay.moqt_url(), profile)
    await publisher.publish("live/cam")
    reader = await peers.enter(relay.moqt_url(), profile)
    sleeper = await peers.enter(relay.moqt_url(), profile, reads=False)
    alias = await reader.watch("live/cam")
    await sleeper.watch("live/cam")

    done = asyncio.create_task(sleeper.hears(messages.PublishDone, timeout=30))
    groups = itertools.count()
    while not done.done():
        for group in itertools.islice(groups, 20):
            publisher.open_data(subgroup(1, group, bytes(OBJECT_BYTES)), fin=True)
        await reader.receives(alias, group, timeout=2)
        await asyncio.sleep(0.02)
    assert done.result().code is DoneCode.TOO_FAR_BEHIND
    assert group * OBJECT_BYTES > QUEUE_BYTES


@pytest.mark.slow
async def test_memory_stays_flat_and_others_miss_nothing(tmp_path: Path) -> None:
    """Three of fifteen stop reading; what is sent meanwhile would fill 60 MB for each of them."""
    with observed_server(tmp_path, {"TIDEGATE_CACHE_BYTES_PER_RELAY": "4000000"}) as watched:
        await _stall(watched)


async def _stall(watched: Observed) -> None:
    relay = watched.server.create_relay()

    def plan(stalled: int, seconds: float) -> Plan:
        return Plan(
            relay=watched.server.moq.removeprefix("moqt://").rstrip("/"),
            publish_path=f"/{relay.publish_token}",
            subscribe_path=f"/{relay.subscribe_token}",
            namespace=["live", "cam"],
            subscribers=15,
            stalled=stalled,
            object_bytes=20_000,
            objects_per_stream=10,
            pace={"per_second": 300.0},
            seconds=seconds,
            each_subscriber=True,
            relay_pid=watched.server.pid,
        )

    before = await asyncio.to_thread(run, plan(0, 3))
    report = await asyncio.to_thread(run, plan(3, 10))
    assert before.relay is not None
    assert report.relay is not None
    grown = report.relay.memory.peak - before.relay.memory.peak
    others = report.subscribers[3:]
    print(
        f"memory of three that do not read: {grown / 1e6:+.1f} MB; "
        f"{watched.engine()['too_far_behind']} were too far behind"
    )
    assert [row.missed for row in others] == [0] * 12
    assert sum(row.missed for row in report.subscribers[:3]) > 1000
    assert grown < 16 << 20
    assert watched.engine()["too_far_behind"] == 3
