"""FETCH: asks for objects of the past."""

from dataclasses import dataclass
from typing import TypeAlias

from tidegate.moqt.names import FullTrackName, Location
from tidegate.moqt.subscription import DEFAULT_PRIORITY, GroupOrder
from tidegate.moqt.token import Token


@dataclass(frozen=True, slots=True)
class StandaloneFetch:
    """A range of a track.

    Attributes:
        end: its object is exclusive, and 0 means all of the end group.
    """

    track: FullTrackName
    start: Location
    end: Location


@dataclass(frozen=True, slots=True)
class RelativeJoiningFetch:
    """What precedes a subscription: from ``groups_before`` groups before its largest group."""

    joining_request_id: int
    groups_before: int


@dataclass(frozen=True, slots=True)
class AbsoluteJoiningFetch:
    """What precedes a subscription: from the start of ``start_group``."""

    joining_request_id: int
    start_group: int


FetchRange: TypeAlias = StandaloneFetch | RelativeJoiningFetch | AbsoluteJoiningFetch


@dataclass(frozen=True, slots=True)
class Fetch:
    """Attributes:
    priority: 0–255, lower first.
    group_order: None = as the publisher prefers at 14; ascending from 16 on.
    """

    request_id: int
    range: FetchRange
    priority: int = DEFAULT_PRIORITY
    group_order: GroupOrder | None = None
    tokens: tuple[Token, ...] = ()
