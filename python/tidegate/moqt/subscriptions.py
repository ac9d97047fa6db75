"""A subscription that we serve: a peer's SUBSCRIBE, or our PUBLISH to a peer that showed interest.

It waits for a publisher (held, when there is none yet), is attached to the engine's track, which
fixes where it starts, is started together with its OK or its PUBLISH, and ends by draining.
"""

from enum import Enum, auto
from typing import TYPE_CHECKING

from tidegate.moqt.codes import DoneCode, RequestCode, RequestKind
from tidegate.moqt.failures import Refusal, violation
from tidegate.moqt.messages import (
    Message,
    Publish,
    PublishDone,
    PublishOk,
    RequestUpdate,
    Subscribe,
    SubscribeOk,
)
from tidegate.moqt.names import Location
from tidegate.moqt.plane import FilterKind, Place
from tidegate.moqt.properties import TrackProperty, integer, preferred_group_order
from tidegate.moqt.requests import OwnRequest, PeerRequest, Progress, Request, RequestOwner
from tidegate.moqt.subscription import (
    DEFAULT_PRIORITY,
    LARGEST_OBJECT,
    Filter,
    FilterStart,
    GroupOrder,
)
from tidegate.timers import Timer
from tidegate.tokens import Operation

if TYPE_CHECKING:
    from tidegate.moqt.fetches import FetchJob
    from tidegate.moqt.session import Session
    from tidegate.moqt.tracks import Track

HELD_RETRY_MS = 1000
"""When to come back after too many lingering subscribes."""


class _State(Enum):
    WAITING = auto()
    """For a publisher (a SUBSCRIBE), or for the peer's credit (a PUBLISH)."""
    ATTACHING = auto()
    """For the engine to fix the join, or for its PUBLISH to be issued."""
    STARTED = auto()
    DRAINING = auto()
    OVER = auto()


