"""Offering sections to a client, and taking its answer."""

from collections.abc import Sequence
from dataclasses import replace
from typing import cast

from tidegate.calls.negotiation.exchange import (
    Exchange,
    SectionText,
    common_lines,
    receivable_streams,
)
from tidegate.calls.negotiation.plans import Offer, Outcome, Pull, Push
from tidegate.calls.negotiation.section import (
    NegotiatedSection,
    direction_of,
    receives,
    reception,
    sending,
    sends,
)
from tidegate.calls.payload_types import PUSHED, Kind
from tidegate.calls.sdp import DataChannels, Description, Extension, Section, SessionLines
from tidegate.errors import InvalidSessionDescription

_RTP = "UDP/TLS/RTP/SAVPF"
_SCTP = "UDP/DTLS/SCTP"


class Offering(Exchange):
    """One offer of ours, or the client's answer to it."""

    def offer(self, pulls: Sequence[Pull], pushes: Sequence[Push], *, data_channels: bool) -> Offer:
        self._retire(len(pulls) + len(pushes))
        pulled = [self._add(self._pulled(pull)) for pull in pulls]
        pushed = [self._add(self._pushed(push)) for push in pushes]
        if data_channels and not self._has_data_channels():
            self._add(NegotiatedSection("", "application", _SCTP, data_channels=DataChannels(5000)))
        return Offer(
            sdp=self.write("offer", bundle=True, extmap_allow_mixed=True),
            pulled=tuple(pulled),
            pushed=tuple(pushed),
        )

    def _has_data_channels(self) -> bool:
        return any(
            section.kind == "application" and not section.rejected
            for section in self.session.sections
        )

    def _pulled(self, pull: Pull) -> NegotiatedSection:
        track = pull.track
        return NegotiatedSection(
            "",
            track.kind,
            _RTP,
            direction="sendonly",
            formats=self.session.payload_types.offered(track.kind, track.formats),
            extensions=self._extensions(track.kind, track.extensions),
            rtcp_rsize=True,
            outgoing=self.outgoing(track.kind, pull.stream),
            pull=pull,
        )

    def _pushed(self, push: Push) -> NegotiatedSection:
        kind = push.kind
        return NegotiatedSection(
            "",
            kind,
            _RTP,
            bidirectional=push.bidirectional,
            direction="sendrecv" if push.bidirectional else "recvonly",
            formats=self.session.payload_types.offered(kind, PUSHED[kind]),
            extensions=self._extensions(kind),
            rtcp_rsize=True,
            outgoing=self.outgoing(kind, self.session.stream) if push.bidirectional else None,
        )

    def _extensions(
        self, kind: Kind, publisher: tuple[Extension, ...] = ()
    ) -> tuple[Extension, ...]:
        ids, numbers = self.session.extension_ids, self.environment.extensions
        return tuple(ids.offered(kind, publisher, numbers))

    def _add(self, section: NegotiatedSection) -> str:
        """Gives a section the next mid, and a place: the end, or where the session is full, that of
        one that both sides know as rejected (RFC 8829 §5.2.2)."""
        if section.kind != "application" and not section.formats:
            raise InvalidSessionDescription("No payload type of the session is free.")
        sections = self.session.sections
        mid = str(self.session.next_mid)
        while any(each.mid == mid for each in sections):
            self.session.next_mid += 1
            mid = str(self.session.next_mid)
        self.session.next_mid += 1
        section = replace(section, mid=mid, pending=True).written()
        if len(sections) < self.environment.most_sections:
            sections.append(section)
            return mid
        for index, old in enumerate(sections):
            if old.rejected and not old.pending:
                sections[index] = section
                return mid
        raise InvalidSessionDescription(
            f"A session has at most {self.environment.most_sections} media sections."
        )

    def _retire(self, added: int) -> None:
        """Once half of the session's sections are used up, closed ones are offered with port 0, so
        that their places can be used again; but for the one that carries the bundle."""
        sections = self.session.sections
        if 2 * (len(sections) + added) <= self.environment.most_sections:
            return
        for index, section in enumerate(sections):
            if section.closed and not section.rejected and section.mid != self.session.bundled:
                # Pending: the client has not heard of it, and nothing may take its place yet.
                sections[index] = replace(section.ended(rejected=True), pending=True)

    # The client answers.

    def accept_answer(self, answer: str) -> Outcome:
        description = Description.cut(answer)
        sections = self.session.sections
        if len(description.sections) != len(sections):
            raise InvalidSessionDescription("The answer has other media sections than the offer.")
        texts = self.texts(description)
        common = common_lines(description.session)
        unchanged = [
            old.answered == text.digest and common == self.session.common
            for old, text in zip(sections, texts, strict=True)
        ]
        self.session.common = common
        self._check_mids(texts, unchanged)
        self._read_bundled(description.session, texts, unchanged)

        for index, (old, text) in enumerate(zip(sections, texts, strict=True)):
            if unchanged[index]:
                continue
            new = replace(
                self._accepted(old, text.read(), description.session), answered=text.digest
            )
            if replace(old, pending=False) == new:
                new = replace(new, offered=old.offered)
            self.changes.note(old, new)
            if old.pending and not old.rejected and new.closed:
                self.changes.refused.add(new.mid)
            sections[index] = new
        return Outcome(**self.outcome(None))

    def _check_mids(self, texts: Sequence[SectionText], unchanged: Sequence[bool]) -> None:
        for index, (old, text) in enumerate(zip(self.session.sections, texts, strict=True)):
            if unchanged[index]:
                continue
            section = text.read()
            same = section.mid == old.mid or (section.rejected and not section.mid)
            if not same or section.kind != old.kind:
                raise InvalidSessionDescription(
                    f"Media section {index} of the answer is not the one that was offered."
                )

    def _read_bundled(
        self, session: SessionLines, texts: Sequence[SectionText], unchanged: Sequence[bool]
    ) -> None:
        for old, text, same in zip(self.session.sections, texts, unchanged, strict=True):
            if old.rejected or (not same and text.read().rejected):
                continue
            if not same or old.mid != self.session.bundled:
                self.read_peer(session, text.read())
            return

    def _accepted(
        self, old: NegotiatedSection, answered: Section, session: SessionLines
    ) -> NegotiatedSection:
        if answered.rejected or old.rejected:
            return old.ended(rejected=True)
        if old.kind == "application":
            sctp = answered.data_channels
            if sctp is None:
                return old.ended(rejected=True)
            return replace(old, pending=False, data_channels=sctp).written()
        if old.closed:
            return old.ended()
        return self._accepted_media(old, answered, session)

    def _accepted_media(
        self, old: NegotiatedSection, answered: Section, session: SessionLines
    ) -> NegotiatedSection:
        kind = cast(Kind, old.kind)
        known = self.known(kind, answered)
        direction = answered.direction or session.direction
        mutual = {(each.id, each.uri) for each in old.extensions}
        accepted, _ = self.extensions(session, answered)
        extensions = [each for each in accepted if (each.id, each.uri) in mutual]
        uris = {each.uri for each in extensions}
        received = None
        if receives(old.direction) and sends(direction) and known:
            streams = receivable_streams(answered, extensions)
            received = reception(old.mid, kind, known, extensions, streams)
        found = None
        if old.pull is not None and old.outgoing is not None and receives(direction):
            mapped = self.mappings(old.pull.track.formats, known)
            found = sending(old.mid, old.outgoing, old.pull, mapped)
        if old.direction == "sendonly" and found is None:
            return old.ended()
        if old.direction != "inactive" and not known:
            return old.ended()
        sent = old.outgoing is not None and sends(old.direction) and receives(direction)
        return replace(
            old,
            pending=False,
            direction=direction_of(sends=sent, receives=received is not None),
            formats=known or old.formats,
            extensions=tuple(each for each in old.extensions if each.uri in uris),
            reception=received,
            pull=old.pull if found is not None else None,
            sending=found,
        ).written(old)
