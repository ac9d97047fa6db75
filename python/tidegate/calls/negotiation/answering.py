"""Answering a client's offer."""

from dataclasses import replace
from typing import cast

from tidegate.calls.negotiation.exchange import Exchange, receivable_streams
from tidegate.calls.negotiation.plans import Answer, Credentials, Intents, Pull
from tidegate.calls.negotiation.section import (
    NegotiatedSection,
    direction_of,
    receives,
    reception,
    sending,
    sends,
)
from tidegate.calls.payload_types import Kind
from tidegate.calls.sdp import Description, Direction, Section
from tidegate.errors import InvalidSessionDescription, MalformedSessionDescription


class Answering(Exchange):
    """One offer of the client."""

    def answer(self, offer: str, intents: Intents) -> Answer:
        description = Description.cut(offer)
        before = self.session.sections
        self._check_count(len(description.sections))
        self._intents = intents
        self._common = description.session
        self._texts = self.texts(description)
        self._before: list[NegotiatedSection | None] = [
            *before,
            *[None] * (len(self._texts) - len(before)),
        ]
        common = (description.session.direction, description.session.extensions)
        self._reread = common != self.session.common
        self.session.common = common
        self._same = [self._unchanged(index) for index in range(len(self._texts))]
        self._mids = self._read_mids()
        self._tag = self._find_tag()
        credentials = self._read_bundled()
        pulled = self._place_pulls()

        self.session.sections = []
        for index, (text, old) in enumerate(zip(self._texts, self._before, strict=True)):
            if old is not None and self._same[index]:
                self.session.sections.append(old)
                continue
            new = replace(self._section(index, pulled.get(index)), offered=text.digest)
            if old is not None and old == new:
                new = replace(new, answered=old.answered)
            self.changes.note(old, new)
            self.session.sections.append(new)
        self.count_mids(self._mids)
        places = {id(pull): self._mids[index] for index, pull in pulled.items()}
        return Answer(
            **self.outcome(credentials),
            sdp=self.write(
                "answer",
                bundle=self._common.bundle is not None,
                extmap_allow_mixed=self._common.extmap_allow_mixed,
            ),
            pulled=tuple(places.get(id(pull)) for pull in intents.pulls),
        )

    def _check_count(self, count: int) -> None:
        most = self.environment.most_sections
        if count == 0:
            raise InvalidSessionDescription("The offer has no media section.")
        if count > most:
            raise InvalidSessionDescription(f"A session has at most {most} media sections.")
        if count < len(self.session.sections):
            raise InvalidSessionDescription("The offer lacks media sections of an earlier one.")

    # Which section is which.

    def _unchanged(self, index: int) -> bool:
        """Whether the client says what it said before, and nobody wants anything else of it."""
        old = self._before[index]
        if old is None or self._reread or old.offered != self._texts[index].digest:
            return False
        intents, mid = self._intents, old.mid
        return not (
            mid in intents.close
            or (old.closed and mid in intents.publish)
            or (not old.bidirectional and mid in intents.bidirectional)
            or any(self._might_carry(pull, old) for pull in intents.pulls)
        )

    @staticmethod
    def _might_carry(pull: Pull, section: NegotiatedSection) -> bool:
        if section.rejected or section.kind != pull.track.kind:
            return False
        return section.pull is None if pull.mid is None else section.mid == pull.mid

    def _read_mids(self) -> list[str]:
        mids = []
        for index, (text, old) in enumerate(zip(self._texts, self._before, strict=True)):
            if old is not None and self._same[index]:
                mids.append(old.mid)
                continue
            section = text.read()
            mid = section.mid
            if not mid and old is not None and section.rejected:
                mid = old.mid
            if not mid:
                raise MalformedSessionDescription(f"Media section {index} lacks a=mid.")
            if old is not None and not old.rejected and (old.mid, old.kind) != (mid, section.kind):
                raise InvalidSessionDescription(
                    f"Media section {index} is another one than before."
                )
            mids.append(mid)
        if len(set(mids)) < len(mids):
            raise InvalidSessionDescription("Two media sections have the same a=mid.")
        return mids

    def _find_tag(self) -> int | None:
        """The section that carries the bundle: the first live one of the group (RFC 8843 §7.2)."""
        places = {mid: index for index, mid in enumerate(self._mids)}
        group = self._mids if self._common.bundle is None else self._common.bundle
        for mid in group:
            index = places.get(mid)
            if index is not None and not self._offered_dead(index):
                return index
        return None

    def _offered_dead(self, index: int) -> bool:
        old = self._before[index]
        if old is not None and self._same[index]:
            return old.rejected
        return self._texts[index].read().rejected

    def _read_bundled(self) -> Credentials | None:
        if self._tag is None:
            return None
        if self._same[self._tag] and self.session.bundled == self._mids[self._tag]:
            return None
        return self.read_peer(self._common, self._texts[self._tag].read())

    def _bundled(self, index: int) -> bool:
        if self._common.bundle is None:
            return index == self._tag
        return self._mids[index] in self._common.bundle

    # Where tracks go.

    def _place_pulls(self) -> dict[int, Pull]:
        """Finds each pull a section: the one it names, or the first that is free. Those in which
        the client only receives come before those in which it may send too, closed ones last."""
        if not self._intents.pulls:
            return {}
        free = sorted(
            (old is not None and old.closed, sends(self._direction(index)), index)
            for index, old in enumerate(self._before)
            if not self._same[index]
        )
        placed: dict[int, Pull] = {}
        for pull in self._intents.pulls:
            for _, _, index in free:
                if index not in placed and self._carries(index, pull):
                    placed[index] = pull
                    break
        return placed

    def _carries(self, index: int, pull: Pull) -> bool:
        old, mid = self._before[index], self._mids[index]
        if mid in self._intents.close or not self._bundled(index):
            return False
        section = self._texts[index].read()
        if section.rejected or section.kind != pull.track.kind:
            return False
        if pull.mid is None:
            if old is not None and old.mid == mid and old.pull is not None:
                return False
        elif pull.mid != mid:
            return False
        known = self.known(pull.track.kind, section)
        return receives(self._direction(index)) and bool(self.mappings(pull.track.formats, known))

    def _direction(self, index: int) -> Direction:
        return self._texts[index].read().direction or self._common.direction

    # What each section becomes.

    def _section(self, index: int, pull: Pull | None) -> NegotiatedSection:
        offered = self._texts[index].read()
        old = self._before[index]
        base = NegotiatedSection(self._mids[index], offered.kind, offered.protocol)
        if old is not None and old.mid == base.mid:
            base = replace(old, protocol=offered.protocol)
        if offered.rejected:
            return base.ended(rejected=True)
        if offered.kind == "application":
            return self._application(index, offered, base)
        if offered.kind not in ("audio", "video"):
            return base.ended(rejected=True)
        return self._media(index, offered, base, pull)

    def _application(
        self, index: int, offered: Section, base: NegotiatedSection
    ) -> NegotiatedSection:
        another = any(
            section.kind == "application" and not section.rejected
            for section in self.session.sections
        )
        if offered.data_channels is None or another or not self._bundled(index):
            return base.ended(rejected=True)
        return replace(base, rejected=False, data_channels=offered.data_channels).written()

    def _media(
        self, index: int, offered: Section, base: NegotiatedSection, pull: Pull | None
    ) -> NegotiatedSection:
        kind = cast(Kind, offered.kind)
        intents, mid = self._intents, base.mid
        known = self.known(kind, offered)
        if not self._bundled(index) or (not known and index != self._tag):
            return replace(base, formats=offered.formats).ended(rejected=True)

        direction = self._direction(index)
        closed = mid in intents.close or (
            base.closed and mid not in intents.publish and pull is None
        )
        bidirectional = base.bidirectional or mid in intents.bidirectional
        extensions, mirrored = self.extensions(self._common, offered)
        base = replace(
            base,
            rejected=False,
            closed=closed,
            bidirectional=bidirectional,
            extensions=mirrored,
            rtcp_rsize=offered.rtcp_rsize,
            extmap_allow_mixed=offered.extmap_allow_mixed,
            reception=None,
            pull=None,
            sending=None,
            direction="inactive",
            formats=known or offered.formats,
        )
        old = self._before[index]
        if old is not None and old.mid != mid:
            old = None
        if closed or not known:
            return base.written(old)
        kept = None if old is None else old.pull
        base = self._send(base, kind, direction, pull or kept, new=pull is not None)
        if sends(direction):
            streams = receivable_streams(offered, extensions)
            base = replace(base, reception=reception(mid, kind, known, extensions, streams))
        elif base.sending is not None and not bidirectional:
            taken = {mapping.subscriber for mapping in base.sending.mappings}
            base = replace(base, formats=tuple(each for each in known if each.pt in taken))
        sent = base.outgoing is not None and receives(direction)
        agreed = direction_of(sends=sent, receives=base.reception is not None)
        return replace(base, direction=agreed).written(old)

    def _send(
        self,
        base: NegotiatedSection,
        kind: Kind,
        direction: Direction,
        pull: Pull | None,
        *,
        new: bool,
    ) -> NegotiatedSection:
        """The section with what we send in it: a track, the promise of one, or nothing."""
        if not receives(direction) or (pull is None and not base.bidirectional):
            return replace(base, outgoing=base.outgoing if base.bidirectional else None)
        outgoing = base.outgoing
        if outgoing is None or (new and not base.bidirectional):
            stream = self.session.stream if pull is None else pull.stream
            outgoing = self.outgoing(kind, stream)
        if pull is None:
            return replace(base, outgoing=outgoing)
        mapped = self.mappings(pull.track.formats, base.formats)
        found = sending(base.mid, outgoing, pull, mapped)
        if found is None:
            return replace(base, outgoing=outgoing if base.bidirectional else None)
        return replace(base, outgoing=outgoing, pull=pull, sending=found)
