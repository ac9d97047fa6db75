"""REQUESTS_BLOCKED: a request waits for credit."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class RequestsBlocked:
    """Attributes:
    maximum: the MAX_REQUEST_ID that is in the way.
    """

    maximum: int
