"""``POST tracks/new``: which of its six modes a request means."""

from collections.abc import Mapping

from tidegate.calls import checks
from tidegate.calls.bodies import TracksRequest
from tidegate.calls.operations import Operation
from tidegate.calls.pulls import pull, pull_into_existing
from tidegate.calls.pushes import push_with_offer, push_without_offer
from tidegate.calls.session import Session
from tidegate.errors import InvalidParams


def new_tracks(
    sessions: Mapping[str, Session],
    session: Session,
    operation: Operation,
    request: TracksRequest,
    now: float,
) -> None:
    """Publishes tracks or subscribes to some; ``sessions`` are those of the app, by id.

    Raises:
        InvalidParams: the combination means nothing.
    """
    limits = session.plane.limits
    sdp = checks.description(request, "offer")
    discover = bool(request.auto_discover)
    if discover and sdp is None:
        raise InvalidParams("autoDiscover needs a sessionDescription")
    if sdp is not None and not request.tracks:
        session.turns.take(
            operation,
            lambda now: push_with_offer(session, operation, sdp, [], now, discover=discover),
            now,
        )
        return
    tracks = checks.bounded(request.tracks, limits)
    if checks.location(tracks) == "remote":
        if discover:
            raise InvalidParams("autoDiscover finds local tracks only")
        remote = [checks.remote_track(i, track, limits) for i, track in enumerate(tracks)]
        if sdp is None and all(track.mid is not None for track in remote):
            pull_into_existing(sessions, session, operation, remote, now)
            return
        session.turns.take(
            operation, lambda now: pull(sessions, session, operation, sdp, remote, now), now
        )
        return
    local = [
        checks.local_track(i, track, offered=sdp is not None, limits=limits)
        for i, track in enumerate(tracks)
    ]
    if sdp is None:
        session.turns.take(
            operation, lambda now: push_without_offer(session, operation, local, now), now
        )
    else:
        session.turns.take(
            operation,
            lambda now: push_with_offer(session, operation, sdp, local, now, discover=discover),
            now,
        )
