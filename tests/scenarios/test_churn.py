"""A thousand clients come and go, and nothing of them stays."""

import asyncio
import os
import sys
import time
from asyncio.subprocess import PIPE
from dataclasses import dataclass

import pytest
from tidegate.bench.relay.runs import Plan

from tests.scenarios.conftest import Observed
from tests.scenarios.peer import PROFILES, Peers, eventually, subgroup
from tests.server import Relay

CLIENTS = int(os.environ.get("TIDEGATE_TEST_CHURN", "200"))
"""1000 is the whole story; it takes about a minute."""
AT_ONCE = 20
GONE_SECONDS = 30
"""Ten until silence counts as gone, five that a publisher may stay away, and ten of cache."""


@dataclass(frozen=True)
class Holdings:
    """What a server has while nobody is there."""

    resident: int
    descriptors: int
    tasks: int
    objects: int


async def visit(peers: Peers, relay: Relay, number: int) -> None:
    """One publishes and another one watches; both leave, and not everything is in order."""
    profile = PROFILES[number % 2]
    url = (relay.moqt_url, relay.webtransport_url)[number // 2 % 2]()
    publisher = await peers.enter(url, profile)
    await publisher.publish(f"live/{number}")
    publisher.publish_namespace(f"others/{number}")
    viewer = await peers.enter(url, profile)
    alias = await viewer.watch(f"live/{number}")
    viewer.subscribe("live/nobody")
    publisher.open_data(subgroup(2, 0))  # nobody ever hears of this alias
    publisher.open_data(subgroup(1, 0, bytes(1000)))  # and this group has no end
    await viewer.receives(alias, 0)
    for peer in (viewer, publisher)[:: 1 if number % 3 else -1]:
        peer.leave()
        await peer.closes()


async def visits(relay: Relay, first: int, count: int) -> None:
    async with Peers.opened() as peers:
        room = asyncio.Semaphore(AT_ONCE)

        async def visit_when_there_is_room(number: int) -> None:
            async with room:
                await visit(peers, relay, number)

        async with asyncio.TaskGroup() as crowd:
            for number in range(first, first + count // 2):
                crowd.create_task(visit_when_there_is_room(number))


async def vanish(watched: Observed, relay: Relay) -> None:
    """Forty clients whose process is killed while they watch."""
    plan = Plan(
        relay=watched.server.moq.removeprefix("moqt://").rstrip("/"),
        publish_path=f"/{relay.publish_token}",
        subscribe_path=f"/{relay.publish_token}",
        namespace=["vanishing"],
        subscribers=40,
    )
    generator = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "tidegate.bench.generator", stdin=PIPE, stdout=PIPE
    )
    assert generator.stdin is not None
    assert generator.stdout is not None
    generator.stdin.write(plan.encoded())
    generator.stdin.close()
    async with asyncio.timeout(20):
        while b'"run"' not in await generator.stdout.readline():
            pass
    assert watched.engine()["sinks"] >= 40
    generator.kill()
    await generator.wait()


async def quiet(watched: Observed) -> Holdings:
    """Waits until the engine knows of nobody, and looks at what is left."""

    def nobody_is_known() -> bool:
        engine = watched.engine()
        return not (engine["sessions"] or engine["tracks"] or engine["sinks"])

    await eventually(nobody_is_known, GONE_SECONDS)
    stats = watched.ask("stats")
    return Holdings(watched.resident(), watched.descriptors(), stats["tasks"], stats["objects"])


@pytest.mark.slow
async def test_clients_that_connect_and_leave_leave_nothing(watched: Observed) -> None:
    relay = watched.server.create_relay()
    await visits(relay, 0, 100)
    before = await quiet(watched)
    begun = time.monotonic()
    await visits(relay, 100, CLIENTS)
    took = time.monotonic() - begun
    await vanish(watched, relay)
    after = await quiet(watched)
    print(
        f"{CLIENTS} clients in {took:.1f} s: memory {(after.resident - before.resident) / 1e6:+.1f}"
        f" MB, objects {after.objects - before.objects:+d}"
    )
    assert after.descriptors <= before.descriptors + 2
    assert after.tasks <= before.tasks
    assert after.objects <= before.objects + CLIENTS // 2
    assert after.resident <= before.resident + (8 << 20)
