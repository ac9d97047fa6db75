"""Every SFU session of one node: requests and engine events in, engine commands and answers out.

Nothing here waits: ``now`` comes in with each call, and :meth:`CallsServer.next_timeout` says when
:meth:`CallsServer.handle_timeout` is due.
"""

import logging
import secrets
from collections import OrderedDict
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, TypeVar

from tidegate import bugs
from tidegate.addresses import HostPort
from tidegate.calls import bodies, checks
from tidegate.calls.bodies import (
    CloseTracksRequest,
    NewSessionRequest,
    NewSessionResponse,
    RenegotiateRequest,
    Request,
    SessionDescription,
    TracksRequest,
    UpdateTracksRequest,
)
from tidegate.calls.closing import close_tracks
from tidegate.calls.limits import Limits
from tidegate.calls.negotiation import LocalTransport, Negotiation
from tidegate.calls.new_tracks import new_tracks
from tidegate.calls.operations import Answer, Operation
from tidegate.calls.plane import EnginePort, Plane
from tidegate.calls.renegotiation import renegotiate
from tidegate.calls.session import Session
from tidegate.calls.updates import update_tracks
from tidegate.errors import (
    AppNotFound,
    CallsRateLimited,
    CallsUnavailable,
    InvalidParams,
    PayloadTooLarge,
    SessionGone,
    SessionNotFound,
)

if TYPE_CHECKING:
    from tidegate import _engine

log = logging.getLogger(__name__)

B = TypeVar("B", bound=Request)


