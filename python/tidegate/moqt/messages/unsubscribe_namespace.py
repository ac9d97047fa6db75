"""UNSUBSCRIBE_NAMESPACE (14 only): no more of a prefix."""

from dataclasses import dataclass

from tidegate.moqt.names import Namespace


@dataclass(frozen=True, slots=True)
class UnsubscribeNamespace:
    """The draft sends the prefix; moq-dev sends the Request ID instead. One of them is None."""

    prefix: Namespace | None = None
    request_id: int | None = None
