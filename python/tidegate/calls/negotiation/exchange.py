"""One step of a session's negotiation, worked out on a copy of its state: it counts as a whole or
not at all."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from hashlib import blake2b
from typing import Literal, TypedDict

from tidegate.calls.extensions import MID, RID, ExtensionIds, ExtensionNumbers
from tidegate.calls.negotiation.peer import Peer, local_transport
from tidegate.calls.negotiation.plans import (
    Credentials,
    LocalTransport,
    Reception,
    RemoteTransport,
    Sending,
)
from tidegate.calls.negotiation.section import REVERSED, NegotiatedSection, Outgoing
from tidegate.calls.payload_types import (
    Kind,
    PayloadMapping,
    PayloadTypes,
    codec,
    mappings,
    supported,
)
from tidegate.calls.sdp import (
    Description,
    Extension,
    Format,
    Section,
    SectionReader,
    SessionLines,
    Streams,
    configuration,
)
from tidegate.errors import InvalidSessionDescription

_LARGEST_MID = 10**9
"""Mids from here on are some client's idea, and ours do not count on from them."""


@dataclass(frozen=True, slots=True)
class Environment:
    """What a negotiation is given, and does not change."""

    transport: LocalTransport
    extensions: ExtensionNumbers
    entropy: Callable[[int], bytes]
    most_sections: int


@dataclass(slots=True)
class SessionState:
    """All that a session's negotiation remembers.

    Attributes:
        id: of ``o=``; ``version`` counts our descriptions.
        stream: msid stream id of sections in which nothing is bound yet.
        peer: its transport; ``None`` before its first description.
        bundled: the mid of the section that described it.
        common: what the session's lines of the client's last description said for all its sections.
        extensions: what the engine knows of header extensions.
        next_mid: above every mid ever used.
    """

    id: int
    credentials: Credentials
    stream: str
    payload_types: PayloadTypes
    extension_ids: ExtensionIds
    version: int = 0
    sections: list[NegotiatedSection] = field(default_factory=list)
    peer: Peer | None = None
    bundled: str | None = None
    common: SessionLines = field(default_factory=SessionLines)
    remote: RemoteTransport | None = None
    extensions: tuple[tuple[int, int], ...] = ()
    next_mid: int = 0


@dataclass(slots=True)
class Changes:
    """What becomes an :class:`Outcome`."""

    receiving: dict[str, Reception] = field(default_factory=dict)
    sending: dict[str, Sending] = field(default_factory=dict)
    receiving_ended: set[str] = field(default_factory=set)
    sending_ended: set[str] = field(default_factory=set)
    refused: set[str] = field(default_factory=set)

    def note(self, before: NegotiatedSection | None, after: NegotiatedSection) -> None:
        if before is not None and before.mid != after.mid:
            self._gone(before)
            before = None
        received = before and before.reception
        sent = before and before.sending
        if after.reception is None and received is not None:
            self.receiving_ended.add(after.mid)
        elif after.reception is not None and after.reception != received:
            self.receiving[after.mid] = after.reception
        if after.sending is None and sent is not None:
            self.sending_ended.add(after.mid)
        elif after.sending is not None and after.sending != sent:
            self.sending[after.mid] = after.sending

    def _gone(self, section: NegotiatedSection) -> None:
        if section.reception is not None:
            self.receiving_ended.add(section.mid)
        if section.sending is not None:
            self.sending_ended.add(section.mid)


class SectionText:
    """The client's text of one section, read when somebody has to know what it says."""

    def __init__(self, text: str, reader: SectionReader) -> None:
        self._text = text
        self._reader = reader
        self._section: Section | None = None
        self.digest = blake2b(text.encode(errors="surrogatepass"), digest_size=16).digest()

    def read(self) -> Section:
        """
        Raises:
            MalformedSessionDescription: it cannot be read.
            InvalidSessionDescription: it offers simulcast by SSRC groups, which has no rids.
        """
        if self._section is None:
            self._section = self._reader.read(self._text)
            if self._section.streams.simulcast_ssrcs:
                raise InvalidSessionDescription(
                    "Simulcast by a=ssrc-group:SIM is not supported; use a=rid and a=simulcast."
                )
        return self._section


class OutcomeFields(TypedDict):
    """The fields of an :class:`Outcome`."""

    credentials: Credentials | None
    remote: RemoteTransport | None
    extensions: tuple[tuple[int, int], ...] | None
    receiving: dict[str, Reception]
    sending: dict[str, Sending]
    receiving_ended: frozenset[str]
    sending_ended: frozenset[str]
    refused: frozenset[str]


