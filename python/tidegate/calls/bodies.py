"""Bodies of the SFU's HTTP API, as msgspec structs. Members that we do not know are ignored.

Cloudflare's API pages: "Calls/SFU HTTPS API" and its OpenAPI file. JSON spells camelCase.
"""

from typing import ClassVar, Literal, TypeVar

import msgspec
from msgspec import Struct

from tidegate.calls.payload_types import Kind
from tidegate.errors import CallsError, DecodingError

B = TypeVar("B", bound="Request")


class Body(Struct, rename="camel", omit_defaults=True):
    """One JSON object: what is None is not sent, and null counts as left out."""


class SessionDescription(Body):
    """An offer or an answer: exactly these members, because clients expand the object."""

    type: str
    sdp: str


class SimulcastPreference(Body):
    """What a subscriber wants of a simulcast publication, as it was sent."""

    preferred_rid: str | None = None
    priority_ordering: str | None = None
    rid_not_available: str | None = None


class TrackObject(Body):
    """One entry of a request; ``mid`` is the one on the session of the URL, or ``#<trackName>``."""

    location: str | None = None
    mid: str | None = None
    session_id: str | None = None
    track_name: str | None = None
    bidirectional_media_stream: bool | None = None
    kind: str | None = None
    simulcast: SimulcastPreference | None = None


# Requests.


class Request(Body):
    """A request's body; every member may be missing, and the operation says what it needs."""

    session_description: SessionDescription | None = None


class NewSessionRequest(Request):
    """``POST sessions/new``."""


class TracksRequest(Request):
    """``POST tracks/new``."""

    tracks: list[TrackObject] | None = None
    auto_discover: bool | None = None


class RenegotiateRequest(Request):
    """``PUT renegotiate``."""


class UpdateTracksRequest(Request):
    """``PUT tracks/update``."""

    tracks: list[TrackObject] | None = None


class CloseTracksRequest(Request):
    """``PUT tracks/close``."""

    tracks: list[TrackObject] | None = None
    force: bool | None = None


# Responses.


class Response(Body):
    """What an operation answers; ``status`` is the HTTP status."""

    status: ClassVar[int] = 200


class NewSessionResponse(Response):
    status: ClassVar[int] = 201

    session_id: str
    session_description: SessionDescription | None = None


class TrackResult(Body):
    """What became of one entry of a request; with an ``error_code`` it did not succeed."""

    error_code: str | None = None
    error_description: str | None = None
    session_id: str | None = None
    track_name: str | None = None
    mid: str | None = None
    kind: Kind | None = None
    simulcast: SimulcastPreference | None = None


class TracksResponse(Response):
    """``tracks`` has one result for each entry of the request, in its order."""

    requires_immediate_renegotiation: bool
    tracks: list[TrackResult]
    session_description: SessionDescription | None = None


class RenegotiateResponse(Response):
    """``{}``."""


class TrackState(Body):
    """One line of a session's state."""

    location: Literal["local", "remote"]
    mid: str
    track_name: str
    status: Literal["active", "inactive"]
    session_id: str | None = None


class DataChannelState(Body):
    """One data channel of a session's state."""


class SessionState(Response):
    """``GET sessions/{sessionId}``."""

    tracks: list[TrackState]
    data_channels: list[DataChannelState]


# Failures.


class Failure(Body):
    """What an operation that failed as a whole answers."""

    error_code: str
    error_description: str
    error_subcode: str | None = None


class TracksFailure(Failure):
    """The same for operations on tracks: some clients read ``tracks`` before the error."""

    tracks: tuple[()] | None = None


def failure(error: CallsError, *, of_tracks: bool) -> Failure:
    """The body of an error; ``of_tracks`` for ``tracks/new``, ``update`` and ``close``."""
    if of_tracks:
        return TracksFailure(error.code, str(error), error.subcode, tracks=())
    return Failure(error.code, str(error), error.subcode)


def decode(kind: type[B], body: bytes) -> B:
    """A request's body, whatever its content type says; an empty one is ``{}``.

    Raises:
        DecodingError: not JSON, not an object, or a member of another type than documented.
    """
    try:
        return msgspec.json.decode(body.strip() or b"{}", type=kind)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        raise DecodingError from None
