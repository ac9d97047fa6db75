"""tidegate.engine: the rules' deadlines are kept on the loop that serves."""

import asyncio
import os
from typing import Any, cast

import pytest
import uvloop
from tidegate.engine import EngineLoop

LOOPS = [uvloop.new_event_loop, asyncio.new_event_loop]


class Rules:
    """Rules with one deadline, which they note when they are told that it has come."""

    def __init__(self) -> None:
        self.due: float | None = None
        self.told: list[float] = []
        self.fired = asyncio.Event()

    def next_timeout(self) -> float | None:
        return self.due

    def handle_timeout(self, now: float) -> None:
        if self.due is not None and self.due <= now:
            self.told.append(self.due)
            self.due = None
            self.fired.set()


class QuietEngine:
    """An engine without events."""

    def __init__(self) -> None:
        self._wake = os.eventfd(0)

    def fileno(self) -> int:
        return self._wake


async def _keep_deadlines() -> None:
    moq, calls = Rules(), Rules()
    loop = EngineLoop(cast(Any, QuietEngine()), cast(Any, moq), cast(Any, calls))

    def set_due(now: float) -> None:
        calls.due = now - 1.0

    # More than one request may come in a turn of the loop that is late.
    for _ in range(3):
        loop.act(set_due)
    moq.due = loop.now() + 0.05
    loop.act(lambda _: None)
    await moq.fired.wait()
    assert len(calls.told) == 1


@pytest.mark.parametrize("loop_factory", LOOPS)
def test_a_deadline_that_has_passed_is_kept_at_once(loop_factory: Any) -> None:
    with asyncio.Runner(loop_factory=loop_factory) as runner:
        runner.run(asyncio.wait_for(_keep_deadlines(), 5))
