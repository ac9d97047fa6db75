"""One media section: an ``m=`` line and what follows it."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Literal, TypeAlias, cast

from tidegate.calls.sdp.fields import malformed, number, token
from tidegate.calls.sdp.formats import Format, FormatLines, payload_types, write_formats
from tidegate.calls.sdp.limits import MAX_LINE, MAX_SECTION_LINES, MAX_URI
from tidegate.calls.sdp.streams import StreamLines, Streams
from tidegate.calls.sdp.transport import Transport, TransportLines

Direction: TypeAlias = Literal["sendrecv", "sendonly", "recvonly", "inactive"]
DIRECTIONS = frozenset({"sendrecv", "sendonly", "recvonly", "inactive"})

DISCARD_PORT = 9
"""The port of a section whose address is told elsewhere (RFC 8840 §4.1.1)."""


@dataclass(frozen=True, slots=True)
class Extension:
    """An ``a=extmap`` (RFC 8285 §5). ``direction`` is seen from the description's author."""

    id: int
    uri: str
    direction: Direction = "sendrecv"

    @classmethod
    @lru_cache(maxsize=1024)
    def parse(cls, value: str) -> "Extension":
        head, _, rest = value.partition(" ")
        id, _, direction = head.partition("/")
        uri = rest.split(" ", 1)[0]
        if not uri or len(uri) > MAX_URI or (direction and direction not in DIRECTIONS):
            raise malformed("a=extmap")
        return cls(number(id, 65_535, "a=extmap"), uri, cast(Direction, direction or "sendrecv"))

    def __str__(self) -> str:
        direction = "" if self.direction == "sendrecv" else f"/{self.direction}"
        return f"{self.id}{direction} {self.uri}"


@dataclass(frozen=True, slots=True)
class DataChannels:
    """What an ``m=application`` section says of SCTP (RFC 8841).

    Attributes:
        max_message_size: bytes; 65,536 where nothing is said, 0 for any size.
        by_sctpmap: written the way of old, ``DTLS/SCTP 5000`` with ``a=sctpmap``.
    """

    port: int
    max_message_size: int = 65_536
    by_sctpmap: bool = False


@dataclass(frozen=True, slots=True)
class Section:
    """A media section.

    Attributes:
        kind: ``audio``, ``video``, ``application``, or another word.
        port: 0: rejected, or bundled with another section (``bundle_only``).
        other_formats: formats of the ``m=`` line that are no payload types, of other protocols.
        mid: empty without one.
        direction: ``None`` where the section says nothing, and the session's counts.
        formats: of audio and video.
        data_channels: of ``application``, where the protocol is SCTP over DTLS.
    """

    kind: str
    port: int
    protocol: str
    mid: str = ""
    direction: Direction | None = None
    bundle_only: bool = False
    rtcp_mux: bool = False
    rtcp_rsize: bool = False
    extmap_allow_mixed: bool = False
    formats: tuple[Format, ...] = ()
    other_formats: tuple[str, ...] = ()
    extensions: tuple[Extension, ...] = ()
    streams: Streams = field(default_factory=Streams)
    data_channels: DataChannels | None = None
    transport: Transport = field(default_factory=Transport)

    @property
    def rejected(self) -> bool:
        return self.port == 0 and not self.bundle_only

    @classmethod
    def parse(cls, text: str) -> "Section":
        """Reads the lines of one section, which are divided by LF; the first is its ``m=`` line.

        Raises:
            MalformedSessionDescription: a line has the wrong form, or exceeds a limit.
        """
        lines = text.split("\n")
        if len(lines) > MAX_SECTION_LINES:
            raise malformed("a section has too many lines")
        reader = _Reader(lines[0])
        for name, value in attributes(lines[1:]):
            reader.read(name, value)
        return reader.section()

    def write(self) -> str:
        """The section's lines, each with CRLF, its transport last."""
        return "".join(f"{line}\r\n" for line in (*self.media_lines(), *self.transport.write()))

    def media_lines(self) -> Iterator[str]:
        """Everything but the transport."""
        listed = [*map(str, payload_types(self.formats)), *self.other_formats]
        sctp = self.data_channels
        if sctp is not None:
            listed = [str(sctp.port)] if sctp.by_sctpmap else ["webrtc-datachannel"]
        yield f"m={self.kind} {self.port} {self.protocol} {' '.join(listed) or '0'}"
        yield "c=IN IP4 0.0.0.0"
        if self.mid:
            yield f"a=mid:{self.mid}"
        if self.direction is not None:
            yield f"a={self.direction}"
        for flag, name in (
            (self.bundle_only, "bundle-only"),
            (self.rtcp_mux, "rtcp-mux"),
            (self.rtcp_rsize, "rtcp-rsize"),
            (self.extmap_allow_mixed, "extmap-allow-mixed"),
        ):
            if flag:
                yield f"a={name}"
        yield from write_formats(self.formats)
        for extension in self.extensions:
            yield f"a=extmap:{extension}"
        yield from self.streams.write()
        if sctp is not None and sctp.by_sctpmap:
            yield f"a=sctpmap:{sctp.port} webrtc-datachannel 65535"
        elif sctp is not None:
            yield f"a=sctp-port:{sctp.port}"
        if sctp is not None:
            yield f"a=max-message-size:{sctp.max_message_size}"


