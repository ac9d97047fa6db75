"""What is measured of an SFU: each mode composes runs of the generator into figures.

A figure's name ends with its unit. A mode starts the server anew; runs of one mode share sessions.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass

from tidegate.bench.comparison import Entrant, Figures, Measure, Watch
from tidegate.bench.sfu.frames import AUDIO, CHROMIUM, EQUAL, THIN, Frames
from tidegate.bench.sfu.load import Load, Profile, Reading, Report
from tidegate.bench.sfu.servers import Room, Server, Target
from tidegate.errors import BenchError

COPIES_PER_SECOND = 40_000
"""What a server forwards while the cost of a copy is measured, however many subscribers there are:
about what the slowest peer carries."""

_JOINS_AT_ONCE = 32
_VIDEOS = 200
_VIDEOS_PER_PUBLISHER = 50


@dataclass(frozen=True, slots=True)
class Settings:
    """What a mode is told.

    Attributes:
        seconds: how long a run counts.
        subscribers: of the custom mode; ``frames_per_second``, ``packets`` and ``size`` too.
    """

    seconds: float = 3.0
    subscribers: int = 50
    publishers: int = 1
    frames_per_second: float = 30.0
    packets: int = 8
    size: int = 1200
    video: bool = True
    profile: Profile | None = None


@dataclass(frozen=True, slots=True)
class Bench:
    """One server under one set of settings; ``watch`` is told how far each run is."""

    server: Server
    settings: Settings
    watch: Watch


@dataclass(slots=True)
class Scene:
    """A server with a room, and a generator that plays whoever is in it."""

    bench: Bench
    target: Target
    load: Load
    room: Room

    async def publish(self, publishers: int, *, video: bool = True, each: int = 1) -> None:
        """Publishers with so many tracks each; numbers go on from 0. Little flows at first."""
        self.load.pace(THIN, 10)
        for first in range(0, publishers * each, each):
            await self.room.publish(self.load, range(first, first + each), video=video)

    async def subscribe(self, wanted: Sequence[Sequence[int]], title: str = "joins") -> list[float]:
        """A session for each of the lists of tracks, a few at a time.

        Returns:
            Seconds from being connected to the first packet of its last track, of each.
        """
        done = 0
        gate = asyncio.Semaphore(_JOINS_AT_ONCE)

        async def join(tracks: Sequence[int]) -> float:
            nonlocal done
            async with gate:
                session = await self.room.subscribe(self.load, tracks)
                flowing = await self.load.flowing(session)
            done += 1
            self.bench.watch(title, _Joined("join", done, len(wanted)))
            return flowing

        return list(await asyncio.gather(*(join(tracks) for tracks in wanted)))

    async def run(
        self, title: str, frames: Frames, frames_per_second: float, **spans: float
    ) -> Report:
        """One run at a pace.

        Raises:
            BenchError: nothing arrived.
        """
        self.load.pace(frames, frames_per_second)
        seconds = spans.pop("seconds", self.bench.settings.seconds)
        report = await self.load.run(
            seconds, on_progress=lambda now: self.bench.watch(title, now), **spans
        )
        if report.expected > 0 and report.delivered == 0:
            raise BenchError(f"{title}: no packet arrived")
        return report

    async def settle(self) -> None:
        """Waits until a few packets got through behind all that waits in sockets."""
        self.load.pace(THIN, 20)
        await self.load.run(0.1, warm_up=0.0, drain=3.0)


@dataclass(frozen=True, slots=True)
class _Joined:
    phase: str
    done: float
    of: float


Play = Callable[[Scene], Awaitable[Figures]]


_SCENE_SECONDS = 90.0
"""Longer than any mode takes: a server that answers no more must not hold up the others."""


def _scene(bench: Bench, sessions: int, play: Play, profile: Profile | None = None) -> Figures:
    """Starts the server, opens a room in it, and plays.

    Raises:
        BenchError: any of that did not work.
    """

    async def inside(target: Target) -> Figures:
        async with asyncio.timeout(_SCENE_SECONDS), AsyncExitStack() as stack:
            load = await stack.enter_async_context(
                Load.started(sessions, profile=profile, server_pid=target.pid)
            )
            room = await stack.enter_async_context(target.room())
            return await play(Scene(bench, target, load, room))

    with bench.server.running() as target:
        try:
            return asyncio.run(inside(target))
        except (OSError, TimeoutError, ValueError, KeyError) as error:
            raise BenchError(f"{type(error).__name__}: {error}") from error


def _fanout(bench: Bench, subscribers: int) -> Figures:
    async def play(scene: Scene) -> Figures:
        await scene.publish(1)
        await scene.subscribe([[0]] * subscribers)
        figures: Figures = {}
        for name, frames in (("8 × 1200 B", EQUAL), ("Chromium's sizes", CHROMIUM)):
            title = f"{name} to {subscribers}"
            rate = COPIES_PER_SECOND / subscribers / 8
            figures |= _delivery(title, await scene.run(title, frames, rate))
        return figures

    return _scene(bench, subscribers + 1, play)


def fanout50(bench: Bench) -> Figures:
    """Frames of 8 packets to 50 subscribers: of 1200 B, then of the sizes that Chromium gives."""
    return _fanout(bench, 50)


def fanout200(bench: Bench) -> Figures:
    """The same to 200."""
    return _fanout(bench, 200)


def audio(bench: Bench) -> Figures:
    """Opus of 100 B, 50 a second, to 200 subscribers."""

    async def play(scene: Scene) -> Figures:
        await scene.publish(1, video=False)
        await scene.subscribe([[0]] * 200)
        return _delivery("Opus to 200", await scene.run("Opus to 200", AUDIO, 50))

    return _scene(bench, 201, play)


def aescm(bench: Bench) -> Figures:
    """Frames of 8 packets of 1200 B to 200 subscribers that can do AES_CM only."""

    async def play(scene: Scene) -> Figures:
        await scene.publish(1)
        await scene.subscribe([[0]] * 200)
        title = "AES_CM, 8 × 1200 B to 200"
        return _delivery(title, await scene.run(title, EQUAL, COPIES_PER_SECOND / 1600))

    return _scene(bench, 201, play, profile="aes_cm_128_hmac_sha1_80")


def videos(bench: Bench) -> Figures:
    """200 videos that one session gets, and the same to 200 sessions with one each."""
    everything = range(_VIDEOS)
    one = _videos(bench, "1 session with 200 videos", [everything])
    many = _videos(bench, "200 sessions with 1 video", [[number] for number in everything])
    costs = [next(iter(figures.values())) for figures in (one, many)]
    return one | many | {"1 session with 200 videos, times the cost of 200 with 1": _per(*costs)}


def _videos(bench: Bench, title: str, wanted: Sequence[Sequence[int]]) -> Figures:
    publishers = _VIDEOS // _VIDEOS_PER_PUBLISHER

    async def play(scene: Scene) -> Figures:
        await scene.publish(publishers, each=_VIDEOS_PER_PUBLISHER)
        await scene.subscribe(wanted)
        report = await scene.run(title, EQUAL, 15)
        return {
            f"{title}, CPU µs per copy": _cost(report),
            f"{title}, loss %": 100 * report.loss,
        }

    return _scene(bench, publishers + len(wanted), play)


def capacity(bench: Bench) -> Figures:
    """The highest rate at which 50 subscribers get everything; then half of it, then twice."""

    async def play(scene: Scene) -> Figures:
        await scene.publish(1)
        await scene.subscribe([[0]] * 50)
        peak = 0.0

        async def at(rate: float, seconds: float, warm_up: float) -> Report:
            title = f"{rate:.0f} frames/s"
            report = await scene.run(title, EQUAL, rate, seconds=seconds, warm_up=warm_up)
            await scene.settle()
            return report

        highest, refused, rate = 0.0, 0.0, 1600.0
        while rate > 20 and (not refused or refused - highest > 0.15 * refused):
            for _ in range(2):
                # A rate is refused when it fails twice: the machine may have been busy once.
                report = await at(rate, 1.0, 0.3)
                peak = max(peak, report.goodput)
                if report.loss < 0.001 and report.dropped == 0:
                    highest = rate
                    break
            else:
                refused = rate
            rate = (highest + refused) / 2 if refused else 2 * highest
        if highest == 0:
            raise BenchError("no rate at which everything arrived")
        seconds = scene.bench.settings.seconds
        half = await at(highest / 2, seconds, 0.5)
        twice = await at(2 * highest, seconds, 1.0)
        grown = twice.server.peak - twice.server.running if twice.server else 0
        return {
            "capacity of 50 subscribers, packets/s": highest * 8 * 50,
            "at half of it, delay p50 ms": half.delay.p50,
            "at half of it, delay p99 ms": half.delay.p99,
            "at twice it, goodput % of the peak": 100
            * _per(twice.goodput, max(peak, twice.goodput)),
            "at twice it, growth MB": grown / 1e6,
            "at twice it, generator CPU %": 100 * twice.generator_cpu / twice.seconds,
        }

    return _scene(bench, 51, play)


def joins(bench: Bench) -> Figures:
    """200 sessions that join a video and get it, with HTTP, SDP, checks and handshakes."""

    async def play(scene: Scene) -> Figures:
        await scene.publish(1)
        await scene.subscribe([[0]] * 10)
        before = await scene.load.read()
        loop = asyncio.get_running_loop()
        begun = loop.time()
        flowing = await scene.subscribe([[0]] * 200)
        took, after = loop.time() - begun, await scene.load.read()
        return {
            "joins per CPU-second": _per(200, after.cpu - before.cpu),
            f"joins per second, {_JOINS_AT_ONCE} at a time": 200 / took,
            "connected to first frame, median ms": 1e3 * sorted(flowing)[100],
        }

    return _scene(bench, 211, play)


def memory(bench: Bench) -> Figures:
    """What a subscriber takes: of a track that hardly flows, and of one with 30 frames/s."""

    async def play(scene: Scene) -> Figures:
        await scene.publish(1)
        await scene.subscribe([[0]] * 5)
        before: Reading = await scene.load.read()
        await scene.subscribe([[0]] * 200)
        idle = await scene.load.read()
        report = await scene.run("active", EQUAL, 30)
        if report.server is None:
            return {}
        return {
            "idle subscriber, KB": (idle.resident - before.resident) / 200 / 1e3,
            "active subscriber, KB": (report.server.peak - before.resident) / 200 / 1e3,
        }

    return _scene(bench, 206, play)


def custom(bench: Bench) -> Figures:
    """One run with what the command line says; every subscriber gets every track."""
    told = bench.settings
    frames = [[told.size] * told.packets]

    async def play(scene: Scene) -> Figures:
        await scene.publish(told.publishers, video=told.video)
        await scene.subscribe([range(told.publishers)] * told.subscribers)
        return _delivery("custom", await scene.run("custom", frames, told.frames_per_second))

    return _scene(bench, told.subscribers + told.publishers, play, profile=told.profile)


Mode = Callable[[Bench], Figures]

MODES: dict[str, Mode] = {
    mode.__name__: mode
    for mode in (
        fanout50,
        fanout200,
        audio,
        aescm,
        videos,
        capacity,
        joins,
        memory,
        custom,
    )
}
"""Every mode by its name."""

OWN: Sequence[str] = [name for name in MODES if name != "custom"]
"""The modes that need nothing from the command line."""

COMPARED: Sequence[str] = ("fanout50", "fanout200", "audio", "joins", "memory")
"""What peers are put through."""


def entrant(server: Server, settings: Settings, modes: Sequence[str]) -> Entrant:
    """A server, driven with these settings."""

    def measure(mode: str) -> Measure:
        return lambda watch: MODES[mode](Bench(server, settings, watch))

    title = f"{server.name} {server.version}".rstrip()
    return Entrant(server.name, title, {mode: measure(mode) for mode in modes})


def _delivery(title: str, report: Report) -> Figures:
    figures = {
        "packets per CPU-second": _per(report.arrived, report.server.cpu if report.server else 0.0),
        "CPU µs per copy": _cost(report),
        "loss %": 100 * report.loss,
        "delay p50 ms": report.delay.p50,
        "delay p99 ms": report.delay.p99,
        "generator CPU %": 100 * report.generator_cpu / report.seconds,
    }
    threads = report.server.threads if report.server else {}
    shards = {name: cpu for name, cpu in threads.items() if name.startswith("shard-")}
    for name, cpu in sorted(shards.items()):
        figures[f"{name} % of the server's CPU"] = 100 * _per(cpu, sum(threads.values()))
    return {f"{title}, {name}": value for name, value in figures.items()}


def _cost(report: Report) -> float:
    return report.server.cpu_per_copy if report.server else 0.0


def _per(value: float, unit: float) -> float:
    return value / unit if unit else 0.0
