"""One track of a relay: the publishers it comes from, and the subscriptions it goes to.

However many subscribe, each publisher is asked once. The track is opened in the engine when the
first publisher answers, and closed when nobody publishes, subscribes or fetches it any more.
"""

from enum import Enum, auto
from typing import TYPE_CHECKING, Protocol

from tidegate.moqt.codes import DoneCode, RequestCode
from tidegate.moqt.failures import Refusal
from tidegate.moqt.names import FullTrackName, Location
from tidegate.moqt.new_groups import NewGroups
from tidegate.moqt.plane import Place
from tidegate.moqt.properties import Properties, TrackProperty, integer
from tidegate.moqt.publishers import Upstream
from tidegate.moqt.succession import Succession
from tidegate.timers import Timer

if TYPE_CHECKING:
    from tidegate.moqt.fetches import FetchJob
    from tidegate.moqt.relay import Relay
    from tidegate.moqt.session import Session
    from tidegate.moqt.subscriptions import Subscription


class LargestQuery(Protocol):
    """Something that waits for the track's largest location."""

    def largest_known(self, now: float, largest: Location | None) -> None: ...


class _Idle(Enum):
    """What a track without subscribers waits for."""

    NOTHING = auto()
    RELEASE = auto()
    """To unsubscribe from its publishers, or pause those that offered it."""
    DISPOSE = auto()
    """To give up its cache."""


