"""One run of the native generator against one relay; the generator is a process of its own."""

import subprocess
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from typing import Literal

import msgspec

from tidegate.bench.generator import command
from tidegate.errors import BenchError

Phase = Literal["connect", "join", "warm_up", "run", "leave"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What a run does; crates/load has the same fields, and says more about each.

    Attributes:
        pace: objects per second and track, or bytes that a closed loop is ahead.
        at_once: handshakes or joins under way at once; 0: all.
        stalled: how many of the subscribers stop reading when the run starts.
        warm_up: seconds before the counted ones. ``drain``: seconds to wait for late objects.
        publisher_queue: bytes of a track that wait for a blocked stream before any are dropped.
        patience: seconds after which connecting or joining is given up.
    """

    relay: str
    namespace: list[str]
    draft: int = 16
    transport: Literal["quic", "webtransport"] = "quic"
    server_name: str = "localhost"
    publish_path: str = "/"
    subscribe_path: str = "/"
    tracks: int = 1
    subscribers: int = 10
    tracks_each: int = 1
    object_bytes: int = 10_000
    objects_per_stream: int = 30
    pace: dict[str, float] = field(default_factory=lambda: {"per_second": 30.0})
    publisher_queue: int = 1 << 20
    join: Literal["never", "after_connecting", "at_once"] = "after_connecting"
    at_once: int = 32
    stalled: int = 0
    warm_up: float = 1.0
    seconds: float = 5.0
    drain: float = 2.0
    patience: float = 60.0
    relay_pid: int | None = None
    each_subscriber: bool = False

    def encoded(self) -> bytes:
        """The line that the generator's process is told."""
        return msgspec.json.encode({"relay": asdict(self)}) + b"\n"


class PhaseTime(msgspec.Struct):
    """One phase: seconds, who got through, and the relay's CPU seconds meanwhile."""

    seconds: float
    done: int
    failed: int
    relay_cpu: float


class Delays(msgspec.Struct):
    """Quantiles in milliseconds; all zero when nothing was measured."""

    count: int
    p50: float
    p90: float
    p99: float
    max: float


class Memory(msgspec.Struct):
    """Resident bytes of the relay at the moments that crates/load names."""

    start: int
    connected: int
    running: int
    peak: int
    end: int


class RelayUse(msgspec.Struct):
    """What the relay's process used in the counted time."""

    cpu: float
    cpu_per_copy: float
    threads: dict[str, float]
    memory: Memory


class SubscriberRow(msgspec.Struct):
    """One subscriber; ``longest_gap`` is in milliseconds."""

    expected: int
    missed: int
    longest_gap: float


class Report(msgspec.Struct):
    """What a run showed; crates/load says what each figure means."""

    connect: PhaseTime
    join: PhaseTime
    first_object: Delays
    seconds: float
    published: int
    dropped: int
    expected: int
    delivered: int
    goodput: float
    delay: Delays
    relay: RelayUse | None
    generator_cpu: float
    lost_sessions: int
    errors: dict[str, int]
    subscribers: list[SubscriberRow] = []

    @property
    def loss(self) -> float:
        """Share of the copies that did not arrive; 1 when none was expected."""
        return 1 - self.delivered / self.expected if self.expected else 1.0


class Progress(msgspec.Struct):
    """How far a run is."""

    phase: Phase
    done: float
    of: float


_progress = msgspec.json.Decoder(Progress)
_report = msgspec.json.Decoder(Report)


def run(plan: Plan, on_progress: Callable[[Progress], None] | None = None) -> Report:
    """Carries out a plan and waits for its report.

    Raises:
        BenchError: the generator could not start, or ended without a report.
    """
    with subprocess.Popen(
        command(), stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdin.write(plan.encoded())
        process.stdin.close()
        for line in process.stdout:
            if b'"phase"' not in line[:9]:
                return _report.decode(line)
            if on_progress is not None:
                on_progress(_progress.decode(line))
        raise BenchError(process.stderr.read().decode(errors="replace").strip() or "no report")
