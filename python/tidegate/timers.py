"""Deadlines, without a clock: ``now`` comes in, the next deadline goes out."""

import heapq
from collections.abc import Callable
from itertools import count


class Timer:
    """One deadline; fires once unless cancelled."""

    __slots__ = ("_fire",)

    def __init__(self, fire: Callable[[float], None]) -> None:
        self._fire: Callable[[float], None] | None = fire

    @property
    def pending(self) -> bool:
        return self._fire is not None

    def cancel(self) -> None:
        self._fire = None

    def fire(self, now: float) -> None:
        fire, self._fire = self._fire, None
        if fire is not None:
            fire(now)


class Timers:
    """A heap that forgets cancelled timers lazily: beyond 64, at most half of it."""

    __slots__ = ("_heap", "_order", "_sweep_at")

    def __init__(self) -> None:
        self._heap: list[tuple[float, int, Timer]] = []
        self._order = count()
        self._sweep_at = 64

    def __len__(self) -> int:
        return sum(timer.pending for _, _, timer in self._heap)

    @property
    def stored(self) -> int:
        """Timers in memory, cancelled ones included."""
        return len(self._heap)

    def start(self, when: float, fire: Callable[[float], None]) -> Timer:
        """Calls ``fire(now)`` at ``when`` or later."""
        timer = Timer(fire)
        heapq.heappush(self._heap, (when, next(self._order), timer))
        if len(self._heap) > self._sweep_at:
            self._heap = [entry for entry in self._heap if entry[2].pending]
            heapq.heapify(self._heap)
            self._sweep_at = max(64, 2 * len(self._heap))
        return timer

    def next_timeout(self) -> float | None:
        """When the earliest pending timer is due; None: never."""
        heap = self._heap
        while heap and not heap[0][2].pending:
            heapq.heappop(heap)
        return heap[0][0] if heap else None

    def due(self, now: float) -> Timer | None:
        """Takes one timer whose time has come; None when there is none."""
        when = self.next_timeout()
        if when is None or when > now:
            return None
        return heapq.heappop(self._heap)[2]
