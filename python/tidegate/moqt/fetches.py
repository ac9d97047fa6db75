"""FETCH, standalone and joining, from the engine's cache.

What the cache does not know is refused as unknown; asking a publisher for it belongs here, between
:meth:`FetchJob.answered` with ``"unknown"`` and the refusal.
"""

from typing import TYPE_CHECKING

from tidegate.moqt.codes import RequestCode
from tidegate.moqt.failures import Refusal, violation
from tidegate.moqt.messages import (
    AbsoluteJoiningFetch,
    Fetch,
    FetchOk,
    RelativeJoiningFetch,
    RequestUpdate,
    StandaloneFetch,
)
from tidegate.moqt.names import Location
from tidegate.moqt.plane import Place
from tidegate.moqt.properties import preferred_group_order
from tidegate.moqt.requests import PeerRequest, RequestOwner
from tidegate.moqt.subscription import GroupOrder
from tidegate.tokens import Operation

if TYPE_CHECKING:
    from tidegate.moqt.session import Session
    from tidegate.moqt.subscriptions import Subscription
    from tidegate.moqt.tracks import Track


class FetchJob(RequestOwner):
    """One FETCH of one session."""

    __slots__ = (
        "_fetch",
        "_joined",
        "_message",
        "_order",
        "_over",
        "_request",
        "_track",
        "session",
    )

    def __init__(self, request: PeerRequest, message: Fetch) -> None:
        self.session: Session = request.session
        self._request = request
        self._message = message
        self._track: Track | None = None
        self._joined: Subscription | None = None
        self._fetch: int | None = None
        self._order = GroupOrder.ASCENDING
        self._over = False
        self.session.fetches += 1
        request.owner = self

    # The range.

    def begin_standalone(self, track: "Track | None", chosen: StandaloneFetch) -> None:
        """Looks a range up.

        Raises:
            Refusal: the range is backwards, or nobody publishes the track.
        """
        end = chosen.end
        if end < chosen.start and not (end.object == 0 and end.group == chosen.start.group):
            raise Refusal(RequestCode.INVALID_RANGE, "the range ends before it starts")
        if track is None:
            raise Refusal(RequestCode.DOES_NOT_EXIST, "nobody publishes this track")
        self._look_up(track, chosen.start, end)

    def begin_joining(self, subscription: "Subscription") -> None:
        """Looks up what precedes a subscription, once its join is fixed.

        Raises:
            Refusal: the subscription has nothing before it.
            SessionFailure: its filter does not allow it.
        """
        if not subscription.can_be_joined:
            raise violation("a joining FETCH needs the filter Largest Object")
        self._joined = subscription
        if not subscription.await_join(self):
            self._look_up_joined(subscription)

    def join(self, now: float) -> None:
        """The subscription that it waited for has started, or is over."""
        subscription = self._joined
        assert subscription is not None, "only a joining FETCH waits"
        if self._over:
            return
        try:
            if subscription.sink is None:
                raise Refusal(
                    RequestCode.INVALID_JOINING_REQUEST_ID, "the subscription did not start"
                )
            self._look_up_joined(subscription)
        except Refusal as refusal:
            self._refuse(now, refusal)

    def _look_up_joined(self, subscription: "Subscription") -> None:
        largest = subscription.joining
        if largest is None:
            raise Refusal(RequestCode.INVALID_RANGE, "nothing was published before the join")
        chosen = self._message.range
        if isinstance(chosen, RelativeJoiningFetch):
            first = max(0, largest.group - chosen.groups_before)
        else:
            assert isinstance(chosen, AbsoluteJoiningFetch), "a standalone one joins nothing"
            first = chosen.start_group
            if first > largest.group:
                raise Refusal(RequestCode.INVALID_RANGE, "the range ends before it starts")
        self._look_up(
            subscription.track, Location(first, 0), Location(largest.group, largest.object + 1)
        )

    def _look_up(self, track: "Track", start: Location, end: Location) -> None:
        if track.handle is None:
            raise Refusal(RequestCode.UNKNOWN_STATUS_IN_RANGE, "nothing of the range is cached")
        self._track = track
        order = self._message.group_order
        if order is None and not self.session.profile.options_are_parameters:
            order = preferred_group_order(track.properties)
        self._order = order or GroupOrder.ASCENDING
        track.fetches.add(self)
        self._fetch = track.plane.engine.fetch(
            track.handle,
            self.session.handle,
            self._request.request_id,
            start=start,
            end=end,
            descending=self._order is GroupOrder.DESCENDING,
            priority=self._message.priority,
        )
        track.plane.fetches[self._fetch] = self

    # The engine's answers.

    def answered(self, now: float, status: str, end: Place, *, end_of_track: bool) -> None:
        """The cache told what it can serve."""
        track = self._track
        if track is None or self._fetch is None or self._over:
            return
        if status == "ok":
            reply = FetchOk(
                self._request.request_id,
                Location(*end),
                end_of_track,
                self._order,
                track.properties,
            )
            track.plane.engine.start_fetch(
                self._fetch, self._request.stream, self._request.encode_ok(reply)
            )
            return
        del track.plane.fetches[self._fetch]
        self._fetch = None
        self._refuse(now, Refusal(*_REFUSALS[status]))

    def done(self, now: float) -> None:
        """The stream with the objects is finished, or was reset."""
        if self._fetch is not None and self._track is not None:
            del self._track.plane.fetches[self._fetch]
            self._fetch = None
        self._finish(now)
        self._request.retire()

    # The peer's wishes.

    def updated(self, now: float, update: PeerRequest, message: RequestUpdate) -> None:
        try:
            self.session.require(now, Operation.SUBSCRIBE, message.tokens)
        except Refusal as refusal:
            update.refuse(refusal)
            if self._request.answered:
                self._finish(now)
                self._request.retire()
            else:
                self._refuse(now, refusal)
        else:
            update.grant()

    def cancelled(self, now: float) -> None:
        self._finish(now)

    def _refuse(self, now: float, refusal: Refusal) -> None:
        self._finish(now)
        if not self._request.over:
            self._request.refuse(refusal)

    def cut(self, now: float) -> None:
        """The track begins anew: what it was is not served any more."""
        if self._request.answered:
            self._finish(now)
            self._request.retire()
        else:
            self._refuse(now, Refusal(*_REFUSALS["unknown"]))

    def _finish(self, now: float) -> None:
        if self._over:
            return
        self._over = True
        self.session.fetches -= 1
        track = self._track
        if track is None:
            return
        if self._fetch is not None:
            del track.plane.fetches[self._fetch]
            if not self.session.closed:
                track.plane.engine.cancel_fetch(self._fetch)
            self._fetch = None
        track.fetches.discard(self)
        track.settle(now)


_REFUSALS = {
    "invalid_range": (RequestCode.INVALID_RANGE, "the range starts beyond the largest object"),
    "no_objects": (RequestCode.NO_OBJECTS, "the range has no objects"),
    "unknown": (RequestCode.UNKNOWN_STATUS_IN_RANGE, "nothing of the range is cached"),
}
