"""What a subscriber may choose of a track, in several messages alike."""

from dataclasses import dataclass
from enum import Enum, IntEnum

from tidegate.moqt.names import Location

DEFAULT_PRIORITY = 128
"""Subscriber priority when a request states none; lower is served first."""


class GroupOrder(IntEnum):
    """Which group of a track goes first when several wait."""

    ASCENDING = 0x1
    DESCENDING = 0x2


class FilterStart(Enum):
    """A start that depends on the largest object when the request is processed."""

    NEXT_GROUP = 0x1
    LARGEST_OBJECT = 0x2


@dataclass(frozen=True, slots=True)
class Filter:
    """Which objects of a track a subscription covers.

    Attributes:
        start: the first location, or how to find it. LARGEST_OBJECT starts right after the
            largest object, NEXT_GROUP at the group after it; both at {0, 0} when there is none.
        end_group: the last group, inclusive; None: open. Only with a location as ``start``.
    """

    start: FilterStart | Location
    end_group: int | None = None


NEXT_GROUP = Filter(FilterStart.NEXT_GROUP)
LARGEST_OBJECT = Filter(FilterStart.LARGEST_OBJECT)
UNFILTERED = Filter(Location(0, 0))
"""What draft-14, which always states a filter, says for "everything"."""
