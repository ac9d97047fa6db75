"""Sessions of calls come and go, some without a word, and nothing of them stays."""

import asyncio
import os
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest
from tidegate.bench.sfu.calls import Calls
from tidegate.bench.sfu.load import Load

from tests.scenarios.conftest import Observed, observed_server
from tests.scenarios.peer import eventually
from tests.server import App

SESSIONS = int(os.environ.get("TIDEGATE_TEST_CALLS_CHURN", "500"))
AT_ONCE = 10
GONE_SECONDS = 25
"""Ten until silence counts as gone, and what the server below waits for them to come back."""
SETTINGS = {
    "TIDEGATE_CALLS_RECONNECT_SECONDS": "1",
    "TIDEGATE_CALLS_UNCONNECTED_SECONDS": "5",
    "TIDEGATE_CALLS_SILENT_SECONDS": "5",
}
HELD = ("rtc_sessions", "rtc_tracks", "rtc_sinks")


@dataclass(frozen=True)
class Holdings:
    """What a server has while nobody is there."""

    resident: int
    descriptors: int
    tasks: int
    objects: int


async def quiet(watched: Observed) -> Holdings:
    """Waits until the engine knows of nobody, and looks at what is left."""

    def nobody_is_known() -> bool:
        engine = watched.engine()
        return not any(engine[name] for name in HELD)

    await eventually(nobody_is_known, GONE_SECONDS)
    stats = watched.ask("stats")
    return Holdings(watched.resident(), watched.descriptors(), stats["tasks"], stats["objects"])


@asynccontextmanager
async def generating(sessions: int) -> AsyncIterator[Load]:
    async with Load.started(sessions) as load:
        load.pace([[300, 300]], 20)
        yield load


async def visit(load: Load, room: Calls, number: int) -> None:
    """One publishes, three others watch, and a fifth never connects."""
    publisher = await room.publish(load, [number], video=True)
    viewers = [await room.subscribe(load, [number]) for _ in range(3)]
    for viewer in viewers:
        await load.flowing(viewer)
    leaving = [publisher, *viewers] if number % 2 else [*viewers, publisher]
    for session in leaving:
        load.close(session)


async def visits(app: App, first: int, sessions: int) -> None:
    """Sessions by fives, each five on a track of its own."""
    free = asyncio.Semaphore(AT_ONCE)

    async def visit_when_there_is_room(load: Load, room: Calls, number: int) -> None:
        async with free:
            await visit(load, room, number)

    async with (
        generating(sessions) as load,
        Calls.room(app.url, app.secret) as room,
        asyncio.TaskGroup() as crowd,
    ):
        for number in range(first, first + sessions // 5):
            crowd.create_task(visit_when_there_is_room(load, room, number))
        async with httpx.AsyncClient(headers=app.headers) as http:
            for _ in range(sessions // 5):
                created = await http.post(f"{app.url}/sessions/new")
                assert created.status_code == 201


async def vanish(watched: Observed, app: App, first: int) -> None:
    """Twenty sessions whose process is killed while media flows."""
    async with generating(20) as load, Calls.room(app.url, app.secret) as room:
        await room.publish(load, [first], video=True)
        for _ in range(19):
            await load.flowing(await room.subscribe(load, [first]))
        assert watched.engine()["rtc_sinks"] >= 19
        load._process.kill()


@pytest.mark.slow
async def test_sessions_that_join_and_leave_leave_nothing(tmp_path: Path) -> None:
    with observed_server(tmp_path, SETTINGS) as watched:
        app = watched.server.create_app()
        await visits(app, 0, 100)
        before = await quiet(watched)
        begun = time.monotonic()
        await visits(app, 1_000, SESSIONS)
        took = time.monotonic() - begun
        await vanish(watched, app, 5_000)
        after = await quiet(watched)
        grown = after.resident - before.resident
        print(
            f"{SESSIONS} sessions in {took:.1f} s: memory {grown / 1e6:+.1f} MB, "
            f"objects {after.objects - before.objects:+d}"
        )
        assert after.descriptors <= before.descriptors + 2
        assert after.tasks <= before.tasks
        # Ids of sessions that ended are remembered.
        assert after.objects <= before.objects + 3_000
        assert grown <= 16 << 20
