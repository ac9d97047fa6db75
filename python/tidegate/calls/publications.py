"""Tracks that a session publishes, each under a name of its own."""

from typing import TYPE_CHECKING

from tidegate.calls.negotiation import Reception
from tidegate.calls.payload_types import Kind
from tidegate.timers import Timer

if TYPE_CHECKING:
    from tidegate.calls.session import Session
    from tidegate.calls.subscriptions import Subscription


class Publication:
    """One local track: reserved by its name, then opened, flowing, and ended.

    Attributes:
        reception: what the client sends; None until it answered our offer of the section.
        flowing: packets came, and did not stop for the limit's time.
        ended: nothing is forwarded any more, whatever comes.
        closed: it ended because the client closed it.
    """

    __slots__ = (
        "_silence",
        "closed",
        "ended",
        "flowing",
        "kind",
        "mid",
        "name",
        "reception",
        "session",
        "subscriptions",
        "track",
    )

    def __init__(self, session: "Session", name: str, mid: str, kind: Kind) -> None:
        self.session = session
        self.name = name
        self.mid = mid
        self.kind = kind
        self.reception: Reception | None = None
        self.track: int | None = None
        self.flowing = False
        self.ended = False
        self.closed = False
        self.subscriptions: set[Subscription] = set()
        self._silence: Timer | None = None

    def open(self, reception: Reception, now: float) -> None:
        """The client's description says what it sends; said again, what it sends from now on."""
        session = self.session
        engine, limits = session.plane.engine, session.plane.limits
        before, self.reception = self.reception, reception
        if self.track is not None:
            engine.update_rtc_track(
                session.handle,
                self.track,
                mid=self.mid,
                video=self.kind == "video",
                payload_types=reception.payload_types,
                encodings=reception.encodings,
                silent_seconds=limits.silent_seconds,
            )
            if before != reception:
                for subscription in self.subscriptions:
                    subscription.follow()
            return
        self.track = engine.open_rtc_track(
            session.handle,
            mid=self.mid,
            video=self.kind == "video",
            payload_types=reception.payload_types,
            encodings=reception.encodings,
            silent_seconds=limits.silent_seconds,
        )
        session.tracks[self.track] = self
        if session.connected:
            self.expect_media(now)
        session.changed()

    def expect_media(self, now: float) -> None:
        """The session is connected: without a packet in the limit's time the track ends."""
        if self.track is not None and not self.flowing and self._silence is None:
            seconds = self.session.plane.limits.silent_seconds
            self._silence = self.session.plane.timers.start(now + seconds, lambda _: self.end())

    def media_came(self) -> None:
        self.flowing = True
        self._cancel_silence()
        self.session.changed()

    def media_stopped(self) -> None:
        """No packet for the limit's time: it ends. Before the first one, the time is ours to take:
        it counts from when the session is connected."""
        if self.flowing:
            self.end()

    def end(self) -> None:
        """Forwarding stops and the name is free; subscribers keep their sections, silent."""
        if self.ended:
            return
        self.ended = True
        self.flowing = False
        self._cancel_silence()
        session = self.session
        if session.names.get(self.name) is self:
            del session.names[self.name]
        if self.track is not None:
            del session.tracks[self.track]
            session.plane.engine.close_rtc_track(session.handle, self.track)
        for subscription in self.subscriptions:
            subscription.publication = None
        self.subscriptions.clear()
        session.changed()

    def _cancel_silence(self) -> None:
        if self._silence is not None:
            self._silence.cancel()
            self._silence = None
