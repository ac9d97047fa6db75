"""UNSUBSCRIBE_NAMESPACE (14 only): no more of a prefix."""

from dataclasses import dataclass

from tidegate.moqt.errors import EncodeError
from tidegate.moqt.names import Namespace
from tidegate.moqt.version import Profile
from tidegate.moqt.wire import Reader, write_namespace


@dataclass(frozen=True, slots=True)
class UnsubscribeNamespace:
    """The draft sends the prefix; moq-dev sends the Request ID instead. One of them is None."""

    prefix: Namespace | None = None
    request_id: int | None = None

    @classmethod
    def decode(cls, profile: Profile, reader: Reader) -> "UnsubscribeNamespace":
        payload = reader.rest()
        number = Reader(payload)
        value = number.varint()
        if number.at_end:
            return cls(None if value else (), value)
        fields = Reader(payload)
        prefix = fields.namespace(minimum_fields=1, empty_fields=profile.empty_namespace_fields)
        fields.finish()
        return cls(prefix)

    def encode(self, profile: Profile, out: bytearray) -> int:
        if self.prefix is None:
            raise EncodeError("UNSUBSCRIBE_NAMESPACE names a prefix")
        write_namespace(out, self.prefix)
        return 0x14
