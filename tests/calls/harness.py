"""An SFU of the rules, a pretended engine and scripted clients, with the clock in hand.

:class:`Sfu` wires them. A :class:`Client` describes itself in SDP as a browser would, and the
engine notes what it is told, and refuses what the real one has no use for.
"""

import json
import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import msgspec
from tidegate.addresses import HostPort
from tidegate.calls.bodies import Response, failure
from tidegate.calls.limits import Limits
from tidegate.calls.plane import Encoding, Mapping, PayloadType
from tidegate.calls.sdp import (
    Description,
    Direction,
    Extension,
    Fingerprint,
    Format,
    Section,
    SessionLines,
    Streams,
    Transport,
)
from tidegate.calls.server import CallsServer
from tidegate.calls.session import Session
from tidegate.errors import CallsError

APP = "a" * 32
OTHER_APP = "b" * 32

Kind = Literal["audio", "video"]

OPUS = Format(111, "opus", 48_000, 2, "minptime=10;useinbandfec=1", ("transport-cc",))
PCMU = Format(0, "pcmu", 8_000)
VP8 = Format(96, "vp8", 90_000, feedback=("nack", "nack pli", "transport-cc"), rtx=97)
H264 = Format(
    102,
    "h264",
    90_000,
    parameters="packetization-mode=1;profile-level-id=42e01f",
    feedback=("nack", "nack pli", "transport-cc"),
    rtx=103,
)
MID_EXTENSION = Extension(4, "urn:ietf:params:rtp-hdrext:sdes:mid")
RID_EXTENSIONS = (
    Extension(10, "urn:ietf:params:rtp-hdrext:sdes:rtp-stream-id"),
    Extension(11, "urn:ietf:params:rtp-hdrext:sdes:repaired-rtp-stream-id"),
)
FORMATS: dict[Kind, tuple[Format, ...]] = {"audio": (OPUS, PCMU), "video": (VP8, H264)}

_REVERSED: dict[Direction, Direction] = {
    "sendonly": "recvonly",
    "recvonly": "sendonly",
    "sendrecv": "sendrecv",
    "inactive": "inactive",
}


# What the engine tells; the names are those of tidegate._engine.


@dataclass
class RtcConnected:
    session: int


@dataclass
class RtcDisconnected:
    session: int
    reason: str = "silent"


@dataclass
class RtcClosed:
    session: int


@dataclass
class TrackFlowing:
    session: int
    track: int


@dataclass
class TrackSilent:
    session: int
    track: int


@dataclass
class EngineTrack:
    """A track as it was opened or updated last."""

    session: int
    mid: str
    video: bool
    payload_types: Sequence[PayloadType]
    encodings: Sequence[Encoding]
    silent_seconds: float
    flowed: bool = False


@dataclass
class EngineSink:
    """A sink as it was attached or updated last; ``track`` is None once its track has ended."""

    session: int
    track: int | None
    mid: str
    ssrc: int
    rtx_ssrc: int | None
    cname: str
    mappings: Sequence[Mapping]
    layers: Sequence[str]


@dataclass
class EngineSession:
    ufrag: str
    remote: dict[str, Any] | None = None
    extensions: Sequence[tuple[int, int]] = ()
    restarts: int = 0