class Subscription(RequestOwner):
    """One session's subscription to one track.

    Attributes:
        pushed: we opened it with PUBLISH.
        arrived: when its SUBSCRIBE came.
        held: whether it lingers without a publisher.
        can_be_joined: whether the filter of its request, whatever updates make of it, allows a
            joining FETCH.
        joining: the largest location that the peer was told, where a joining FETCH ends.
        sink: the engine's handle, from attaching on.
    """

    __slots__ = (
        "_alias",
        "_delivery_timeout",
        "_done",
        "_end_group",
        "_filter",
        "_forward",
        "_group_order",
        "_hold",
        "_joiners",
        "_new_group",
        "_priority",
        "_request",
        "_start",
        "_state",
        "_waited",
        "arrived",
        "can_be_joined",
        "held",
        "joining",
        "pushed",
        "session",
        "sink",
        "track",
    )

    def __init__(self, track: "Track", session: "Session", now: float, *, pushed: bool) -> None:
        self.track = track
        self.session = session
        self.pushed = pushed
        self.arrived = now
        self.held = False
        self.can_be_joined = pushed
        self.joining: Location | None = None
        self.sink: int | None = None
        self._request: Request | None = None
        self._state = _State.WAITING
        self._alias = 0
        self._filter: Filter | None = LARGEST_OBJECT
        self._start: Place = (0, 0)
        self._end_group: int | None = None
        self._forward = True
        self._priority = DEFAULT_PRIORITY
        self._group_order: GroupOrder | None = None
        self._delivery_timeout: int | None = None
        self._new_group: int | None = None
        self._hold: Timer | None = None
        self._waited = False
        self._done: DoneCode | None = None
        self._joiners: list[FetchJob] = []

    @classmethod
    def asked(
        cls, track: "Track", request: PeerRequest, message: Subscribe, now: float
    ) -> "Subscription":
        """What a SUBSCRIBE asks for.

        Raises:
            Refusal: its range ends before it starts.
        """
        self = cls(track, request.session, now, pushed=False)
        _check_range(message.filter)
        self._request = request
        self._filter = message.filter
        self.can_be_joined = message.filter == LARGEST_OBJECT
        self._forward = message.forward
        self._priority = message.priority
        self._group_order = message.group_order
        self._delivery_timeout = message.delivery_timeout
        self._new_group = message.new_group_request
        return self

    @classmethod
    def offered(
        cls, track: "Track", session: "Session", now: float, *, forward: bool
    ) -> "Subscription":
        """What a session that subscribed the namespace gets unasked."""
        self = cls(track, session, now, pushed=True)
        self._forward = forward
        return self

    @property
    def waits(self) -> bool:
        """Whether it waits for a publisher."""
        return self._state is _State.WAITING and not self.pushed

    @property
    def wants_source(self) -> bool:
        return self._state in (_State.ATTACHING, _State.STARTED) or self.waits

    @property
    def wants_objects(self) -> bool:
        return self._forward and self._state not in (_State.DRAINING, _State.OVER)

    @property
    def proposed(self) -> bool:
        """Whether it is a PUBLISH of ours that the peer has not answered yet."""
        request = self._request
        return isinstance(request, OwnRequest) and request.progress is not Progress.ANSWERED

    # Waiting for a publisher.

    def hold(self, now: float) -> None:
        """Lingers until a publisher comes, as the relay's settings allow, counted from its arrival.

        Raises:
            Refusal: the relay does not linger, or not so long, or not so many.
        """
        relay, plane, limits = self.track.relay, self.track.plane, self.track.plane.limits
        linger = relay.linger_seconds
        if linger <= 0:
            raise Refusal(RequestCode.DOES_NOT_EXIST, "nobody publishes this track")
        until = self.arrived + linger
        if until <= now:
            raise Refusal(RequestCode.TIMEOUT, "nobody published this track in time", 0)
        if (
            self.session.held >= limits.held_per_session
            or relay.held >= limits.held_per_relay
            or plane.held >= limits.held
        ):
            raise Refusal(RequestCode.EXCESSIVE_LOAD, "too many subscribes wait", HELD_RETRY_MS)
        self.held = True
        self.session.held += 1
        relay.held += 1
        plane.held += 1
        self._hold = plane.timers.start(until, self._hold_over)

    def _hold_over(self, now: float) -> None:
        self.refuse(now, Refusal(RequestCode.TIMEOUT, "nobody published this track in time", 0))

    def _stop_holding(self) -> None:
        if self.held:
            self.held = False
            self.session.held -= 1
            self.track.relay.held -= 1
            self.track.plane.held -= 1
        if self._hold is not None:
            self._hold.cancel()
            self._hold = None

    def refuse(self, now: float, refusal: Refusal) -> None:
        """It cannot be served: the one error that answers it."""
        request = self._request
        self._over(now)
        if isinstance(request, PeerRequest):
            request.refuse(refusal)

    # Joining.

    def attach(self, now: float, *, waited: bool = False) -> None:
        """The track has a publisher: fixes where the subscription starts.

        One that waited for the publisher starts after what the publisher said it had: objects that
        overtake this command are in the cache, and it misses none of them.
        """
        self._stop_holding()
        track = self.track
        assert track.handle is not None, "an established track is open in the engine"
        self._state = _State.ATTACHING
        self._alias = self.session.next_alias()
        kind, start, end_group = _engine_filter(self._filter)
        self._waited = waited
        if waited:
            self.joining = track.largest
            if kind != "absolute":
                kind, start = "absolute", _after(kind, self.joining)
        order = self._group_order or preferred_group_order(track.properties)
        self.sink = track.plane.engine.attach_sink(
            track.handle,
            self.session.handle,
            self._alias,
            filter=kind,
            start=start,
            end_group=end_group,
            forward=self._forward,
            priority=self._priority,
            descending=order is GroupOrder.DESCENDING,
            delivery_timeout=self._timeout(),
        )
        track.plane.sinks[self.sink] = self

    def _timeout(self) -> int | None:
        """The shorter of what the subscriber and the publisher want; milliseconds."""
        of_track = integer(self.track.properties, TrackProperty.DELIVERY_TIMEOUT)
        if self._delivery_timeout is None or of_track is None:
            return self._delivery_timeout or of_track
        return min(self._delivery_timeout, of_track)

    def attached(self, now: float, largest: Place | None, *, valid: bool) -> None:
        """The engine fixed the join; ``largest`` is what was published before it."""
        if self._state is not _State.ATTACHING or self.sink is None:
            return
        if not valid:
            del self.track.plane.sinks[self.sink]
            self.sink = None
            self.refuse(now, Refusal(RequestCode.INVALID_RANGE, "the range is over"))
            return
        known = self.track.raise_largest(largest)
        told = self.joining = self.joining if self._waited else known
        kind, start, self._end_group = _engine_filter(self._filter)
        self._start = start if kind == "absolute" else _after(kind, told)
        request = self._request
        if isinstance(request, PeerRequest):
            self._start_sink(
                now,
                request.encode_ok(
                    SubscribeOk(
                        request.request_id,
                        self._alias,
                        group_order=self._group_order,
                        largest=told,
                        properties=self.track.properties,
                    )
                ),
            )
        elif isinstance(request, OwnRequest):
            request.issue(now)
            self._start_sink(
                now,
                request.encode(
                    Publish(
                        request.request_id,
                        self.track.name,
                        self._alias,
                        largest=told,
                        forward=self._forward,
                        properties=self.track.properties,
                    )
                ),
            )

    def _start_sink(self, now: float, reply: bytes) -> None:
        assert self.sink is not None, "attached"
        assert self._request is not None, "every subscription has one by now"
        self.track.plane.engine.start_sink(self.sink, self._request.stream, reply)
        self._state = _State.STARTED
        joiners, self._joiners = self._joiners, []
        for job in joiners:
            job.join(now)
        if self._new_group is not None:
            self.track.new_groups.request(now, self._new_group)
        if self._done is not None:
            self.end(now, self._done)

    def await_join(self, job: "FetchJob") -> bool:
        """Whether a joining FETCH has to wait until the join is fixed; then it is told."""
        if self._state in (_State.WAITING, _State.ATTACHING):
            self._joiners.append(job)
            return True
        return False

    # Our PUBLISH.

    def push(self, now: float) -> None:
        """Offers the track as soon as the peer has credit for it."""
        self._request = self.session.request(now, RequestKind.PUBLISH, self, patient=True)

    def credited(self, now: float, request: OwnRequest) -> None:
        self._request = request
        if self.track.sources:
            self.attach(now)
        else:
            self._over(now)
            request.retire()

    def accepted(self, now: float, reply: Message) -> None:
        assert isinstance(reply, PublishOk), "the session checked what grants what"
        if self._state is not _State.STARTED or self.sink is None:
            return
        self._forward = reply.forward
        self.track.pull(now)
        self._priority = reply.priority
        self._delivery_timeout = reply.delivery_timeout
        self._filter = reply.filter
        self.can_be_joined = reply.filter is None or reply.filter == LARGEST_OBJECT
        if reply.filter is None or self.can_be_joined:
            self._apply()
        else:
            self.refilter(reply.filter, self.joining)
        if reply.new_group_request is not None:
            self.track.new_groups.request(now, reply.new_group_request)

    def refused(self, now: float, refusal: Refusal) -> None:
        if refusal.code is RequestCode.NOT_SUPPORTED:
            self.session.takes_publish = False
        self._over(now)

    def abandon(self, now: float) -> None:
        """The peer's own SUBSCRIBE takes the place of our PUBLISH."""
        request = self._request
        self._over(now)
        if request is not None:
            request.retire()

    # Updates.

    def updated(self, now: float, update: PeerRequest, message: RequestUpdate) -> None:
        try:
            self.session.require(now, Operation.SUBSCRIBE, message.tokens)
            _check_range(message.filter)
        except Refusal as refusal:
            update.refuse(refusal)
            if self.waits:
                self.refuse(now, refusal)
            else:
                self.end(now, DoneCode.UPDATE_FAILED)
            return
        chosen = message.filter
        if not self.session.profile.update_acknowledged:
            chosen = self._narrowed(chosen)
        if message.forward is not None:
            self._forward = message.forward
            self.track.pull(now)
        if message.priority is not None:
            self._priority = message.priority
        if message.delivery_timeout is not None:
            self._delivery_timeout = message.delivery_timeout
        if message.new_group_request is not None:
            self.track.new_groups.request(now, message.new_group_request)
        if chosen is None:
            self._apply()
            update.grant()
        elif self.sink is None or self.track.handle is None:
            self._filter = chosen
            update.grant()
        else:
            self.track.query_largest(_FilterUpdate(self, update, chosen))

    def refilter(self, chosen: Filter, largest: Location | None) -> None:
        """Takes a new filter over, now that the largest location is known."""
        kind, start, self._end_group = _engine_filter(chosen)
        self._filter = chosen
        self._start = start if kind == "absolute" else _after(kind, largest)
        self._apply(start=self._start)

    def _narrowed(self, chosen: Filter | None) -> Filter | None:
        """What an update that may only narrow asks for; None: no other range.

        One that leaves the range alone, of a subscription that never stated a start, may say {0, 0}
        and no end (libquicr does).

        Raises:
            SessionFailure: it widens.
        """
        if chosen is None or isinstance(chosen.start, FilterStart):
            return None
        end = chosen.end_group
        wider = self._end_group is not None and (end is None or end > self._end_group)
        if self.can_be_joined and chosen.start == (0, 0) and end is None and not wider:
            return None
        if chosen.start < self._start or wider:
            raise violation("an update widens its subscription")
        return chosen

    def _apply(self, *, start: Place | None = None) -> None:
        if self.sink is not None:
            self.track.plane.engine.update_sink(
                self.sink,
                start=start,
                end_group=self._end_group,
                open_ended=start is not None and self._end_group is None,
                forward=self._forward,
                priority=self._priority,
                delivery_timeout=self._timeout(),
            )

    # Ends.

    def end(self, now: float, code: DoneCode) -> None:
        """The track, or this subscription of it, is over: PUBLISH_DONE follows what is queued."""
        if self._state is _State.WAITING and self.pushed:
            self.abandon(now)
        elif self._state is _State.ATTACHING:
            self._done = code
        elif self._state is _State.STARTED and self.sink is not None:
            self._state = _State.DRAINING
            self._done = code
            self.track.plane.engine.end_sink(self.sink)

    def drained(self, now: float, streams: int, reason: str) -> None:
        """The engine delivered or gave up what there was; the sink is gone."""
        request = self._request
        track_ended = self._state is _State.DRAINING and self._done is not DoneCode.UPDATE_FAILED
        code = _DRAINED.get(reason) or self._done or DoneCode.INTERNAL_ERROR
        if self.sink is not None:
            del self.track.plane.sinks[self.sink]
            self.sink = None
        if self._state is _State.ATTACHING:
            self.refuse(now, Refusal(RequestCode.INVALID_RANGE, "the range is over"))
            return
        self._over(now)
        if request is not None and not request.over:
            request.send(PublishDone(request.request_id, code, streams))
            request.retire()
        if track_ended:
            self.track.relay.offer_again(now, self.track, self.session)

    def cut(self, now: float) -> None:
        """The track begins anew: ends what has started, and joins again what has not."""
        request = self._request
        if self.waits or request is None:
            return
        if self._state is _State.ATTACHING and not self.pushed:
            self._detach_sink()
            self._state = _State.WAITING
            return
        started = self._state in (_State.STARTED, _State.DRAINING)
        self._over(now)
        if started:
            # Its streams are reset, so their number says nothing.
            request.send(PublishDone(request.request_id, DoneCode.TRACK_ENDED))
        request.retire()

    def cancelled(self, now: float) -> None:
        self._over(now)

    def _over(self, now: float) -> None:
        """Forgets it on both sides of the boundary, and says nothing."""
        if self._state is _State.OVER:
            return
        self._state = _State.OVER
        self._stop_holding()
        self._detach_sink()
        joiners, self._joiners = self._joiners, []
        for job in joiners:
            job.join(now)
        self.track.leave(now, self)

    def _detach_sink(self) -> None:
        if self.sink is not None:
            del self.track.plane.sinks[self.sink]
            if not self.session.closed:
                self.track.plane.engine.detach_sink(self.sink)
            self.sink = None