def attributes(lines: Iterable[str]) -> Iterator[tuple[str, str]]:
    """Name and value of each ``a=`` line; other lines only have to look like lines."""
    for line in lines:
        if len(line) > MAX_LINE:
            raise malformed("a line is too long")
        if line.startswith("a="):
            name, _, value = line[2:].partition(":")
            yield name, value.strip()
        elif line and line[1:2] != "=":
            raise malformed("a line is no line of SDP")


class _Reader:
    """Gathers the attributes of one section."""

    def __init__(self, media: str) -> None:
        match media[2:].split():
            case [kind, port, protocol, *formats]:
                # A range of ports ("9/2") means nothing to ICE.
                self._port = number(port.split("/", 1)[0], 65_535, "m=")
                self._kind, self._protocol, self._listed = kind, protocol, formats
            case _:
                raise malformed("m=")
        self._mid = ""
        self._direction: Direction | None = None
        self._flags: set[str] = set()
        self._formats = FormatLines()
        self._extensions: list[Extension] = []
        self._streams = StreamLines()
        self._sctp_port: int | None = None
        self._by_sctpmap = False
        self._max_message_size = 65_536
        self._transport = TransportLines()
        self._handlers: dict[str, Callable[[str], None]] = {
            "mid": self._read_mid,
            "rtpmap": self._formats.rtpmap,
            "fmtp": self._formats.fmtp,
            "rtcp-fb": self._formats.rtcp_fb,
            "extmap": lambda value: self._extensions.append(Extension.parse(value)),
            "sctp-port": self._read_sctp_port,
            "sctpmap": self._read_sctpmap,
            "max-message-size": self._read_max_message_size,
        }

    def read(self, name: str, value: str) -> None:
        handler = self._handlers.get(name)
        if handler is not None:
            handler(value)
        elif name in DIRECTIONS:
            self._direction = cast(Direction, name)
        elif not self._streams.read(name, value) and not self._transport.read(name, value):
            self._flags.add(name)

    def section(self) -> Section:
        media = "RTP/" in self._protocol
        listed = [number(pt, 127, "m=") for pt in self._listed] if media else []
        return Section(
            kind=self._kind,
            port=self._port,
            protocol=self._protocol,
            mid=self._mid,
            direction=self._direction,
            bundle_only="bundle-only" in self._flags,
            rtcp_mux="rtcp-mux" in self._flags,
            rtcp_rsize="rtcp-rsize" in self._flags,
            extmap_allow_mixed="extmap-allow-mixed" in self._flags,
            formats=self._formats.formats(listed),
            other_formats=() if media or self._sctp else tuple(self._listed),
            extensions=tuple(self._extensions),
            streams=self._streams.streams(),
            data_channels=self._data_channels(),
            transport=self._transport.transport(),
        )

    @property
    def _sctp(self) -> bool:
        return self._kind == "application" and self._protocol.endswith("DTLS/SCTP")

    def _data_channels(self) -> DataChannels | None:
        if not self._sctp:
            return None
        port = self._sctp_port
        if self._by_sctpmap and port is None:
            port = number("".join(self._listed[:1]), 65_535, "m=")
        return DataChannels(
            5000 if port is None else port, self._max_message_size, self._by_sctpmap
        )

    def _read_mid(self, value: str) -> None:
        self._mid = token(value, "a=mid")

    def _read_sctp_port(self, value: str) -> None:
        self._sctp_port = number(value, 65_535, "a=sctp-port")

    def _read_sctpmap(self, value: str) -> None:
        self._by_sctpmap = True

    def _read_max_message_size(self, value: str) -> None:
        self._max_message_size = number(value, 1 << 53, "a=max-message-size")
