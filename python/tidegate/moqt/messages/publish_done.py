"""PUBLISH_DONE: the publisher has ended a subscription."""

from dataclasses import dataclass

from tidegate.moqt.codes import DoneCode


@dataclass(frozen=True, slots=True)
class PublishDone:
    """Attributes:
    stream_count: data streams opened for the subscription; None = unknown.
    """

    request_id: int
    code: DoneCode
    stream_count: int | None = None
    reason: str = ""
