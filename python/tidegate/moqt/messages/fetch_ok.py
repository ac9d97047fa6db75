"""FETCH_OK: the objects come, or came, on a data stream."""

from dataclasses import dataclass

from tidegate.moqt.names import Location
from tidegate.moqt.parameters import Parameters, write_parameters
from tidegate.moqt.properties import (
    Properties,
    TrackProperty,
    integer,
    properties_from_fetch,
    read_properties,
    write_properties,
)
from tidegate.moqt.subscription import GroupOrder, read_stated_group_order
from tidegate.moqt.version import Profile
from tidegate.moqt.wire import Reader, write_location, write_varint


@dataclass(frozen=True, slots=True)
class FetchOk:
    """Accepts a fetch and says where it ends.

    Attributes:
        end_of_track: whether ``end`` is the track's last object.
        end: as in StandaloneFetch.
        group_order: the order of the response, where the draft states it (14); None = ascending.
        properties: as in SubscribeOk, without DELIVERY_TIMEOUT at 14.
    """

    request_id: int
    end: Location
    end_of_track: bool = False
    group_order: GroupOrder | None = None
    properties: Properties = ()

    @classmethod
    def decode(cls, profile: Profile, reader: Reader) -> "FetchOk":
        request_id = reader.varint()
        order = None if profile.options_are_parameters else read_stated_group_order(reader)
        end_of_track = reader.flag("End Of Track")
        end = reader.location()
        parameters = Parameters(profile, reader)
        if profile.track_properties:
            properties = read_properties(profile, reader)
        else:
            properties = properties_from_fetch(parameters)
        return cls(request_id, end, end_of_track, order, properties)

    def encode(self, profile: Profile, out: bytearray) -> int:
        write_varint(out, self.request_id)
        if not profile.options_are_parameters:
            out.append(self.group_order or GroupOrder.ASCENDING)
        out.append(self.end_of_track)
        write_location(out, self.end)
        if profile.track_properties:
            write_parameters(profile, out)
            write_properties(profile, out, self.properties)
        else:
            duration = integer(self.properties, TrackProperty.MAX_CACHE_DURATION)
            write_parameters(profile, out, max_cache_duration=duration)
        return 0x18
