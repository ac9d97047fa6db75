"""Every SFU session of one node: requests and engine events in, engine commands and answers out.

Nothing here waits: ``now`` comes in with each call, and :meth:`CallsServer.next_timeout` says when
:meth:`CallsServer.handle_timeout` is due.
"""

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, TypeAlias

from tidegate.addresses import HostPort
from tidegate.calls.bodies import Response
from tidegate.calls.limits import Limits
from tidegate.calls.plane import EnginePort
from tidegate.errors import CallsError

if TYPE_CHECKING:
    from tidegate import _engine

Answer: TypeAlias = Callable[[Response | CallsError], None]
"""Takes what an operation came to, exactly once: at once, or at most 10 s later."""


class CallsServer:
    """The rules of one node.

    ``now`` is seconds of any clock that never goes back. Operations take the request's body as it
    came, and check in this order: the session (404, 410), the rate (429), JSON (400), parameters
    (406), the state of the negotiation (406, 425). That the app exists, and its secret, is checked
    before. An operation that fails as a whole leaves everything as it was.
    """

    def __init__(
        self,
        engine: EnginePort,
        limits: Limits | None = None,
        *,
        candidates: Sequence[HostPort],
        fingerprint: bytes,
    ) -> None:
        """
        Args:
            candidates: numeric addresses that clients can reach, most wanted first.
            fingerprint: SHA-256 of the certificate that every WebRTC session shows.
        """

    # The engine's events, and time.

    def handle(self, event: "_engine.Event", now: float) -> None:
        """Takes in one event. Whatever a client sent, nothing is raised."""

    def next_timeout(self) -> float | None:
        """When :meth:`handle_timeout` is due; None: not before another call."""
        return None

    def handle_timeout(self, now: float) -> None: ...

    # Apps.

    def sessions(self, app_id: str) -> int:
        """How many sessions of the app live."""
        return 0

    def close_app(self, app_id: str, now: float) -> None:
        """The app was deleted: its media ends at once, and what waits is answered 410."""

    # Operations of the HTTP API.

    def open_session(
        self, app_id: str, body: bytes, now: float, answer: Answer, *, thirdparty: bool = False
    ) -> None:
        """``POST sessions/new``: answers NewSessionResponse."""

    def session_state(self, app_id: str, session_id: str, now: float, answer: Answer) -> None:
        """``GET sessions/{sessionId}``: answers SessionState."""

    def new_tracks(
        self, app_id: str, session_id: str, body: bytes, now: float, answer: Answer
    ) -> None:
        """``POST tracks/new``: answers TracksResponse."""

    def renegotiate(
        self, app_id: str, session_id: str, body: bytes, now: float, answer: Answer
    ) -> None:
        """``PUT renegotiate``: answers RenegotiateResponse."""

    def update_tracks(
        self, app_id: str, session_id: str, body: bytes, now: float, answer: Answer
    ) -> None:
        """``PUT tracks/update``: answers TracksResponse."""

    def close_tracks(
        self, app_id: str, session_id: str, body: bytes, now: float, answer: Answer
    ) -> None:
        """``PUT tracks/close``: answers TracksResponse."""
