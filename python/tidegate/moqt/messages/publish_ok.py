"""PUBLISH_OK: takes a published track, on the subscriber's terms."""

from dataclasses import dataclass

from tidegate.moqt.parameters import Parameters, write_parameters
from tidegate.moqt.subscription import (
    DEFAULT_PRIORITY,
    UNFILTERED,
    Filter,
    GroupOrder,
    read_filter,
    read_stated_group_order,
    write_filter,
)
from tidegate.moqt.version import Profile
from tidegate.moqt.wire import Reader, write_varint


@dataclass(frozen=True, slots=True)
class PublishOk:
    """Establishes a published subscription.

    Attributes:
        group_order: None = as the publisher prefers; at 14, where one must be stated, ascending.
        filter: None = everything.
        delivery_timeout: milliseconds; None = none.
        expires: milliseconds; 0 = never, or unknown, and always at 14.
        new_group_request: as in Subscribe.
    """

    request_id: int
    forward: bool = True
    priority: int = DEFAULT_PRIORITY
    group_order: GroupOrder | None = None
    filter: Filter | None = None
    delivery_timeout: int | None = None
    expires: int = 0
    new_group_request: int | None = None

    @classmethod
    def decode(cls, profile: Profile, reader: Reader) -> "PublishOk":
        request_id = reader.varint()
        if profile.options_are_parameters:
            parameters = Parameters(profile, reader)
            forward = parameters.forward() is not False
            priority = parameters.priority()
            order = parameters.group_order()
            chosen = parameters.filter()
        else:
            forward = reader.flag("Forward")
            priority = reader.byte()
            order = read_stated_group_order(reader)
            chosen = read_filter(reader)
            parameters = Parameters(profile, reader)
        return cls(
            request_id,
            forward,
            DEFAULT_PRIORITY if priority is None else priority,
            order,
            chosen,
            parameters.delivery_timeout(),
            parameters.expires(),
            parameters.new_group_request(),
        )

    def encode(self, profile: Profile, out: bytearray) -> int:
        write_varint(out, self.request_id)
        if profile.options_are_parameters:
            write_parameters(
                profile,
                out,
                delivery_timeout=self.delivery_timeout,
                expires=self.expires,
                forward=self.forward,
                priority=self.priority,
                filter=self.filter,
                group_order=self.group_order,
                new_group_request=self.new_group_request,
            )
        else:
            out.append(self.forward)
            out.append(self.priority)
            out.append(self.group_order or GroupOrder.ASCENDING)
            write_filter(out, self.filter or UNFILTERED)
            write_parameters(profile, out, delivery_timeout=self.delivery_timeout)
        return 0x1E