class FakeEngine:
    """Notes what the rules command, and fails on what makes no sense.

    Attributes:
        commands: the names of all commands, in order.
    """

    def __init__(self) -> None:
        self.commands: list[str] = []
        self.sessions: dict[int, EngineSession] = {}
        self.tracks: dict[int, EngineTrack] = {}
        self.sinks: dict[int, EngineSink] = {}
        self._handles = 0

    def _handle(self, command: str) -> int:
        self.commands.append(command)
        self._handles += 1
        return self._handles

    def create_rtc_session(self, ufrag: str, pwd: str) -> int:
        assert len(ufrag) >= 4
        assert len(pwd) >= 22
        handle = self._handle("create_rtc_session")
        self.sessions[handle] = EngineSession(ufrag)
        return handle

    def add_rtc_credentials(self, session: int, ufrag: str, pwd: str) -> None:
        self.commands.append("add_rtc_credentials")
        self.sessions[session].ufrag = ufrag
        self.sessions[session].restarts += 1

    def set_rtc_remote(
        self,
        session: int,
        *,
        algorithm: str,
        fingerprint: bytes,
        dtls_client: bool,
        sctp_port: int | None,
    ) -> None:
        self.commands.append("set_rtc_remote")
        self.sessions[session].remote = {
            "algorithm": algorithm,
            "fingerprint": fingerprint,
            "dtls_client": dtls_client,
            "sctp_port": sctp_port,
        }

    def set_rtc_extensions(self, session: int, extensions: Sequence[tuple[int, int]]) -> None:
        self.commands.append("set_rtc_extensions")
        self.sessions[session].extensions = extensions

    def open_rtc_track(
        self,
        session: int,
        *,
        mid: str,
        video: bool,
        payload_types: Sequence[PayloadType],
        encodings: Sequence[Encoding],
        silent_seconds: float,
    ) -> int:
        assert self.sessions[session].remote is not None
        assert payload_types
        assert encodings
        assert not [t for t in self.tracks.values() if (t.session, t.mid) == (session, mid)]
        handle = self._handle("open_rtc_track")
        self.tracks[handle] = EngineTrack(
            session, mid, video, payload_types, encodings, silent_seconds
        )
        return handle

    def update_rtc_track(
        self,
        session: int,
        track: int,
        *,
        mid: str,
        video: bool,
        payload_types: Sequence[PayloadType],
        encodings: Sequence[Encoding],
        silent_seconds: float,
    ) -> None:
        self.commands.append("update_rtc_track")
        known = self.tracks[track]
        assert (known.session, known.mid, known.video) == (session, mid, video)
        known.payload_types, known.encodings = payload_types, encodings

    def close_rtc_track(self, session: int, track: int) -> None:
        self.commands.append("close_rtc_track")
        assert self.tracks[track].session == session
        self._drop_track(track)

    def _drop_track(self, track: int) -> None:
        del self.tracks[track]
        for sink in self.sinks.values():
            if sink.track == track:
                sink.track = None

    def attach_rtc_sink(
        self,
        session: int,
        track: int,
        *,
        mid: str,
        ssrc: int,
        rtx_ssrc: int | None,
        cname: str,
        mappings: Sequence[Mapping],
        layers: Sequence[str],
    ) -> int:
        assert session in self.sessions
        assert self.tracks[track].flowed
        assert mappings
        sending = [sink for sink in self.sinks.values() if sink.session == session]
        assert mid not in {sink.mid for sink in sending}
        assert ssrc not in {sink.ssrc for sink in sending}
        handle = self._handle("attach_rtc_sink")
        self.sinks[handle] = EngineSink(
            session, track, mid, ssrc, rtx_ssrc, cname, mappings, layers
        )
        return handle

    def update_rtc_sink(
        self,
        session: int,
        sink: int,
        *,
        track: int | None = None,
        mappings: Sequence[Mapping] | None = None,
        layers: Sequence[str] | None = None,
        cname: str | None = None,
    ) -> None:
        self.commands.append("update_rtc_sink")
        known = self.sinks[sink]
        assert known.session == session
        if track is not None:
            assert self.tracks[track].flowed
            known.track = track
        known.mappings = known.mappings if mappings is None else mappings
        known.layers = known.layers if layers is None else layers
        known.cname = known.cname if cname is None else cname

    def detach_rtc_sink(self, session: int, sink: int) -> None:
        self.commands.append("detach_rtc_sink")
        assert self.sinks.pop(sink).session == session

    def close_rtc_session(self, session: int) -> None:
        self.commands.append("close_rtc_session")
        del self.sessions[session]
        for track in [handle for handle, t in self.tracks.items() if t.session == session]:
            self._drop_track(track)
        for sink in [handle for handle, s in self.sinks.items() if s.session == session]:
            del self.sinks[sink]


