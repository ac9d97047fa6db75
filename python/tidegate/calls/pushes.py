"""Publishing: with the client's offer, with one of ours, or in a section that stands already."""

from uuid import UUID

from tidegate.calls.bodies import SessionDescription, TrackResult, TracksResponse
from tidegate.calls.checks import LocalTrack
from tidegate.calls.item_errors import MID_TAKEN, NAME_TAKEN, NO_ROOM, NOT_SENDING
from tidegate.calls.negotiation import Intents, Push
from tidegate.calls.operations import Operation
from tidegate.calls.session import Session


def push_with_offer(
    session: Session,
    operation: Operation,
    sdp: str,
    tracks: list[LocalTrack],
    now: float,
    *,
    discover: bool,
) -> None:
    """Modes a and e of ``tracks/new``: our answer is in the response.

    ``discover`` also publishes every section in which the client sends and that no track names,
    under a random name.
    """
    session.require_stable()
    mids = [session.mid_of(track.mid) if track.mid else None for track in tracks]
    answer = session.negotiation.answer(
        sdp,
        Intents(
            publish=[mid for mid in mids if mid is not None],
            bidirectional=[
                mid
                for track, mid in zip(tracks, mids, strict=True)
                if mid is not None and track.bidirectional
            ],
        ),
    )
    session.carry_out(answer, now)
    results = [_publish(session, track, mid, now) for track, mid in zip(tracks, mids, strict=True)]
    if discover:
        for mid, reception in answer.receiving.items():
            publication = session.publications.get(mid)
            if publication is None or publication.ended:
                name = str(UUID(bytes=session.plane.entropy(16), version=4))
                found = LocalTrack(name, mid, reception.kind, bidirectional=False)
                _publish(session, found, mid, now)
                results.append(found.result(mid, reception.kind))
    operation.complete(
        TracksResponse(
            requires_immediate_renegotiation=False,
            tracks=results,
            session_description=SessionDescription("answer", answer.sdp),
        )
    )


def push_without_offer(
    session: Session, operation: Operation, tracks: list[LocalTrack], now: float
) -> None:
    """Mode d of ``tracks/new``: our offer is in the response, unless every track names a mid in
    which the client sends already."""
    results: dict[int, TrackResult] = {}
    reserved: dict[int, Push] = {}
    if any(track.mid is None for track in tracks):
        session.require_stable()
    names: set[str] = set()
    for index, track in enumerate(tracks):
        if track.mid is not None:
            results[index] = _publish(session, track, session.mid_of(track.mid), now)
        elif track.name in session.names or track.name in names:
            results[index] = track.failure(NAME_TAKEN)
        elif len(reserved) >= session.negotiation.room:
            results[index] = track.failure(NO_ROOM)
        elif track.kind is not None:
            names.add(track.name)
            reserved[index] = Push(track.kind, track.bidirectional)
    sdp: str | None = None
    if reserved:
        offer = session.negotiation.offer(pushes=[*reserved.values()])
        sdp = offer.sdp
        for (index, push), mid in zip(reserved.items(), offer.pushed, strict=True):
            session.publish(tracks[index].name, mid, push.kind)
            results[index] = tracks[index].result(mid)
        session.touch(now)
    operation.complete(
        TracksResponse(
            requires_immediate_renegotiation=sdp is not None,
            tracks=[results[index] for index in range(len(tracks))],
            session_description=None if sdp is None else SessionDescription("offer", sdp),
        )
    )


def _publish(session: Session, track: LocalTrack, mid: str | None, now: float) -> TrackResult:
    """Opens a publication in a section in which the client sends; said twice, it is one."""
    reception = None if mid is None else session.negotiation.reception(mid)
    if mid is None or reception is None:
        return track.failure(NOT_SENDING)
    here = session.publications.get(mid)
    if here is not None and not here.ended:
        return track.result(mid) if here.name == track.name else track.failure(MID_TAKEN)
    if track.name in session.names:
        return track.failure(NAME_TAKEN)
    session.publish(track.name, mid, reception.kind).open(reception, now)
    return track.result(mid)
