"""The forwarding plane as the rules see it: the engine's commands for WebRTC."""

from collections.abc import Sequence
from typing import Literal, Protocol, TypeAlias

Codec: TypeAlias = Literal[
    "opus", "pcmu", "pcma", "red", "vp8", "vp9", "h264", "h265", "av1", "other"
]
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