class Reply:
    """What an operation answers, now or later, exactly once.

    Attributes:
        status: the HTTP status; None while there is no answer.
        json: the body, as it goes over the wire.
    """

    def __init__(self, *, of_tracks: bool) -> None:
        self.status: int | None = None
        self.json: dict[str, Any] = {}
        self.retry_after: int | None = None
        self._of_tracks = of_tracks

    def __call__(self, result: Response | CallsError) -> None:
        assert self.status is None, "answered twice"
        self.status = result.status
        body: msgspec.Struct
        if isinstance(result, CallsError):
            body = failure(result, of_tracks=self._of_tracks)
            self.retry_after = result.retry_after
        else:
            body = result
        self.json = json.loads(msgspec.json.encode(body))

    @property
    def waits(self) -> bool:
        return self.status is None

    @property
    def ok(self) -> dict[str, Any]:
        """The body of an answer that is no error."""
        assert self.status in (200, 201), (self.status, self.json)
        assert "errorCode" not in self.json
        return self.json

    @property
    def tracks(self) -> list[dict[str, Any]]:
        tracks: list[dict[str, Any]] = self.ok["tracks"]
        return tracks

    @property
    def sdp(self) -> str:
        sdp: str = self.ok["sessionDescription"]["sdp"]
        return sdp

    @property
    def error(self) -> tuple[int | None, str, str | None]:
        """Status, ``errorCode`` and ``errorSubcode``."""
        return self.status, self.json.get("errorCode", ""), self.json.get("errorSubcode")

    @property
    def item_errors(self) -> list[str | None]:
        """The ``errorCode`` of each track; None where it succeeded."""
        return [track.get("errorCode") for track in self.tracks]


class Sfu:
    """The rules, an engine and the time."""

    def __init__(self, limits: Limits | None = None, *, seed: int = 1) -> None:
        self.engine = FakeEngine()
        self.now = 1000.0
        self.server = CallsServer(
            self.engine,
            limits or Limits(requests_per_second=100_000),
            candidates=[HostPort("192.0.2.7", 4443)],
            fingerprint=bytes(range(32)),
            entropy=random.Random(seed).randbytes,
        )

    def advance(self, seconds: float) -> None:
        """Lets time pass, every deadline in its order."""
        end = self.now + seconds
        while (due := self.server.next_timeout()) is not None and due <= end:
            self.now = max(self.now, due)
            self.server.handle_timeout(self.now)
        self.now = end
        self.server.handle_timeout(self.now)

    def tell(self, event: Any) -> None:
        self.server.handle(event, self.now)

    def open(self, body: bytes = b"", *, app: str = APP, thirdparty: bool = False) -> Reply:
        reply = Reply(of_tracks=False)
        self.server.open_session(app, body, self.now, reply, thirdparty=thirdparty)
        return reply

    def client(self, *, app: str = APP) -> "Client":
        """A new session, not connected yet."""
        client = Client(self, app=app)
        client.session_id = self.open(app=app).ok["sessionId"]
        return client

    def publisher(self, *names: str, app: str = APP, rids: Sequence[str] = ()) -> "Client":
        """A connected session whose tracks, video unless named ``mic…``, flow."""
        client = self.client(app=app)
        client.push(*names, rids=rids)
        client.connect()
        client.send(*names)
        return client


@dataclass
class Line:
    """One section of a client; ``direction`` is what the client wants of it."""

    mid: str
    kind: Kind
    direction: Direction
    formats: tuple[Format, ...]
    rids: tuple[str, ...] = ()
    stopped: bool = False
    extensions: tuple[Extension, ...] = (MID_EXTENSION,)

    def section(self, client: "Client", *, setup: Literal["actpass", "active"]) -> Section:
        sends = self.direction in ("sendonly", "sendrecv") and not self.stopped
        rids = self.rids if sends else ()
        return Section(
            self.kind,
            0 if self.stopped else 9,
            "UDP/TLS/RTP/SAVPF",
            self.mid,
            "inactive" if self.stopped else self.direction,
            rtcp_mux=True,
            rtcp_rsize=True,
            formats=self.formats,
            extensions=self.extensions + (RID_EXTENSIONS if rids else ()),
            streams=Streams(
                msid=("-", f"track-{self.mid}") if sends else None,
                ssrcs=(1000 + client.lines.index(self),) if sends and not rids else (),
                cname="client" if sends and not rids else None,
                rids_sent=rids,
            ),
            transport=Transport(
                client.ufrag,
                "p" * 24,
                (Fingerprint("sha-256", client.fingerprint),),
                setup,
            ),
        )


