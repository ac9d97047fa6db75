"""Tracks that a session receives, each in a section of its own."""

from typing import TYPE_CHECKING

from tidegate.calls import simulcast
from tidegate.calls.bodies import SimulcastPreference
from tidegate.calls.negotiation import Pull, Sending
from tidegate.calls.publications import Publication

if TYPE_CHECKING:
    from tidegate.calls.session import Session


def pull_of(publication: Publication, mid: str | None = None) -> Pull:
    """A publication, which is open, as the subscriber's negotiation takes it."""
    assert publication.reception is not None
    return Pull(publication.reception, publication.session.stream, mid)


class Subscription:
    """One remote track.

    Attributes:
        session_id: of the publisher.
        track_name: what it calls the track.
        publication: what is received; None once it has ended, and the section is silent then.
        sink: the engine's, from the answer on that accepts the section.
        ended: nothing is sent in the section any more, whatever comes.
        closed: it ended because the client closed it.
    """

    __slots__ = (
        "_sending",
        "_stale",
        "closed",
        "ended",
        "mid",
        "preference",
        "publication",
        "session",
        "session_id",
        "sink",
        "track_name",
    )

    def __init__(
        self,
        session: "Session",
        mid: str,
        publication: Publication,
        preference: SimulcastPreference | None,
    ) -> None:
        self.session = session
        self.mid = mid
        self.sink: int | None = None
        self.ended = False
        self.closed = False
        self._sending: Sending | None = None
        self.publication: Publication | None = None
        self._adopt(publication, preference)

    def _adopt(self, publication: Publication, preference: SimulcastPreference | None) -> None:
        if self.publication is not None:
            self.publication.subscriptions.discard(self)
        self.publication = publication
        self.session_id = publication.session.id
        self.track_name = publication.name
        self.preference = preference
        self._stale = False
        publication.subscriptions.add(self)

    def names(self, session_id: str | None, track_name: str | None) -> bool:
        """Whether this is a subscription to that track; what is None is not asked for."""
        return session_id in (None, self.session_id) and track_name in (None, self.track_name)

    def send(self, sending: Sending) -> None:
        """The section is negotiated, or negotiated otherwise than before."""
        publication = self.publication
        if self.ended or publication is None or publication.track is None:
            return
        if self._stale:
            bound = self.session.negotiation.bind(self.mid, pull_of(publication))
            if bound is None:
                return
            sending, self._stale = bound, False
        before, self._sending = self._sending, sending
        engine = self.session.plane.engine
        if self.sink is not None and before is not None:
            if (before.ssrc, before.rtx_ssrc) == (sending.ssrc, sending.rtx_ssrc):
                if before != sending:
                    engine.update_rtc_sink(
                        self.session.handle,
                        self.sink,
                        mappings=sending.mappings,
                        cname=sending.cname,
                    )
                return
            engine.detach_rtc_sink(self.session.handle, self.sink)
        self.sink = engine.attach_rtc_sink(
            self.session.handle,
            publication.track,
            mid=self.mid,
            ssrc=sending.ssrc,
            rtx_ssrc=sending.rtx_ssrc,
            cname=sending.cname,
            mappings=sending.mappings,
            layers=self._layers(publication),
        )

    def prefer(self, preference: SimulcastPreference | None) -> None:
        """Another preference among layers; it replaces the one before as a whole."""
        self.preference = preference
        if self.sink is not None and self.publication is not None:
            self.session.plane.engine.update_rtc_sink(
                self.session.handle, self.sink, layers=self._layers(self.publication)
            )

    def point_to(
        self, publication: Publication, preference: SimulcastPreference | None, sending: Sending
    ) -> None:
        """Another track in the same section: one stream goes on, at the next key frame."""
        self._adopt(publication, preference)
        if self.sink is None:
            self.send(sending)
            return
        self._sending = sending
        self.session.plane.engine.update_rtc_sink(
            self.session.handle,
            self.sink,
            track=publication.track,
            mappings=sending.mappings,
            layers=self._layers(publication),
            cname=sending.cname,
        )

    def follow(self) -> None:
        """The publisher negotiated its track anew."""
        if self.sink is None:
            self._stale = True
        elif self.publication is not None:
            sending = self.session.negotiation.bind(self.mid, pull_of(self.publication))
            if sending is not None:
                self._sending = sending
                self.session.plane.engine.update_rtc_sink(
                    self.session.handle,
                    self.sink,
                    mappings=sending.mappings,
                    layers=self._layers(self.publication),
                )

    def end(self) -> None:
        """Nothing is sent in the section any more."""
        self.ended = True
        if self.publication is not None:
            self.publication.subscriptions.discard(self)
            self.publication = None
        if self.sink is not None:
            self.session.plane.engine.detach_rtc_sink(self.session.handle, self.sink)
            self.sink = None

    def _layers(self, publication: Publication) -> list[str]:
        reception = publication.reception
        rids = [encoding.rid for encoding in reception.encodings] if reception else []
        return simulcast.layers(self.preference, rids)
