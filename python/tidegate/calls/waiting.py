"""What requests wait for, and for how long: a transport, or a publisher that is not ready."""

from collections.abc import Mapping, Sequence
from typing import Protocol

from tidegate.calls.item_errors import EMPTY, NOT_FOUND, ItemError
from tidegate.calls.limits import Limits
from tidegate.calls.operations import Operation, Step
from tidegate.calls.plane import Plane
from tidegate.calls.publications import Publication
from tidegate.calls.session import Phase, Session
from tidegate.errors import SessionNotConnected
from tidegate.timers import Timer


class Condition(Protocol):
    """Something that comes true, or is given up, in time."""

    @property
    def session(self) -> Session | None:
        """Whose changes it depends on."""

    def settle(self, now: float) -> float | None:
        """None: settled, one way or the other; else when it is given up."""


class Transport:
    """The session's own connection, for what makes no sense without it."""

    def __init__(self, session: Session, started: float) -> None:
        self.session = session
        self._until = started + session.plane.limits.transport_seconds

    def settle(self, now: float) -> float | None:
        """Raises SessionNotConnected when it is given up."""
        if self.session.connected:
            return None
        if now >= self._until:
            raise SessionNotConnected
        return self._until


class Sought:
    """A publication that a subscriber asked for by its session and name.

    Attributes:
        publication: what was found: it is open, its publisher connected, and packets come.
        error: why nothing was found.
    """

    def __init__(
        self,
        sessions: Mapping[str, Session],
        asking: Session,
        session_id: str,
        name: str,
        started: float,
        limits: Limits,
    ) -> None:
        self.session = sessions.get(session_id)
        self.publication: Publication | None = None
        self.error: ItemError | None = None
        self._asking = asking
        self._name = name
        self._publisher_until = started + limits.publisher_seconds
        self._batch_until = started + limits.batch_seconds
        self._media_seconds = limits.media_seconds
        self._media_until: float | None = None

    def settle(self, now: float) -> float | None:
        """An unknown or ended session publishes nothing; one that connects has its time, and
        another for the first packet."""
        if self.publication is not None or self.error is not None:
            return None
        publisher = self.session
        if publisher is None or publisher.phase is Phase.ENDED:
            self.error = NOT_FOUND
            return None
        publication = publisher.names.get(self._name)
        if publication is None and (publisher is self._asking or not publisher.may_yet_publish):
            self.error = NOT_FOUND
            return None
        if publication is None or publication.track is None or not publisher.connected:
            return self._wait(now, self._publisher_until, NOT_FOUND)
        if not publication.flowing:
            if self._media_until is None:
                self._media_until = min(now + self._media_seconds, self._batch_until)
            return self._wait(now, self._media_until, EMPTY)
        self.publication = publication
        return None

    def _wait(self, now: float, until: float, error: ItemError) -> float | None:
        if now < until:
            return until
        self.error = error
        return None


class Wait:
    """A request that goes on once all its conditions are settled."""

    __slots__ = ("_conditions", "_operation", "_plane", "_step", "_timer", "_watched")

    def __init__(
        self, plane: Plane, operation: Operation, conditions: Sequence[Condition], step: Step
    ) -> None:
        self._plane = plane
        self._operation = operation
        self._conditions = [*conditions]
        self._step = step
        self._timer: Timer | None = None
        self._watched: set[Session] = set()

    def begin(self, now: float) -> None:
        """Takes the step at once where nothing is to be waited for."""
        self._operation.at_end(self._leave)
        self._look(now)

    def check(self, now: float) -> None:
        """Something changed, or time has passed."""
        self._operation.run(self._look, now)

    def _look(self, now: float) -> None:
        deadlines: list[float] = []
        waiting: list[Condition] = []
        for condition in self._conditions:
            deadline = condition.settle(now)
            if deadline is not None:
                deadlines.append(deadline)
                waiting.append(condition)
        self._conditions = waiting
        self._leave()
        if not waiting:
            self._step(now)
            return
        for condition in waiting:
            if condition.session is not None:
                condition.session.watchers[self] = None
                self._watched.add(condition.session)
        self._timer = self._plane.timers.start(min(deadlines), self.check)

    def _leave(self) -> None:
        for session in self._watched:
            session.watchers.pop(self, None)
        self._watched.clear()
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
