"""One WebRTC connection of an app: what it publishes and receives, and how long it lives."""

from collections.abc import Callable
from enum import Enum, auto
from typing import TYPE_CHECKING, TypeVar

from tidegate.calls.bodies import SessionState, SimulcastPreference, TrackState
from tidegate.calls.negotiation import Negotiation, Outcome, State
from tidegate.calls.operations import Operation, Turns
from tidegate.calls.payload_types import Kind
from tidegate.calls.plane import Plane
from tidegate.calls.publications import Publication
from tidegate.calls.rate import Rate
from tidegate.calls.subscriptions import Subscription
from tidegate.errors import CallsError, SessionGone, SignalingStateNotStable
from tidegate.timers import Timer

if TYPE_CHECKING:
    from tidegate.calls.waiting import Wait

R = TypeVar("R")


class Phase(Enum):
    """What the engine last said of the connection."""

    NEW = auto()
    CONNECTED = auto()
    LOST = auto()
    ENDED = auto()


class Session:
    """A session, from ``sessions/new`` until it is gone for good.

    Attributes:
        id: what the API calls it; whoever has it, and the app's secret, may use the session.
        handle: what the engine calls it.
        stream: msid stream id and CNAME of everything that it publishes.
        publications: by mid; an ended one stays until its section carries another.
        names: publications that have not ended.
        tracks: the same by the engine's handle, as far as they are open.
        subscriptions: by mid; an ended one stays until its section carries another.
        operations: requests under way.
        watchers: who waits for this session to connect, publish, or send.
    """

    def __init__(
        self,
        plane: Plane,
        session_id: str,
        negotiation: Negotiation,
        now: float,
        gone: Callable[["Session"], None],
    ) -> None:
        self.plane = plane
        self.id = session_id
        self.negotiation = negotiation
        credentials = negotiation.credentials
        self.handle = plane.engine.create_rtc_session(credentials.ufrag, credentials.pwd)
        self.stream = plane.entropy(16).hex()
        self.phase = Phase.NEW
        self.publications: dict[str, Publication] = {}
        self.names: dict[str, Publication] = {}
        self.tracks: dict[int, Publication] = {}
        self.subscriptions: dict[str, Subscription] = {}
        self.rate = Rate(plane.limits.requests_per_second, now)
        self.turns = Turns(plane)
        self.operations: set[Operation] = set()
        self.watchers: dict[Wait, None] = {}
        self._gone = gone
        self._expiry: Timer | None = None
        self._notifying = False
        self.touch(now)

    @property
    def connected(self) -> bool:
        return self.phase is Phase.CONNECTED

    @property
    def may_yet_publish(self) -> bool:
        """It is still connecting or negotiating, so a name that it has not published may come."""
        if self.phase is Phase.NEW or self.operations:
            return True
        return self.negotiation.state is not State.STABLE

    def require_stable(self) -> None:
        """Raises SignalingStateNotStable while an offer of ours waits for its answer."""
        if self.negotiation.state is not State.STABLE:
            raise SignalingStateNotStable

    def enter(self, operation: Operation) -> None:
        """A request about this session begins; it is answered at the latest when that ends."""
        self.operations.add(operation)
        operation.at_end(lambda: self._left(operation))

    def _left(self, operation: Operation) -> None:
        self.operations.discard(operation)
        self.changed()

    # How long it lives.

    def touch(self, now: float) -> None:
        """Something of it was changed: a session that never connected has its time again."""
        if self.phase is Phase.NEW:
            self._expire_at(now + self.plane.limits.unconnected_seconds)

    def came_up(self, now: float) -> None:
        self.phase = Phase.CONNECTED
        self._keep()
        for publication in [*self.tracks.values()]:
            publication.expect_media(now)
        self.changed()

    def went_down(self, now: float) -> None:
        """Nothing reaches the client; it may come back, with all that it had. One that was never
        connected has only failed to be."""
        if self.phase is Phase.NEW:
            return
        self.phase = Phase.LOST
        self._expire_at(now + self.plane.limits.reconnect_seconds)
        self.changed()

    def end(self, error: CallsError) -> None:
        """Ends for good: its media, and with ``error`` every request that it left waiting."""
        if self.phase is Phase.ENDED:
            return
        self.phase = Phase.ENDED
        self._keep()
        for subscription in self.subscriptions.values():
            subscription.end()
        for publication in [*self.names.values()]:
            publication.end()
        self.plane.engine.close_rtc_session(self.handle)
        self._gone(self)
        for operation in [*self.operations]:
            operation.complete(error)
        self.changed()

    def _expire_at(self, when: float) -> None:
        self._keep()
        self._expiry = self.plane.timers.start(when, lambda _: self.end(SessionGone()))

    def _keep(self) -> None:
        if self._expiry is not None:
            self._expiry.cancel()
            self._expiry = None

    # What is said of it.

    def state(self) -> SessionState:
        """Its tracks, those included that ended and whose section carries nothing new."""
        tracks = [
            TrackState(
                "local",
                publication.mid,
                publication.name,
                "inactive" if publication.ended else "active",
            )
            for publication in self.publications.values()
        ]
        tracks += [
            TrackState(
                "remote",
                subscription.mid,
                subscription.track_name,
                "inactive" if subscription.publication is None else "active",
                subscription.session_id,
            )
            for subscription in self.subscriptions.values()
        ]
        return SessionState(tracks, [])

    # What others wait for.

    def changed(self) -> None:
        """Tells who watches, once the call at hand has been carried out."""
        if self.watchers and not self._notifying:
            self._notifying = True
            self.plane.soon.append(self._notify)

    def _notify(self, now: float) -> None:
        self._notifying = False
        for wait in [*self.watchers]:
            wait.check(now)

    # What it publishes and receives.

    def mid_of(self, reference: str) -> str | None:
        """The mid itself, or that of the publication that ``#<trackName>`` names, if any."""
        if not reference.startswith("#"):
            return reference
        publication = self.names.get(reference[1:])
        return None if publication is None else publication.mid

    def publish(self, name: str, mid: str, kind: Kind) -> Publication:
        """Reserves the name; the publication opens with :meth:`Publication.open`."""
        publication = Publication(self, name, mid, kind)
        self.publications.pop(mid, None)
        self.publications[mid] = publication
        self._forget_oldest(self.publications, lambda each: each.ended)
        self.names[name] = publication
        self.changed()
        return publication

    def subscribe(
        self, mid: str, publication: Publication, preference: SimulcastPreference | None
    ) -> Subscription:
        """What the section carried before, if anything, ends."""
        before = self.subscriptions.pop(mid, None)
        if before is not None:
            before.end()
        subscription = Subscription(self, mid, publication, preference)
        self.subscriptions[mid] = subscription
        self._forget_oldest(self.subscriptions, lambda each: each.ended)
        return subscription

    def _forget_oldest(self, records: dict[str, R], over: Callable[[R], bool]) -> None:
        """Sections are recycled under new mids: what old ones carried is not kept for ever."""
        if len(records) > self.plane.limits.sections:
            mid = next((mid for mid, record in records.items() if over(record)), None)
            if mid is not None:
                del records[mid]

    def carry_out(self, outcome: Outcome, now: float) -> None:
        """What a completed exchange of descriptions changed, for the engine and for our tracks."""
        engine = self.plane.engine
        if outcome.credentials is not None:
            engine.add_rtc_credentials(
                self.handle, outcome.credentials.ufrag, outcome.credentials.pwd
            )
        if outcome.remote is not None:
            engine.set_rtc_remote(
                self.handle,
                algorithm=outcome.remote.algorithm,
                fingerprint=outcome.remote.fingerprint,
                dtls_client=outcome.remote.dtls_client,
                sctp_port=outcome.remote.sctp_port,
            )
        if outcome.extensions is not None:
            engine.set_rtc_extensions(self.handle, outcome.extensions)
        for mid in outcome.receiving_ended | outcome.refused:
            if (gone := self.publications.get(mid)) is not None:
                gone.end()
        for mid in outcome.sending_ended | outcome.refused:
            if (left := self.subscriptions.get(mid)) is not None:
                left.end()
        for mid, reception in outcome.receiving.items():
            publication = self.publications.get(mid)
            if publication is not None and not publication.ended:
                publication.open(reception, now)
        for mid, sending in outcome.sending.items():
            if (subscription := self.subscriptions.get(mid)) is not None:
                subscription.send(sending)
        self.touch(now)
