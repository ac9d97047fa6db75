"""FETCH: asks for objects of the past."""

from dataclasses import dataclass
from typing import TypeAlias

from tidegate.moqt.errors import ProtocolViolation
from tidegate.moqt.names import FullTrackName, Location
from tidegate.moqt.parameters import Parameters, write_parameters
from tidegate.moqt.subscription import DEFAULT_PRIORITY, GroupOrder, read_group_order
from tidegate.moqt.token import Token
from tidegate.moqt.version import Profile
from tidegate.moqt.wire import Reader, write_location, write_track, write_varint


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
    """Opens a fetch.

    Attributes:
        priority: 0–255, lower first.
        group_order: None = as the publisher prefers at 14; ascending from 16 on.
    """

    request_id: int
    range: FetchRange
    priority: int = DEFAULT_PRIORITY
    group_order: GroupOrder | None = None
    tokens: tuple[Token, ...] = ()

    @classmethod
    def decode(cls, profile: Profile, reader: Reader) -> "Fetch":
        request_id = reader.varint()
        if profile.options_are_parameters:
            chosen = _read_range(profile, reader)
            parameters = Parameters(profile, reader)
            priority = parameters.priority()
            order = parameters.group_order()
        else:
            priority = reader.byte()
            order = read_group_order(reader)
            chosen = _read_range(profile, reader)
            parameters = Parameters(profile, reader)
        return cls(
            request_id,
            chosen,
            DEFAULT_PRIORITY if priority is None else priority,
            order,
            parameters.tokens(),
        )

    def encode(self, profile: Profile, out: bytearray) -> int:
        write_varint(out, self.request_id)
        if profile.options_are_parameters:
            _write_range(out, self.range)
            write_parameters(
                profile,
                out,
                tokens=self.tokens,
                priority=self.priority,
                group_order=self.group_order,
            )
        else:
            out.append(self.priority)
            out.append(self.group_order or 0)
            _write_range(out, self.range)
            write_parameters(profile, out, tokens=self.tokens)
        return 0x16


def _read_range(profile: Profile, reader: Reader) -> FetchRange:
    match reader.varint():
        case 0x1:
            track = reader.track(empty_fields=profile.empty_namespace_fields)
            return StandaloneFetch(track, reader.location(), reader.location())
        case 0x2:
            return RelativeJoiningFetch(reader.varint(), reader.varint())
        case 0x3:
            return AbsoluteJoiningFetch(reader.varint(), reader.varint())
        case other:
            raise ProtocolViolation(f"no FETCH has type {other:#x}")


def _write_range(out: bytearray, chosen: FetchRange) -> None:
    match chosen:
        case StandaloneFetch(track, start, end):
            out.append(0x1)
            write_track(out, track)
            write_location(out, start)
            write_location(out, end)
        case RelativeJoiningFetch(joining_request_id, groups_before):
            out.append(0x2)
            write_varint(out, joining_request_id)
            write_varint(out, groups_before)
        case AbsoluteJoiningFetch(joining_request_id, start_group):
            out.append(0x3)
            write_varint(out, joining_request_id)
            write_varint(out, start_group)
