"""Media never waits for Python: the interpreter lock itself is held while objects flow."""

import asyncio

import httpx
import pytest
from tidegate.bench.relay.runs import Plan, Progress, Report, run

from tests.scenarios.conftest import Observed

HELD_SECONDS = 10
SUBSCRIBERS = 20
MORE_MS = 50
"""What the longest gap may grow by."""


async def watching(watched: Observed, seconds: float) -> tuple[asyncio.Event, asyncio.Task[Report]]:
    """Subscribers who watch for so long; the event is set when all of them do."""
    relay = watched.server.create_relay()
    loop, all_watch = asyncio.get_running_loop(), asyncio.Event()

    def on_progress(progress: Progress) -> None:
        if progress.phase == "run":
            loop.call_soon_threadsafe(all_watch.set)

    plan = Plan(
        relay=watched.server.moq.removeprefix("moqt://").rstrip("/"),
        publish_path=f"/{relay.publish_token}",
        subscribe_path=f"/{relay.subscribe_token}",
        namespace=["live", "cam"],
        subscribers=SUBSCRIBERS,
        object_bytes=2_000,
        objects_per_stream=10,
        pace={"per_second": 50.0},
        seconds=seconds,
        each_subscriber=True,
    )
    return all_watch, asyncio.create_task(asyncio.to_thread(run, plan, on_progress))


@pytest.mark.slow
async def test_nobody_notices_that_the_interpreter_stands_still(watched: Observed) -> None:
    _, baseline_run = await watching(watched, 5)
    baseline = await baseline_run
    longest = max(row.longest_gap for row in baseline.subscribers)

    all_watch, held_run = await watching(watched, HELD_SECONDS + 2)
    await asyncio.wait_for(all_watch.wait(), 30)
    assert watched.ask(f"hold {HELD_SECONDS}") == "held"
    async with httpx.AsyncClient() as client:
        # The lock is held, so nobody answers; one second less than the whole time is proof enough.
        with pytest.raises(httpx.ReadTimeout):
            await client.get(watched.server.api, timeout=HELD_SECONDS - 1)
        assert await asyncio.to_thread(watched.next_answer) == "let go"
        assert (await client.get(watched.server.api, timeout=5)).status_code
    report = await held_run

    gaps = [row.longest_gap for row in report.subscribers]
    print(f"longest gap: {max(gaps):.1f} ms while held, {longest:.1f} ms before")
    assert len(gaps) == SUBSCRIBERS
    assert [row.missed for row in report.subscribers] == [0] * SUBSCRIBERS
    assert all(row.expected >= 50 * HELD_SECONDS for row in report.subscribers)
    assert max(gaps) <= longest + MORE_MS
