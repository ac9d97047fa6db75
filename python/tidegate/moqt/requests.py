"""Requests, each as if it had a stream of its own: opened, answered, updated, ended, cancelled.

Drafts up to 16 carry nearly all of them on one control stream. A session sorts what arrives there
by Request ID, so that the rules of the relay never see the difference.
"""

from enum import Enum, auto
from typing import TYPE_CHECKING

from tidegate.moqt.codes import RequestCode, RequestKind
from tidegate.moqt.failures import Refusal, violation
from tidegate.moqt.messages import (
    Message,
    PublishDone,
    PublishNamespaceDone,
    RequestError,
    RequestOk,
    RequestUpdate,
    Unsubscribe,
)
from tidegate.moqt.names import Location, Namespace
from tidegate.timers import Timer

if TYPE_CHECKING:
    from tidegate.moqt.session import Session


class RequestOwner:
    """What a request is for. Hears what the peer says of it; the defaults suit a request of which
    the peer may not say that.
    """

    __slots__ = ()

    def credited(self, now: float, request: "OwnRequest") -> None:
        """The peer has credit for it: issue it and say it, now or soon."""
        raise NotImplementedError

    def accepted(self, now: float, reply: Message) -> None:
        """The peer granted it, for the first and only time."""
        raise NotImplementedError

    def refused(self, now: float, refusal: Refusal) -> None:
        """The peer refused it, or left it unanswered for too long (TIMEOUT); it is over."""
        raise NotImplementedError

    def updated(self, now: float, update: "PeerRequest", message: RequestUpdate) -> None:
        """The peer changes it; ``update`` is answered exactly once.

        Raises:
            Refusal: instead of an answer.
        """
        raise Refusal(RequestCode.NOT_SUPPORTED, "this request cannot be changed")

    def ended(self, now: float, done: PublishDone) -> None:
        """The publishing peer is done with it; it is over."""
        raise violation("PUBLISH_DONE names no subscription")

    def cancelled(self, now: float) -> None:
        """The peer wants no more of it; it is over."""

    def lost(self, now: float) -> None:
        """Its session is gone, and with it all that the engine had for it."""
        self.cancelled(now)


class Request:
    """What both directions share.

    Attributes:
        request_id: -1 until it is issued.
        stream: where what belongs to it is written.
        namespace: with which drafts that withdraw by name would name it.
    """

    __slots__ = (
        "kind",
        "namespace",
        "over",
        "own_stream",
        "owner",
        "request_id",
        "session",
        "stream",
    )

    def __init__(self, session: "Session", kind: RequestKind, stream: int) -> None:
        self.session = session
        self.kind = kind
        self.stream = stream
        self.request_id = -1
        self.owner: RequestOwner | None = None
        self.namespace: Namespace | None = None
        self.own_stream = False
        self.over = False

    def send(self, message: Message, *, last: bool = False) -> None:
        """Says something on its stream; ``last`` ends the stream where it is the request's own."""
        self.session.send(message, self.stream, fin=last and self.own_stream)

    def encode(self, message: Message) -> bytes:
        """For replies that the engine writes together with the first objects."""
        return self.session.encode(message)

    def unsubscribe(self) -> None:
        """Ends a subscription in which we are the subscriber, whoever opened it."""
        if not self.over:
            self.send(Unsubscribe(self.request_id))
            self.retire()

    def retire(self) -> RequestOwner | None:
        """Nothing more is said of it; what the peer still says is ignored.

        Returns its owner, once: the two are not bound to each other any more.
        """
        owner, self.owner = self.owner, None
        if not self.over:
            self.over = True
            self.session.forget(self)
        return owner


class PeerRequest(Request):
    """A request that the peer opened: it gets exactly one OK or error."""

    __slots__ = ("_answered", "_mute")

    def __init__(
        self, session: "Session", kind: RequestKind, stream: int, request_id: int, *, mute: bool
    ) -> None:
        """``mute``: the draft has no reply to this kind."""
        super().__init__(session, kind, stream)
        self.request_id = request_id
        self._answered = False
        self._mute = mute

    @property
    def answered(self) -> bool:
        return self._answered

    def _answer(self) -> bool:
        if self._answered:
            raise AssertionError(f"{self.kind} was answered before")
        self._answered = True
        return not self._mute

    def accept(self, reply: Message) -> None:
        if self._answer():
            self.send(reply)

    def encode_ok(self, reply: Message) -> bytes:
        """The OK's bytes, for the engine to write."""
        self._answer()
        return self.encode(reply)

    def grant(self, largest: Location | None = None) -> None:
        """Accepts what has no OK of its own."""
        self.accept(RequestOk(self.request_id, self.kind, largest=largest))
        if self.kind is RequestKind.UPDATE:
            self.retire()

    def refuse(self, refusal: Refusal) -> None:
        if self._answer():
            self.send(
                RequestError(
                    self.request_id, self.kind, refusal.code, refusal.reason, refusal.retry_after
                ),
                last=True,
            )
        self.retire()


class Progress(Enum):
    """How far a request of ours has come."""

    WAITING = auto()
    """For the peer's credit."""
    CREDITED = auto()
    """Credit is set aside; not issued yet."""
    ISSUED = auto()
    ANSWERED = auto()


class OwnRequest(Request):
    """A request of ours: waits for credit, then for its answer."""

    __slots__ = ("_timer", "progress")

    def __init__(
        self, session: "Session", kind: RequestKind, stream: int, owner: RequestOwner
    ) -> None:
        super().__init__(session, kind, stream)
        self.owner = owner
        self.progress = Progress.WAITING
        self._timer: Timer | None = None

    def issue(self, now: float) -> None:
        """Takes its Request ID: the very next message of the session must be this request."""
        self.progress = Progress.ISSUED
        self.session.issue(self)
        if self._timer is None:
            self.start_timer(now)

    def start_timer(self, now: float) -> None:
        plane = self.session.plane
        self._timer = plane.timers.start(now + plane.limits.answer_seconds, self._timed_out)

    def accepted(self, now: float, reply: Message) -> None:
        owner = self._first_answer()
        if self.kind in (RequestKind.TRACK_STATUS, RequestKind.UPDATE):
            self.retire()
        if owner is not None:
            owner.accepted(now, reply)

    def refused(self, now: float, refusal: Refusal) -> None:
        self._first_answer()
        owner = self.retire()
        if owner is not None:
            owner.refused(now, refusal)

    def _first_answer(self) -> RequestOwner | None:
        if self.progress is Progress.ANSWERED:
            raise violation("a request is answered twice")
        self.progress = Progress.ANSWERED
        return self.owner

    def _timed_out(self, now: float) -> None:
        if self.progress is Progress.ISSUED and self.kind is RequestKind.SUBSCRIBE:
            self.send(Unsubscribe(self.request_id))
        owner = self.retire()
        if owner is not None:
            owner.refused(now, Refusal(RequestCode.TIMEOUT, "the publisher did not answer in time"))

    def withdraw(self) -> None:
        """Takes a PUBLISH_NAMESPACE back, or drops whatever was not issued yet."""
        if self.over:
            return
        if self.kind is RequestKind.PUBLISH_NAMESPACE and self.request_id >= 0:
            self.send(PublishNamespaceDone(self.request_id, self.namespace))
        self.retire()

    def retire(self) -> RequestOwner | None:
        if self._timer is not None:
            self._timer.cancel()
        owner = super().retire()
        if self.progress is not Progress.ANSWERED and self.request_id < 0:
            self.session.give_back(self)
        return owner

    def answer_came(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
