"""As much SDP as publishers and subscribers of one kind of track need.

It is written like Chromium's: bundled, rtcp-mux, VP8 with retransmissions, or Opus.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from tidegate.bench.sfu.load import Credentials, Session, Track
from tidegate.errors import BenchError

MID_URI = "urn:ietf:params:rtp-hdrext:sdes:mid"
TRANSPORT_CC_URI = "http://www.ietf.org/id/draft-holmer-rmcat-transport-wide-cc-extensions-01"
_IDS = {MID_URI: 4, TRANSPORT_CC_URI: 3}
_VP8, _RTX, _OPUS = 96, 97, 111


@dataclass(slots=True)
class Section:
    """A media section of the server's description.

    Attributes:
        codecs: payload type by encoding name in lower case; the first of each name.
        retransmissions: payload type of RTX by the one that it repeats.
        extensions: id by URI.
    """

    kind: str
    mid: str = ""
    port: int = 9
    direction: str = "sendrecv"
    codecs: dict[str, int] = field(default_factory=dict)
    retransmissions: dict[int, int] = field(default_factory=dict)
    extensions: dict[str, int] = field(default_factory=dict)

    @property
    def payload_type(self) -> int:
        """Of the codec that we use.

        Raises:
            BenchError: the server does not have it.
        """
        codec = "vp8" if self.kind == "video" else "opus"
        if codec not in self.codecs:
            raise BenchError(f"the server's description has no {codec}")
        return self.codecs[codec]


@dataclass(slots=True)
class Description:
    """What a server's description says; ``address`` is its first UDP candidate of IPv4."""

    credentials: Credentials
    fingerprint: bytes
    setup: str
    address: str | None
    sections: list[Section]

    @property
    def transport_cc(self) -> int | None:
        """Id of the transport-wide sequence number; ``None`` where the server does without."""
        found = (section.extensions.get(TRANSPORT_CC_URI) for section in self.sections)
        return next((number for number in found if number is not None), None)

    def publisher(
        self, local: Credentials, sent: Sequence[Track], address: str | None = None
    ) -> Session:
        """Our session that publishes ``sent``; ``address``: where, if it is told elsewhere.

        Raises:
            BenchError: the server has no address.
        """
        return Session(
            address=address or self._told_address,
            local=local,
            remote=self.credentials,
            fingerprint=self.fingerprint,
            transport_cc=self.transport_cc,
            dtls_server=self.setup == "active",
            publish=sent,
        )

    def subscriber(
        self,
        local: Credentials,
        tracks: Sequence[int],
        payload_types: Sequence[int],
        address: str | None = None,
    ) -> Session:
        """The same for one that gets ``tracks``, in packets of these payload types."""
        return Session(
            address=address or self._told_address,
            local=local,
            remote=self.credentials,
            fingerprint=self.fingerprint,
            transport_cc=self.transport_cc,
            subscribe=list(tracks),
            payload_types=payload_types,
        )

    @property
    def _told_address(self) -> str:
        if self.address is None:
            raise BenchError("the server has no address")
        return self.address


def parse(sdp: str) -> Description:
    """Reads a server's offer or answer.

    Raises:
        BenchError: the transport is not described.
    """
    values: dict[str, str] = {}
    address: str | None = None
    sections: list[Section] = []
    for line in sdp.splitlines():
        name, _, value = line.partition("=")[2].partition(":")
        if line.startswith("m="):
            kind, port = line[2:].split()[:2]
            sections.append(Section(kind, port=int(port)))
        elif name == "candidate":
            address = address or candidate(value)
        elif name in ("ice-ufrag", "ice-pwd", "fingerprint", "setup"):
            values.setdefault(name, value)
        elif sections:
            _read(sections[-1], name, value)
    try:
        fingerprint = bytes.fromhex(values["fingerprint"].split()[1].replace(":", ""))
        credentials = Credentials(values["ice-ufrag"], values["ice-pwd"])
        return Description(credentials, fingerprint, values["setup"], address, sections)
    except KeyError as missing:
        raise BenchError(f"the server's description has no {missing.args[0]}") from None


def candidate(value: str) -> str | None:
    """Address and port of a candidate; ``None`` for one that is not UDP over IPv4."""
    _foundation, component, transport, _priority, host, port = value.split()[:6]
    usable = component == "1" and transport.lower() == "udp" and ":" not in host
    return f"{host}:{port}" if usable else None


