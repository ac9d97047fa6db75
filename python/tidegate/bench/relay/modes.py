"""What is measured: each mode composes runs of the generator into figures.

A figure's name ends with its unit. Modes that compare runs start the relay anew for each.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from itertools import count
from typing import Any

from tidegate.bench.comparison import Entrant, Figures, Measure, Watch
from tidegate.bench.relay import runs
from tidegate.bench.relay.relays import Relay, Target, Transport
from tidegate.bench.relay.runs import Plan, Report
from tidegate.errors import BenchError

_names = count()


@dataclass(frozen=True, slots=True)
class Settings:
    """What a mode is told.

    Attributes:
        subscribers: how many there are where a mode does not say it itself.
        seconds: how long a run counts.
        custom: fields of :class:`Plan` for the custom mode.
    """

    draft: int
    transport: Transport = "quic"
    subscribers: int = 100
    seconds: float = 5.0
    custom: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Bench:
    """One relay under one set of settings; ``watch`` is told how far each run is."""

    relay: Relay
    settings: Settings
    watch: Watch | None = None

    @contextmanager
    def target(self) -> Iterator[Target]:
        """The relay, started anew."""
        with self.relay.running() as target:
            yield target

    def run(self, target: Target, title: str, **fields: Any) -> Report:
        """One run in a namespace of its own.

        Raises:
            BenchError: nothing was delivered where something was published.
        """
        plan = replace(
            Plan(
                relay=target.address,
                namespace=["bench", str(next(_names))],
                draft=self.settings.draft,
                transport=self.settings.transport,
                server_name=target.server_name,
                publish_path=target.publish_path,
                subscribe_path=target.subscribe_path,
                subscribers=self.settings.subscribers,
                seconds=self.settings.seconds,
                relay_pid=target.pid,
            ),
            **fields,
        )
        watch = self.watch
        report = runs.run(plan, None if watch is None else lambda now: watch(title, now))
        if report.connect.done == 0 or (report.expected > 0 and report.delivered == 0):
            reasons = ", ".join(report.errors) or "no object arrived"
            raise BenchError(f"{title}: {reasons}")
        return report


def entrant(relay: Relay, settings: Settings, modes: Sequence[str]) -> Entrant:
    """A relay, driven with these settings; its column is headed with the draft."""

    def measure(mode: str) -> Measure:
        return lambda watch: MODES[mode](Bench(relay, settings, watch))

    name = f"{relay.name} {relay.version}".rstrip()
    title = f"{name}, draft {settings.draft}"
    return Entrant(relay.name, title, {mode: measure(mode) for mode in modes})


def fanout(bench: Bench) -> Figures:
    """10 kB objects, 30 to a subgroup, 30 a second."""
    with bench.target() as target:
        report = bench.run(target, "10 kB × 30/s")
    return {f"10 kB × 30/s, {name}": value for name, value in _delivery(report).items()}


def small(bench: Bench) -> Figures:
    """200 B objects, a stream each, 50 a second."""
    small = {"object_bytes": 200, "objects_per_stream": 1, "pace": {"per_second": 50.0}}
    with bench.target() as target:
        report = bench.run(target, "200 B × 50/s", **small)
    return {f"200 B × 50/s, {name}": value for name, value in _delivery(report).items()}


def bulk(bench: Bench) -> Figures:
    """64 kB objects to 10 subscribers, as fast as they arrive: 6 objects ahead of the slowest."""
    with bench.target() as target:
        report = bench.run(
            target,
            "bulk",
            subscribers=10,
            object_bytes=64_000,
            pace={"ahead": 384_000},
            warm_up=0.5,
        )
    cpu = report.relay.cpu if report.relay else 0.0
    return {
        "bulk, Gbit/s per CPU-second": _per(report.goodput * report.seconds / 1e9, cpu),
        "bulk, Gbit/s": report.goodput / 1e9,
        "bulk, loss %": 100 * report.loss,
        "bulk, generator CPU %": 100 * report.generator_cpu / report.seconds,
    }


def overload(bench: Bench) -> Figures:
    """The highest rate at which all arrives at 10 subscribers; then half of it, then twice.

    Twice it warms up for longer, so that a cache is full before growth counts.
    """
    fields: dict[str, Any] = {"subscribers": 10, "drain": 1.0}

    def at(rate: float, seconds: float, warm_up: float = 0.5) -> Report:
        pace = {"per_second": rate}
        with bench.target() as target:
            title = f"{rate:.0f} objects/s"
            return bench.run(target, title, pace=pace, seconds=seconds, warm_up=warm_up, **fields)

    def carried(report: Report, rate: float) -> bool:
        offered = report.published >= 0.97 * rate * report.seconds
        return report.loss < 0.001 and report.dropped == 0 and offered

    highest, refused, peak = 0.0, 0.0, 0.0
    rate = 1000.0
    while rate > 50 and (not refused or refused - highest > 0.1 * refused):
        # A rate is refused when it fails twice: the machine may have been busy once.
        for _ in range(2):
            report = at(rate, 2.0)
            peak = max(peak, report.goodput)
            if carried(report, rate):
                highest = rate
                break
        else:
            refused = rate
        rate = (highest + refused) / 2 if refused else 2 * highest
    if highest == 0:
        raise BenchError("no rate at which everything arrived")
    half = at(highest / 2, bench.settings.seconds)
    twice = at(2 * highest, bench.settings.seconds, warm_up=3.0)
    return {
        "capacity of 10 subscribers, objects/s": highest,
        "at half of it, delay p50 ms": half.delay.p50,
        "at half of it, delay p99 ms": half.delay.p99,
        "at twice it, goodput % of the peak": 100 * _per(twice.goodput, max(peak, twice.goodput)),
        "at twice it, delay p99 ms": twice.delay.p99,
        "at twice it, growth MB": _grown(twice) / 1e6,
    }


def joins(bench: Bench) -> Figures:
    """1,000 connections that connect and subscribe, 32 at a time; then 100 at once."""
    fields: dict[str, Any] = {
        "join": "at_once",
        "object_bytes": 200,
        "objects_per_stream": 1,
        "warm_up": 0.5,
        "seconds": 0.5,
    }
    with bench.target() as target:
        rate = {"per_second": 1.0}
        many = bench.run(target, "joins", subscribers=1000, at_once=32, pace=rate, **fields)
    with bench.target() as target:
        rate = {"per_second": 50.0}
        burst = bench.run(target, "burst", subscribers=100, at_once=0, pace=rate, **fields)
    return {
        "joins per CPU-second": _per(many.join.done, many.join.relay_cpu),
        "joins, failed": many.join.failed + burst.join.failed,
        "100 at once, last first object ms": burst.first_object.max,
        "100 at once, median first object ms": burst.first_object.p50,
    }


def idle(bench: Bench) -> Figures:
    """What a connected subscriber takes, without and with a subscription that flows."""
    with bench.target() as target:
        report = bench.run(target, "memory", subscribers=200)
    if report.relay is None:
        return {}
    memory = report.relay.memory
    return {
        "idle subscriber, KB": (memory.connected - memory.start) / report.connect.done / 1e3,
        "active subscriber, KB": (memory.peak - memory.start) / report.connect.done / 1e3,
    }


def stalled(bench: Bench) -> Figures:
    """Ten of twenty subscribers stop reading; the others must not notice."""
    fields: dict[str, Any] = {"subscribers": 20, "pace": {"per_second": 100.0}, "warm_up": 2.0}
    with bench.target() as target:
        base = bench.run(target, "none stalled", **fields)
    with bench.target() as target:
        report = bench.run(target, "10 stalled", stalled=10, **fields)
    if report.relay is None or base.relay is None:
        return {}
    more = report.relay.memory.peak - base.relay.memory.peak
    return {
        "stalled subscriber, KB": max(0.0, more / 10 / 1e3),
        "beside stalled ones, loss %": 100 * report.loss,
        "beside stalled ones, delay p99 ms": report.delay.p99,
    }


def scale(bench: Bench) -> Figures:
    """Cost per copy from 10 to 1,000 subscribers, and from 1 to 500 tracks, at one load each."""
    figures: Figures = {}
    for subscribers in (10, 100, 1000):
        rate = 3000 / subscribers
        with bench.target() as target:
            report = bench.run(
                target,
                f"{subscribers} subscribers",
                subscribers=subscribers,
                pace={"per_second": rate},
            )
        figures[f"{subscribers} subscribers × {rate:g}/s, CPU µs per copy"] = _cost(report)
    for tracks in (1, 50, 500):
        with bench.target() as target:
            report = bench.run(
                target,
                f"{tracks} tracks",
                subscribers=10,
                tracks=tracks,
                tracks_each=tracks,
                pace={"per_second": 500.0 / tracks},
            )
        figures[f"{tracks} tracks, 500/s in all, CPU µs per copy"] = _cost(report)
    return figures


def transports(bench: Bench) -> Figures:
    """The fan-out of 10 kB over WebTransport and over raw QUIC."""
    figures: Figures = {}
    for transport in bench.relay.transports:
        with bench.target() as target:
            report = bench.run(target, transport, transport=transport)
        figures[f"10 kB × 30/s over {transport}, CPU µs per copy"] = _cost(report)
    return figures


def custom(bench: Bench) -> Figures:
    """One run with what the command line says."""
    with bench.target() as target:
        report = bench.run(target, "custom", **bench.settings.custom)
    return _delivery(report)


Mode = Callable[[Bench], Figures]

MODES: dict[str, Mode] = {
    mode.__name__: mode
    for mode in (fanout, small, bulk, joins, idle, stalled, overload, scale, transports, custom)
}
"""Every mode by its name."""

OWN: Sequence[str] = [name for name in MODES if name != "custom"]
"""The modes that need nothing from the command line."""

COMPARED: Sequence[str] = ("fanout", "small", "bulk", "joins", "idle", "stalled")
"""The modes that peers are put through as well."""


def _delivery(report: Report) -> Figures:
    figures = {
        "CPU µs per copy": _cost(report),
        "goodput Mbit/s": report.goodput / 1e6,
        "loss %": 100 * report.loss,
        "delay p50 ms": report.delay.p50,
        "delay p99 ms": report.delay.p99,
        "delay max ms": report.delay.max,
        "generator CPU %": 100 * report.generator_cpu / report.seconds,
    }
    threads = report.relay.threads if report.relay else {}
    shards = {name: cpu for name, cpu in threads.items() if name.startswith("shard-")}
    for name, cpu in sorted(shards.items()):
        figures[f"{name} % of the relay's CPU"] = 100 * _per(cpu, sum(threads.values()))
    return figures


def _cost(report: Report) -> float:
    return report.relay.cpu_per_copy if report.relay else 0.0


def _grown(report: Report) -> float:
    return report.relay.memory.peak - report.relay.memory.running if report.relay else 0.0


def _per(value: float, unit: float) -> float:
    return value / unit if unit else 0.0
