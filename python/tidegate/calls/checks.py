"""What a request's parameters have to be, before anything is looked at or changed."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from tidegate.calls.bodies import Request, SimulcastPreference, TrackObject, TrackResult
from tidegate.calls.item_errors import ItemError
from tidegate.calls.limits import Limits
from tidegate.calls.payload_types import Kind
from tidegate.errors import InvalidParams

_RID_CHARACTERS = 255
_ORDERS = (None, "none", "asciibetical")


@dataclass(frozen=True, slots=True)
class LocalTrack:
    """A track that the session is to publish."""

    name: str
    mid: str | None
    kind: Kind | None
    bidirectional: bool

    def result(self, mid: str, kind: Kind | None = None) -> TrackResult:
        return TrackResult(track_name=self.name, mid=mid, kind=kind)

    def failure(self, error: ItemError) -> TrackResult:
        return TrackResult(error.code, error.description, track_name=self.name, mid=self.mid or "")


@dataclass(frozen=True, slots=True)
class RemoteTrack:
    """A track that the session is to receive."""

    session_id: str
    name: str
    mid: str | None
    preference: SimulcastPreference | None

    def result(self, mid: str) -> TrackResult:
        return TrackResult(
            session_id=self.session_id, track_name=self.name, mid=mid, simulcast=self.preference
        )

    def failure(self, error: ItemError) -> TrackResult:
        return TrackResult(
            error.code,
            error.description,
            session_id=self.session_id,
            track_name=self.name,
            mid=self.mid or "",
        )


@dataclass(frozen=True, slots=True)
class TrackUpdate:
    """What is to become of a receiving section; what is None stays."""

    mid: str
    session_id: str | None
    name: str | None
    preference: SimulcastPreference | None

    def result(self, mid: str, error: ItemError | None = None) -> TrackResult:
        return TrackResult(
            None if error is None else error.code,
            None if error is None else error.description,
            session_id=self.session_id,
            track_name=self.name,
            mid=mid,
        )


def description(request: Request, expected: Literal["offer", "answer"]) -> str | None:
    """The request's SDP, if it has any.

    Raises:
        InvalidParams: it is of the other type.
    """
    given = request.session_description
    if given is None:
        return None
    if given.type != expected:
        raise InvalidParams(f"sessionDescription.type={expected} is expected")
    return given.sdp


def bounded(tracks: Sequence[TrackObject] | None, limits: Limits) -> Sequence[TrackObject]:
    """The tracks of a request that needs at least one."""
    if not tracks:
        raise InvalidParams("Expecting at least 1 track")
    if len(tracks) > limits.tracks_per_request:
        raise InvalidParams(f"Expecting at most {limits.tracks_per_request} track in the request")
    return tracks


def location(tracks: Sequence[TrackObject]) -> Literal["local", "remote"]:
    """Where all of the tracks are: a request has only local ones, or only remote ones."""
    for index, track in enumerate(tracks):
        if track.location not in ("local", "remote"):
            raise InvalidParams(f"tracks[{index}]: location must be local or remote")
    if len({track.location for track in tracks}) > 1:
        raise InvalidParams("Local and remote tracks cannot be in one request")
    return "local" if tracks[0].location == "local" else "remote"


def local_track(index: int, track: TrackObject, *, offered: bool, limits: Limits) -> LocalTrack:
    """With an offer a track needs its mid; without, a kind, or a mid of the session."""
    if not track.mid and offered:
        raise InvalidParams(f"tracks[{index}]: Missing mid in track")
    kind = _kind(index, track)
    if not track.mid and kind is None:
        raise InvalidParams(f"tracks[{index}]: Missing kind in track")
    return LocalTrack(
        _name(index, track, limits),
        track.mid or None,
        kind,
        bool(track.bidirectional_media_stream),
    )


def remote_track(index: int, track: TrackObject, limits: Limits) -> RemoteTrack:
    if not track.session_id:
        raise InvalidParams(f"tracks[{index}]: Missing sessionId in track")
    _kind(index, track)
    return RemoteTrack(
        track.session_id,
        _name(index, track, limits),
        track.mid or None,
        _preference(index, track),
    )


def track_update(index: int, track: TrackObject, limits: Limits) -> TrackUpdate:
    if track.location == "local":
        raise InvalidParams(f"tracks[{index}]: only remote tracks can be updated")
    if not track.mid:
        raise InvalidParams(f"tracks[{index}]: Missing mid in track")
    if (track.session_id is None) != (track.track_name is None):
        raise InvalidParams(f"tracks[{index}]: sessionId and trackName go together")
    name = None if track.track_name is None else _name(index, track, limits)
    return TrackUpdate(track.mid, track.session_id, name, _preference(index, track))


def closed_mid(index: int, track: TrackObject) -> str:
    if not track.mid:
        raise InvalidParams(f"tracks[{index}]: Missing mid in track")
    return track.mid


def _name(index: int, track: TrackObject, limits: Limits) -> str:
    name = track.track_name
    if not name:
        raise InvalidParams(f"tracks[{index}]: Missing trackName in track")
    if len(name) > limits.name_characters:
        raise InvalidParams(
            f"tracks[{index}]: trackName is longer than {limits.name_characters} characters"
        )
    if any(ord(c) < 0x20 or 0x7F <= ord(c) < 0xA0 or 0xD800 <= ord(c) < 0xE000 for c in name):
        raise InvalidParams(f"tracks[{index}]: trackName has control characters")
    return name


def _kind(index: int, track: TrackObject) -> Kind | None:
    match track.kind:
        case None:
            return None
        case "audio":
            return "audio"
        case "video":
            return "video"
    raise InvalidParams(f"tracks[{index}]: kind must be audio or video")


def _preference(index: int, track: TrackObject) -> SimulcastPreference | None:
    preference = track.simulcast
    if preference is None:
        return None
    if len(preference.preferred_rid or "") > _RID_CHARACTERS:
        raise InvalidParams(f"tracks[{index}]: simulcast.preferredRid is too long")
    for member, value in (
        ("priorityOrdering", preference.priority_ordering),
        ("ridNotAvailable", preference.rid_not_available),
    ):
        if value not in _ORDERS:
            raise InvalidParams(f"tracks[{index}]: simulcast.{member} is none or asciibetical")
    return preference
