"""REQUEST_OK (14: PUBLISH_NAMESPACE_OK, SUBSCRIBE_NAMESPACE_OK, TRACK_STATUS_OK)."""

from dataclasses import dataclass

from tidegate.moqt.codes import RequestKind
from tidegate.moqt.names import Location
from tidegate.moqt.properties import Properties
from tidegate.moqt.subscription import GroupOrder


@dataclass(frozen=True, slots=True)
class RequestOk:
    """Attributes:
    answers: always set by the sender; on arrival None where replies are unified.
    expires: milliseconds; 0 = never, or unknown.
    largest: in answers to TRACK_STATUS and updates; None = no object was published yet.
    group_order: as in SubscribeOk, in answers to TRACK_STATUS at 14.
    properties: as in SubscribeOk, in answers to TRACK_STATUS at 14; not carried at 16.
    """

    request_id: int
    answers: RequestKind | None = None
    expires: int = 0
    largest: Location | None = None
    group_order: GroupOrder | None = None
    properties: Properties = ()
