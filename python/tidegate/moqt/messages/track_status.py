"""TRACK_STATUS: asks what SUBSCRIBE_OK would say, without subscribing."""

from dataclasses import dataclass

from tidegate.moqt.names import FullTrackName
from tidegate.moqt.token import Token


@dataclass(frozen=True, slots=True)
class TrackStatus:
    """Delivery options that 14 puts into it mean nothing and are dropped."""

    request_id: int
    track: FullTrackName
    tokens: tuple[Token, ...] = ()
