"""Times on the wire: RFC 3339, UTC, with microseconds where there are any."""

from datetime import datetime
from typing import Annotated

import msgspec

from tidegate.store.clock import SECOND, from_datetime, to_datetime

_Timestamp = Annotated[datetime, msgspec.Meta(tz=True)]


def rfc3339(at: int) -> str:
    """``2026-06-23T10:00:00.123456Z``."""
    precision = "seconds" if at % SECOND == 0 else "microseconds"
    return to_datetime(at).replace(tzinfo=None).isoformat(timespec=precision) + "Z"


def parse_rfc3339(text: str) -> int:
    """Microseconds since the Unix epoch; ValueError when ``text`` is no time with an offset."""
    try:
        return from_datetime(msgspec.convert(text, _Timestamp))
    except msgspec.ValidationError:
        raise ValueError("not an RFC 3339 date-time") from None
