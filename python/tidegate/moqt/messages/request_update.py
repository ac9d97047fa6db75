"""REQUEST_UPDATE (14: SUBSCRIBE_UPDATE): changes a request that is under way."""

from dataclasses import dataclass

from tidegate.moqt.errors import EncodeError
from tidegate.moqt.parameters import Parameters, write_parameters
from tidegate.moqt.subscription import Filter, FilterStart
from tidegate.moqt.token import Token
from tidegate.moqt.version import Profile
from tidegate.moqt.wire import Reader, write_location, write_varint


@dataclass(frozen=True, slots=True)
class RequestUpdate:
    """None = unchanged. At 14 nothing can be left out: priority, forward and a filter that
    starts at a location are all needed.

    Attributes:
        request_id: its own.
        existing_request_id: of the request that changes.
    """

    request_id: int
    existing_request_id: int
    priority: int | None = None
    forward: bool | None = None
    filter: Filter | None = None
    delivery_timeout: int | None = None
    new_group_request: int | None = None
    tokens: tuple[Token, ...] = ()

    @classmethod
    def decode(cls, profile: Profile, reader: Reader) -> "RequestUpdate":
        request_id = reader.varint()
        existing_request_id = reader.varint()
        priority: int | None
        forward: bool | None
        chosen: Filter | None
        if profile.options_are_parameters:
            parameters = Parameters(profile, reader)
            priority = parameters.priority()
            forward = parameters.forward()
            chosen = parameters.filter()
        else:
            start = reader.location()
            end_group_plus_one = reader.varint()
            chosen = Filter(start, end_group_plus_one - 1 if end_group_plus_one else None)
            priority = reader.byte()
            forward = reader.flag("Forward")
            parameters = Parameters(profile, reader)
        return cls(
            request_id,
            existing_request_id,
            priority,
            forward,
            chosen,
            parameters.delivery_timeout(),
            parameters.new_group_request(),
            parameters.tokens(),
        )

    def encode(self, profile: Profile, out: bytearray) -> int:
        write_varint(out, self.request_id)
        write_varint(out, self.existing_request_id)
        if profile.options_are_parameters:
            write_parameters(
                profile,
                out,
                delivery_timeout=self.delivery_timeout,
                tokens=self.tokens,
                forward=self.forward,
                priority=self.priority,
                filter=self.filter,
                new_group_request=self.new_group_request,
            )
        else:
            chosen = self.filter
            if self.priority is None or self.forward is None:
                raise EncodeError("an update of this draft states priority and forward")
            if chosen is None or isinstance(chosen.start, FilterStart):
                raise EncodeError("an update of this draft starts at a location")
            write_location(out, chosen.start)
            write_varint(out, 0 if chosen.end_group is None else chosen.end_group + 1)
            out.append(self.priority)
            out.append(self.forward)
            write_parameters(
                profile, out, delivery_timeout=self.delivery_timeout, tokens=self.tokens
            )
        return 0x02
