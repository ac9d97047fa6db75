"""``PUT tracks/close``: ends what sections carry, with the client's offer or without."""

from tidegate.calls import checks
from tidegate.calls.bodies import (
    CloseTracksRequest,
    SessionDescription,
    TrackResult,
    TracksResponse,
)
from tidegate.calls.item_errors import ALREADY_CLOSED
from tidegate.calls.negotiation import Intents
from tidegate.calls.operations import Operation
from tidegate.calls.session import Session
from tidegate.errors import DecodingError, InvalidParams


def close_tracks(
    session: Session, operation: Operation, request: CloseTracksRequest, now: float
) -> None:
    """Closes by the mids of the request, whatever the offer says of other sections.

    Raises:
        DecodingError: ``force`` is missing, and no offer tells what was meant.
    """
    limits = session.plane.limits
    listed = [
        checks.closed_mid(i, track)
        for i, track in enumerate(checks.bounded(request.tracks, limits))
    ]
    if request.force:
        _close_by_force(session, operation, listed, now)
        return
    if request.session_description is None:
        if request.force is None:
            raise DecodingError
        raise InvalidParams("sessionDescription is needed unless force is true")
    sdp = checks.description(request, "offer") or ""
    session.turns.take(
        operation, lambda now: _close_by_offer(session, operation, listed, sdp, now), now
    )


def _close_by_force(session: Session, operation: Operation, listed: list[str], now: float) -> None:
    """What the sections carried stays listed, inactive; an open exchange goes on undisturbed."""
    results = [_close(session, reference) for reference in listed]
    session.negotiation.close({result.mid for result in results if result.mid is not None})
    session.touch(now)
    operation.complete(TracksResponse(requires_immediate_renegotiation=False, tracks=results))


def _close_by_offer(
    session: Session, operation: Operation, listed: list[str], sdp: str, now: float
) -> None:
    session.require_stable()
    mids = {mid for reference in listed if (mid := session.mid_of(reference)) is not None}
    answer = session.negotiation.answer(sdp, Intents(close=mids))
    results = [_close(session, reference) for reference in listed]
    session.carry_out(answer, now)
    for mid in mids:
        session.publications.pop(mid, None)
        session.subscriptions.pop(mid, None)
    operation.complete(
        TracksResponse(
            requires_immediate_renegotiation=False,
            tracks=results,
            session_description=SessionDescription("answer", answer.sdp),
        )
    )


def _close(session: Session, reference: str) -> TrackResult:
    """Ends what a section carries, in both directions."""
    mid = session.mid_of(reference)
    publication = None if mid is None else session.publications.get(mid)
    subscription = None if mid is None else session.subscriptions.get(mid)
    closed = False
    if publication is not None and not publication.closed:
        publication.end()
        publication.closed = closed = True
    if subscription is not None and not subscription.closed:
        subscription.end()
        subscription.closed = closed = True
    if closed:
        return TrackResult(mid=mid)
    return TrackResult(ALREADY_CLOSED.code, ALREADY_CLOSED.description, mid=mid or reference)
