"""Time as the store keeps it: whole microseconds since the Unix epoch."""

import time
from datetime import UTC, datetime, timedelta

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
SECOND = 1_000_000


def micros() -> int:
    return time.time_ns() // 1000


def to_datetime(at: int) -> datetime:
    return EPOCH + timedelta(microseconds=at)


def from_datetime(at: datetime) -> int:
    """``at`` must know its offset."""
    return (at - EPOCH) // timedelta(microseconds=1)
