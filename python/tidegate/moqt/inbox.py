"""What arrives on one control or request stream."""

from typing import TYPE_CHECKING

from tidegate.moqt.codes import SessionCode
from tidegate.moqt.messages import Frames, StreamRole
from tidegate.timers import Timer

if TYPE_CHECKING:
    from tidegate.moqt.requests import Request
    from tidegate.moqt.session import Session


class Inbox:
    """Cuts a stream into messages, and times the one at its end.

    Attributes:
        request: the request whose own stream it is.
    """

    __slots__ = ("_timer", "frames", "request", "session", "stream")

    def __init__(self, session: "Session", stream: int, role: StreamRole) -> None:
        self.session = session
        self.stream = stream
        self.frames = Frames(session.profile, role)
        self.request: Request | None = None
        self._timer: Timer | None = None

    def watch(self, now: float, *, progressed: bool) -> None:
        """Times the message at the stream's end; ``progressed``: another one was completed."""
        if self._timer is not None:
            if self.frames.incomplete and not progressed:
                return
            self.stop_watching()
        if self.frames.incomplete:
            plane = self.session.plane
            self._timer = plane.timers.start(now + plane.limits.message_seconds, self._too_slow)

    def stop_watching(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _too_slow(self, now: float) -> None:
        self.session.plane.doom(
            self.session, SessionCode.CONTROL_MESSAGE_TIMEOUT, "a control message is not finished"
        )
