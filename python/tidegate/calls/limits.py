"""Every number that bounds what a client may make the SFU's rules remember, or wait for."""

from dataclasses import dataclass, fields
from typing import Any


@dataclass(frozen=True, slots=True)
class Limits:
    """What the SFU's API grants; what exceeds it gets the error named here.

    Attributes:
        sessions: sessions of this node, else 503 ``temporarily_unavailable_error``.
        sessions_per_app: sessions of one app, else 429 ``temporarily_unavailable_error``.
        requests_per_second: of one session, else 429 ``temporarily_unavailable_error``.
        requests_waiting: of one session, for a transport or for a publisher, else 429
            ``temporarily_unavailable_error``.
        body_bytes: of one request, else 413 ``payload_too_large``.
        tracks_per_request: else 406 ``invalid_params``.
        name_characters: of a track name, else 406 ``invalid_params``.
        sections: media sections of one session, its closed ones included, else 406
            ``invalid_session_description`` to an offer and ``track_error`` to a track.
        subscribers_per_track: else ``track_error``.
        transport_seconds: how long a request waits for its session to connect, else 425
            ``session_error``.
        publisher_seconds: how long a subscriber waits for a name that a session which is still
            connecting may yet publish, else ``not_found_track_error``.
        media_seconds: how long a subscriber waits for a publication's first packet, else
            ``empty_track_error``.
        batch_seconds: how long one request waits for all its tracks together.
        unconnected_seconds: a session that never connected ends so long after it was made or last
            changed; then 410 ``session_error``.
        reconnect_seconds: a session that lost its connection ends so much later; then 410
            ``session_error``.
        silent_seconds: a publication without a packet for so long ends, and its subscriptions with
            it.
        remembered_sessions: ids of ended sessions that are answered 410 rather than 404.
    """

    sessions: int = 10_000
    sessions_per_app: int = 10_000
    requests_per_second: int = 50
    requests_waiting: int = 64
    body_bytes: int = 1 << 20
    tracks_per_request: int = 64
    name_characters: int = 256
    sections: int = 512
    subscribers_per_track: int = 10_000
    transport_seconds: float = 5.0
    publisher_seconds: float = 5.0
    media_seconds: float = 5.0
    batch_seconds: float = 9.0
    unconnected_seconds: float = 60.0
    reconnect_seconds: float = 30.0
    silent_seconds: float = 30.0
    remembered_sessions: int = 50_000

    @classmethod
    def configured(cls, *sources: Any) -> "Limits":
        """The operator's settings where there is one of the same name, else the defaults."""
        return cls(
            **{
                field.name: getattr(source, field.name)
                for source in sources
                for field in fields(cls)
                if hasattr(source, field.name)
            }
        )
