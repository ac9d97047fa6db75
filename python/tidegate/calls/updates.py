"""``PUT tracks/update``: another layer of the same track, or another track in the same section."""

from collections.abc import Mapping

from tidegate.calls import checks
from tidegate.calls.bodies import TrackResult, TracksResponse, UpdateTracksRequest
from tidegate.calls.checks import TrackUpdate
from tidegate.calls.item_errors import CROWDED, NO_SIMULCAST, NO_SUCH_MID, NOT_FOUND, NOT_UPDATABLE
from tidegate.calls.operations import Operation
from tidegate.calls.pulls import point
from tidegate.calls.session import Session
from tidegate.calls.subscriptions import Subscription
from tidegate.calls.waiting import Condition, Sought, Transport, Wait


def update_tracks(
    sessions: Mapping[str, Session],
    session: Session,
    operation: Operation,
    request: UpdateTracksRequest,
    now: float,
) -> None:
    """No description changes, so no turn is taken; ``sessions`` are those of the app, by id."""
    limits = session.plane.limits
    updates = [
        checks.track_update(i, track, limits)
        for i, track in enumerate(checks.bounded(request.tracks, limits))
    ]
    sought: dict[int, Sought] = {}
    for index, update in enumerate(updates):
        current = _subscription(session, update)
        if update.session_id is None or update.name is None:
            continue
        if current is None or current.publication is None or not _names(current, update):
            sought[index] = Sought(
                sessions, session, update.session_id, update.name, operation.started, limits
            )
    conditions: list[Condition] = [*sought.values(), Transport(session, operation.started)]

    def apply(now: float) -> None:
        operation.complete(
            TracksResponse(
                requires_immediate_renegotiation=False,
                tracks=[
                    _repoint(session, update, sought[index])
                    if index in sought
                    else _prefer(session, update)
                    for index, update in enumerate(updates)
                ],
            )
        )

    Wait(session.plane, operation, conditions, apply).begin(now)


def _prefer(session: Session, update: TrackUpdate) -> TrackResult:
    """Another preference for what the section carries."""
    subscription = _subscription(session, update)
    if subscription is None or subscription.ended:
        return update.result(update.mid, NO_SUCH_MID)
    publication = subscription.publication
    if publication is None or not _names(subscription, update):
        return update.result(subscription.mid, NOT_FOUND)
    if update.preference is not None:
        if publication.reception is None or not publication.reception.simulcast:
            return update.result(subscription.mid, NO_SIMULCAST)
        subscription.prefer(update.preference)
    return update.result(subscription.mid)


def _repoint(session: Session, update: TrackUpdate, sought: Sought) -> TrackResult:
    """Another track for the section."""
    mid = session.mid_of(update.mid)
    subscription = _subscription(session, update)
    publication = sought.publication
    if mid is None or (subscription is not None and subscription.ended):
        return update.result(update.mid, NO_SUCH_MID)
    if publication is None or publication.ended:
        return update.result(mid, sought.error or NOT_FOUND)
    if len(publication.subscriptions) >= session.plane.limits.subscribers_per_track:
        return update.result(mid, CROWDED)
    if point(session, mid, publication, update.preference):
        return update.result(mid)
    return update.result(mid, NO_SUCH_MID if subscription is None else NOT_UPDATABLE)


def _subscription(session: Session, update: TrackUpdate) -> Subscription | None:
    mid = session.mid_of(update.mid)
    return None if mid is None else session.subscriptions.get(mid)


def _names(subscription: Subscription, update: TrackUpdate) -> bool:
    return subscription.names(update.session_id, update.name)
