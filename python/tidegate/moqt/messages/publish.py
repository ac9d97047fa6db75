"""PUBLISH: offers a track without being asked for it."""

from dataclasses import dataclass

from tidegate.moqt.names import FullTrackName, Location
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
from tidegate.moqt.token import Token
from tidegate.moqt.version import Profile
from tidegate.moqt.wire import Reader, write_largest, write_track, write_varint


@dataclass(frozen=True, slots=True)
class Publish:
    """Opens a subscription from the publisher's side.

    Attributes:
        group_order: as in SubscribeOk.
        largest: None = no object was published yet.
        forward: whether objects may flow before the answer.
        expires: milliseconds; 0 = never, or unknown, and always at 14.
        properties: as in SubscribeOk.
    """

    request_id: int
    track: FullTrackName
    track_alias: int
    group_order: GroupOrder | None = None
    largest: Location | None = None
    forward: bool = True
    expires: int = 0
    tokens: tuple[Token, ...] = ()
    properties: Properties = ()

    @classmethod
    def decode(cls, profile: Profile, reader: Reader) -> "Publish":
        request_id = reader.varint()
        track = reader.track(empty_fields=profile.empty_namespace_fields)
        track_alias = reader.varint()
        if profile.options_are_parameters:
            parameters = Parameters(profile, reader)
            order = None
            largest = parameters.largest()
            forward = parameters.forward() is not False
        else:
            order = read_stated_group_order(reader)
            largest = reader.largest()
            forward = reader.flag("Forward")
            parameters = Parameters(profile, reader)
        if profile.track_properties:
            properties = read_properties(profile, reader)
        else:
            properties = properties_from_parameters(parameters, order)
        return cls(
            request_id,
            track,
            track_alias,
            order,
            largest,
            forward,
            parameters.expires(),
            parameters.tokens(),
            properties,
        )

    def encode(self, profile: Profile, out: bytearray) -> int:
        write_varint(out, self.request_id)
        write_track(out, self.track)
        write_varint(out, self.track_alias)
        if profile.options_are_parameters:
            write_parameters(
                profile,
                out,
                tokens=self.tokens,
                expires=self.expires,
                largest=self.largest,
                forward=self.forward,
            )
        else:
            out.append(self.group_order or preferred_group_order(self.properties))
            write_largest(out, self.largest)
            out.append(self.forward)
            write_properties_as_parameters(profile, out, self.properties, self.tokens)
        if profile.track_properties:
            write_properties(profile, out, self.properties)
        return 0x1D
