"""SUBSCRIBE: asks for a track's objects from now on."""

from dataclasses import dataclass

from tidegate.moqt.names import FullTrackName
from tidegate.moqt.parameters import Parameters, write_parameters
from tidegate.moqt.subscription import (
    DEFAULT_PRIORITY,
    UNFILTERED,
    Filter,
    GroupOrder,
    read_filter,
    read_group_order,
    write_filter,
)
from tidegate.moqt.token import Token
from tidegate.moqt.version import Profile
from tidegate.moqt.wire import Reader, write_track, write_varint


@dataclass(frozen=True, slots=True)
class Subscribe:
    """Opens a subscription from the subscriber's side.

    Attributes:
        priority: 0–255, lower first.
        group_order: None = as the publisher prefers.
        filter: None = everything.
        delivery_timeout: milliseconds; None = none.
        new_group_request: the largest group known plus 1, 0 = none known; None = not asked.
    """

    request_id: int
    track: FullTrackName
    priority: int = DEFAULT_PRIORITY
    group_order: GroupOrder | None = None
    forward: bool = True
    filter: Filter | None = None
    delivery_timeout: int | None = None
    new_group_request: int | None = None
    tokens: tuple[Token, ...] = ()

    @classmethod
    def decode(cls, profile: Profile, reader: Reader) -> "Subscribe":
        request_id = reader.varint()
        track = reader.track(empty_fields=profile.empty_namespace_fields)
        if profile.options_are_parameters:
            parameters = Parameters(profile, reader)
            priority = parameters.priority()
            order = parameters.group_order()
            forward = parameters.forward() is not False
            chosen = parameters.filter()
        else:
            priority = reader.byte()
            order = read_group_order(reader)
            forward = reader.flag("Forward")
            chosen = read_filter(reader)
            parameters = Parameters(profile, reader)
        return cls(
            request_id,
            track,
            DEFAULT_PRIORITY if priority is None else priority,
            order,
            forward,
            chosen,
            parameters.delivery_timeout(),
            parameters.new_group_request(),
            parameters.tokens(),
        )

    def encode(self, profile: Profile, out: bytearray) -> int:
        write_varint(out, self.request_id)
        write_track(out, self.track)
        if profile.options_are_parameters:
            write_parameters(
                profile,
                out,
                delivery_timeout=self.delivery_timeout,
                tokens=self.tokens,
                forward=self.forward,
                priority=self.priority,
                filter=self.filter,
                group_order=self.group_order,
                new_group_request=self.new_group_request,
            )
        else:
            out.append(self.priority)
            out.append(self.group_order or 0)
            out.append(self.forward)
            write_filter(out, self.filter or UNFILTERED)
            write_parameters(
                profile, out, delivery_timeout=self.delivery_timeout, tokens=self.tokens
            )
        return 0x03
