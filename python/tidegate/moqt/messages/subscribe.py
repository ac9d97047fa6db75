"""SUBSCRIBE: asks for a track's objects from now on."""

from dataclasses import dataclass

from tidegate.moqt.names import FullTrackName
from tidegate.moqt.subscription import DEFAULT_PRIORITY, Filter, GroupOrder
from tidegate.moqt.token import Token


@dataclass(frozen=True, slots=True)
class Subscribe:
    """Attributes:
    priority: 0–255, lower first.
    group_order: None = as the publisher prefers.
    filter: None = everything.
    delivery_timeout: milliseconds; None = none.
    new_group_request: the largest group known plus 1, 0 = none known; None = not asked.
    """

    request_id: int
    track: FullTrackName
    priority: int = DEFAULT_PRIORITY
    group_order: GroupOrder | None = None
    forward: bool = True
    filter: Filter | None = None
    delivery_timeout: int | None = None
    new_group_request: int | None = None
    tokens: tuple[Token, ...] = ()
