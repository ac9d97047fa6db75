"""SUBSCRIBE_OK: the subscription is established."""

from dataclasses import dataclass

from tidegate.moqt.names import Location
from tidegate.moqt.parameters import Parameters, write_parameters
from tidegate.moqt.properties import (
    Properties,
    preferred_group_order,
    properties_from_parameters,
    read_properties,
    write_properties,
    write_properties_as_parameters,
)
from tidegate.moqt.subscription import GroupOrder, read_stated_group_order
from tidegate.moqt.version import Profile
from tidegate.moqt.wire import Reader, write_largest, write_varint


@dataclass(frozen=True, slots=True)
class SubscribeOk:
    """Establishes a subscription and names its track.

    Attributes:
        expires: milliseconds; 0 = never, or unknown.
        group_order: the order of this subscription, where the draft states it (14); when None
            there, the track's preference is stated.
        largest: None = no object was published yet.
        properties: at 14 only DELIVERY_TIMEOUT, MAX_CACHE_DURATION and a descending
            DEFAULT_PUBLISHER_GROUP_ORDER arrive; the others cannot be carried.
    """

    request_id: int
    track_alias: int
    expires: int = 0
    group_order: GroupOrder | None = None
    largest: Location | None = None
    properties: Properties = ()

    @classmethod
    def decode(cls, profile: Profile, reader: Reader) -> "SubscribeOk":
        request_id = reader.varint()
        track_alias = reader.varint()
        if profile.options_are_parameters:
            parameters = Parameters(profile, reader)
            expires = parameters.expires()
            order = None
            largest = parameters.largest()
        else:
            expires = reader.varint()
            order = read_stated_group_order(reader)
            largest = reader.largest()
            parameters = Parameters(profile, reader)
        if profile.track_properties:
            properties = read_properties(profile, reader)
        else:
            properties = properties_from_parameters(parameters, order)
        return cls(request_id, track_alias, expires, order, largest, properties)

    def encode(self, profile: Profile, out: bytearray) -> int:
        write_varint(out, self.request_id)
        write_varint(out, self.track_alias)
        if profile.options_are_parameters:
            write_parameters(profile, out, expires=self.expires, largest=self.largest)
        else:
            write_varint(out, self.expires)
            out.append(self.group_order or preferred_group_order(self.properties))
            write_largest(out, self.largest)
            write_properties_as_parameters(profile, out, self.properties)
        if profile.track_properties:
            write_properties(profile, out, self.properties)
        return 0x04
