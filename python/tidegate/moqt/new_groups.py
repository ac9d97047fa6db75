"""New groups of a track on demand: which NEW_GROUP_REQUEST goes to its publishers, and when."""

from typing import TYPE_CHECKING

from tidegate.moqt.names import Location
from tidegate.moqt.properties import TrackProperty, integer

if TYPE_CHECKING:
    from tidegate.moqt.publishers import Upstream
    from tidegate.moqt.tracks import Track


class NewGroups:
    """What a track's subscribers ask for, numbers being the largest group they know plus 1, or 0.

    Attributes:
        wanted: what our next SUBSCRIBE for the track carries; None: nothing.
    """

    __slots__ = ("_outstanding", "_track", "wanted")

    def __init__(self, track: "Track") -> None:
        self._track = track
        self.wanted: int | None = None
        self._outstanding: int | None = None

    def request(self, now: float, wanted: int) -> None:
        """A subscriber wants a new group."""
        if not self._track.sources:
            self.wanted = max(wanted, self.wanted or 0)
        elif self._is_news(wanted):
            self._track.query_largest(_Request(self, wanted))

    def established(self, now: float, upstream: "Upstream") -> None:
        """A publisher answered: what its SUBSCRIBE could not carry any more follows."""
        if self.wanted is None:
            return
        wanted, self.wanted = self.wanted, None
        if upstream.asked_group is not None and upstream.asked_group >= wanted:
            self._is_asked(wanted, self._track.largest)
        else:
            self.request(now, wanted)

    def decide(self, now: float, wanted: int, largest: Location | None) -> None:
        """Goes on with a request, the largest location being known."""
        if not self._is_news(wanted):
            return
        if wanted and largest is not None and wanted <= largest.group:
            return
        asked = [each.ask_group(now, wanted) for each in self._track.upstreams.values()]
        if any(asked):
            self._is_asked(wanted, largest)

    def _is_news(self, wanted: int) -> bool:
        dynamic = integer(self._track.properties, TrackProperty.DYNAMIC_GROUPS) == 1
        return dynamic and (self._outstanding is None or self._outstanding < wanted)

    def _is_asked(self, wanted: int, largest: Location | None) -> None:
        handle = self._track.handle
        if handle is not None:
            self._outstanding = wanted
            next_group = 0 if largest is None else largest.group + 1
            self._track.plane.engine.watch_group(handle, next_group)

    def reached(self) -> None:
        """The largest group has grown, or the track begins anew: nothing is outstanding."""
        self._outstanding = None


class _Request:
    """Whether a wanted group is news depends on the largest location."""

    __slots__ = ("_groups", "_wanted")

    def __init__(self, groups: NewGroups, wanted: int) -> None:
        self._groups = groups
        self._wanted = wanted

    def largest_known(self, now: float, largest: Location | None) -> None:
        self._groups.decide(now, self._wanted, largest)
