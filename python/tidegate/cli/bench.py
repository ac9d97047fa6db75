"""``tidegate bench``: figures of this relay, or of any other."""

import json
import os
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any, Literal

from cyclopts import App, Parameter
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

from tidegate.bench import runs, tables
from tidegate.bench.comparison import Entrant, compare
from tidegate.bench.modes import COMPARED, MODES, OWN, Settings, Watch
from tidegate.bench.relays import Relay, given, peers, tidegate

app = App(name="bench", help="Measure a relay with the native load generator.")


def _is_mode(_kind: object, modes: Sequence[str] | str) -> None:
    for mode in [modes] if isinstance(modes, str) else modes:
        if mode not in MODES:
            raise ValueError(f"no such mode: {mode}; there are {', '.join(MODES)}")


@app.command
def relay(
    *modes: Annotated[str, Parameter(validator=_is_mode)],
    url: str | None = None,
    pid: int | None = None,
    publish_path: str = "",
    subscribe_path: str = "",
    draft: Literal[14, 16, 18] = 16,
    transport: Literal["quic", "webtransport"] = "quic",
    subscribers: int = 100,
    seconds: float = 5.0,
    rounds: int | None = None,
    shards: int | None = None,
    with_peers: Annotated[bool, Parameter(name="--peers", negative="")] = False,
    foreign: Path = Path("build/foreign/venv"),
    size: int | None = None,
    rate: float | None = None,
    per_stream: int | None = None,
    tracks: int | None = None,
    json_file: Annotated[Path | None, Parameter(name="--json")] = None,
    write: Path | None = None,
) -> None:
    """Drive a relay with one publisher and many subscribers, and print what it costs.

    Without ``--url`` it starts this project's server for each run.

    Parameters
    ----------
    modes:
        What to measure, of fanout, small, bulk, joins, idle, stalled, overload, scale, transports,
        custom. All of it when none is named; peers are put through the first six.
    url:
        A relay that runs already: ``host:port``, or a URL whose path (and token) all use.
    pid:
        That relay's process, for its CPU and memory.
    publish_path:
        Path and query of the publisher's URL, where it has one of its own.
    subscribe_path:
        The same of the subscribers' URL.
    draft:
        What to speak. A peer that does not speak it is driven at the newest draft it has.
    transport:
        Raw QUIC or WebTransport.
    subscribers:
        How many, where a mode does not say it itself.
    seconds:
        How long a run counts.
    rounds:
        How often everything is measured; the median counts. 5 with ``--peers``, else 1.
    shards:
        How many shards our server runs; a core less than there are, as the generator needs one.
    with_peers:
        Measure the other relays that this machine has in alternation with ours.
    foreign:
        The Python environment that has the peers of PyPI.
    size:
        Bytes of an object, in the custom mode.
    rate:
        Objects per second of a track, in the custom mode.
    per_stream:
        Objects on a subgroup stream, in the custom mode.
    tracks:
        Tracks, in the custom mode; each subscriber takes all of them.
    json_file:
        Where to write every round's figures, for programs.
    write:
        Where to write the table, as Markdown.
    """
    console = Console()
    settings = Settings(
        draft=draft,
        transport=transport,
        subscribers=subscribers,
        seconds=seconds,
        custom=_fields(size, rate, per_stream, tracks),
    )
    ours = (
        tidegate(shards or _spare_cores())
        if url is None
        else given(url, pid, publish_path, subscribe_path)
    )
    chosen = list(modes) or (["custom"] if settings.custom else list(OWN))
    entrants = [Entrant(ours, settings, chosen)]
    if with_peers:
        compared = [mode for mode in chosen if mode in COMPARED or mode in modes]
        entrants += [_peer(peer, settings, compared) for peer in peers(foreign.absolute())]
    rounds = rounds or (5 if with_peers else 1)
    with _watching(console) as watch:
        comparison = compare(entrants, rounds, watch)
    titles = [entrant.title for entrant in entrants]
    if comparison.values:
        console.print(tables.table(comparison, titles))
    for title, failures in comparison.failures.items():
        for failure in sorted(set(failures)):
            console.print(f"[red]{title}[/]: {failure}", highlight=False)
    command = " ".join(["tidegate", *sys.argv[1:]])
    if json_file is not None:
        record = tables.record(comparison, command=command, rounds=rounds)
        json_file.write_text(json.dumps(record, indent=2) + "\n")
    if write is not None:
        write.write_text(tables.page(comparison, titles, command=command, rounds=rounds))
    if not comparison.values:
        sys.exit(1)


def _spare_cores() -> int:
    return max(1, len(os.sched_getaffinity(0)) - 1)


def _fields(
    size: int | None, rate: float | None, per_stream: int | None, tracks: int | None
) -> dict[str, Any]:
    given = {
        "object_bytes": size,
        "pace": None if rate is None else {"per_second": rate},
        "objects_per_stream": per_stream,
        "tracks": tracks,
        "tracks_each": tracks,
    }
    return {name: value for name, value in given.items() if value is not None}


def _peer(peer: Relay, settings: Settings, modes: list[str]) -> Entrant:
    draft = settings.draft if settings.draft in peer.drafts else peer.drafts[0]
    plain = Settings(
        draft=draft,
        transport=settings.transport,
        subscribers=settings.subscribers,
        seconds=settings.seconds,
        custom=settings.custom,
    )
    return Entrant(peer, plain, modes)


@contextmanager
def _watching(console: Console) -> Iterator[Any]:
    """A bar for everything and one for the run; a line a step where that is no terminal."""
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        TextColumn("{task.fields[note]}"),
        TimeElapsedColumn(),
    )
    with Progress(*columns, console=console, disable=not console.is_terminal) as shown:
        whole = shown.add_task("all", note="")
        current = shown.add_task("", note="")

        def watch(title: str, done: int, steps: int) -> Watch:
            if not console.is_terminal:
                sys.stderr.write(f"{done}/{steps} {title}\n")
            shown.update(whole, description=title, completed=done, total=steps)
            shown.update(whole, note=f"{done}/{steps}")

            def look(run: str, now: runs.Progress) -> None:
                note = now.phase.replace("_", " ")
                shown.update(current, description=run, completed=now.done, total=now.of, note=note)

            return look

        yield watch