class Client:
    """One peer connection, which calls the API as a browser's page would.

    Attributes:
        lines: its sections, in order.
        answered: the directions that our answers gave them, seen from the SFU.
    """

    def __init__(self, sfu: Sfu, *, app: str = APP) -> None:
        self.sfu = sfu
        self.app = app
        self.session_id = ""
        self.lines: list[Line] = []
        self.answered: dict[str, Direction] = {}
        self.ufrag = "abcd"
        self.fingerprint = b"\x11" * 32
        self._mids = 0

    # Its half of the negotiation.

    def add(self, kind: Kind, direction: Direction = "sendonly", rids: Sequence[str] = ()) -> Line:
        """``addTransceiver``: the next offer has another section."""
        taken = {line.mid for line in self.lines}
        while (mid := str(self._mids)) in taken:
            self._mids += 1
        line = Line(mid, kind, direction, FORMATS[kind], tuple(rids))
        self.lines.append(line)
        return line

    def offer(self) -> str:
        return self._describe("actpass")

    def _describe(self, setup: Literal["actpass", "active"]) -> str:
        bundled = tuple(line.mid for line in self.lines if not line.stopped)
        head = SessionLines(bundle=bundled, extmap_allow_mixed=True).write(1, 2)
        return head + "".join(line.section(self, setup=setup).write() for line in self.lines)

    def take_answer(self, sdp: str) -> None:
        """Checks that the answer fits the offer, section by section."""
        sections = read(sdp)
        assert [section.mid for section in sections] == [line.mid for line in self.lines]
        for section, line in zip(sections, self.lines, strict=True):
            assert section.kind == line.kind
            assert section.transport.setup in ("active", "passive", None)
            if line.stopped:
                assert section.rejected
            self.answered[line.mid] = (
                "inactive" if section.rejected else section.direction or "sendrecv"
            )

    def take_offer(self, sdp: str) -> None:
        """Adopts the sections of the SFU's offer: new ones are at the end, or in the place of one
        that was stopped. Those that it sends become ``recvonly`` here."""
        sections = read(sdp)
        assert len(sections) >= len(self.lines)
        for index, section in enumerate(sections):
            here = self.lines[index] if index < len(self.lines) else None
            if here is not None and here.mid == section.mid:
                here.stopped = here.stopped or section.rejected
                continue
            assert here is None or here.stopped
            assert section.kind in ("audio", "video")
            direction = section.direction or "sendrecv"
            line = Line(
                section.mid,
                "audio" if section.kind == "audio" else "video",
                _REVERSED[direction],
                section.formats,
                extensions=section.extensions,
            )
            self.lines[index:] = [line, *self.lines[index + 1 :]]
            self.answered[section.mid] = direction

    def answer(self) -> str:
        return self._describe("active")

    # The API.

    def call(self, operation: str, body: object = None) -> Reply:
        """``new_tracks``, ``renegotiate``, ``update_tracks`` or ``close_tracks``."""
        reply = Reply(of_tracks=operation.endswith("tracks"))
        raw = body if isinstance(body, bytes) else json.dumps(body).encode()
        server = self.sfu.server
        call: Callable[..., None] = getattr(server, operation)
        call(self.app, self.session_id, raw, self.sfu.now, reply)
        return reply

    def state(self) -> Reply:
        reply = Reply(of_tracks=False)
        self.sfu.server.session_state(self.app, self.session_id, self.sfu.now, reply)
        return reply

    def statuses(self) -> dict[tuple[str, str], str]:
        """(location, mid) of each track, and its status."""
        return {(t["location"], t["mid"]): t["status"] for t in self.state().tracks}

    def push_offer(self, *tracks: tuple[str, str], **more: object) -> Reply:
        """Offers as it stands and publishes (name, mid)s."""
        listed = [
            {"location": "local", "trackName": name, "mid": mid, **more} for name, mid in tracks
        ]
        reply = self.call(
            "new_tracks",
            {"sessionDescription": {"type": "offer", "sdp": self.offer()}, "tracks": listed},
        )
        if "sessionDescription" in reply.json:
            self.take_answer(reply.sdp)
        return reply

    def push(self, *names: str, rids: Sequence[str] = (), **more: object) -> list[str]:
        """Publishes a new section for each name, audio if it begins with ``mic``; the mids."""
        lines = [
            self.add("audio") if name.startswith("mic") else self.add("video", rids=rids)
            for name in names
        ]
        if more.get("bidirectionalMediaStream"):
            for line in lines:
                line.direction = "sendrecv"
        reply = self.push_offer(
            *((name, line.mid) for name, line in zip(names, lines, strict=True)), **more
        )
        assert reply.item_errors == [None] * len(names)
        return [line.mid for line in lines]

    def ask(self, *tracks: tuple["Client | str", str], **more: object) -> Reply:
        """Asks for (publisher, name)s without an offer; the client does not take the SFU's yet."""
        return self.call(
            "new_tracks", {"tracks": [remote(client, name, **more) for client, name in tracks]}
        )

    def pull(self, *tracks: tuple["Client | str", str], **more: object) -> list[str]:
        """Subscribes to (publisher, name)s, which are ready, and answers the offer; the mids."""
        reply = self.ask(*tracks, **more)
        assert reply.item_errors == [None] * len(tracks)
        self.finish(reply)
        return [track["mid"] for track in reply.tracks]

    def finish(self, reply: Reply) -> None:
        """Answers the SFU's offer in ``reply``."""
        assert reply.ok["requiresImmediateRenegotiation"] is True
        assert reply.ok["sessionDescription"]["type"] == "offer"
        self.take_offer(reply.sdp)
        assert self.renegotiate(self.answer()).ok == {}

    def renegotiate(self, sdp: str, type: str = "answer") -> Reply:
        return self.call("renegotiate", {"sessionDescription": {"type": type, "sdp": sdp}})

    def update(self, mid: str, publisher: "Client | str", name: str, **more: object) -> Reply:
        return self.call("update_tracks", {"tracks": [remote(publisher, name, mid=mid, **more)]})

    def close(self, *mids: str) -> Reply:
        """A negotiated close, as it stands."""
        reply = self.call(
            "close_tracks",
            {
                "tracks": [{"mid": mid} for mid in mids],
                "sessionDescription": {"type": "offer", "sdp": self.offer()},
                "force": False,
            },
        )
        self.take_answer(reply.sdp)
        return reply

    def force(self, *mids: str) -> Reply:
        return self.call("close_tracks", {"tracks": [{"mid": mid} for mid in mids], "force": True})

    # Its transport and its media, as the engine tells of them.

    @property
    def handle(self) -> int:
        return self.session.handle

    @property
    def session(self) -> Session:
        """The rules' half of it."""
        return self.sfu.server.apps[self.app][self.session_id]

    def connect(self) -> None:
        self.sfu.tell(RtcConnected(self.handle))

    def disconnect(self, reason: str = "silent") -> None:
        self.sfu.tell(RtcDisconnected(self.handle, reason))

    def track(self, name: str) -> int:
        """The engine's handle of a publication that has not ended."""
        track = self.session.names[name].track
        assert track is not None
        return track

    def send(self, *names: str) -> None:
        """The first packets of publications come."""
        for name in names:
            track = self.track(name)
            self.sfu.engine.tracks[track].flowed = True
            self.sfu.tell(TrackFlowing(self.handle, track))

    def fall_silent(self, name: str) -> None:
        self.sfu.tell(TrackSilent(self.handle, self.track(name)))

    @property
    def sinks(self) -> dict[str, EngineSink]:
        """What it is sent, by mid."""
        return {s.mid: s for s in self.sfu.engine.sinks.values() if s.session == self.handle}


def read(sdp: str) -> list[Section]:
    return [Section.parse(text) for text in Description.cut(sdp).sections]


def remote(publisher: Client | str, name: str, **more: object) -> dict[str, object]:
    """One entry of a request for somebody's track."""
    session_id = publisher if isinstance(publisher, str) else publisher.session_id
    return {"location": "remote", "sessionId": session_id, "trackName": name, **more}
