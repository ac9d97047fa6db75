"""Every MoQ session and relay of one node: engine events in, engine commands out.

Nothing here waits: ``now`` comes in with each event, and :meth:`MoqServer.next_timeout` says when
:meth:`MoqServer.handle_timeout` is due.
"""

import logging
from collections.abc import Callable, Collection, Mapping
from itertools import count
from typing import TYPE_CHECKING, Any

from tidegate import bugs
from tidegate.moqt import authorization, version
from tidegate.moqt.authorization import Authorizer
from tidegate.moqt.codes import SessionCode
from tidegate.moqt.errors import DecodeError
from tidegate.moqt.failures import SessionFailure
from tidegate.moqt.limits import Limits
from tidegate.moqt.plane import EnginePort, IncomingSession, Plane
from tidegate.moqt.relay import Relay
from tidegate.moqt.session import Session
from tidegate.moqt.token import Token
from tidegate.moqt.version import Profile

if TYPE_CHECKING:
    from tidegate import _engine

log = logging.getLogger(__name__)

_FORBIDDEN = 403
_BAD_REQUEST = 400


class MoqServer:
    """The rules of one node.

    ``now`` is seconds of any clock that never goes back.

    Attributes:
        sessions: by the engine's handle, from accepting to closing.
        relays: those that have sessions, by uid.
        unix_offset: what to add to ``now`` for Unix seconds, which tokens are dated in.
    """

    def __init__(
        self,
        engine: EnginePort,
        authorizer: Authorizer,
        limits: Limits | None = None,
        *,
        unix_offset: float = 0.0,
    ) -> None:
        self.plane = Plane(engine, limits or Limits())
        self.unix_offset = unix_offset
        self.sessions: dict[int, Session] = {}
        self.relays: dict[str, Relay] = {}
        self._authorizer = authorizer
        self._numbers = count(1)

    # The engine's events.

    def handle(self, event: "_engine.Event", now: float) -> None:
        """Takes in one event. Whatever a peer sent, nothing is raised: at most its session ends."""
        handler = _HANDLERS.get(type(event).__name__)
        if handler is not None:
            handler(self, now, event)
        self._close_doomed(now)

    def next_timeout(self) -> float | None:
        """When :meth:`handle_timeout` is due; None: not before another event."""
        return self.plane.timers.next_timeout()

    def handle_timeout(self, now: float) -> None:
        while (timer := self.plane.timers.due(now)) is not None:
            try:
                timer.fire(now)
            except Exception:
                bugs.report("keeping a deadline")
        self._close_doomed(now)

    def _guard(
        self, now: float, session: Session | None, act: Callable[..., None], *args: Any, **more: Any
    ) -> None:
        """Runs what an event of ``session`` causes; its failure is that session's end."""
        try:
            act(now, *args, **more)
        except (SessionFailure, DecodeError) as failure:
            if session is not None:
                self._close(now, session, failure.code, str(failure))
        except Exception:
            bugs.report(f"handling {getattr(act, '__qualname__', 'an event')}")
            if session is not None:
                self._close(now, session, SessionCode.INTERNAL_ERROR, "internal error")

    def _on_incoming(self, now: float, event: IncomingSession) -> None:
        plane = self.plane
        profile: Profile | None = None
        protocol: str | None = None
        if event.transport == "webtransport":
            origins = plane.limits.allowed_origins
            if origins is not None and event.origin is not None and event.origin not in origins:
                plane.engine.refuse(event.session, _FORBIDDEN)
                return
            choice = version.choose_webtransport(event.protocols)
            if choice is not None:
                profile, protocol = choice.profile, choice.protocol
        else:
            profile = version.from_alpn(event.alpn)
        if profile is None:
            plane.engine.refuse(event.session, _BAD_REQUEST)
            return
        self.sessions[event.session] = Session(
            plane,
            self,
            event.session,
            now=now,
            profile=profile,
            transport=event.transport,
            path=event.path,
        )
        plane.engine.accept(event.session, protocol)
        log.debug("session %x: from %s over %s", event.session, event.peer, event.transport)

    def _on_stream_bytes(self, now: float, event: "_engine.StreamBytes") -> None:
        session = self.sessions.get(event.session)
        if session is not None:
            self._guard(now, session, session.handle_bytes, event.stream, event.data, event.fin)

    def _on_stream_broken(
        self, now: float, event: "_engine.StreamReset | _engine.StreamStopped"
    ) -> None:
        session = self.sessions.get(event.session)
        if session is not None:
            self._guard(now, session, session.handle_reset, event.stream)

    def _on_closed(self, now: float, event: "_engine.Closed") -> None:
        session = self.sessions.get(event.session)
        if session is not None:
            session.said_goodbye = event.remote and event.code == SessionCode.NO_ERROR
            log.debug("session %x: gone with code %s", event.session, event.code)
            self._forget(now, session)

    def _on_sink_attached(self, now: float, event: "_engine.SinkAttached") -> None:
        subscription = self.plane.sinks.get(event.sink)
        if subscription is not None:
            self._guard(
                now,
                subscription.session,
                subscription.attached,
                event.largest,
                valid=event.valid,
            )

    def _on_sink_drained(self, now: float, event: "_engine.SinkDrained") -> None:
        subscription = self.plane.sinks.get(event.sink)
        if subscription is not None:
            self._guard(
                now, subscription.session, subscription.drained, event.streams, event.reason
            )

    def _on_source_ended(self, now: float, event: "_engine.SourceEnded") -> None:
        upstream = self.plane.sources.get(event.source)
        if upstream is not None:
            self._guard(now, upstream.session, upstream.drained)

    def _on_malformed(self, now: float, event: "_engine.Malformed") -> None:
        upstream = self.plane.sources.get(event.source)
        if upstream is not None:
            self._guard(now, upstream.session, upstream.malformed)

    def _on_track_state(self, now: float, event: "_engine.TrackState") -> None:
        track = self.plane.tracks.get(event.track)
        if track is not None:
            self._guard(now, None, track.state_came, event.query, event.largest)

    def _on_group_reached(self, now: float, event: "_engine.GroupReached") -> None:
        track = self.plane.tracks.get(event.track)
        if track is not None:
            track.new_groups.reached()

    def _on_fetch_answer(self, now: float, event: "_engine.FetchAnswer") -> None:
        job = self.plane.fetches.get(event.fetch)
        if job is not None:
            self._guard(
                now,
                job.session,
                job.answered,
                event.status,
                event.end,
                end_of_track=event.end_of_track,
            )

    def _on_fetch_done(self, now: float, event: "_engine.FetchDone") -> None:
        job = self.plane.fetches.get(event.fetch)
        if job is not None:
            self._guard(now, job.session, job.done)

    # Sessions and relays.

    def admit(self, now: float, session: Session, presented: list[Token]) -> None:
        """Finds the relay that a session's tokens open; the session asks once, after SETUP.

        Raises:
            SessionFailure: they open none.
        """
        limits = self.plane.limits
        access = authorization.admit(
            self._authorizer, limits, now, self.unix_offset, session.path, presented
        )
        uid = access.grant.relay
        relay = self.relays.get(uid)
        if relay is None:
            settings = self._authorizer.relay(uid)
            if settings is None:
                raise SessionFailure(SessionCode.UNAUTHORIZED, "the relay is gone")
            relay = self.relays[uid] = Relay(self.plane, uid, next(self._numbers), settings)
        session.access = access
        session.relay = relay
        relay.enter(session)
        log.debug("session %x: speaks %s in relay %s", session.handle, session.profile, uid)
        if limits.close_on_expiry:
            session.expire_at(access.grant.expires - self.unix_offset)

    def connected(self, uid: str) -> bool:
        """Whether a session is up in this relay: its ``status``."""
        return uid in self.relays

    def relay_changed(self, uid: str, now: float) -> None:
        """The operator changed the relay's settings, or deleted it."""
        relay = self.relays.get(uid)
        if relay is None:
            return
        settings = self._authorizer.relay(uid)
        if settings is None:
            self.close_relay(uid, now)
        else:
            relay.settings = settings

    def close_relay(self, uid: str, now: float) -> None:
        """The relay was deleted: its sessions have no scope any more."""
        self._close_where(uid, now, lambda session: True, "the relay was deleted")

    def revoke(self, uid: str, tokens: Collection[str], now: float) -> None:
        """The relay does not honour these tokens (``jti``) any more."""
        if self.plane.limits.close_on_revoke:
            self._close_where(
                uid,
                now,
                lambda session: session.access is not None and session.access.grant.jti in tokens,
                "the token was revoked",
            )

    def _close_where(
        self, uid: str, now: float, chosen: Callable[[Session], bool], reason: str
    ) -> None:
        relay = self.relays.get(uid)
        if relay is None:
            return
        for session in [*relay.sessions]:
            if chosen(session):
                self._close(now, session, SessionCode.UNAUTHORIZED, reason)
        self._close_doomed(now)

    def _close_doomed(self, now: float) -> None:
        doomed = self.plane.doomed
        while doomed:
            session, code, reason = doomed.pop()
            self._close(now, session, code, reason)

    def _close(self, now: float, session: Session, code: SessionCode, reason: str) -> None:
        if not session.closed:
            log.debug("session %x: closed with %s: %s", session.handle, code.name, reason)
            self.plane.engine.close(session.handle, code, reason)
            self._forget(now, session)

    def _forget(self, now: float, session: Session) -> None:
        self.sessions.pop(session.handle, None)
        try:
            session.drop(now)
        except Exception:
            bugs.report("closing a session")
        relay = session.relay
        if relay is not None and not relay.sessions and self.relays.get(relay.uid) is relay:
            del self.relays[relay.uid]


_HANDLERS: Mapping[str, Callable[[MoqServer, float, Any], None]] = {
    "Incoming": MoqServer._on_incoming,
    "StreamBytes": MoqServer._on_stream_bytes,
    "StreamReset": MoqServer._on_stream_broken,
    "StreamStopped": MoqServer._on_stream_broken,
    "Closed": MoqServer._on_closed,
    "SinkAttached": MoqServer._on_sink_attached,
    "SinkDrained": MoqServer._on_sink_drained,
    "SourceEnded": MoqServer._on_source_ended,
    "Malformed": MoqServer._on_malformed,
    "TrackState": MoqServer._on_track_state,
    "GroupReached": MoqServer._on_group_reached,
    "FetchAnswer": MoqServer._on_fetch_answer,
    "FetchDone": MoqServer._on_fetch_done,
}
