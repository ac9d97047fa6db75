"""MAX_REQUEST_ID: credit for requests."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class MaxRequestId:
    """Attributes:
    maximum: the peer's Request IDs must be below it; it may only grow.
    """

    maximum: int
