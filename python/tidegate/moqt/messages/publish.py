"""PUBLISH: offers a track without being asked for it."""

from dataclasses import dataclass

from tidegate.moqt.names import FullTrackName, Location
from tidegate.moqt.properties import Properties
from tidegate.moqt.subscription import GroupOrder
from tidegate.moqt.token import Token


@dataclass(frozen=True, slots=True)
class Publish:
    """Attributes:
    group_order: as in SubscribeOk.
    largest: None = no object was published yet.
    forward: whether objects may flow before the answer.
    expires: milliseconds; 0 = never, or unknown, and always at 14.
    properties: as in SubscribeOk.
    """

    request_id: int
    track: FullTrackName
    track_alias: int
    group_order: GroupOrder | None = None
    largest: Location | None = None
    forward: bool = True
    expires: int = 0
    tokens: tuple[Token, ...] = ()
    properties: Properties = ()
