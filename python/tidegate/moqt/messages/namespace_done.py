"""NAMESPACE_DONE (from 16): a namespace that NAMESPACE announced is gone."""

from dataclasses import dataclass

from tidegate.moqt.errors import EncodeError
from tidegate.moqt.names import Namespace as Fields
from tidegate.moqt.version import Profile
from tidegate.moqt.wire import Reader, write_namespace


@dataclass(frozen=True, slots=True)
class NamespaceDone:
    """Withdraws one match.

    Attributes:
        suffix: as in Namespace.
    """

    suffix: Fields

    @classmethod
    def decode(cls, profile: Profile, reader: Reader) -> "NamespaceDone":
        return cls(reader.namespace(minimum_fields=0, empty_fields=profile.empty_namespace_fields))

    def encode(self, profile: Profile, out: bytearray) -> int:
        if not profile.namespaces_have_messages:
            raise EncodeError("this draft has no NAMESPACE_DONE")
        write_namespace(out, self.suffix)
        return 0x0E
