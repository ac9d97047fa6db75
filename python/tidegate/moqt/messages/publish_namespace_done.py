"""PUBLISH_NAMESPACE_DONE: the publisher withdraws a namespace."""

from dataclasses import dataclass

from tidegate.moqt.names import Namespace


@dataclass(frozen=True, slots=True)
class PublishNamespaceDone:
    """Give both: the profile's ``withdraws_by_request_id`` says which travels and arrives."""

    request_id: int | None = None
    namespace: Namespace | None = None
