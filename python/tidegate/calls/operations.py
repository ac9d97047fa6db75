"""Requests under way: each is answered once, and those that change descriptions take turns."""

from collections import deque
from collections.abc import Callable
from typing import TypeAlias

from tidegate import bugs
from tidegate.calls.bodies import Response
from tidegate.calls.plane import Plane
from tidegate.errors import CallsError, CallsInternalError, SignalingStateNotStable
from tidegate.timers import Timer

Answer: TypeAlias = Callable[[Response | CallsError], None]
"""Takes what an operation came to, exactly once: at once, or at most 20 s later."""

Step: TypeAlias = Callable[[float], None]


class Operation:
    """One request, from its arrival to its answer.

    Attributes:
        started: when its work began; what it waits for counts from here.
    """

    __slots__ = ("_answer", "_endings", "started")

    def __init__(self, answer: Answer, now: float) -> None:
        self._answer: Answer | None = answer
        self._endings: list[Callable[[], None]] = []
        self.started = now

    @property
    def pending(self) -> bool:
        return self._answer is not None

    def at_end(self, ending: Callable[[], None]) -> None:
        """Calls ``ending`` just before the answer."""
        self._endings.append(ending)

    def complete(self, result: Response | CallsError) -> None:
        """Answers; what comes after the first answer is dropped."""
        answer, self._answer = self._answer, None
        if answer is None:
            return
        endings, self._endings = self._endings, []
        for ending in endings:
            ending()
        try:
            answer(result)
        except Exception:
            bugs.report("answering a request")

    def run(self, step: Step, now: float) -> None:
        """Takes a step of the request, unless it is answered; a failure is its answer."""
        if not self.pending:
            return
        try:
            step(now)
        except CallsError as error:
            self.complete(error)
        except Exception:
            bugs.report("carrying out a request")
            self.complete(CallsInternalError())


class Turns:
    """Requests of one session that may change its descriptions, one after the other.

    A turn lasts for the request, not for the exchange of descriptions that it may open.
    """

    __slots__ = ("_holder", "_plane", "_queue")

    def __init__(self, plane: Plane) -> None:
        self._plane = plane
        self._holder: Operation | None = None
        self._queue: deque[tuple[Operation, Step, Timer]] = deque()

    def take(self, operation: Operation, step: Step, now: float) -> None:
        """Takes the step in its turn; who waits too long for it is answered 406."""
        if self._holder is None and not self._queue:
            self._begin(operation, step, now)
            return
        patience = self._plane.timers.start(
            now + self._plane.limits.batch_seconds,
            lambda _: operation.complete(SignalingStateNotStable()),
        )
        operation.at_end(patience.cancel)
        self._queue.append((operation, step, patience))

    def _begin(self, operation: Operation, step: Step, now: float) -> None:
        self._holder = operation
        operation.started = now
        operation.at_end(self._release)
        operation.run(step, now)

    def _release(self) -> None:
        self._holder = None
        if self._queue:
            self._plane.soon.append(self._next)

    def _next(self, now: float) -> None:
        while self._holder is None and self._queue:
            operation, step, patience = self._queue.popleft()
            patience.cancel()
            if operation.pending:
                self._begin(operation, step, now)
