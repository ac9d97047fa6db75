"""TRACK_STATUS: from what we know of an established track, else from its publishers."""

from typing import TYPE_CHECKING

from tidegate.moqt.codes import RequestCode, RequestKind
from tidegate.moqt.failures import Refusal
from tidegate.moqt.messages import Message, RequestOk, TrackStatus
from tidegate.moqt.names import FullTrackName, Location
from tidegate.moqt.properties import Properties
from tidegate.moqt.requests import OwnRequest, PeerRequest, RequestOwner

if TYPE_CHECKING:
    from tidegate.moqt.session import Session
    from tidegate.moqt.tracks import Track


class StatusJob(RequestOwner):
    """One TRACK_STATUS of one session; answered once, by whoever knows first."""

    __slots__ = ("_asked", "_over", "_properties", "_request", "session", "track_name")

    def __init__(self, request: PeerRequest, track_name: FullTrackName) -> None:
        self.session: Session = request.session
        self.track_name = track_name
        self._request = request
        self._asked: list[OwnRequest] = []
        self._properties: Properties = ()
        self._over = False
        self.session.statuses += 1
        request.owner = self

    def query(self, track: "Track") -> None:
        """Answers from an established track."""
        self._properties = track.properties
        track.query_largest(self)

    def largest_known(self, now: float, largest: Location | None) -> None:
        self._answer(largest, self._properties)

    def forward(self, now: float, publishers: list["Session"]) -> None:
        """Asks every publisher; the first good answer is passed on."""
        for publisher in publishers:
            asked = _Asked(self)
            self._asked.append(publisher.request(now, RequestKind.TRACK_STATUS, asked))

    def told(self, reply: RequestOk) -> None:
        self._answer(reply.largest, reply.properties)

    def denied(self, now: float) -> None:
        """A publisher does not know, or does not answer."""
        if not self._over and all(request.over for request in self._asked):
            self._over_now()
            self._request.refuse(
                Refusal(RequestCode.DOES_NOT_EXIST, "no publisher knows this track")
            )

    def _answer(self, largest: Location | None, properties: Properties) -> None:
        if not self._over:
            self._over_now()
            self._request.accept(
                RequestOk(
                    self._request.request_id,
                    RequestKind.TRACK_STATUS,
                    largest=largest,
                    properties=properties,
                )
            )
            self._request.retire()

    def cancelled(self, now: float) -> None:
        self._over_now()

    def _over_now(self) -> None:
        if not self._over:
            self._over = True
            self.session.statuses -= 1
            for request in self._asked:
                request.retire()


class _Asked(RequestOwner):
    """The question to one publisher."""

    __slots__ = ("_job",)

    def __init__(self, job: StatusJob) -> None:
        self._job = job

    def credited(self, now: float, request: OwnRequest) -> None:
        request.issue(now)
        request.send(TrackStatus(request.request_id, self._job.track_name))

    def accepted(self, now: float, reply: Message) -> None:
        assert isinstance(reply, RequestOk), "the session checked what grants what"
        self._job.told(reply)

    def refused(self, now: float, refusal: Refusal) -> None:
        self._job.denied(now)

    def cancelled(self, now: float) -> None:
        self._job.denied(now)
