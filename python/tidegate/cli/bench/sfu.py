"""``tidegate bench sfu``: figures of this SFU, or of any other."""

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from tidegate.bench.sfu import peers
from tidegate.bench.sfu.load import Profile
from tidegate.bench.sfu.modes import COMPARED, MODES, OWN, Settings, entrant
from tidegate.bench.sfu.servers import given, tidegate
from tidegate.cli.bench.rounds import measure, spare_cores

_HEAD = """# SFUs side by side

One load generator, a process of its own with a UDP socket per session: ICE, DTLS and SRTP as
browsers do them, signalling as each server wants it. 1 publisher where a row does not say
otherwise; 40,000 copies a second while the cost of a copy is measured, Opus 10,000.

CPU is the server's whole process, signalling included, divided by the copies that arrived. Delay
runs from the publisher's time stamp to the subscriber's socket. Loss is what did not arrive of
what was sent. A subscriber is idle while its track sends ten small packets a second, active at
30 frames of 8 packets. Where generator CPU is near 100%, the generator was full, not the server.
"""


def _is_mode(_kind: object, modes: Sequence[str] | str) -> None:
    for mode in [modes] if isinstance(modes, str) else modes:
        if mode not in MODES:
            raise ValueError(f"no such mode: {mode}; there are {', '.join(MODES)}")


def sfu(
    *modes: Annotated[str, Parameter(validator=_is_mode)],
    app: str | None = None,
    secret: str = "",
    pid: int | None = None,
    seconds: float = 3.0,
    rounds: int | None = None,
    shards: int | None = None,
    with_peers: Annotated[bool, Parameter(name="--peers", negative="")] = False,
    subscribers: int = 50,
    publishers: int = 1,
    rate: float = 30.0,
    packets: int = 8,
    size: int = 1200,
    audio: Annotated[bool, Parameter(negative="")] = False,
    profile: Profile | None = None,
    json_file: Annotated[Path | None, Parameter(name="--json")] = None,
    write: Path | None = None,
) -> None:
    """Drive an SFU with publishers and subscribers, and print what it costs.

    Without ``--app`` it starts this project's server for each mode.

    Parameters
    ----------
    modes:
        What to measure, of fanout50, fanout200, audio, aescm, videos, capacity, joins, memory,
        custom. All but the last when none is named; peers are put through those that all can do.
    app:
        An app of a server that runs already, as ``http://host:port/v1/apps/ID``.
    secret:
        That app's secret.
    pid:
        That server's process, for its CPU and memory.
    seconds:
        How long a run counts.
    rounds:
        How often everything is measured; the median counts. 5 with ``--peers``, else 1.
    shards:
        How many shards our server runs; a core less than there are, as the generator needs one.
    with_peers:
        Measure Janus and LiveKit in alternation with ours, where this machine has them. LiveKit is
        built where there is Go.
    subscribers:
        Sessions that subscribe to every track, in the custom mode.
    publishers:
        Sessions that publish a track each, in the custom mode.
    rate:
        Frames per second of a track, in the custom mode.
    packets:
        Packets of a frame, in the custom mode.
    size:
        Bytes of a packet as a UDP payload, in the custom mode.
    audio:
        Opus rather than VP8, in the custom mode.
    profile:
        The only SRTP profile that sessions offer, in the custom mode.
    json_file:
        Where to write every round's figures, for programs.
    write:
        Where to write the table, as Markdown.
    """
    settings = Settings(
        seconds=seconds,
        subscribers=subscribers,
        publishers=publishers,
        frames_per_second=rate,
        packets=packets,
        size=size,
        video=not audio,
        profile=profile,
    )
    ours = tidegate(shards or spare_cores()) if app is None else given(app, secret, pid)
    chosen = list(modes) or list(OWN)
    entrants = [entrant(ours, settings, chosen)]
    if with_peers:
        peers.build(lambda line: print(line, file=sys.stderr))
        compared = [mode for mode in chosen if mode in COMPARED or mode in modes]
        entrants += [entrant(peer, settings, compared) for peer in peers.peers()]
    rounds = rounds or (5 if with_peers else 1)
    measure(entrants, list(MODES), rounds, head=_HEAD, json_file=json_file, write=write)
