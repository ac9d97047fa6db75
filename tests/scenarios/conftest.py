"""Peers of our own, and servers that can be looked into."""

import json
import sys
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.scenarios.peer import Peers
from tests.server import Launched, Server, launched

_OBSERVED = (sys.executable, str(Path(__file__).with_name("observed.py")))


@pytest.fixture
async def peers() -> AsyncIterator[Peers]:
    """Where MoQ sessions of this test start from."""
    async with Peers.opened() as opened:
        yield opened


class Observed:
    """A server that answers what ``observed`` is asked."""

    def __init__(self, started: Launched) -> None:
        self._started = started
        self.server: Server = started.server()

    def ask(self, command: str) -> Any:
        """Asks, and waits for the answer."""
        process = self._started.process
        assert process.stdin is not None
        process.stdin.write(f"{command}\n")
        process.stdin.flush()
        return self.next_answer()

    def next_answer(self) -> Any:
        assert self._started.process.stdout is not None
        return json.loads(self._started.process.stdout.readline())

    def engine(self) -> dict[str, int]:
        """The engine's counters, all shards together."""
        counters: dict[str, int] = self.ask("stats")["engine"]
        return counters

    def shards(self) -> list[dict[str, int]]:
        """The counters of each shard."""
        counters: list[dict[str, int]] = self.ask("stats")["shards"]
        return counters

    def resident(self) -> int:
        """Bytes of memory that the process has."""
        status = Path(f"/proc/{self.server.pid}/status").read_text()
        return next(int(line.split()[1]) * 1024 for line in status.splitlines() if "VmRSS" in line)

    def descriptors(self) -> int:
        """Files and sockets that the process has open."""
        return len(list(Path(f"/proc/{self.server.pid}/fd").iterdir()))


@contextmanager
def observed_server(
    directory: Path, settings: Mapping[str, str] | None = None
) -> Iterator[Observed]:
    """A server to look into, with its data in ``directory``; it is ended in order."""
    with launched(directory, settings, _OBSERVED) as started:
        yield Observed(started)
        assert started.stop() == 0


@pytest.fixture
def watched(tmp_path: Path) -> Iterator[Observed]:
    """A server to look into, with default settings."""
    with observed_server(tmp_path) as running:
        yield running
