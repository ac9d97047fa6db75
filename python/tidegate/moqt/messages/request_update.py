"""REQUEST_UPDATE (14: SUBSCRIBE_UPDATE): changes a request that is under way."""

from dataclasses import dataclass

from tidegate.moqt.subscription import Filter
from tidegate.moqt.token import Token


@dataclass(frozen=True, slots=True)
class RequestUpdate:
    """None = unchanged. At 14 nothing can be left out: priority, forward and a filter that
    starts at a location are all needed.

    Attributes:
        request_id: its own.
        existing_request_id: of the request that changes.
    """

    request_id: int
    existing_request_id: int
    priority: int | None = None
    forward: bool | None = None
    filter: Filter | None = None
    delivery_timeout: int | None = None
    new_group_request: int | None = None
    tokens: tuple[Token, ...] = ()
