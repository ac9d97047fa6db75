"""PUBLISH_OK: takes a published track, on the subscriber's terms."""

from dataclasses import dataclass

from tidegate.moqt.subscription import DEFAULT_PRIORITY, Filter, GroupOrder


@dataclass(frozen=True, slots=True)
class PublishOk:
    """Attributes:
    group_order: None = as the publisher prefers; at 14, where one must be stated, ascending.
    filter: None = everything.
    delivery_timeout: milliseconds; None = none.
    expires: milliseconds; 0 = never, or unknown, and always at 14.
    new_group_request: as in Subscribe.
    """

    request_id: int
    forward: bool = True
    priority: int = DEFAULT_PRIORITY
    group_order: GroupOrder | None = None
    filter: Filter | None = None
    delivery_timeout: int | None = None
    expires: int = 0
    new_group_request: int | None = None
