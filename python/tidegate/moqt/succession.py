"""Whether a track's publishers go on where it stands, or have started it anew.

A publisher that crashed and starts again from its first group would be taken for one that repeats
what we have. So when none is left of those who brought the track this far, and who is left told of
less, it has the publisher's grace to bring something new.
"""

from typing import TYPE_CHECKING

from tidegate.moqt.names import Location
from tidegate.timers import Timer

if TYPE_CHECKING:
    from tidegate.moqt.publishers import Upstream
    from tidegate.moqt.tracks import Track


class Succession:
    """Watches one track while none of its publishers is trusted to go on."""

    __slots__ = ("_stood_at", "_timer", "_track")

    def __init__(self, track: "Track") -> None:
        self._track = track
        self._timer: Timer | None = None
        self._stood_at: Location | None = None

    def look(self, now: float) -> None:
        """A publisher came, went, or was told to send: watches if that is called for."""
        if self._timer is None and self._in_doubt():
            plane = self._track.plane
            when = now + plane.limits.publisher_grace_seconds
            self._timer = plane.timers.start(when, self._time_over)
            self._track.query_largest(_Standing(self, later=False))

    def stop(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _in_doubt(self) -> "list[Upstream]":
        """The publishers, when none of them is trusted."""
        publishers = self._track.established()
        return [] if any(each.trusted for each in publishers) else publishers

    def _time_over(self, now: float) -> None:
        if self._in_doubt():
            self._track.query_largest(_Standing(self, later=True))
        else:
            self._timer = None

    def standing(self, now: float, largest: Location | None, *, later: bool) -> None:
        """The largest location, at the beginning and at the end of the watch."""
        if not later:
            self._stood_at = largest
            return
        self._timer = None
        publishers = self._in_doubt()
        behind = largest is not None and not any(
            each.announced is not None and each.announced.group >= largest.group
            for each in publishers
        )
        if largest != self._stood_at or not behind:
            for each in publishers:
                each.trusted = True
        elif publishers and (self._track.forwards or not self._track.subscriptions):
            self._track.restart(now, publishers)


class _Standing:
    """The question where a track stands."""

    __slots__ = ("_later", "_succession")

    def __init__(self, succession: Succession, *, later: bool) -> None:
        self._succession = succession
        self._later = later

    def largest_known(self, now: float, largest: Location | None) -> None:
        self._succession.standing(now, largest, later=self._later)
