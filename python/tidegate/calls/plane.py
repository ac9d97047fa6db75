"""The forwarding plane as the rules see it, and what all sessions of a node share."""

from collections import deque
from collections.abc import Callable, Sequence
from typing import Protocol, TypeAlias

from tidegate.calls.extensions import ExtensionNumbers
from tidegate.calls.limits import Limits
from tidegate.calls.negotiation import LocalTransport
from tidegate.calls.payload_types import Codec
from tidegate.timers import Timers

PayloadType: TypeAlias = tuple[int, Codec, int, int | None, bool]
Encoding: TypeAlias = tuple[str, int | None, int | None]
Mapping: TypeAlias = tuple[int, int, int | None]


class EnginePort(Protocol):
    """What the rules use of ``tidegate._engine.Engine``; its stub says what each command does.

    No command raises or waits: the shell holds back events while the engine's queue is full.
    """

    def create_rtc_session(self, ufrag: str, pwd: str) -> int: ...
    def add_rtc_credentials(self, session: int, ufrag: str, pwd: str) -> None: ...
    def set_rtc_remote(
        self,
        session: int,
        *,
        algorithm: str,
        fingerprint: bytes,
        dtls_client: bool,
        sctp_port: int | None,
    ) -> None: ...
    def set_rtc_extensions(self, session: int, extensions: Sequence[tuple[int, int]]) -> None: ...
    def open_rtc_track(
        self,
        session: int,
        *,
        mid: str,
        video: bool,
        payload_types: Sequence[PayloadType],
        encodings: Sequence[Encoding],
        silent_seconds: float,
    ) -> int: ...
    def update_rtc_track(
        self,
        session: int,
        track: int,
        *,
        mid: str,
        video: bool,
        payload_types: Sequence[PayloadType],
        encodings: Sequence[Encoding],
        silent_seconds: float,
    ) -> None: ...
    def close_rtc_track(self, session: int, track: int) -> None: ...
    def attach_rtc_sink(
        self,
        session: int,
        track: int,
        *,
        mid: str,
        ssrc: int,
        rtx_ssrc: int | None,
        cname: str,
        mappings: Sequence[Mapping],
        layers: Sequence[str],
    ) -> int: ...
    def update_rtc_sink(
        self,
        session: int,
        sink: int,
        *,
        track: int | None = None,
        mappings: Sequence[Mapping] | None = None,
        layers: Sequence[str] | None = None,
        cname: str | None = None,
    ) -> None: ...
    def detach_rtc_sink(self, session: int, sink: int) -> None: ...
    def close_rtc_session(self, session: int) -> None: ...


class Plane:
    """Commands, deadlines and limits.

    Attributes:
        entropy: so many random bytes, unguessable.
        soon: what has to be done once the call at hand has been carried out, in order.
    """

    __slots__ = ("engine", "entropy", "extensions", "limits", "soon", "timers", "transport")

    def __init__(
        self,
        engine: EnginePort,
        limits: Limits,
        transport: LocalTransport,
        entropy: Callable[[int], bytes],
    ) -> None:
        self.engine = engine
        self.limits = limits
        self.transport = transport
        self.entropy = entropy
        self.extensions = ExtensionNumbers()
        self.timers = Timers()
        self.soon: deque[Callable[[float], None]] = deque()
