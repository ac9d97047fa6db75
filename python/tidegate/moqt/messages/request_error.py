"""REQUEST_ERROR (14: the *_ERROR of each request)."""

from dataclasses import dataclass

from tidegate.moqt.codes import RequestCode, RequestKind


@dataclass(frozen=True, slots=True)
class RequestError:
    """Attributes:
    answers: always set by the sender; on arrival None where replies are unified.
    retry_after: milliseconds; None = do not try again. Not carried at 14.
    reason: for people; longer than 1024 bytes is cut.
    """

    request_id: int
    answers: RequestKind | None
    code: RequestCode
    reason: str = ""
    retry_after: int | None = None
