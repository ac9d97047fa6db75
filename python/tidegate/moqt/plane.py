"""The forwarding plane as the rules see it: the engine's commands, and whose handle is whose."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Literal, Protocol, TypeAlias

from tidegate.moqt.codes import SessionCode
from tidegate.moqt.limits import Limits
from tidegate.timers import Timers

if TYPE_CHECKING:
    from tidegate.moqt.fetches import FetchJob
    from tidegate.moqt.publishers import Upstream
    from tidegate.moqt.session import Session
    from tidegate.moqt.subscriptions import Subscription
    from tidegate.moqt.tracks import Track

Place: TypeAlias = tuple[int, int]
FilterKind: TypeAlias = Literal["next_group", "largest", "absolute"]


class EnginePort(Protocol):
    """What the rules use of ``tidegate._engine.Engine``; its stub says what each command does.

    No command raises or waits: the shell holds back events while the engine's queue is full.
    """

    def accept(self, session: int, protocol: str | None) -> None: ...
    def refuse(self, session: int, status: int) -> None: ...
    def set_draft(self, session: int, draft: int) -> None: ...
    def close(self, session: int, code: int, reason: str) -> None: ...
    def send(self, session: int, stream: int, data: bytes, fin: bool = False) -> None: ...
    def open_track(self, near: int, scope: int) -> int: ...
    def update_track(
        self,
        track: int,
        *,
        priority: int | None = None,
        max_cache_ms: int | None = None,
        largest: Place | None = None,
    ) -> None: ...
    def close_track(self, track: int) -> None: ...
    def query_track(self, track: int) -> int: ...
    def watch_group(self, track: int, group: int) -> None: ...
    def attach_source(self, track: int, session: int, alias: int) -> int: ...
    def end_source(self, source: int, streams: int | None, deadline: int) -> None: ...
    def detach_source(self, source: int) -> None: ...
    def attach_sink(
        self,
        track: int,
        session: int,
        alias: int,
        *,
        filter: FilterKind = "largest",
        start: Place = (0, 0),
        end_group: int | None = None,
        forward: bool = True,
        priority: int = 128,
        descending: bool = False,
        delivery_timeout: int | None = None,
    ) -> int: ...
    def start_sink(self, sink: int, stream: int, reply: bytes) -> None: ...
    def update_sink(
        self,
        sink: int,
        *,
        start: Place | None = None,
        end_group: int | None = None,
        open_ended: bool = False,
        forward: bool | None = None,
        priority: int | None = None,
        delivery_timeout: int | None = None,
    ) -> None: ...
    def end_sink(self, sink: int) -> None: ...
    def detach_sink(self, sink: int) -> None: ...
    def fetch(
        self,
        track: int,
        session: int,
        request_id: int,
        *,
        start: Place,
        end: Place,
        descending: bool = False,
        priority: int = 128,
    ) -> int: ...
    def start_fetch(self, fetch: int, stream: int, reply: bytes) -> None: ...
    def cancel_fetch(self, fetch: int) -> None: ...


class IncomingSession(Protocol):
    """What the rules read of ``tidegate._engine.Incoming``."""

    @property
    def session(self) -> int: ...
    @property
    def transport(self) -> Literal["quic", "webtransport"]: ...
    @property
    def alpn(self) -> str: ...
    @property
    def path(self) -> str: ...
    @property
    def origin(self) -> str | None: ...
    @property
    def peer(self) -> str: ...
    @property
    def protocols(self) -> Sequence[str]: ...


class Plane:
    """Commands, deadlines and limits, and the owners of what the engine names by handle."""

    __slots__ = (
        "doomed",
        "engine",
        "fetches",
        "held",
        "limits",
        "sinks",
        "sources",
        "timers",
        "tracks",
    )

    def __init__(self, engine: EnginePort, limits: Limits) -> None:
        self.engine = engine
        self.limits = limits
        self.timers = Timers()
        self.sinks: dict[int, Subscription] = {}
        self.sources: dict[int, Upstream] = {}
        self.fetches: dict[int, FetchJob] = {}
        self.tracks: dict[int, Track] = {}
        self.held = 0
        self.doomed: list[tuple[Session, SessionCode, str]] = []

    def doom(self, session: "Session", code: SessionCode, reason: str) -> None:
        """Closes a session once the event at hand is done with: it may be any session's event."""
        self.doomed.append((session, code, reason))
