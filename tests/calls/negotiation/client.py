"""A client as strict as browsers are, in memory: it fails the test when a description of ours
breaks a rule that one of them enforces, or a promise that we make."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from functools import lru_cache
from random import Random

from tidegate.addresses import HostPort
from tidegate.calls.extensions import ExtensionNumbers
from tidegate.calls.negotiation import Intents, LocalTransport, Negotiation, Pull, Reception
from tidegate.calls.negotiation.plans import Answer, Outcome
from tidegate.calls.sdp import (
    DataChannels,
    Description,
    Direction,
    Extension,
    Fingerprint,
    Format,
    Section,
    SessionLines,
    Streams,
    Transport,
    configuration,
)

from tests.calls.vectors import vector

TRANSPORT = LocalTransport((HostPort("192.0.2.1", 4443), HostPort("127.0.0.1", 4443)), bytes(32))
NUMBERS = ExtensionNumbers()

REVERSED: dict[Direction, Direction] = {
    "sendrecv": "sendrecv",
    "sendonly": "recvonly",
    "recvonly": "sendonly",
    "inactive": "inactive",
}
MEANS_SENDING = ("sendonly", "sendrecv")
MEANS_RECEIVING = ("recvonly", "sendrecv")


def negotiation(seed: int = 1, *, sections: int = 512) -> Negotiation:
    return Negotiation(TRANSPORT, NUMBERS, Random(seed).randbytes, sections=sections)


def published(name: str) -> dict[str, Reception]:
    """What a client with this offer publishes, by mid."""
    return dict(negotiation().answer(vector(name)).receiving)


@dataclass(slots=True)
class Transceiver:
    kind: str
    direction: Direction
    rids: tuple[str, ...] = ()
    mid: str | None = None
    stopped: bool = False
    ssrc: int = 0


class Client:
    """
    Args:
        name: of the captured offer whose codecs, extensions and numbers it has.
    """

    def __init__(self, name: str = "chromium-156/recvonly", seed: int = 1) -> None:
        self.dice = Random(seed)
        self.transceivers: list[Transceiver] = []
        self.formats: dict[str, tuple[Format, ...]] = {}
        self.extensions: dict[str, tuple[Extension, ...]] = {}
        for text in Description.cut(vector(name)).sections:
            section = Section.parse(text)
            self.formats[section.kind] = section.formats
            self.extensions[section.kind] = section.extensions
        self.ufrag = "abcd"
        self.setup = "actpass"
        # Mids in the order of their sections, and which of them are rejected by both sides.
        self._order: list[str] = []
        self._rejected: set[str] = set()
        # What numbers mean on this connection, whoever said so.
        self._ids: dict[int, str] = {}
        self._meanings: dict[int, object] = {}
        self._version: tuple[int, int] | None = None
        self._offered: list[Section] = []

    def add(
        self, kind: str, direction: Direction = "sendonly", rids: Iterable[str] = ()
    ) -> Transceiver:
        ssrc = self.dice.getrandbits(31) | 1
        self.transceivers.append(Transceiver(kind, direction, tuple(rids), ssrc=ssrc))
        return self.transceivers[-1]

    # Offering.

    def offer(self) -> str:
        """The next offer: new transceivers take the places of stopped ones, then the end."""
        for transceiver in self.transceivers:
            if transceiver.mid is None and not transceiver.stopped:
                transceiver.mid = self._new_mid()
                self._place(transceiver.mid)
        by_mid = {each.mid: each for each in self.transceivers}
        self._offered = [self._section(by_mid[mid]) for mid in self._order]
        return self._write(self._offered)

    def _place(self, mid: str) -> None:
        for index, old in enumerate(self._order):
            if old in self._rejected:
                self._rejected.discard(old)
                self._order[index] = mid
                return
        self._order.append(mid)

    def _new_mid(self) -> str:
        used = {each.mid for each in self.transceivers}
        return next(mid for n in range(10_000) if (mid := f"{n}") not in used)

    def _section(self, transceiver: Transceiver, offered: Section | None = None) -> Section:
        kind = transceiver.kind
        assert transceiver.mid is not None
        if kind == "application":
            return Section(
                kind,
                0 if transceiver.stopped else 9,
                "UDP/DTLS/SCTP",
                transceiver.mid,
                data_channels=DataChannels(5000),
                transport=self._transport(),
            )
        if transceiver.stopped:
            return Section(
                kind, 0, "UDP/TLS/RTP/SAVPF", transceiver.mid, "inactive", other_formats=("0",)
            )
        streams = Streams()
        if transceiver.direction in MEANS_SENDING:
            streams = Streams(
                msid=("stream", f"track{transceiver.ssrc}"),
                ssrcs=() if transceiver.rids else (transceiver.ssrc,),
                cname=None if transceiver.rids else "cname",
                rids_sent=transceiver.rids,
            )
        return Section(
            kind,
            9,
            "UDP/TLS/RTP/SAVPF",
            transceiver.mid,
            transceiver.direction,
            rtcp_mux=True,
            rtcp_rsize=True,
            formats=self._formats_of(kind) if offered is None else self._in_common(offered),
            extensions=(
                self._extensions_of(kind)
                if offered is None
                else self._extensions_in_common(offered)
            ),
            streams=streams,
            transport=self._transport(),
        )

    def _formats_of(self, kind: str) -> tuple[Format, ...]:
        """Its own, under numbers that mean the same already, or nothing yet."""
        return tuple(self._numbered(each) for each in self.formats[kind])

    def _numbered(self, format: Format) -> Format:
        meaning = (format.name, format.clock_rate, format.channels, format.parameters)
        format = replace(format, pt=self._number(format.pt, meaning))
        if format.rtx is not None:
            format = replace(format, rtx=self._number(format.rtx, ("rtx", format.pt)))
        return format

    def _number(self, wanted: int, meaning: object) -> int:
        numbers = [pt for pt, each in self._meanings.items() if each == meaning]
        if wanted not in numbers:
            free = [wanted, *range(96, 128), *range(35, 64)]
            numbers += [pt for pt in free if pt not in self._meanings]
            wanted = numbers[0]
        self._meanings[wanted] = meaning
        return wanted

    def _extensions_of(self, kind: str) -> tuple[Extension, ...]:
        """Its own under the ids that the connection has for them, as RFC 8285 §6 wants it."""
        ids = {uri: id for id, uri in self._ids.items()}
        free = iter(id for id in range(1, 256) if id not in self._ids and id != 15)
        found = []
        for extension in self.extensions[kind]:
            uri, id = extension.uri, extension.id
            if uri in ids:
                id = ids[uri]
            elif id in self._ids:
                id = next(free)
            self._ids[id] = uri
            ids[uri] = id
            found.append(replace(extension, id=id))
        return tuple(found)

    def take_answer(self, answer: str) -> None:
        sections = self._checked(answer)
        assert len(sections) == len(self._offered)
        for offered, answered in zip(self._offered, sections, strict=True):
            assert answered.mid == offered.mid
            assert answered.kind == offered.kind
            assert answered.rejected or not offered.rejected
            if answered.rejected or answered.kind == "application":
                continue
            self._check_answered(offered, answered)
        self._note_rejected(sections)

    def _check_answered(self, offered: Section, answered: Section) -> None:
        assert offered.direction is not None
        assert answered.direction is not None
        allowed = REVERSED[offered.direction]
        assert (answered.direction not in MEANS_SENDING) or allowed in MEANS_SENDING
        assert (answered.direction not in MEANS_RECEIVING) or allowed in MEANS_RECEIVING
        theirs = {each.pt: each for each in offered.formats}
        assert answered.formats
        for each in answered.formats:
            assert replace(each, feedback=theirs[each.pt].feedback) == theirs[each.pt]
            asked = {"nack"} if each.name == "opus" else set()
            assert {*each.feedback} <= {*theirs[each.pt].feedback} | asked
        ids = {each.id: each.uri for each in offered.extensions}
        assert all(ids[each.id] == each.uri for each in answered.extensions)
        assert {*answered.streams.rids_received} <= {*offered.streams.rids_sent}
        assert not answered.streams.rids_sent

    # Answering.

    def answer(self, offer: str, *, refuse: Iterable[str] = ()) -> str:
        """Takes an offer of ours, and answers it; ``refuse`` lists mids to answer with port 0."""
        sections = self._checked(offer)
        refused = set(refuse)
        assert len(sections) >= len(self._order)
        for index, section in enumerate(sections):
            if index < len(self._order):
                old = self._order[index]
                assert old == section.mid or old in self._rejected
                self._order[index] = section.mid
            else:
                self._order.append(section.mid)
            if section.mid not in {each.mid for each in self.transceivers}:
                assert section.direction is not None or section.kind == "application"
                self.transceivers.append(
                    Transceiver(section.kind, REVERSED[section.direction or "sendrecv"])
                )
                self.transceivers[-1].mid = section.mid
        by_mid = {each.mid: each for each in self.transceivers}
        answered = []
        for section in sections:
            transceiver = by_mid[section.mid]
            if section.rejected or section.mid in refused:
                transceiver.stopped = True
            own = self._section(transceiver, section)
            if section.kind != "application" and not transceiver.stopped:
                direction = _common(REVERSED[section.direction or "sendrecv"], own.direction)
                own = replace(own, direction=direction)
                if not own.formats:
                    transceiver.stopped = True
                    own = self._section(transceiver)
            answered.append(own)
        self._note_rejected(answered)
        return self._write(answered, setup="active")

    def _extensions_in_common(self, offered: Section) -> tuple[Extension, ...]:
        own = {each.uri for each in self.extensions[offered.kind]}
        return tuple(each for each in offered.extensions if each.uri in own)

    def _in_common(self, offered: Section) -> tuple[Format, ...]:
        own = {configuration(each): each for formats in self.formats.values() for each in formats}
        return tuple(
            replace(
                each,
                feedback=tuple(
                    feedback
                    for feedback in each.feedback
                    if feedback in own[configuration(each)].feedback
                ),
            )
            for each in offered.formats
            if configuration(each) in own
        )

    def _note_rejected(self, sections: list[Section]) -> None:
        for section in sections:
            if section.rejected:
                self._rejected.add(section.mid)
                for transceiver in self.transceivers:
                    if transceiver.mid == section.mid:
                        transceiver.stopped = True

    # Both.

    def _transport(self) -> Transport:
        return Transport(
            self.ufrag, self.ufrag * 6, (Fingerprint("sha-256", bytes(range(32))),), "actpass"
        )

    def _write(self, sections: list[Section], setup: str | None = None) -> str:
        if setup is not None:
            sections = [
                replace(each, transport=replace(each.transport, setup="active"))
                for each in sections
            ]
        bundle = tuple(each.mid for each in sections if not each.rejected)
        lines = SessionLines(bundle=bundle, extmap_allow_mixed=True)
        return lines.write(1, 1) + "".join(map(_written, sections))

    def _checked(self, text: str) -> list[Section]:
        """The sections of a description of ours, after everything that holds for each of them."""
        assert text.endswith("\r\n")
        assert "\n" not in text.replace("\r\n", "")
        description = Description.cut(text)
        sections = [_parsed(section) for section in description.sections]
        live = [section for section in sections if not section.rejected]
        assert description.session.ice_lite
        self._check_version(text)
        assert sorted(description.session.bundle or ()) == sorted(each.mid for each in live)
        mids = [section.mid for section in sections]
        assert len(set(mids)) == len(mids)
        assert len({(each.transport.ufrag, each.transport.pwd) for each in live}) <= 1
        for section in live:
            assert section.transport.candidates
            assert section.kind == "application" or section.rtcp_mux
        self._check_numbers(live)
        ssrcs = [ssrc for section in live for ssrc in section.streams.ssrcs]
        assert len(set(ssrcs)) == len(ssrcs)
        return sections

    def _check_version(self, text: str) -> None:
        origin = text.split("\r\n")[1].split()
        id, version = int(origin[1]), int(origin[2])
        assert self._version is None or (self._version[0] == id and version == self._version[1] + 1)
        self._version = (id, version)

    def _check_numbers(self, live: list[Section]) -> None:
        """libwebrtc: in a bundle, equal numbers have equal configurations."""
        for section in live:
            for each in section.formats:
                meaning = (each.name, each.clock_rate, each.channels, each.parameters)
                assert self._meanings.setdefault(each.pt, meaning) == meaning
                if each.rtx is not None:
                    rtx = ("rtx", each.pt)
                    assert self._meanings.setdefault(each.rtx, rtx) == rtx
            for extension in section.extensions:
                assert self._ids.setdefault(extension.id, extension.uri) == extension.uri
        assert len(set(self._ids.values())) == len(self._ids)


@lru_cache(maxsize=4096)
def _parsed(text: str) -> Section:
    return Section.parse(text)


@lru_cache(maxsize=4096)
def _written(section: Section) -> str:
    return section.write()


def _common(one: Direction, other: Direction | None) -> Direction:
    sending = one in MEANS_SENDING and other in MEANS_SENDING
    receiving = one in MEANS_RECEIVING and other in MEANS_RECEIVING
    if sending:
        return "sendrecv" if receiving else "sendonly"
    return "recvonly" if receiving else "inactive"


class Session:
    """A client and our side of its negotiation."""

    def __init__(
        self, name: str = "chromium-156/recvonly", *, seed: int = 1, sections: int = 512
    ) -> None:
        self.client = Client(name, seed)
        self.negotiation = negotiation(seed, sections=sections)

    def client_offers(self, intents: Intents | None = None) -> Answer:
        answer = self.negotiation.answer(self.client.offer(), intents or Intents())
        self.client.take_answer(answer.sdp)
        return answer

    def pull(self, *pulls: Pull, refuse: Iterable[str] = ()) -> Outcome:
        offer = self.negotiation.offer(pulls)
        return self.negotiation.accept_answer(self.client.answer(offer.sdp, refuse=refuse))