class Exchange:
    """What every step has in common; it is used once, and ``session`` is the new state then."""

    def __init__(self, session: SessionState, environment: Environment) -> None:
        self.session = replace(
            session,
            sections=list(session.sections),
            payload_types=session.payload_types.copy(),
            extension_ids=session.extension_ids.copy(),
        )
        self.environment = environment
        self._sections_before = session.sections
        self.changes = Changes()
        self._known_formats: dict[int, tuple[Format, ...]] = {}
        self._usable_extensions: dict[int, tuple[tuple[Extension, ...], tuple[Extension, ...]]] = {}
        self._known_configurations: dict[int, frozenset[object]] = {}
        self._used_ssrcs: set[int] = set()
        self._known_mappings: dict[tuple[int, int], tuple[PayloadMapping, ...]] = {}

    def read_peer(self, session: SessionLines, bundled: Section) -> None:
        """Takes the peer's transport from the section that carries the bundle."""
        self.session.peer = Peer.read(bundled.transport, session.transport, self.session.peer)
        self.session.bundled = bundled.mid

    def texts(self, description: Description) -> list[SectionText]:
        reader = SectionReader()
        return [SectionText(text, reader) for text in description.sections]

    # Sections that were read together share their parts, so what follows from one of these is
    # worked out once.

    def known(self, kind: Kind, section: Section) -> tuple[Format, ...]:
        """The formats of a client's section that we forward; it is noted what its numbers mean."""
        found = self._known_formats.get(id(section.formats))
        if found is None:
            self.session.payload_types.learn(section.formats)
            found = supported(kind, section.formats)
            self._known_formats[id(section.formats)] = found
        return found

    def extensions(
        self, session: SessionLines, section: Section
    ) -> tuple[tuple[Extension, ...], tuple[Extension, ...]]:
        """The header extensions of a client's section that can be used: as the client wrote them,
        and as we do."""
        found = self._usable_extensions.get(id(section.extensions))
        if found is None:
            offered = (*session.extensions, *section.extensions)
            ids, numbers = self.session.extension_ids, self.environment.extensions
            accepted = tuple(ids.accept(offered, numbers))
            ours = (replace(each, direction=REVERSED[each.direction]) for each in accepted)
            found = self._usable_extensions[id(section.extensions)] = (accepted, tuple(ours))
        return found

    def mappings(
        self, publisher: tuple[Format, ...], subscriber: tuple[Format, ...]
    ) -> tuple[PayloadMapping, ...]:
        key = id(publisher), id(subscriber)
        found = self._known_mappings.get(key)
        if found is None:
            found = self._known_mappings[key] = tuple(mappings(publisher, subscriber))
        return found

    def share(self, publisher: tuple[Format, ...], subscriber: tuple[Format, ...]) -> bool:
        """Whether anything of the publisher's maps; for many pulls and many sections."""
        return not self._configurations(publisher).isdisjoint(self._configurations(subscriber))

    def _configurations(self, formats: tuple[Format, ...]) -> frozenset[object]:
        found = self._known_configurations.get(id(formats))
        if found is None:
            media = (each for each in formats if codec(each) not in ("red", "other"))
            found = self._known_configurations[id(formats)] = frozenset(map(configuration, media))
        return found

    def outgoing(self, kind: Kind, stream: str) -> Outgoing:
        """A stream of ours, with SSRCs that nobody in the session uses."""
        rtx_ssrc = self._ssrc() if kind == "video" else None
        return Outgoing(self._ssrc(), rtx_ssrc, stream, self.environment.entropy(8).hex())

    def _ssrc(self) -> int:
        if not self._used_ssrcs:
            self._used_ssrcs.add(0)
            for section in self._sections_before:
                self._used_ssrcs.update(section.ssrcs())
        while (ssrc := int.from_bytes(self.environment.entropy(4))) in self._used_ssrcs:
            pass
        self._used_ssrcs.add(ssrc)
        return ssrc

    def count_mids(self, mids: Iterable[str]) -> None:
        for mid in mids:
            if mid.isdecimal() and mid.isascii() and int(mid) < _LARGEST_MID:
                self.session.next_mid = max(self.session.next_mid, int(mid) + 1)

    def outcome(self, credentials: Credentials | None) -> OutcomeFields:
        """What the step changed, for the engine and the rules."""
        session = self.session
        agreed = {
            extension.id: extension.uri
            for section in session.sections
            for extension in section.extensions
            if not section.rejected and not section.pending
        }
        extensions = tuple(
            (id, number)
            for id, uri in sorted(agreed.items())
            if (number := self.environment.extensions.number(uri)) is not None
        )
        sctp_port = next(
            (
                section.data_channels.port
                for section in session.sections
                if section.data_channels is not None and not section.pending
            ),
            None,
        )
        remote = session.peer.remote(sctp_port) if session.peer is not None else None
        fields = OutcomeFields(
            credentials=credentials,
            remote=None if remote == session.remote else remote,
            extensions=None if extensions == session.extensions else extensions,
            receiving=self.changes.receiving,
            sending=self.changes.sending,
            receiving_ended=frozenset(self.changes.receiving_ended),
            sending_ended=frozenset(self.changes.sending_ended),
            refused=frozenset(self.changes.refused),
        )
        session.remote = remote
        session.extensions = extensions
        return fields

    def write(
        self, type: Literal["offer", "answer"], *, bundle: bool, extmap_allow_mixed: bool
    ) -> str:
        """The whole description, of sections whose text is there already."""
        session = self.session
        session.version += 1
        live = [section.mid for section in session.sections if not section.rejected]
        if session.bundled in live:
            live.sort(key=lambda mid: mid != session.bundled)
        lines = SessionLines(
            bundle=tuple(live) if bundle and live else None,
            ice_lite=True,
            extmap_allow_mixed=extmap_allow_mixed,
        )
        client = session.peer is not None and session.peer.dtls_client
        transport = local_transport(
            self.environment.transport,
            session.credentials,
            "actpass" if type == "offer" else "active" if client else "passive",
        )
        parts = [lines.write(session.id, session.version)]
        for section in session.sections:
            parts.append(section.text)
            if not section.rejected:
                parts.append(transport)
        return "".join(parts)


def common_lines(session: SessionLines) -> SessionLines:
    """What the session's lines say for all its sections; bundling has nothing to do with it."""
    return replace(session, bundle=None)


def receivable_streams(section: Section, accepted: Iterable[Extension]) -> Streams:
    """The section's streams, without rids when packets would not tell theirs (RFC 8853 §5.2)."""
    uris = {extension.uri for extension in accepted}
    if {MID, RID} <= uris:
        return section.streams
    return replace(section.streams, rids_sent=())
