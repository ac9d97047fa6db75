"""PUBLISH_NAMESPACE_CANCEL: the receiver of a namespace wants no more of it."""

from dataclasses import dataclass

from tidegate.moqt.codes import RequestCode, RequestKind
from tidegate.moqt.errors import EncodeError
from tidegate.moqt.names import Namespace
from tidegate.moqt.version import Profile
from tidegate.moqt.wire import Reader, write_namespace, write_reason, write_varint


@dataclass(frozen=True, slots=True)
class PublishNamespaceCancel:
    """Give both names: the profile's ``withdraws_by_request_id`` says which travels."""

    request_id: int | None = None
    namespace: Namespace | None = None
    code: RequestCode = RequestCode.INTERNAL_ERROR
    reason: str = ""

    @classmethod
    def decode(cls, profile: Profile, reader: Reader) -> "PublishNamespaceCancel":
        request_id: int | None = None
        namespace: Namespace | None = None
        if profile.withdraws_by_request_id:
            request_id = reader.varint()
        else:
            namespace = reader.namespace(
                minimum_fields=1, empty_fields=profile.empty_namespace_fields
            )
        code = profile.codes.request_code(reader.varint(), RequestKind.PUBLISH_NAMESPACE)
        return cls(request_id, namespace, code, reader.reason())

    def encode(self, profile: Profile, out: bytearray) -> int:
        if profile.withdraws_by_request_id:
            if self.request_id is None:
                raise EncodeError("PUBLISH_NAMESPACE_CANCEL names a request in this draft")
            write_varint(out, self.request_id)
        else:
            if self.namespace is None:
                raise EncodeError("PUBLISH_NAMESPACE_CANCEL names a namespace in this draft")
            write_namespace(out, self.namespace)
        write_varint(out, profile.codes.request_number(self.code, RequestKind.PUBLISH_NAMESPACE))
        write_reason(out, self.reason)
        return 0x0C
