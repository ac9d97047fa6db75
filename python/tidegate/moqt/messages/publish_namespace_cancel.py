"""PUBLISH_NAMESPACE_CANCEL: the receiver of a namespace wants no more of it."""

from dataclasses import dataclass

from tidegate.moqt.codes import RequestCode
from tidegate.moqt.names import Namespace


@dataclass(frozen=True, slots=True)
class PublishNamespaceCancel:
    """Give both names: the profile's ``withdraws_by_request_id`` says which travels."""

    request_id: int | None = None
    namespace: Namespace | None = None
    code: RequestCode = RequestCode.INTERNAL_ERROR
    reason: str = ""
