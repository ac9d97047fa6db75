"""From a request to the rules and back: they take a callback, a handler awaits."""

import asyncio
from collections.abc import Callable
from typing import Protocol, TypeAlias

import msgspec
from litestar import Response
from litestar.exceptions import InternalServerException

from tidegate.api.bodies import AnyRequest
from tidegate.calls import bodies
from tidegate.calls.operations import Answer
from tidegate.errors import CallsError, DecodingError

Operation: TypeAlias = Callable[[float, Answer], None]
"""One call of the rules, complete but for the time and who takes the answer."""


class Calls(Protocol):
    """The operations of :class:`tidegate.calls.server.CallsServer`, which says what each does."""

    def open_session(
        self, app_id: str, body: bytes, now: float, answer: Answer, *, thirdparty: bool = False
    ) -> None: ...
    def session_state(self, app_id: str, session_id: str, now: float, answer: Answer) -> None: ...
    def new_tracks(
        self, app_id: str, session_id: str, body: bytes, now: float, answer: Answer
    ) -> None: ...
    def renegotiate(
        self, app_id: str, session_id: str, body: bytes, now: float, answer: Answer
    ) -> None: ...
    def update_tracks(
        self, app_id: str, session_id: str, body: bytes, now: float, answer: Answer
    ) -> None: ...
    def close_tracks(
        self, app_id: str, session_id: str, body: bytes, now: float, answer: Answer
    ) -> None: ...


class Media:
    """The rules as handlers use them.

    Attributes:
        calls: the rules.
    """

    def __init__(self, calls: Calls, act: Callable[[Callable[[float], None]], None]) -> None:
        """``act`` calls what it is given with the rules' time, and keeps the deadlines it makes."""
        self.calls = calls
        self._act = act

    async def reply(self, operation: Operation) -> Response[bytes]:
        """What the operation came to, as JSON.

        Raises:
            CallsError: it failed as a whole.
        """
        future: asyncio.Future[bodies.Response] = asyncio.get_running_loop().create_future()

        def answer(outcome: bodies.Response | CallsError) -> None:
            if future.done():
                # Whoever asked has hung up.
                return
            if isinstance(outcome, CallsError):
                future.set_exception(outcome)
            else:
                future.set_result(outcome)

        self._act(lambda now: operation(now, answer))
        outcome = await future
        body = msgspec.json.encode(outcome)
        return Response(body, status_code=outcome.status, media_type="application/json")


async def body_of(request: AnyRequest) -> bytes:
    """The body as it came.

    Raises:
        DecodingError: the client hung up in the middle.
    """
    try:
        return await request.body()
    except InternalServerException:
        raise DecodingError from None
