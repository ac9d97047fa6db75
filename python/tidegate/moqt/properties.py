"""A track's properties: what its publisher says of the whole track."""

from enum import IntEnum
from typing import TypeAlias

Properties: TypeAlias = tuple[tuple[int, int | bytes], ...]
"""(type, value) in the order received: an integer for even types, bytes for odd ones."""


class TrackProperty(IntEnum):
    """Types of track properties that a relay understands."""

    DELIVERY_TIMEOUT = 0x02
    MAX_CACHE_DURATION = 0x04
    IMMUTABLE = 0x0B
    DEFAULT_PUBLISHER_PRIORITY = 0x0E
    DEFAULT_PUBLISHER_GROUP_ORDER = 0x22
    DYNAMIC_GROUPS = 0x30


def integer(properties: Properties, property_type: TrackProperty) -> int | None:
    """The value of an even-typed property; None: absent."""
    for found, value in properties:
        if found == property_type and isinstance(value, int):
            return value
    return None