class CallsServer:
    """The rules of one node.

    ``now`` is seconds of any clock that never goes back. Operations take the request's body as it
    came, and check in this order: the session (404, 410), the rate (429), JSON (400), parameters
    (406), the state of the negotiation (406, 425). That the app exists, and its secret, is checked
    before. An operation that fails as a whole leaves everything as it was.

    Attributes:
        apps: live sessions by id, of each app that has some.
    """

    def __init__(
        self,
        engine: EnginePort,
        limits: Limits | None = None,
        *,
        candidates: Sequence[HostPort],
        fingerprint: bytes,
        entropy: Callable[[int], bytes] = secrets.token_bytes,
    ) -> None:
        """
        Args:
            candidates: numeric addresses that clients can reach, most wanted first.
            fingerprint: SHA-256 of the certificate that every WebRTC session shows.
            entropy: so many random bytes, unguessable.
        """
        self.plane = Plane(
            engine,
            limits or Limits(),
            LocalTransport(tuple(candidates), fingerprint),
            entropy,
        )
        self.apps: dict[str, dict[str, Session]] = {}
        self._handles: dict[int, Session] = {}
        self._gone: OrderedDict[str, str] = OrderedDict()

    # The engine's events, and time.

    def handle(self, event: "_engine.Event", now: float) -> None:
        """Takes in one event. Whatever a client sent, nothing is raised."""
        handler = _HANDLERS.get(type(event).__name__)
        if handler is not None:
            self._guarded("handling an event", handler, self, event, now)
            self._settle(now)

    def next_timeout(self) -> float | None:
        """When :meth:`handle_timeout` is due; None: not before another call."""
        return self.plane.timers.next_timeout()

    def handle_timeout(self, now: float) -> None:
        while (timer := self.plane.timers.due(now)) is not None:
            self._guarded("keeping a deadline", timer.fire, now)
        self._settle(now)

    def _on_connected(self, event: "_engine.RtcConnected", now: float) -> None:
        if (session := self._handles.get(event.session)) is not None:
            session.came_up(now)

    def _on_disconnected(self, event: "_engine.RtcDisconnected", now: float) -> None:
        if (session := self._handles.get(event.session)) is not None:
            session.went_down(now)

    def _on_closed(self, event: "_engine.RtcClosed", now: float) -> None:
        if (session := self._handles.get(event.session)) is not None:
            session.end(SessionGone())

    def _on_track_flowing(self, event: "_engine.TrackFlowing", now: float) -> None:
        session = self._handles.get(event.session)
        if session is not None and (track := session.tracks.get(event.track)) is not None:
            track.media_came()

    def _on_track_silent(self, event: "_engine.TrackSilent", now: float) -> None:
        session = self._handles.get(event.session)
        if session is not None and (track := session.tracks.get(event.track)) is not None:
            track.media_stopped()

    # Apps.

    def sessions(self, app_id: str) -> int:
        """How many sessions of the app live."""
        return len(self.apps.get(app_id, ()))

    def close_app(self, app_id: str, now: float) -> None:
        """The app was deleted: its media ends at once, and what waits is answered 404."""
        for session in [*self.apps.get(app_id, {}).values()]:
            self._guarded("closing an app", session.end, AppNotFound())
        self._settle(now)

    def stop(self, now: float) -> None:
        """The node stops: media ends at once, and what waits is answered 503."""
        for session in [*self._handles.values()]:
            self._guarded("stopping", session.end, CallsUnavailable("The node is stopping."))
        self._settle(now)

    # Operations of the HTTP API.

    def open_session(
        self, app_id: str, body: bytes, now: float, answer: Answer, *, thirdparty: bool = False
    ) -> None:
        """``POST sessions/new``: answers NewSessionResponse."""
        operation = Operation(answer, now)
        operation.run(
            lambda now: self._open_session(app_id, body, operation, now, thirdparty=thirdparty),
            now,
        )
        self._settle(now)

    def session_state(self, app_id: str, session_id: str, now: float, answer: Answer) -> None:
        """``GET sessions/{sessionId}``: answers SessionState."""
        operation = Operation(answer, now)
        operation.run(
            lambda now: operation.complete(self._admit(app_id, session_id, now).state()), now
        )
        self._settle(now)

    def new_tracks(
        self, app_id: str, session_id: str, body: bytes, now: float, answer: Answer
    ) -> None:
        """``POST tracks/new``: answers TracksResponse."""

        def begin(
            session: Session, operation: Operation, request: TracksRequest, now: float
        ) -> None:
            new_tracks(self.apps[app_id], session, operation, request, now)

        self._operate(app_id, session_id, body, TracksRequest, begin, now, answer)

    def renegotiate(
        self, app_id: str, session_id: str, body: bytes, now: float, answer: Answer
    ) -> None:
        """``PUT renegotiate``: answers RenegotiateResponse."""
        self._operate(app_id, session_id, body, RenegotiateRequest, renegotiate, now, answer)

    def update_tracks(
        self, app_id: str, session_id: str, body: bytes, now: float, answer: Answer
    ) -> None:
        """``PUT tracks/update``: answers TracksResponse."""

        def begin(
            session: Session, operation: Operation, request: UpdateTracksRequest, now: float
        ) -> None:
            update_tracks(self.apps[app_id], session, operation, request, now)

        self._operate(app_id, session_id, body, UpdateTracksRequest, begin, now, answer)

    def close_tracks(
        self, app_id: str, session_id: str, body: bytes, now: float, answer: Answer
    ) -> None:
        """``PUT tracks/close``: answers TracksResponse."""
        self._operate(app_id, session_id, body, CloseTracksRequest, close_tracks, now, answer)

    def _operate(
        self,
        app_id: str,
        session_id: str,
        body: bytes,
        kind: type[B],
        begin: Callable[[Session, Operation, B, float], None],
        now: float,
        answer: Answer,
    ) -> None:
        """An operation on a session, from the first check to the first step."""
        operation = Operation(answer, now)

        def admit(now: float) -> None:
            session = self._admit(app_id, session_id, now)
            request = self._decode(kind, body)
            session.enter(operation)
            begin(session, operation, request, now)

        operation.run(admit, now)
        self._settle(now)

    def _open_session(
        self, app_id: str, body: bytes, operation: Operation, now: float, *, thirdparty: bool
    ) -> None:
        plane = self.plane
        request = self._decode(NewSessionRequest, body)
        if thirdparty:
            raise InvalidParams("thirdparty=true is not supported")
        sdp = checks.description(request, "offer")
        if len(self._handles) >= plane.limits.sessions:
            raise CallsUnavailable("This node has no room for another session.")
        if self.sessions(app_id) >= plane.limits.sessions_per_app:
            raise CallsRateLimited("The app has as many sessions as it may.")
        negotiation = Negotiation(
            plane.transport, plane.extensions, plane.entropy, sections=plane.limits.sections
        )
        answer = None if sdp is None else negotiation.answer(sdp)

        def forget(session: Session) -> None:
            self._forget(app_id, session)

        session = Session(plane, plane.entropy(16).hex(), negotiation, now, forget)
        self.apps.setdefault(app_id, {})[session.id] = session
        self._handles[session.handle] = session
        description = None
        if answer is not None:
            session.carry_out(answer, now)
            description = SessionDescription("answer", answer.sdp)
        operation.complete(NewSessionResponse(session.id, description))

    def _admit(self, app_id: str, session_id: str, now: float) -> Session:
        """The session that a request is about, if it may make another one now."""
        session = self.apps.get(app_id, {}).get(session_id)
        if session is None:
            raise SessionGone if self._gone.get(session_id) == app_id else SessionNotFound
        if not session.rate.allows(now):
            raise CallsRateLimited("The session makes too many requests.")
        if len(session.operations) >= self.plane.limits.requests_waiting:
            raise CallsRateLimited("Too many requests of the session wait.")
        return session

    def _decode(self, kind: type[B], body: bytes) -> B:
        if len(body) > self.plane.limits.body_bytes:
            raise PayloadTooLarge
        return bodies.decode(kind, body)

    def _forget(self, app_id: str, session: Session) -> None:
        self._handles.pop(session.handle, None)
        sessions = self.apps.get(app_id, {})
        sessions.pop(session.id, None)
        if not sessions:
            self.apps.pop(app_id, None)
        self._gone[session.id] = app_id
        if len(self._gone) > self.plane.limits.remembered_sessions:
            self._gone.popitem(last=False)

    def _settle(self, now: float) -> None:
        """Carries out what the call at hand has brought about elsewhere."""
        soon = self.plane.soon
        while soon:
            self._guarded("carrying on", soon.popleft(), now)

    def _guarded(self, doing: str, act: Callable[..., None], *args: Any) -> None:
        try:
            act(*args)
        except Exception:
            bugs.report(doing)


_HANDLERS: dict[str, Callable[[CallsServer, Any, float], None]] = {
    "RtcConnected": CallsServer._on_connected,
    "RtcDisconnected": CallsServer._on_disconnected,
    "RtcClosed": CallsServer._on_closed,
    "TrackFlowing": CallsServer._on_track_flowing,
    "TrackSilent": CallsServer._on_track_silent,
}
