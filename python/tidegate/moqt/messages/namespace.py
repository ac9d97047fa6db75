"""NAMESPACE (from 16): one namespace under a subscribed prefix."""

from dataclasses import dataclass

from tidegate.moqt.errors import EncodeError
from tidegate.moqt.names import Namespace as Fields
from tidegate.moqt.version import Profile
from tidegate.moqt.wire import Reader, write_namespace


@dataclass(frozen=True, slots=True)
class Namespace:
    """Announces one match.

    Attributes:
        suffix: the fields after the subscribed prefix; () for the prefix itself.
    """

    suffix: Fields

    @classmethod
    def decode(cls, profile: Profile, reader: Reader) -> "Namespace":
        return cls(reader.namespace(minimum_fields=0, empty_fields=profile.empty_namespace_fields))

    def encode(self, profile: Profile, out: bytearray) -> int:
        if not profile.namespaces_have_messages:
            raise EncodeError("this draft has no NAMESPACE")
        write_namespace(out, self.suffix)
        return 0x08
