"""REQUEST_OK (14: PUBLISH_NAMESPACE_OK, SUBSCRIBE_NAMESPACE_OK, TRACK_STATUS_OK)."""

from dataclasses import dataclass

from tidegate.moqt.codes import RequestKind
from tidegate.moqt.errors import EncodeError
from tidegate.moqt.messages.subscribe_ok import SubscribeOk
from tidegate.moqt.names import Location
from tidegate.moqt.parameters import Parameters, write_parameters
from tidegate.moqt.properties import Properties
from tidegate.moqt.subscription import GroupOrder
from tidegate.moqt.version import Profile
from tidegate.moqt.wire import Reader, write_varint


@dataclass(frozen=True, slots=True)
class RequestOk:
    """Grants a request that has no OK of its own.

    Attributes:
        answers: None where replies are unified: the Request ID tells.
        expires: milliseconds; 0 = never, or unknown.
        largest: in answers to TRACK_STATUS and updates; None = no object was published yet.
        group_order: as in SubscribeOk, in answers to TRACK_STATUS at 14.
        properties: as in SubscribeOk, in answers to TRACK_STATUS at 14; not carried at 16.
    """

    request_id: int
    answers: RequestKind | None = None
    expires: int = 0
    largest: Location | None = None
    group_order: GroupOrder | None = None
    properties: Properties = ()

    @classmethod
    def decode(cls, profile: Profile, reader: Reader) -> "RequestOk":
        """Reads REQUEST_OK."""
        request_id = reader.varint()
        parameters = Parameters(profile, reader)
        return cls(request_id, None, parameters.expires(), parameters.largest())

    @classmethod
    def decode_publish_namespace_ok(cls, profile: Profile, reader: Reader) -> "RequestOk":
        return cls(reader.varint(), RequestKind.PUBLISH_NAMESPACE)

    @classmethod
    def decode_subscribe_namespace_ok(cls, profile: Profile, reader: Reader) -> "RequestOk":
        return cls(reader.varint(), RequestKind.SUBSCRIBE_NAMESPACE)

    @classmethod
    def decode_track_status_ok(cls, profile: Profile, reader: Reader) -> "RequestOk":
        """Reads a SUBSCRIBE_OK in all but name; its track alias means nothing."""
        like = SubscribeOk.decode(profile, reader)
        return cls(
            like.request_id,
            RequestKind.TRACK_STATUS,
            like.expires,
            like.largest,
            like.group_order,
            like.properties,
        )

    def encode(self, profile: Profile, out: bytearray) -> int:
        if profile.replies_unified:
            write_varint(out, self.request_id)
            write_parameters(profile, out, expires=self.expires, largest=self.largest)
            return 0x07
        match self.answers:
            case RequestKind.PUBLISH_NAMESPACE:
                write_varint(out, self.request_id)
                return 0x07
            case RequestKind.SUBSCRIBE_NAMESPACE:
                write_varint(out, self.request_id)
                return 0x12
            case RequestKind.TRACK_STATUS:
                SubscribeOk(
                    self.request_id,
                    0,
                    self.expires,
                    self.group_order,
                    self.largest,
                    self.properties,
                ).encode(profile, out)
                return 0x0E
            case other:
                raise EncodeError(f"this draft has no OK of this shape for {other}")
