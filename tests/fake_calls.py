"""The SFU's rules as the HTTP side sees them, answering what a test tells them to."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias

from tidegate.calls.bodies import NewSessionResponse, Response
from tidegate.calls.operations import Answer
from tidegate.errors import CallsError

SESSION = "e017a2629c754fedc1f7d8587e06d126"


@dataclass(frozen=True, slots=True)
class Call:
    """One operation, as it arrived."""

    operation: str
    app_id: str
    session_id: str | None
    body: bytes
    thirdparty: bool = False


Outcome: TypeAlias = Response | CallsError | Callable[[Answer], None]


class FakeCalls:
    """Writes down every operation, and lets ``outcome`` answer it.

    Attributes:
        outcome: what is answered at once; a function takes the answer and does as it likes.
    """

    def __init__(self) -> None:
        self.calls: list[Call] = []
        self.outcome: Outcome = NewSessionResponse(SESSION)

    def open_session(
        self, app_id: str, body: bytes, now: float, answer: Answer, *, thirdparty: bool = False
    ) -> None:
        self._take(Call("open_session", app_id, None, body, thirdparty), answer)

    def session_state(self, app_id: str, session_id: str, now: float, answer: Answer) -> None:
        self._take(Call("session_state", app_id, session_id, b""), answer)

    def new_tracks(
        self, app_id: str, session_id: str, body: bytes, now: float, answer: Answer
    ) -> None:
        self._take(Call("new_tracks", app_id, session_id, body), answer)

    def renegotiate(
        self, app_id: str, session_id: str, body: bytes, now: float, answer: Answer
    ) -> None:
        self._take(Call("renegotiate", app_id, session_id, body), answer)

    def update_tracks(
        self, app_id: str, session_id: str, body: bytes, now: float, answer: Answer
    ) -> None:
        self._take(Call("update_tracks", app_id, session_id, body), answer)

    def close_tracks(
        self, app_id: str, session_id: str, body: bytes, now: float, answer: Answer
    ) -> None:
        self._take(Call("close_tracks", app_id, session_id, body), answer)

    def _take(self, call: Call, answer: Answer) -> None:
        self.calls.append(call)
        if isinstance(self.outcome, Response | CallsError):
            answer(self.outcome)
        else:
            self.outcome(answer)
