"""Receiving: in new sections of our offer, in sections of the client's, or in one that stands."""

from collections.abc import Mapping, Sequence

from tidegate.calls.bodies import (
    SessionDescription,
    SimulcastPreference,
    TrackResult,
    TracksResponse,
)
from tidegate.calls.checks import RemoteTrack
from tidegate.calls.item_errors import (
    CROWDED,
    NO_ROOM,
    NO_SUCH_MID,
    NOT_FOUND,
    NOT_RECEIVING,
)
from tidegate.calls.negotiation import Intents, Pull
from tidegate.calls.operations import Operation
from tidegate.calls.publications import Publication
from tidegate.calls.session import Session
from tidegate.calls.subscriptions import pull_of
from tidegate.calls.waiting import Sought, Transport, Wait


def pull(
    sessions: Mapping[str, Session],
    session: Session,
    operation: Operation,
    sdp: str | None,
    tracks: Sequence[RemoteTrack],
    now: float,
) -> None:
    """Modes b and c of ``tracks/new``, once the publishers are ready or given up.

    Args:
        sessions: of the app, by id.
        sdp: the client's offer (c), if there is one.
    """
    session.require_stable()
    sought = _seek(sessions, session, operation, tracks)

    def found(now: float) -> None:
        batch = _Batch(session, tracks, sought)
        if sdp is None:
            batch.offer(operation, now)
        else:
            batch.answer(operation, sdp, now)

    Wait(session.plane, operation, sought, found).begin(now)


def pull_into_existing(
    sessions: Mapping[str, Session],
    session: Session,
    operation: Operation,
    tracks: Sequence[RemoteTrack],
    now: float,
) -> None:
    """Mode f: every track names a section that stands. No description changes, so no turn is taken,
    but the session has to be connected."""
    sought = _seek(sessions, session, operation, tracks)
    Wait(
        session.plane,
        operation,
        [*sought, Transport(session, operation.started)],
        lambda now: _Batch(session, tracks, sought).offer(operation, now),
    ).begin(now)


def _seek(
    sessions: Mapping[str, Session],
    session: Session,
    operation: Operation,
    tracks: Sequence[RemoteTrack],
) -> list[Sought]:
    limits = session.plane.limits
    return [
        Sought(sessions, session, track.session_id, track.name, operation.started, limits)
        for track in tracks
    ]


class _Batch:
    """The tracks of one request, found or not, and what becomes of each."""

    def __init__(
        self, session: Session, tracks: Sequence[RemoteTrack], sought: Sequence[Sought]
    ) -> None:
        self._session = session
        self._tracks = tracks
        self._results: dict[int, TrackResult] = {}
        self._found: dict[int, Publication] = {}
        limit = session.plane.limits.subscribers_per_track
        for index, each in enumerate(sought):
            publication = each.publication
            if publication is None or publication.ended:
                self._results[index] = tracks[index].failure(each.error or NOT_FOUND)
                continue
            here = sum(other is publication for other in self._found.values())
            if len(publication.subscriptions) + here >= limit:
                self._results[index] = tracks[index].failure(CROWDED)
            else:
                self._found[index] = publication

    def offer(self, operation: Operation, now: float) -> None:
        """Our offer has a new section for each track without a mid."""
        session = self._session
        new: dict[int, Publication] = {}
        for index, publication in self._found.items():
            mid = self._tracks[index].mid
            if mid is not None:
                self._results[index] = self._bind(index, mid, publication)
            elif len(new) < session.negotiation.room:
                new[index] = publication
            else:
                self._results[index] = self._tracks[index].failure(NO_ROOM)
        sdp: str | None = None
        if new:
            offer = session.negotiation.offer([pull_of(each) for each in new.values()])
            sdp = offer.sdp
            for (index, publication), mid in zip(new.items(), offer.pulled, strict=True):
                self._results[index] = self._subscribe(index, mid, publication)
        session.touch(now)
        operation.complete(
            self._response(None if sdp is None else SessionDescription("offer", sdp))
        )

    def answer(self, operation: Operation, sdp: str, now: float) -> None:
        """Our answer sends each track in a section in which the client only receives."""
        session = self._session
        pulls: dict[int, Pull] = {}
        for index, publication in self._found.items():
            reference = self._tracks[index].mid
            mid = None if reference is None else session.mid_of(reference)
            if reference is not None and mid is None:
                self._results[index] = self._tracks[index].failure(NO_SUCH_MID)
            else:
                pulls[index] = pull_of(publication, mid)
        answer = session.negotiation.answer(sdp, Intents(pulls=[*pulls.values()]))
        for index, mid in zip(pulls, answer.pulled, strict=True):
            publication = self._found[index]
            self._results[index] = (
                self._tracks[index].failure(NOT_RECEIVING)
                if mid is None
                else self._subscribe(index, mid, publication)
            )
        session.carry_out(answer, now)
        operation.complete(self._response(SessionDescription("answer", answer.sdp)))

    def _subscribe(self, index: int, mid: str, publication: Publication) -> TrackResult:
        track = self._tracks[index]
        self._session.subscribe(mid, publication, track.preference)
        return track.result(mid)

    def _bind(self, index: int, reference: str, publication: Publication) -> TrackResult:
        track = self._tracks[index]
        mid = self._session.mid_of(reference)
        if mid is None or not point(self._session, mid, publication, track.preference):
            return track.failure(NO_SUCH_MID)
        return track.result(mid)

    def _response(self, description: SessionDescription | None) -> TracksResponse:
        return TracksResponse(
            requires_immediate_renegotiation=description is not None
            and description.type == "offer",
            tracks=[self._results[index] for index in range(len(self._tracks))],
            session_description=description,
        )


def point(
    session: Session,
    mid: str,
    publication: Publication,
    preference: SimulcastPreference | None,
) -> bool:
    """Sends a track in a section that stands, instead of what it carried; no description changes.

    Returns:
        False where nothing can be sent in the section, or not this track.
    """
    sending = session.negotiation.bind(mid, pull_of(publication))
    if sending is None:
        return False
    subscription = session.subscriptions.get(mid)
    if subscription is None or subscription.ended:
        session.subscribe(mid, publication, preference).send(sending)
    else:
        subscription.point_to(publication, preference, sending)
    return True
