"""SUBSCRIBE_NAMESPACE: asks for the namespaces, and tracks, under a prefix."""

from dataclasses import dataclass

from tidegate.moqt.errors import EncodeError, ProtocolViolation
from tidegate.moqt.names import Namespace
from tidegate.moqt.parameters import Parameters, write_parameters
from tidegate.moqt.token import Token
from tidegate.moqt.version import Profile
from tidegate.moqt.wire import Reader, write_namespace, write_varint


@dataclass(frozen=True, slots=True)
class SubscribeNamespace:
    """Opens a namespace subscription.

    Attributes:
        prefix: may be empty, for everything.
        wants_namespaces: NAMESPACE (14: PUBLISH_NAMESPACE) for each match. Always at 14.
        wants_tracks: PUBLISH for each match. Always at 14.
        forward: of the PUBLISHes that follow. Always at 14.
    """

    request_id: int
    prefix: Namespace
    wants_namespaces: bool = True
    wants_tracks: bool = True
    forward: bool = True
    tokens: tuple[Token, ...] = ()

    @classmethod
    def decode(cls, profile: Profile, reader: Reader) -> "SubscribeNamespace":
        request_id = reader.varint()
        prefix = reader.namespace(minimum_fields=0, empty_fields=profile.empty_namespace_fields)
        option = reader.varint() if profile.namespace_options else _BOTH
        if option > _BOTH:
            raise ProtocolViolation(f"no Subscribe Options are {option:#x}")
        parameters = Parameters(profile, reader)
        return cls(
            request_id,
            prefix,
            option != _TRACKS,
            option != _NAMESPACES,
            parameters.forward() is not False,
            parameters.tokens(),
        )

    def encode(self, profile: Profile, out: bytearray) -> int:
        write_varint(out, self.request_id)
        write_namespace(out, self.prefix)
        if profile.namespace_options:
            if not self.wants_tracks and not self.wants_namespaces:
                raise EncodeError("SUBSCRIBE_NAMESPACE asks for nothing")
            if not self.wants_namespaces:
                out.append(_TRACKS)
            elif not self.wants_tracks:
                out.append(_NAMESPACES)
            else:
                out.append(_BOTH)
        can_hold_back = profile.options_are_parameters and not self.forward
        write_parameters(profile, out, tokens=self.tokens, forward=False if can_hold_back else None)
        return 0x11


_TRACKS = 0x0
_NAMESPACES = 0x1
_BOTH = 0x2
