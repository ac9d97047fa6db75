"""``tidegate bench relay``: figures of this relay, or of any other."""

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any, Literal

from cyclopts import Parameter

from tidegate.bench.comparison import Entrant
from tidegate.bench.relay.modes import COMPARED, MODES, OWN, Settings, entrant
from tidegate.bench.relay.relays import Relay, given, peers, tidegate
from tidegate.cli.bench.rounds import measure, spare_cores

_HEAD = """# Relays side by side

One load generator, a process of its own with a UDP socket per connection. 1 publisher; 100
subscribers where a row does not say otherwise.

CPU is the relay's whole process, divided by the copies that arrived. Delay runs from the
publisher's time stamp to the subscriber's parser. Loss is what did not arrive of what it
wrote. Where generator CPU is near 100%, the generator was full, not the relay.
"""


def _is_mode(_kind: object, modes: Sequence[str] | str) -> None:
    for mode in [modes] if isinstance(modes, str) else modes:
        if mode not in MODES:
            raise ValueError(f"no such mode: {mode}; there are {', '.join(MODES)}")


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
    settings = Settings(
        draft=draft,
        transport=transport,
        subscribers=subscribers,
        seconds=seconds,
        custom=_fields(size, rate, per_stream, tracks),
    )
    ours = (
        tidegate(shards or spare_cores())
        if url is None
        else given(url, pid, publish_path, subscribe_path)
    )
    chosen = list(modes) or (["custom"] if settings.custom else list(OWN))
    entrants = [entrant(ours, settings, chosen)]
    if with_peers:
        compared = [mode for mode in chosen if mode in COMPARED or mode in modes]
        entrants += [_peer(peer, settings, compared) for peer in peers(foreign.absolute())]
    rounds = rounds or (5 if with_peers else 1)
    measure(entrants, list(MODES), rounds, head=_HEAD, json_file=json_file, write=write)


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
    return entrant(peer, plain, modes)
