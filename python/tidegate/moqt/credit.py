"""Request IDs and MAX_REQUEST_ID, for both sides of a session.

What the peer may ask slides on as its requests finish. What we ask waits for the peer's credit, in
order; a request may have credit set aside before it is issued, since what it says depends on the
engine, and Request IDs have to follow one another on the wire.
"""

from collections import deque

from tidegate.moqt.codes import SessionCode
from tidegate.moqt.failures import SessionFailure, violation
from tidegate.moqt.requests import OwnRequest, Progress


class OwnCredit:
    """What we may ask of the peer.

    Attributes:
        next_id: the Request ID of our next request.
        maximum: what the peer granted; our Request IDs stay below it.
        unissued: requests without a Request ID, waiting or with credit set aside.
    """

    __slots__ = ("_blocked_at", "_reserved", "_waiting", "maximum", "next_id", "unissued")

    def __init__(self, first_id: int) -> None:
        self.next_id = first_id
        self.maximum = 0
        self.unissued: set[OwnRequest] = set()
        self._reserved = 0
        self._waiting: deque[OwnRequest] = deque()
        self._blocked_at = -1

    @property
    def left(self) -> bool:
        """Whether the peer granted a request that is not spoken for."""
        return self.next_id + 2 * self._reserved < self.maximum

    @property
    def waiting(self) -> int:
        return len(self._waiting)

    def wait(self, request: OwnRequest) -> None:
        self.unissued.add(request)
        self._waiting.append(request)

    def spread(self, now: float) -> None:
        """Gives what credit there is to those who wait."""
        while self._waiting and self.left:
            request = self._waiting.popleft()
            self._reserved += 1
            request.progress = Progress.CREDITED
            assert request.owner is not None, "every request of ours has one"
            request.owner.credited(now, request)

    def is_news(self) -> bool:
        """Whether somebody waits, and the peer was not told since its last grant."""
        if not self._waiting or self._blocked_at == self.maximum:
            return False
        self._blocked_at = self.maximum
        return True

    def issue(self, request: OwnRequest) -> None:
        """Gives the next Request ID to a request that has credit."""
        self._reserved -= 1
        self.unissued.discard(request)
        request.request_id = self.next_id
        self.next_id += 2

    def give_back(self, request: OwnRequest) -> None:
        """A request is dropped before it was issued."""
        self.unissued.discard(request)
        if request.progress is Progress.CREDITED:
            self._reserved -= 1
        elif request in self._waiting:
            self._waiting.remove(request)

    def raise_to(self, maximum: int) -> None:
        """The peer's MAX_REQUEST_ID.

        Raises:
            SessionFailure: it did not grow.
        """
        if maximum <= self.maximum:
            raise violation("MAX_REQUEST_ID did not grow")
        self.maximum = maximum


class PeerCredit:
    """What the peer may ask of us.

    Attributes:
        next_id: the Request ID that its next request must have.
        granted: what we granted; its Request IDs stay below it.
        open: how many of its requests are open.
    """

    __slots__ = ("_most", "_window", "granted", "next_id", "open")

    def __init__(self, first_id: int, *, window: int, most: int) -> None:
        """``window``: requests granted ahead; ``most``: requests open at a time."""
        self.next_id = first_id
        self.granted = 2 * window
        self.open = 0
        self._window = 2 * window
        self._most = most

    def spend(self, request_id: int) -> None:
        """A request of the peer came.

        Raises:
            SessionFailure: its Request ID is not the next one, or beyond the grant.
        """
        if request_id >= self.granted:
            raise SessionFailure(
                SessionCode.TOO_MANY_REQUESTS, "a Request ID is beyond MAX_REQUEST_ID"
            )
        if request_id != self.next_id:
            raise SessionFailure(
                SessionCode.INVALID_REQUEST_ID, "a Request ID is not the next in sequence"
            )
        self.next_id += 2
        self.open += 1

    def extend(self) -> bool:
        """Raises the grant when half of the window is used, as far as open requests allow.

        Returns whether the peer has to be told.
        """
        if self.granted - self.next_id > self._window // 2:
            return False
        room = 2 * max(0, self._most - self.open)
        target = self.next_id + min(self._window, room)
        if target <= self.granted:
            return False
        self.granted = target
        return True