class _FilterUpdate:
    """An update whose filter depends on, or is answered with, the largest location."""

    __slots__ = ("_filter", "_subscription", "_update")

    def __init__(self, subscription: Subscription, update: PeerRequest, chosen: Filter) -> None:
        self._subscription = subscription
        self._update = update
        self._filter = chosen

    def largest_known(self, now: float, largest: Location | None) -> None:
        self._subscription.refilter(self._filter, largest)
        if not self._update.over:
            self._update.grant(largest)


def _check_range(chosen: Filter | None) -> None:
    if (
        chosen is not None
        and chosen.end_group is not None
        and isinstance(chosen.start, Location)
        and chosen.end_group < chosen.start.group
    ):
        raise Refusal(RequestCode.INVALID_RANGE, "the range ends before it starts")


def _engine_filter(chosen: Filter | None) -> tuple[FilterKind, Place, int | None]:
    """The engine's words for a filter; no filter is everything."""
    if chosen is None:
        return "absolute", (0, 0), None
    match chosen.start:
        case FilterStart.LARGEST_OBJECT:
            return "largest", (0, 0), None
        case FilterStart.NEXT_GROUP:
            return "next_group", (0, 0), None
        case location:
            return "absolute", location, chosen.end_group


def _after(kind: FilterKind, largest: Location | None) -> Place:
    """Where a filter that depends on the largest object starts."""
    if largest is None:
        return (0, 0)
    if kind == "next_group":
        return (largest.group + 1, 0)
    return (largest.group, largest.object + 1)


_DRAINED = {
    "range": DoneCode.SUBSCRIPTION_ENDED,
    "too_far_behind": DoneCode.TOO_FAR_BEHIND,
    "malformed": DoneCode.MALFORMED_TRACK,
}