def _read(section: Section, name: str, value: str) -> None:
    match name:
        case "mid":
            section.mid = value
        case "sendonly" | "recvonly" | "sendrecv" | "inactive":
            section.direction = name
        case "rtpmap":
            pt, codec = value.split()[:2]
            section.codecs.setdefault(codec.split("/")[0].lower(), int(pt))
        case "fmtp" if " apt=" in value:
            pt, of = value.split(" apt=")
            section.retransmissions[int(of.split(";")[0])] = int(pt)
        case "extmap":
            number, uri = value.split()[:2]
            section.extensions[uri] = int(number.split("/")[0])


def offer(local: Credentials, fingerprint: str, tracks: Sequence[Track]) -> str:
    """Publishes tracks, the mid of each being its place."""
    lines = [*_head(range(len(tracks)))]
    for mid, track in enumerate(tracks):
        kind, types = ("video", [_VP8, _RTX]) if track.video else ("audio", [_OPUS])
        lines += _section(kind, str(mid), types, local, fingerprint, "actpass")
        lines += [f"a=extmap:{number} {uri}" for uri, number in _IDS.items()]
        lines += ["a=sendonly", f"a=msid:load track{track.number}"]
        lines += _codec(kind, types)
        streams = [track.ssrc]
        if track.video:
            streams.append(track.ssrc + 1)
            lines.append(f"a=ssrc-group:FID {track.ssrc} {track.ssrc + 1}")
        lines += [f"a=ssrc:{ssrc} cname:load" for ssrc in streams]
    return _text(lines)


def answer(local: Credentials, fingerprint: str, offered: Sequence[Section]) -> str:
    """Takes all that the server wants to send, and begins the handshake."""
    lines = [*_head(section.mid for section in offered)]
    for section in offered:
        if section.kind not in ("audio", "video"):
            lines += [
                f"m={section.kind} 9 UDP/DTLS/SCTP webrtc-datachannel",
                *_transport(section.mid, local, fingerprint, "active"),
                "a=sctp-port:5000",
            ]
            continue
        types = [section.payload_type]
        if section.payload_type in section.retransmissions:
            types.append(section.retransmissions[section.payload_type])
        lines += _section(section.kind, section.mid, types, local, fingerprint, "active")
        for uri in _IDS.keys() & section.extensions.keys():
            lines.append(f"a=extmap:{section.extensions[uri]} {uri}")
        sends = section.direction in ("sendonly", "sendrecv")
        lines.append("a=recvonly" if sends else "a=inactive")
        lines += _codec(section.kind, types)
    return _text(lines)


def sent(numbers: Sequence[int], *, video: bool) -> list[Track]:
    """Tracks of these numbers as :func:`offer` describes them."""
    return [
        Track(
            number=number,
            ssrc=0x10000 + 2 * number,
            payload_type=_VP8 if video else _OPUS,
            video=video,
            mid=(_IDS[MID_URI], str(mid)),
        )
        for mid, number in enumerate(numbers)
    ]


def _head(mids: Sequence[object] | Iterator[object]) -> Iterator[str]:
    yield from ("v=0", "o=- 1 1 IN IP4 127.0.0.1", "s=-", "t=0 0")
    yield " ".join(["a=group:BUNDLE", *map(str, mids)])
    yield "a=msid-semantic: WMS *"


def _section(
    kind: str, mid: str, types: list[int], local: Credentials, fingerprint: str, setup: str
) -> Iterator[str]:
    yield f"m={kind} 9 UDP/TLS/RTP/SAVPF {' '.join(map(str, types))}"
    yield from _transport(mid, local, fingerprint, setup)
    yield from ("a=rtcp:9 IN IP4 0.0.0.0", "a=rtcp-mux", "a=rtcp-rsize")


def _transport(mid: str, local: Credentials, fingerprint: str, setup: str) -> Iterator[str]:
    yield "c=IN IP4 0.0.0.0"
    yield from (f"a=ice-ufrag:{local.ufrag}", f"a=ice-pwd:{local.pwd}", "a=ice-options:trickle")
    yield from (f"a=fingerprint:sha-256 {fingerprint}", f"a=setup:{setup}", f"a=mid:{mid}")


def _codec(kind: str, types: list[int]) -> Iterator[str]:
    codec = types[0]
    if kind == "audio":
        yield f"a=rtpmap:{codec} opus/48000/2"
        yield f"a=rtcp-fb:{codec} transport-cc"
        yield f"a=fmtp:{codec} minptime=10;useinbandfec=1"
        return
    yield f"a=rtpmap:{codec} VP8/90000"
    yield from (
        f"a=rtcp-fb:{codec} {kind}" for kind in ("transport-cc", "ccm fir", "nack", "nack pli")
    )
    for repeats in types[1:]:
        yield from (f"a=rtpmap:{repeats} rtx/90000", f"a=fmtp:{repeats} apt={codec}")


def _text(lines: list[str]) -> str:
    return "".join(f"{line}\r\n" for line in lines)