class Track:
    """The rules of one full track name in one relay.

    Attributes:
        handle: the engine's; None while no publisher has ever answered.
        upstreams: one for each publishing session that was asked or has offered the track.
        sources: how many of them are established.
        ending: publishers that said PUBLISH_DONE while their last streams come in.
        subscriptions: one for each subscribing session.
        properties: what the publisher says of the track.
        largest: the largest location that anyone told.
    """

    __slots__ = (
        "_grace",
        "_idle",
        "_queries",
        "_refusal",
        "_succession",
        "_timer",
        "ending",
        "fetches",
        "handle",
        "largest",
        "name",
        "new_groups",
        "plane",
        "properties",
        "relay",
        "sources",
        "subscriptions",
        "upstreams",
    )

    def __init__(self, relay: "Relay", name: FullTrackName) -> None:
        self.relay = relay
        self.plane = relay.plane
        self.name = name
        self.handle: int | None = None
        self.upstreams: dict[Session, Upstream] = {}
        self.sources = 0
        self.ending: dict[Upstream, DoneCode] = {}
        self.subscriptions: dict[Session, Subscription] = {}
        self.fetches: set[FetchJob] = set()
        self.properties: Properties = ()
        self.largest: Location | None = None
        self._queries: dict[int, LargestQuery] = {}
        self._refusal: Refusal | None = None
        self.new_groups = NewGroups(self)
        self._succession = Succession(self)
        self._idle = _Idle.NOTHING
        self._timer: Timer | None = None
        self._grace: Timer | None = None

    # Subscribers.

    def subscribe(self, now: float, subscription: "Subscription") -> None:
        """Serves a new subscription as soon as a publisher is established.

        Raises:
            Refusal: nobody publishes the track, and the subscription cannot be held.
        """
        self.subscriptions[subscription.session] = subscription
        self.settle(now)
        if self.sources:
            subscription.attach(now)
            self.pull(now)
            return
        self._seek(now)
        if not self.upstreams:
            try:
                subscription.hold(now)
            except Refusal:
                self.leave(now, subscription)
                raise

    def leave(self, now: float, subscription: "Subscription") -> None:
        if self.subscriptions.get(subscription.session) is subscription:
            del self.subscriptions[subscription.session]
            self.settle(now)

    @property
    def wanted(self) -> bool:
        """Whether a subscription could use another publisher."""
        return any(each.wants_source for each in self.subscriptions.values())

    @property
    def offered(self) -> bool:
        """Whether a publisher stands by a PUBLISH of it."""
        return any(each.offered and each.established for each in self.upstreams.values())

    @property
    def forwards(self) -> bool:
        """Whether a subscription wants objects, and not only to know of the track."""
        return any(each.wants_objects for each in self.subscriptions.values())

    def pull(self, now: float) -> None:
        """Lets paused publishers send, now that a subscription may want objects."""
        paused = [each for each in self.upstreams.values() if not each.forward]
        if paused and self.forwards:
            for upstream in paused:
                upstream.set_forward(now, True)
            self._succession.look(now)

    def _waiting(self) -> list["Subscription"]:
        return [each for each in self.subscriptions.values() if each.waits]

    # Publishers.

    def _seek(self, now: float) -> None:
        """Asks every publisher of the namespace, or a prefix of it, that was not asked yet."""
        for publisher in self.relay.namespaces.covering(self.name.namespace):
            self.offer(now, publisher.session)

    def offer(self, now: float, session: "Session") -> None:
        """Asks a session that publishes the namespace."""
        if (
            session not in self.upstreams
            and session.reachable
            and session.carries(self.name.namespace)
        ):
            upstream = self.upstreams[session] = Upstream(self, session)
            upstream.ask(now, self.new_groups.wanted)

    def establish(self, now: float, upstream: Upstream, properties: Properties) -> None:
        """A publisher sends the track from now on: whoever waits for it is served."""
        if self.handle is not None and not self._in_use():
            # A publisher that comes back may start anew: what was cached says nothing of it.
            self._close(now)
        if self.handle is None:
            self._open(upstream)
            upstream.trusted = True
        assert self.handle is not None, "just opened"
        self.sources += 1
        self.upstreams[upstream.session] = upstream
        upstream.attach(self.handle)
        if self._grace is not None:
            self._grace.cancel()
            self._grace = None
        self._refusal = None
        self._learn(upstream.announced, properties)
        for subscription in self._waiting():
            subscription.attach(now, waited=True)
        self.new_groups.established(now, upstream)
        self._succession.look(now)
        self.settle(now)

    def _open(self, near: Upstream) -> None:
        self.handle = self.plane.engine.open_track(near.session.handle, self.relay.number)
        self.plane.tracks[self.handle] = self

    def _learn(self, largest: Location | None, properties: Properties) -> None:
        assert self.handle is not None, "only an established publisher tells of its track"
        self.raise_largest(largest)
        priority: int | None = None
        max_cache_ms: int | None = None
        if properties and not self.properties:
            self.properties = properties
            priority = integer(properties, TrackProperty.DEFAULT_PUBLISHER_PRIORITY)
            max_cache_ms = integer(properties, TrackProperty.MAX_CACHE_DURATION)
        if largest is not None or priority is not None or max_cache_ms is not None:
            self.plane.engine.update_track(
                self.handle, priority=priority, max_cache_ms=max_cache_ms, largest=largest
            )

    def raise_largest(self, largest: Place | None) -> Location | None:
        """The largest location known, now that ``largest`` was told; never smaller than before."""
        if largest is not None and (self.largest is None or largest > self.largest):
            self.largest = Location(*largest)
        return self.largest

    def replace(self, upstream: Upstream) -> None:
        """Takes back what was asked of a publisher that offers the track by itself."""
        self._remove(upstream)
        upstream.release()

    def refuse(self, now: float, upstream: Upstream, refusal: Refusal) -> None:
        """A publisher that was asked refuses; the last of them decides what the waiting hear."""
        if not self._remove(upstream):
            return
        if self._refusal is None or refusal.code is RequestCode.TIMEOUT:
            self._refusal = refusal
        self._fail_waiting(now)
        self.settle(now)

    def lose(self, now: float, upstream: Upstream, *, vanished: bool, code: DoneCode) -> None:
        """A publisher is gone, with its session (``vanished`` without goodbye) or by its fault."""
        if upstream in self.ending:
            self.drained(now, upstream)
            return
        if not self._remove(upstream):
            return
        if upstream.established:
            self.sources -= 1
        if vanished:
            self._seek_if_wanted(now)
        self._fail_waiting(now)
        self._end_if_over(now, code, vanished=vanished)
        self._succession.look(now)
        self.settle(now)

    def drain(self, upstream: Upstream, code: DoneCode) -> None:
        """A publisher said PUBLISH_DONE: its last streams come in until :meth:`drained`."""
        self._remove(upstream)
        self.sources -= 1
        self.ending[upstream] = code

    def drained(self, now: float, upstream: Upstream) -> None:
        code = self.ending.pop(upstream, None)
        if code is not None:
            self._end_if_over(now, code, vanished=False)
            self._succession.look(now)
            self.settle(now)

    def _remove(self, upstream: Upstream) -> bool:
        if self.upstreams.get(upstream.session) is not upstream:
            return False
        del self.upstreams[upstream.session]
        return True

    def _seek_if_wanted(self, now: float) -> None:
        if not self.sources and self.wanted:
            self._seek(now)

    def _fail_waiting(self, now: float) -> None:
        """Refuses or holds those that wait, when nobody is left to answer them."""
        if self.upstreams:
            return
        refusal, self._refusal = self._refusal, None
        for subscription in self._waiting():
            if refusal is not None:
                subscription.refuse(now, _downstream(refusal))
            elif not subscription.held:
                try:
                    subscription.hold(now)
                except Refusal as impossible:
                    subscription.refuse(now, impossible)

    def _end_if_over(self, now: float, code: DoneCode, *, vanished: bool) -> None:
        if self.sources or self.ending or not self.subscriptions:
            return
        grace = self.plane.limits.publisher_grace_seconds if vanished else 0
        if grace > 0:
            if self._grace is None:
                self._grace = self.plane.timers.start(now + grace, self._grace_over)
        else:
            self._end_subscriptions(now, code)

    def _grace_over(self, now: float) -> None:
        self._grace = None
        self._end_subscriptions(now, DoneCode.INTERNAL_ERROR)
        self.settle(now)

    def _end_subscriptions(self, now: float, code: DoneCode) -> None:
        for subscription in [*self.subscriptions.values()]:
            subscription.end(now, code)

    def _in_use(self) -> bool:
        """Whether anything is attached to the engine's track."""
        sinks = any(each.sink is not None for each in self.subscriptions.values())
        return bool(self.sources or self.ending or self.fetches or sinks)

    def established(self) -> list[Upstream]:
        return [each for each in self.upstreams.values() if each.established]

    def restart(self, now: float, publishers: list[Upstream]) -> None:
        """Begins anew with the publishers that there are; what was subscribed has ended."""
        for subscription in [*self.subscriptions.values()]:
            subscription.cut(now)
        for job in [*self.fetches]:
            job.cut(now)
        ending, self.ending = self.ending, {}
        for upstream in ending:
            upstream.release()
        for upstream in publishers:
            upstream.detach_source()
        properties = self.properties
        self._close(now)
        self._open(publishers[0])
        assert self.handle is not None, "just opened"
        for upstream in publishers:
            upstream.trusted = True
            upstream.attach(self.handle)
            self._learn(upstream.announced, properties)
        for subscription in self._waiting():
            subscription.attach(now, waited=True)
        self.relay.offer_to_interested(now, self)
        self.settle(now)

    # What only the engine knows.

    def query_largest(self, query: LargestQuery) -> None:
        """Asks the engine for the largest location; the track must have a handle."""
        assert self.handle is not None, "only an established track is queried"
        self._queries[self.plane.engine.query_track(self.handle)] = query

    def state_came(self, now: float, query: int, largest: Place | None) -> None:
        waiter = self._queries.pop(query, None)
        if waiter is not None:
            waiter.largest_known(now, self.raise_largest(largest))

    # The end.

    def settle(self, now: float) -> None:
        """Starts or stops waiting for the end, as who is left demands."""
        if self.subscriptions or self.fetches:
            idle = _Idle.NOTHING
        elif any(each.releasable for each in self.upstreams.values()):
            idle = _Idle.RELEASE
        elif self.upstreams or self.ending:
            idle = _Idle.NOTHING
        elif self.handle is not None and self.relay.sessions:
            idle = _Idle.DISPOSE
        else:
            self.dispose(now)
            return
        if idle is self._idle:
            return
        self._idle = idle
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        limits = self.plane.limits
        if idle is _Idle.RELEASE:
            when = now + limits.upstream_linger_seconds
            self._timer = self.plane.timers.start(when, self._release)
        elif idle is _Idle.DISPOSE:
            when = now + limits.cache_linger_seconds
            self._timer = self.plane.timers.start(when, self._forget)

    @property
    def idle(self) -> bool:
        """Whether only its cache keeps it."""
        return self._idle is _Idle.DISPOSE

    def _release(self, now: float) -> None:
        """Nobody came back: unsubscribes from the publishers that were asked, and pauses others."""
        self._idle = _Idle.NOTHING
        for upstream in [*self.upstreams.values()]:
            if upstream.offered:
                upstream.set_forward(now, False)
            else:
                if upstream.established:
                    self.sources -= 1
                self._remove(upstream)
                upstream.release()
        self.settle(now)

    def _forget(self, now: float) -> None:
        self.dispose(now)

    def dispose(self, now: float) -> None:
        """Forgets the track; nobody publishes, subscribes or fetches it."""
        self._succession.stop()
        for timer in (self._timer, self._grace):
            if timer is not None:
                timer.cancel()
        if self.handle is not None:
            self._close(now)
        self.relay.forget_track(self)

    def _close(self, now: float) -> None:
        assert self.handle is not None, "asked by who checked"
        queries, self._queries = self._queries, {}
        for query in queries.values():
            query.largest_known(now, self.largest)
        handle, self.handle = self.handle, None
        self.plane.tracks.pop(handle, None)
        self.plane.engine.close_track(handle)
        self.largest = None
        self.properties = ()
        self.new_groups.reached()


def _downstream(refusal: Refusal) -> Refusal:
    """What a subscriber hears of a publisher's refusal."""
    match refusal.code:
        case (
            RequestCode.UNAUTHORIZED
            | RequestCode.MALFORMED_AUTH_TOKEN
            | RequestCode.EXPIRED_AUTH_TOKEN
        ):
            # The relay's own credentials failed, not the subscriber's.
            return Refusal(RequestCode.INTERNAL_ERROR, "the publisher refused the relay")
        case RequestCode.UNINTERESTED:
            return Refusal(RequestCode.DOES_NOT_EXIST, refusal.reason, refusal.retry_after)
        case RequestCode.GOING_AWAY | RequestCode.EXCESSIVE_LOAD:
            return Refusal(RequestCode.INTERNAL_ERROR, refusal.reason, refusal.retry_after or 1000)
        case code:
            return Refusal(code, refusal.reason, refusal.retry_after)
