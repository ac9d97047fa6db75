"""Where a track comes from: our SUBSCRIBE at a publisher, or a publisher's PUBLISH."""

from enum import Enum, auto
from typing import TYPE_CHECKING

from tidegate.moqt.codes import DoneCode, RequestKind, SessionCode
from tidegate.moqt.failures import Refusal, SessionFailure
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
from tidegate.moqt.requests import OwnRequest, PeerRequest, Request, RequestOwner
from tidegate.moqt.subscription import DEFAULT_PRIORITY, LARGEST_OBJECT, UNFILTERED
from tidegate.tokens import Operation

if TYPE_CHECKING:
    from tidegate.moqt.session import Session
    from tidegate.moqt.tracks import Track


class _State(Enum):
    ASKED = auto()
    ESTABLISHED = auto()
    ENDING = auto()
    OVER = auto()


class Upstream(RequestOwner):
    """The relay's subscription to one track at one publisher.

    Attributes:
        offered: the publisher opened it with PUBLISH; otherwise we asked.
        forward: whether the publisher may send objects. Always, where we asked; an offered track
            pauses while nobody wants it.
        asked_group: the NEW_GROUP_REQUEST that our SUBSCRIBE carried.
        alias: the publisher's track alias.
        source: the engine's handle.
        announced: the largest location that the publisher told.
        trusted: whether it is known to go on where the track stands.
    """

    __slots__ = (
        "_request",
        "_state",
        "alias",
        "announced",
        "asked_group",
        "forward",
        "offered",
        "session",
        "source",
        "track",
        "trusted",
    )

    def __init__(self, track: "Track", session: "Session") -> None:
        self.track = track
        self.session = session
        self.offered = False
        self.forward = True
        self.asked_group: int | None = None
        self.announced: Location | None = None
        self.trusted = False
        self.alias: int | None = None
        self.source: int | None = None
        self._request: Request | None = None
        self._state = _State.ASKED

    @property
    def established(self) -> bool:
        return self._state is _State.ESTABLISHED

    # Asking.

    def ask(self, now: float, group: int | None) -> None:
        """Sends SUBSCRIBE as soon as the publisher has credit for it; ``group``: with which
        NEW_GROUP_REQUEST.
        """
        if self.session.profile.options_are_parameters:
            self.asked_group = group
        self._request = self.session.request(now, RequestKind.SUBSCRIBE, self)

    def credited(self, now: float, request: OwnRequest) -> None:
        # Forward always, from the live edge, and nobody's preferences: it serves all who come.
        request.issue(now)
        request.send(
            Subscribe(
                request.request_id,
                self.track.name,
                filter=LARGEST_OBJECT,
                new_group_request=self.asked_group,
            )
        )

    def accepted(self, now: float, reply: Message) -> None:
        assert isinstance(reply, SubscribeOk), "the session checked what grants what"
        self._bind(now, reply.track_alias)
        self._state = _State.ESTABLISHED
        self.announced = reply.largest
        self.track.establish(now, self, reply.properties)

    def refused(self, now: float, refusal: Refusal) -> None:
        self._state = _State.OVER
        self.track.refuse(now, self, refusal)

    # Being offered.

    def take(self, now: float, request: PeerRequest, message: Publish) -> None:
        """Takes a PUBLISH; :meth:`grant` answers it, once it is known who wants the track.

        Raises:
            SessionFailure: its alias is another track's.
        """
        self.offered = True
        self._request = request
        self._bind(now, message.track_alias)
        request.owner = self
        self._state = _State.ESTABLISHED
        self.announced = message.largest
        self.track.establish(now, self, message.properties)

    def grant(self, request: PeerRequest) -> None:
        """Accepts the PUBLISH: everything it has, but nothing while nobody wants it.

        A publisher that grants us no requests could not be told of a change of mind.
        """
        self.forward = self.track.forwards or not self.session.has_credit
        request.accept(PublishOk(request.request_id, forward=self.forward))

    def set_forward(self, now: float, forward: bool) -> None:
        """Lets a publisher that offered the track send its objects, or pauses it."""
        if self.offered and self.established and self.forward != forward and self._reachable:
            self.forward = forward
            self.session.request(
                now, RequestKind.UPDATE, _Update(self, forward=forward), patient=True
            )

    @property
    def releasable(self) -> bool:
        """Whether it costs something that nobody needs when the track has no subscribers."""
        return not self.offered or (self.forward and self._reachable)

    @property
    def _reachable(self) -> bool:
        return self.session.reachable and self._request is not None and not self._request.over

    def updated(self, now: float, update: PeerRequest, message: RequestUpdate) -> None:
        self.session.require(now, Operation.PUBLISH, message.tokens)
        update.grant()

    # The engine's side.

    def _bind(self, now: float, alias: int) -> None:
        other = self.session.aliases.get(alias)
        if other is not None:
            if other._state is not _State.ENDING:
                raise SessionFailure(
                    SessionCode.DUPLICATE_TRACK_ALIAS, "a track alias names two tracks"
                )
            # Its publisher is done with it, and with its alias.
            other.drained(now)
        self.alias = alias
        self.session.aliases[alias] = self

    def attach(self, track: int) -> None:
        assert self.alias is not None, "bound before it is established"
        plane = self.track.plane
        self.source = plane.engine.attach_source(track, self.session.handle, self.alias)
        plane.sources[self.source] = self

    def _detach(self) -> None:
        """Forgets alias and source; what still comes under the alias is nobody's."""
        self._state = _State.OVER
        if self.alias is not None and self.session.aliases.get(self.alias) is self:
            del self.session.aliases[self.alias]
        self.detach_source()

    def detach_source(self) -> None:
        """What comes under the alias is nobody's until it is attached again."""
        if self.source is not None:
            self.track.plane.sources.pop(self.source, None)
            if not self.session.closed:
                self.track.plane.engine.detach_source(self.source)
            self.source = None

    # Ends.

    def ended(self, now: float, done: PublishDone) -> None:
        if self.source is None or not self.established:
            return
        self._state = _State.ENDING
        drain = self.track.plane.limits.drain_seconds
        self.track.plane.engine.end_source(self.source, done.stream_count, int(drain * 1000))
        self.track.drain(self, _DOWNSTREAM.get(done.code, DoneCode.INTERNAL_ERROR))

    def drained(self, now: float) -> None:
        """All that the publisher sent has come in."""
        self._detach()
        self.track.drained(now, self)

    def malformed(self, now: float) -> None:
        """What came breaks the track's rules: this publisher is not listened to any more."""
        self._unsubscribe()
        self.track.lose(now, self, vanished=False, code=DoneCode.MALFORMED_TRACK)
        self._detach()

    def release(self) -> None:
        """The track does not need this publisher any more."""
        self._unsubscribe()
        self._detach()

    def lost(self, now: float) -> None:
        goodbye = self.session.said_goodbye
        code = DoneCode.TRACK_ENDED if goodbye else DoneCode.INTERNAL_ERROR
        self.track.lose(now, self, vanished=not goodbye, code=code)
        self._detach()

    def _unsubscribe(self) -> None:
        request = self._request
        if request is None:
            return
        if request.request_id < 0:
            request.retire()
        else:
            request.unsubscribe()

    # Changes.

    def ask_group(self, now: float, wanted: int) -> bool:
        """Passes a NEW_GROUP_REQUEST on, where the publisher's draft has it."""
        if (
            not self.established
            or not self.session.profile.options_are_parameters
            or not self._reachable
        ):
            return False
        self.session.request(now, RequestKind.UPDATE, _Update(self, new_group=wanted), patient=True)
        return True

    def update(
        self, request: OwnRequest, *, forward: bool | None, new_group: int | None
    ) -> RequestUpdate:
        """The update of our subscription; complete, where the draft leaves nothing out."""
        assert self._request is not None, "an established subscription has one"
        existing = self._request.request_id
        if self.session.profile.update_acknowledged:
            return RequestUpdate(
                request.request_id, existing, forward=forward, new_group_request=new_group
            )
        return RequestUpdate(
            request.request_id,
            existing,
            priority=DEFAULT_PRIORITY,
            forward=self.forward,
            filter=UNFILTERED,
        )


class _Update(RequestOwner):
    """A change of our subscription at a publisher; its answer changes nothing."""

    __slots__ = ("_forward", "_new_group", "_upstream")

    def __init__(
        self, upstream: Upstream, *, forward: bool | None = None, new_group: int | None = None
    ) -> None:
        self._upstream = upstream
        self._forward = forward
        self._new_group = new_group

    def credited(self, now: float, request: OwnRequest) -> None:
        if not self._upstream.established:
            request.retire()
            return
        request.issue(now)
        request.send(
            self._upstream.update(request, forward=self._forward, new_group=self._new_group)
        )
        if not request.session.profile.update_acknowledged:
            request.retire()

    def accepted(self, now: float, reply: Message) -> None:
        pass

    def refused(self, now: float, refusal: Refusal) -> None:
        pass


# What subscribers hear; the rest is between the publisher and us.
_DOWNSTREAM = {
    DoneCode.TRACK_ENDED: DoneCode.TRACK_ENDED,
    DoneCode.SUBSCRIPTION_ENDED: DoneCode.TRACK_ENDED,
    DoneCode.GOING_AWAY: DoneCode.TRACK_ENDED,
    DoneCode.MALFORMED_TRACK: DoneCode.MALFORMED_TRACK,
}
