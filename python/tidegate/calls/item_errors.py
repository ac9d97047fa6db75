"""Why one entry of a request did not succeed, while the others may ("Error codes")."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class ItemError:
    """``errorCode`` and ``errorDescription`` of one result."""

    code: str
    description: str


NOT_FOUND = ItemError(
    "not_found_track_error",
    "Track not found on remote peer. Make sure the publisher peer is connected and sending packets"
    " for this track",
)
NO_SUCH_MID = ItemError("not_found_track_error", "No track with this mid on the session")
EMPTY = ItemError("empty_track_error", "No media arrived for this track in time")
NOT_SENDING = ItemError("invalid_params", "The mid is not one in which the session sends")
NOT_RECEIVING = ItemError("invalid_params", "No free section takes this track")
NAME_TAKEN = ItemError("track_error", "Another mid publishes a track of this name")
MID_TAKEN = ItemError("track_error", "The mid carries another track")
NO_ROOM = ItemError("track_error", "The session has as many sections as it may")
CROWDED = ItemError("track_error", "The track has as many subscribers as it may")
NO_SIMULCAST = ItemError(
    "update_track_error",
    "The track is not configured for simulcast, no updates applicable.",
)
NOT_UPDATABLE = ItemError("update_track_error", "The transceiver cannot receive this track")
ALREADY_CLOSED = ItemError("close_track_error", "Track doesn't exist or was already closed")
