"""What a rule raises when it cannot be kept: for one request, or for the whole session."""

from tidegate.moqt.codes import RequestCode, SessionCode


class Refusal(Exception):
    """One request cannot be served; the session goes on.

    Attributes:
        reason: for people; names no token and no path.
        retry_after: milliseconds; None = do not try again.
    """

    def __init__(self, code: RequestCode, reason: str, retry_after: int | None = None) -> None:
        super().__init__(reason)
        self.code = code
        self.reason = reason
        self.retry_after = retry_after


class SessionFailure(Exception):
    """The peer broke a rule of the session, which closes with ``code``."""

    def __init__(self, code: SessionCode, reason: str) -> None:
        super().__init__(reason)
        self.code = code
        self.reason = reason


def violation(reason: str) -> SessionFailure:
    return SessionFailure(SessionCode.PROTOCOL_VIOLATION, reason)
