"""FETCH_OK: the objects come, or came, on a data stream."""

from dataclasses import dataclass

from tidegate.moqt.names import Location
from tidegate.moqt.properties import Properties
from tidegate.moqt.subscription import GroupOrder


@dataclass(frozen=True, slots=True)
class FetchOk:
    """Attributes:
    end_of_track: whether ``end`` is the track's last object.
    end: as in StandaloneFetch.
    group_order: the order of the response, where the draft states it (14).
    properties: as in SubscribeOk, without DELIVERY_TIMEOUT at 14.
    """

    request_id: int
    end: Location
    end_of_track: bool = False
    group_order: GroupOrder | None = None
    properties: Properties = ()
