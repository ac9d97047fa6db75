"""A track's properties: what its publisher says of the whole track."""

from collections.abc import Container, Mapping
from enum import IntEnum
from operator import itemgetter
from typing import TypeAlias

from tidegate.moqt import pairs
from tidegate.moqt.errors import ProtocolViolation
from tidegate.moqt.parameters import Parameters, write_parameters
from tidegate.moqt.subscription import GroupOrder
from tidegate.moqt.token import Token
from tidegate.moqt.version import Profile
from tidegate.moqt.wire import Reader

Properties: TypeAlias = tuple[pairs.Pair, ...]
"""(type, value) in the order received: an integer for even types, bytes for odd ones."""


class TrackProperty(IntEnum):
    """Types of track properties that a relay understands."""

    DELIVERY_TIMEOUT = 0x02
    MAX_CACHE_DURATION = 0x04
    IMMUTABLE = 0x0B
    DEFAULT_PUBLISHER_PRIORITY = 0x0E
    DEFAULT_PUBLISHER_GROUP_ORDER = 0x22
    DYNAMIC_GROUPS = 0x30


_RANGES: Mapping[int, Container[int | bytes]] = {
    TrackProperty.DELIVERY_TIMEOUT: range(1, 1 << 62),
    TrackProperty.DEFAULT_PUBLISHER_PRIORITY: range(256),
    TrackProperty.DEFAULT_PUBLISHER_GROUP_ORDER: range(1, 3),
    TrackProperty.DYNAMIC_GROUPS: range(2),
}


def integer(properties: Properties, kind: TrackProperty) -> int | None:
    """The value of an even-typed property; None: absent."""
    for found, value in properties:
        if found == kind and isinstance(value, int):
            return value
    return None


def preferred_group_order(properties: Properties) -> GroupOrder:
    """The order that the track's publisher prefers."""
    value = integer(properties, TrackProperty.DEFAULT_PUBLISHER_GROUP_ORDER)
    return GroupOrder.ASCENDING if value is None else GroupOrder(value)


def read_properties(profile: Profile, reader: Reader) -> Properties:
    """The properties that end a message."""
    if reader.at_end:
        return ()
    properties = tuple(pairs.read_rest(profile, reader))
    immutable = 0
    for kind, value in properties:
        if kind == TrackProperty.IMMUTABLE:
            immutable += 1
        elif value not in _RANGES.get(kind, (value,)):
            raise ProtocolViolation(f"track property {kind:#x} is out of range")
    if immutable > 1:
        raise ProtocolViolation("a track has several blocks of immutable properties")
    return properties


def write_properties(profile: Profile, out: bytearray, properties: Properties) -> None:
    """The properties that end a message, sorted by type as deltas require."""
    if properties:
        pairs.write_all(profile, out, sorted(properties, key=itemgetter(0)))


def properties_from_parameters(parameters: Parameters, order: GroupOrder | None) -> Properties:
    """What draft-14 says of a track in parameters and a field; an ascending order is left out."""
    found: list[pairs.Pair] = []
    if (timeout := parameters.delivery_timeout()) is not None:
        found.append((TrackProperty.DELIVERY_TIMEOUT, timeout))
    if (duration := parameters.max_cache_duration()) is not None:
        found.append((TrackProperty.MAX_CACHE_DURATION, duration))
    if order is GroupOrder.DESCENDING:
        found.append((TrackProperty.DEFAULT_PUBLISHER_GROUP_ORDER, int(order)))
    return tuple(found)


def properties_from_fetch(parameters: Parameters) -> Properties:
    """What draft-14's FETCH_OK says of a track."""
    duration = parameters.max_cache_duration()
    return () if duration is None else ((TrackProperty.MAX_CACHE_DURATION, duration),)


def write_properties_as_parameters(
    profile: Profile, out: bytearray, properties: Properties, tokens: tuple[Token, ...] = ()
) -> None:
    """What draft-14 can say of a track; the rest stays unsaid."""
    write_parameters(
        profile,
        out,
        delivery_timeout=integer(properties, TrackProperty.DELIVERY_TIMEOUT),
        tokens=tokens,
        max_cache_duration=integer(properties, TrackProperty.MAX_CACHE_DURATION),
    )
