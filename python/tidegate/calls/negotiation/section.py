"""What one section has been agreed to be, and how we write it."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace

from tidegate.calls.negotiation.plans import Encoding, Pull, Reception, Sending
from tidegate.calls.payload_types import Kind, PayloadMapping
from tidegate.calls.sdp import (
    DISCARD_PORT,
    DataChannels,
    Direction,
    Extension,
    Format,
    Section,
    Streams,
)

MAX_MESSAGE_SIZE = 262_144
"""Bytes of a data channel message that we take."""

REVERSED: dict[Direction, Direction] = {
    "sendrecv": "sendrecv",
    "sendonly": "recvonly",
    "recvonly": "sendonly",
    "inactive": "inactive",
}


def sends(direction: Direction) -> bool:
    return direction in ("sendonly", "sendrecv")


def receives(direction: Direction) -> bool:
    return direction in ("recvonly", "sendrecv")


def direction_of(*, sends: bool, receives: bool) -> Direction:
    if sends:
        return "sendrecv" if receives else "sendonly"
    return "recvonly" if receives else "inactive"


@dataclass(frozen=True, slots=True)
class Outgoing:
    """The stream that we say we send in a section, whether a track is bound to it yet or not.

    Attributes:
        rtx_ssrc: of video, whether retransmissions were negotiated or not.
        stream: msid stream id, and CNAME.
        track: msid track id.
    """

    ssrc: int
    rtx_ssrc: int | None
    stream: str
    track: str


@dataclass(frozen=True, slots=True)
class NegotiatedSection:
    """A section as the last description left it, seen from our side.

    Attributes:
        rejected: it has port 0: its place may be used again.
        pending: we offered it, and the client has not answered.
        closed: it was closed, and stays inactive until a track is published or pulled in it.
        bidirectional: it is answered ``sendrecv`` whenever the client offers that.
        formats: what is listed, under this session's numbers.
        extensions: as we write them.
        pull: what is sent in it.
        data_channels: the client's, in an ``m=application`` section.
        offered, answered: digests of the client's last text for it. Equal text needs no reading.
        text: its media lines in our descriptions, each with CRLF.
    """

    mid: str
    kind: str
    protocol: str
    rejected: bool = False
    pending: bool = False
    closed: bool = False
    bidirectional: bool = False
    direction: Direction = "inactive"
    formats: tuple[Format, ...] = ()
    extensions: tuple[Extension, ...] = ()
    rtcp_rsize: bool = False
    extmap_allow_mixed: bool = False
    reception: Reception | None = None
    outgoing: Outgoing | None = None
    pull: Pull | None = None
    sending: Sending | None = None
    data_channels: DataChannels | None = None
    offered: bytes | None = field(default=None, compare=False)
    answered: bytes | None = field(default=None, compare=False)
    text: str = field(default="", compare=False, repr=False)

    def written(self, before: "NegotiatedSection | None" = None) -> "NegotiatedSection":
        """The section with its text, which is that of an equal one ``before``."""
        if before is not None and before == self:
            return replace(self, text=before.text)
        return replace(self, text="".join(f"{line}\r\n" for line in self._write().media_lines()))

    def _write(self) -> Section:
        if self.kind == "application":
            sctp = self.data_channels
            return Section(
                kind=self.kind,
                port=0 if self.rejected else DISCARD_PORT,
                protocol=self.protocol,
                mid=self.mid,
                data_channels=DataChannels(
                    5000, MAX_MESSAGE_SIZE, by_sctpmap=sctp is not None and sctp.by_sctpmap
                ),
            )
        if self.rejected:
            return Section(
                self.kind, 0, self.protocol, self.mid, "inactive", formats=self.formats[:1]
            )
        return Section(
            kind=self.kind,
            port=DISCARD_PORT,
            protocol=self.protocol,
            mid=self.mid,
            direction=self.direction,
            rtcp_mux=True,
            rtcp_rsize=self.rtcp_rsize,
            extmap_allow_mixed=self.extmap_allow_mixed,
            formats=self.formats,
            extensions=self.extensions,
            streams=self._streams(),
        )

    def _streams(self) -> Streams:
        rids: tuple[str, ...] = ()
        if self.reception is not None and self.reception.simulcast:
            rids = tuple(encoding.rid for encoding in self.reception.encodings)
        outgoing = self.outgoing
        if outgoing is None or not sends(self.direction):
            return Streams(rids_received=rids)
        ssrcs: tuple[int, ...] = (outgoing.ssrc,)
        repairs: tuple[tuple[int, int], ...] = ()
        if outgoing.rtx_ssrc is not None and any(each.rtx is not None for each in self.formats):
            ssrcs = (outgoing.ssrc, outgoing.rtx_ssrc)
            repairs = (ssrcs,)
        return Streams(
            msid=(outgoing.stream, outgoing.track),
            ssrcs=ssrcs,
            repairs=repairs,
            cname=outgoing.stream,
            rids_received=rids,
        )

    def ssrcs(self) -> Iterator[int]:
        """SSRCs that are used in it, by whomever."""
        streams: list[tuple[int | None, ...]] = []
        if self.outgoing is not None:
            streams.append((self.outgoing.ssrc, self.outgoing.rtx_ssrc))
        if self.reception is not None:
            streams += [(each.ssrc, each.rtx_ssrc) for each in self.reception.encodings]
        return (ssrc for pair in streams for ssrc in pair if ssrc is not None)

    def bound(self, pull: Pull, sending: Sending) -> "NegotiatedSection":
        """The section with another track in it; its text stays."""
        return replace(self, pull=pull, sending=sending)

    def ended(self, *, rejected: bool = False) -> "NegotiatedSection":
        """The section after it was closed: nothing flows, and what the client said is not trusted
        to be so still."""
        return replace(
            self,
            rejected=rejected,
            pending=False,
            closed=True,
            direction="inactive",
            reception=None,
            pull=None,
            sending=None,
            data_channels=None,
            offered=None,
            answered=None,
        ).written()


def sending(
    mid: str, outgoing: Outgoing, pull: Pull, mappings: tuple[PayloadMapping, ...]
) -> Sending | None:
    """How ``pull`` is sent in a section; ``None`` when nothing of it maps."""
    if not mappings:
        return None
    repaired = any(mapping.rtx is not None for mapping in mappings)
    rtx_ssrc = outgoing.rtx_ssrc if repaired else None
    return Sending(mid, outgoing.ssrc, rtx_ssrc, pull.stream, mappings)


def reception(
    mid: str,
    kind: Kind,
    formats: tuple[Format, ...],
    extensions: Iterable[Extension],
    streams: Streams,
) -> Reception:
    """What a client that describes its streams so sends."""
    rids = streams.rids_sent
    encodings: tuple[Encoding, ...]
    if rids:
        encodings = tuple(Encoding(rid, None, None) for rid in rids)
    elif streams.ssrcs:
        repairs = dict(streams.repairs)
        # A stream of retransmissions may be listed before the one that it repairs.
        first = next(
            (ssrc for ssrc in streams.ssrcs if ssrc not in repairs.values()), streams.ssrcs[0]
        )
        encodings = (Encoding("", first, repairs.get(first)),)
    else:
        encodings = (Encoding("", None, None),)
    return Reception(
        mid, kind, formats, encodings, tuple(each for each in extensions if sends(each.direction))
    )
