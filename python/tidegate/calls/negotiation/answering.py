"""Answering a client's offer."""

from dataclasses import replace
from typing import cast

from tidegate.calls.negotiation.exchange import Exchange, common_lines, receivable_streams
from tidegate.calls.negotiation.peer import new_credentials
from tidegate.calls.negotiation.plans import Answer, Credentials, Intents, Pull, Sending
from tidegate.calls.negotiation.section import (
    NegotiatedSection,
    Outgoing,
    direction_of,
    receives,
    reception,
    sending,
    sends,
)
from tidegate.calls.payload_types import Kind
from tidegate.calls.sdp import Description, Direction, Extension, Format, Section
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
        self._group = None if self._common.bundle is None else frozenset(self._common.bundle)
        common = common_lines(description.session)
        self._reread = common != self.session.common
        self.session.common = common
        self._same = [self._unchanged(index) for index in range(len(self._texts))]
        self._mids = self._read_mids()
        self._tag = self._find_tag()
        self._taken_formats: dict[tuple[int, int], tuple[Format, ...]] = {}
        credentials = self._read_bundled()
        pulled = self._place_pulls()

        self.session.sections = []
        for index, (text, old) in enumerate(zip(self._texts, self._before, strict=True)):
            if old is not None and self._same[index]:
                self.session.sections.append(old)
                continue
            pull = intents.pulls[pulled[index]] if index in pulled else None
            new = replace(self._section(index, pull), offered=text.digest)
            if old is not None and old == new:
                new = replace(new, answered=old.answered)
            self.changes.note(old, new)
            if new.rejected and not text.read().rejected:
                self.changes.refused.add(new.mid)
            self.session.sections.append(new)
        self.count_mids(self._mids)
        mids = {place: self._mids[index] for index, place in pulled.items()}
        return Answer(
            **self.outcome(credentials),
            sdp=self.write(
                "answer",
                bundle=self._common.bundle is not None,
                extmap_allow_mixed=self._common.extmap_allow_mixed,
            ),
            pulled=tuple(map(mids.get, range(len(intents.pulls)))),
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
        """Takes the peer's transport; new credentials of ours answer a restart of ICE
        (RFC 8839 §4.4.3.1.1)."""
        if self._tag is None:
            return None
        if self._same[self._tag] and self.session.bundled == self._mids[self._tag]:
            return None
        before = self.session.peer
        self.read_peer(self._common, self._texts[self._tag].read())
        if before is None or not before.restarted(self.session.peer):
            return None
        self.session.credentials = new_credentials(self.environment.entropy)
        return self.session.credentials

    def _bundled(self, index: int) -> bool:
        return index == self._tag if self._group is None else self._mids[index] in self._group

    # Where tracks go.

    def _place_pulls(self) -> dict[int, int]:
        """Finds each pull a section: the one it names, or the first that is free. Those in which
        the client only receives come before those in which it may send too, closed ones last."""
        if not self._intents.pulls:
            return {}
        free = sorted(
            (old is not None and old.closed, sends(self._direction(index)), index)
            for index, old in enumerate(self._before)
            if not self._same[index]
        )
        placed: dict[int, int] = {}
        for place, pull in enumerate(self._intents.pulls):
            for _, _, index in free:
                if index not in placed and self._carries(index, pull):
                    placed[index] = place
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
        return receives(self._direction(index)) and self.share(pull.track.formats, known)

    def _direction(self, index: int) -> Direction:
        return self._texts[index].read().direction or self._common.direction

    # What each section becomes.

    def _section(self, index: int, pull: Pull | None) -> NegotiatedSection:
        offered, mid = self._texts[index].read(), self._mids[index]
        old = self._before[index]
        if old is not None and old.mid != mid:
            old = None
        if offered.kind in ("audio", "video") and not offered.rejected and self._bundled(index):
            known = self.known(cast(Kind, offered.kind), offered)
            if known or index == self._tag:
                return self._media(offered, mid, old, known, pull, self._direction(index))
        base = old or NegotiatedSection(
            mid, offered.kind, offered.protocol, formats=offered.formats
        )
        if offered.kind == "application" and not offered.rejected and self._bundled(index):
            sctp = offered.data_channels
            if sctp is not None and not self._has_data_channels():
                return replace(base, rejected=False, data_channels=sctp).written(old)
        return base.ended(rejected=True)

    def _has_data_channels(self) -> bool:
        """Whether a section before this one is for data channels already."""
        return any(
            section.kind == "application" and not section.rejected
            for section in self.session.sections
        )

    def _media(
        self,
        offered: Section,
        mid: str,
        old: NegotiatedSection | None,
        known: tuple[Format, ...],
        pull: Pull | None,
        direction: Direction,
    ) -> NegotiatedSection:
        kind, intents = cast(Kind, offered.kind), self._intents
        closed = mid in intents.close or (
            old is not None and old.closed and mid not in intents.publish and pull is None
        )
        promised = mid in intents.bidirectional or (old is not None and old.bidirectional)
        idle = closed or not known
        extensions, mirrored = self.extensions(self._common, offered)
        received = None
        if sends(direction) and not idle:
            streams = receivable_streams(offered, extensions)
            received = reception(mid, kind, known, extensions, streams)

        outgoing = old.outgoing if old is not None and promised else None
        carried, sent = None, None
        if receives(direction) and not idle:
            carried, sent, outgoing = self._send(mid, kind, old, known, pull, promised)
        formats = known or offered.formats
        if sent is not None and received is None and not promised:
            formats = self._taken(known, sent)
            if old is not None and pull is None:
                formats, mirrored = _as_before(old, formats, mirrored)
        return NegotiatedSection(
            mid=mid,
            kind=kind,
            protocol=offered.protocol,
            closed=closed,
            bidirectional=promised,
            direction=direction_of(
                sends=outgoing is not None and receives(direction) and not idle,
                receives=received is not None,
            ),
            formats=formats,
            extensions=mirrored,
            rtcp_rsize=offered.rtcp_rsize,
            extmap_allow_mixed=offered.extmap_allow_mixed,
            reception=received,
            outgoing=outgoing,
            pull=carried,
            sending=sent,
        ).written(old)

    def _send(
        self,
        mid: str,
        kind: Kind,
        old: NegotiatedSection | None,
        known: tuple[Format, ...],
        new: Pull | None,
        promised: bool,
    ) -> tuple[Pull | None, Sending | None, Outgoing | None]:
        """What we send in a section: a track, the promise of one (``promised``), or nothing."""
        outgoing = None if old is None else old.outgoing
        pull = new or (None if old is None else old.pull)
        mapped = () if pull is None else self.mappings(pull.track.formats, known)
        if pull is None or not mapped:
            if not promised:
                return None, None, None
            return None, None, outgoing or self.outgoing(kind, self.session.stream)
        if outgoing is None or (new is not None and not promised):
            outgoing = self.outgoing(kind, pull.stream)
        return pull, sending(mid, outgoing, pull, mapped), outgoing

    def _taken(self, known: tuple[Format, ...], sent: Sending) -> tuple[Format, ...]:
        """Those of the client's formats that the track we send has."""
        key = id(known), id(sent.mappings)
        if key not in self._taken_formats:
            taken = {mapping.subscriber for mapping in sent.mappings}
            self._taken_formats[key] = tuple(each for each in known if each.pt in taken)
        return self._taken_formats[key]


def _as_before(
    old: NegotiatedSection, formats: tuple[Format, ...], extensions: tuple[Extension, ...]
) -> tuple[tuple[Format, ...], tuple[Extension, ...]]:
    """Formats and header extensions in the order of an earlier description, and no more extensions
    than it had: browsers list everything anew, and the section need not be written again for it."""
    offered = {each.pt: each for each in formats}
    if len(offered) == len(old.formats) and all(
        offered.get(each.pt) == each for each in old.formats
    ):
        formats = old.formats
    ids = {each.id for each in extensions}
    if all(each.id in ids for each in old.extensions):
        return formats, old.extensions
    return formats, tuple(each for each in old.extensions if each.id in ids)
