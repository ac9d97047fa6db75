"""PUBLISH_NAMESPACE: the sender has tracks under a namespace."""

from dataclasses import dataclass

from tidegate.moqt.names import Namespace
from tidegate.moqt.parameters import Parameters, write_parameters
from tidegate.moqt.token import Token
from tidegate.moqt.version import Profile
from tidegate.moqt.wire import Reader, write_namespace, write_varint


@dataclass(frozen=True, slots=True)
class PublishNamespace:
    request_id: int
    namespace: Namespace
    tokens: tuple[Token, ...] = ()

    @classmethod
    def decode(cls, profile: Profile, reader: Reader) -> "PublishNamespace":
        return cls(
            reader.varint(),
            reader.namespace(minimum_fields=1, empty_fields=profile.empty_namespace_fields),
            Parameters(profile, reader).tokens(),
        )

    def encode(self, profile: Profile, out: bytearray) -> int:
        write_varint(out, self.request_id)
        write_namespace(out, self.namespace)
        write_parameters(profile, out, tokens=self.tokens)
        return 0x06
