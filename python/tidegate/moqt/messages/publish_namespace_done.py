"""PUBLISH_NAMESPACE_DONE: the publisher withdraws a namespace."""

from dataclasses import dataclass

from tidegate.moqt.errors import EncodeError
from tidegate.moqt.names import Namespace
from tidegate.moqt.version import Profile
from tidegate.moqt.wire import Reader, write_namespace, write_varint


@dataclass(frozen=True, slots=True)
class PublishNamespaceDone:
    """Give both: the profile's ``withdraws_by_request_id`` says which travels and arrives."""

    request_id: int | None = None
    namespace: Namespace | None = None

    @classmethod
    def decode(cls, profile: Profile, reader: Reader) -> "PublishNamespaceDone":
        if profile.withdraws_by_request_id:
            return cls(request_id=reader.varint())
        return cls(
            namespace=reader.namespace(
                minimum_fields=1, empty_fields=profile.empty_namespace_fields
            )
        )

    def encode(self, profile: Profile, out: bytearray) -> int:
        if profile.withdraws_by_request_id:
            if self.request_id is None:
                raise EncodeError("PUBLISH_NAMESPACE_DONE names a request in this draft")
            write_varint(out, self.request_id)
        else:
            if self.namespace is None:
                raise EncodeError("PUBLISH_NAMESPACE_DONE names a namespace in this draft")
            write_namespace(out, self.namespace)
        return 0x09
