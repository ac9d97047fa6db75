"""The SFUs that are measured: each is started for a mode on free ports, and ended after it."""

import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractAsyncContextManager, contextmanager
from dataclasses import dataclass
from functools import partial
from importlib.metadata import version
from pathlib import Path
from typing import Protocol

import httpx

from tidegate.bench.processes import provision, tidegate_serving
from tidegate.bench.sfu.calls import Calls
from tidegate.bench.sfu.load import Load


class Room(Protocol):
    """Where sessions meet: signalling with one server."""

    async def publish(self, load: Load, tracks: Sequence[int], *, video: bool) -> int:
        """Publishes tracks of these numbers in one session; returns its id in the generator."""

    async def subscribe(self, load: Load, tracks: Sequence[int]) -> int:
        """Subscribes one session to tracks; returns its id in the generator."""


@dataclass(frozen=True, slots=True)
class Target:
    """An SFU that runs.

    Attributes:
        pid: the process that carries the media, where it is known.
        room: opens a room of its own.
    """

    pid: int | None
    room: Callable[[], AbstractAsyncContextManager[Room]]


@dataclass(frozen=True, slots=True)
class Server:
    """An SFU that can be started."""

    name: str
    version: str
    start: Callable[[Path], Iterator[Target]]

    @contextmanager
    def running(self) -> Iterator[Target]:
        """Starts it in a directory of its own and ends it.

        Raises:
            BenchError: it did not start.
        """
        with tempfile.TemporaryDirectory(prefix="tidegate-bench-") as directory:
            yield from self.start(Path(directory))


def tidegate(shards: int) -> Server:
    """This project's server, with an app of its own."""

    def start(directory: Path) -> Iterator[Target]:
        with tidegate_serving(directory, shards) as told:
            app = provision(told, "calls/apps")
            url = f"{told['sfu']}/apps/{app['uid']}"
            yield Target(told["pid"], partial(Calls.room, url, app["secret"]))

    return Server("tidegate", version("tidegate"), start)


def given(app: str, secret: str, pid: int | None) -> Server:
    """A server that runs already: the URL of an app, as in ``http://127.0.0.1:8080/v1/apps/…``."""

    def start(_directory: Path) -> Iterator[Target]:
        yield Target(pid, partial(Calls.room, app, secret))

    return Server(httpx.URL(app).netloc.decode(), "", start)
