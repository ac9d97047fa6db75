"""SUBSCRIBE_OK: the subscription is established."""

from dataclasses import dataclass

from tidegate.moqt.names import Location
from tidegate.moqt.properties import Properties
from tidegate.moqt.subscription import GroupOrder


@dataclass(frozen=True, slots=True)
class SubscribeOk:
    """Attributes:
    expires: milliseconds; 0 = never, or unknown.
    group_order: the order of this subscription, where the draft states it (14); when None
        there, the track's preference is stated.
    largest: None = no object was published yet.
    properties: at 14 only DELIVERY_TIMEOUT, MAX_CACHE_DURATION and a descending
        DEFAULT_PUBLISHER_GROUP_ORDER arrive; the others cannot be carried.
    """

    request_id: int
    track_alias: int
    expires: int = 0
    group_order: GroupOrder | None = None
    largest: Location | None = None
    properties: Properties = ()
