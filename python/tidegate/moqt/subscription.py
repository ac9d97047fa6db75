"""What a subscriber may choose of a track, in several messages alike."""

from dataclasses import dataclass
from enum import Enum, IntEnum

from tidegate.moqt.errors import EncodeError, ProtocolViolation
from tidegate.moqt.names import Location
from tidegate.moqt.wire import Reader, write_location, write_varint

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


def read_filter(reader: Reader) -> Filter:
    """Filter Type and what it brings; a range's end is an absolute group up to draft-16."""
    match reader.varint():
        case FilterStart.NEXT_GROUP.value:
            return NEXT_GROUP
        case FilterStart.LARGEST_OBJECT.value:
            return LARGEST_OBJECT
        case 0x3:
            return Filter(reader.location())
        case 0x4:
            return Filter(reader.location(), reader.varint())
        case other:
            raise ProtocolViolation(f"no subscription filter has type {other:#x}")


def write_filter(out: bytearray, chosen: Filter) -> None:
    if isinstance(chosen.start, FilterStart):
        if chosen.end_group is not None:
            raise EncodeError("a filter with an end needs a location to start at")
        out.append(chosen.start.value)
    elif chosen.end_group is None:
        out.append(0x3)
        write_location(out, chosen.start)
    else:
        out.append(0x4)
        write_location(out, chosen.start)
        write_varint(out, chosen.end_group)


def read_group_order(reader: Reader) -> GroupOrder | None:
    """The byte of a request; 0, for the publisher's preference, gives None."""
    return group_order(reader.byte())


def read_stated_group_order(reader: Reader) -> GroupOrder:
    """The byte of a reply, which has to decide."""
    order = group_order(reader.byte())
    if order is None:
        raise ProtocolViolation("a group order is left open")
    return order


def group_order(number: int) -> GroupOrder | None:
    """None: 0, the publisher's preference."""
    if number >= len(_GROUP_ORDERS):
        raise ProtocolViolation("a group order is neither ascending nor descending")
    return _GROUP_ORDERS[number]


_GROUP_ORDERS = (None, GroupOrder.ASCENDING, GroupOrder.DESCENDING)
