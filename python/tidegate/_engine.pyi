"""The compiled half of Tidegate: it owns sockets, crypto, framing and fan-out, and no policy.

Commands go in through :class:`Engine`; none of them waits or fails, and what came of them is an
event. While a shard does not keep up with its commands, :meth:`Engine.poll` gives no events.
Handles are integers that are never used twice, so a late command for something that is gone does
nothing. The events of one session come in order, and :class:`Closed` is its last.
"""

from collections.abc import Sequence
from typing import Literal, Self, TypeAlias, final

__all__ = [
    "Closed",
    "Connected",
    "Engine",
    "FetchAnswer",
    "FetchDone",
    "GroupReached",
    "Incoming",
    "Limits",
    "Malformed",
    "RtcClosed",
    "RtcConnected",
    "RtcDisconnected",
    "SinkAttached",
    "SinkDrained",
    "SourceEnded",
    "Stopped",
    "StreamBytes",
    "StreamReset",
    "StreamStopped",
    "TrackFlowing",
    "TrackSilent",
    "TrackState",
    "run_load",
]

Location: TypeAlias = tuple[int, int]
"""(group, object); orders by group, then object."""

FilterKind: TypeAlias = Literal["next_group", "largest", "absolute"]
DrainReason: TypeAlias = Literal["ended", "range", "too_far_behind", "malformed"]
FetchStatus: TypeAlias = Literal["ok", "invalid_range", "no_objects", "unknown"]

LostReason: TypeAlias = Literal["silent", "close_notify", "fingerprint", "handshake"]
Codec: TypeAlias = Literal[
    "opus", "pcmu", "pcma", "red", "vp8", "vp9", "h264", "h265", "av1", "other"
]
PayloadType: TypeAlias = tuple[int, Codec, int, int | None, bool]
"""(pt, codec, clock rate, pt of its RTX, the publisher takes NACKs for it)."""
Encoding: TypeAlias = tuple[str, int | None, int | None]
"""(rid, SSRC, SSRC of its RTX); rid is ``""`` without simulcast, SSRCs are None where SDP names none."""
Mapping: TypeAlias = tuple[int, int, int | None]
"""(pt of the publisher, pt of the subscriber, pt of the subscriber's RTX)."""

@final
class Incoming:
    """A client finished its handshake and waits for :meth:`Engine.accept` or :meth:`Engine.refuse`.

    Streams that it opens meanwhile wait unread.

    Attributes:
        transport: ``"quic"`` (raw) or ``"webtransport"``.
        alpn: what TLS chose: ``"moqt-16"``, ``"moq-00"``, or ``"h3"``.
        authority: the request's ``:authority`` (WebTransport) or the TLS server name, else ``""``.
        path: ``:path`` with its query (WebTransport), else ``""``. Holds a token: never log it.
        origin: the ``Origin`` header, where there is one.
        protocols: what ``WT-Available-Protocols`` offers, most wanted first; empty without the header.
        peer: ``address:port``, IPv6 in brackets, mapped addresses unmapped.
    """

    session: int
    transport: Literal["quic", "webtransport"]
    alpn: str
    authority: str
    path: str
    origin: str | None
    protocols: list[str]
    peer: str

@final
class Connected:
    """A session of :meth:`Engine.connect` stands; ``protocol`` is the ALPN or ``WT-Protocol``, or ``""``."""

    session: int
    protocol: str

@final
class StreamBytes:
    """Bytes of a control stream, in order; a stream id not seen before is a stream the peer opened.

    ``stream`` is the QUIC stream id for streams that the peer opened (bit 0x2 clear: bidirectional),
    and the handle of :meth:`Engine.open_stream` for ours. ``fin``: the peer sends no more.
    """

    session: int
    stream: int
    data: bytes
    fin: bool

@final
class StreamReset:
    """The peer reset its half of a control stream with an application ``code``."""

    session: int
    stream: int
    code: int

@final
class StreamStopped:
    """The peer asked us to stop sending on a control stream."""

    session: int
    stream: int
    code: int

@final
class Closed:
    """The session is gone, whoever ended it, and nothing more comes of it.

    ``code`` is the application's close code, ``None`` when the transport failed (idle, reset, TLS).
    Its sources, sinks and fetches are gone with it, without events of their own.
    """

    session: int
    code: int | None
    reason: str
    remote: bool

@final
class SinkAttached:
    """The join is fixed. ``largest`` is what SUBSCRIBE_OK (or PUBLISH) tells; ``None``: nothing published yet.

    ``valid`` is false where the filter's range ended before ``largest``; the sink is gone then.
    """

    sink: int
    largest: Location | None
    valid: bool

@final
class SinkDrained:
    """Every stream of the sink is closed and none will be opened; the sink is gone.

    Attributes:
        streams: data streams opened for it, for PUBLISH_DONE.
        reason: ``"ended"`` answers :meth:`Engine.end_sink`; ``"range"``: the filter's end has passed.
    """

    sink: int
    streams: int
    reason: DrainReason

@final
class SourceEnded:
    """All streams of an ended source came in, or its deadline passed; the source is gone."""

    source: int

@final
class Malformed:
    """The source broke a rule of its track (draft-16 §2.4.2); its streams were stopped, nothing was cached."""

    track: int
    source: int
    reason: str

@final
class TrackState:
    """Answers :meth:`Engine.query_track`."""

    track: int
    query: int
    largest: Location | None

@final
class GroupReached:
    """The track's largest group is now ``group`` or later: answers :meth:`Engine.watch_group`."""

    track: int
    group: int

@final
class FetchAnswer:
    """What the cache can serve of a fetch.

    ``end`` is FETCH_OK's End Location: the object is one past the last, 0 means the whole group.
    After any status but ``"ok"`` the fetch is gone. ``"no_objects"``: the range is known to be empty.
    ``"unknown"``: nothing of the range is known. Parts that the cache no longer holds are marked or
    the stream is reset, as the session's draft has it.
    """

    fetch: int
    status: FetchStatus
    end_of_track: bool
    end: Location

@final
class FetchDone:
    """The fetch's stream is finished (``complete``) or was reset; the fetch is gone."""

    fetch: int
    complete: bool

@final
class RtcConnected:
    """ICE and DTLS are up and the peer is who its fingerprint says: media flows.

    Comes again after each :class:`RtcDisconnected` that was not the end. A new DTLS association
    that follows a close_notify within 2 s makes no events.
    """

    session: int

@final
class RtcDisconnected:
    """Nothing reaches the session now; its tracks and sinks are kept, and it may come back.

    ``reason``: ``"silent"``: nothing authentic came for ``rtc_silent_seconds``; ``"close_notify"``;
    ``"fingerprint"`` and ``"handshake"``: DTLS failed, and the peer has to begin anew.
    """

    session: int
    reason: LostReason

@final
class RtcClosed:
    """Answers :meth:`Engine.close_rtc_session`; the session's last event."""

    session: int

@final
class TrackFlowing:
    """The first packet of a track came, or the first after :class:`TrackSilent`."""

    session: int
    track: int

@final
class TrackSilent:
    """No packet of any encoding came for the track's ``silent_seconds``."""

    session: int
    track: int

@final
class Stopped:
    """Answers :meth:`Engine.shutdown`: every session has closed and the sockets are free."""

Event: TypeAlias = (
    Incoming
    | Connected
    | StreamBytes
    | StreamReset
    | StreamStopped
    | Closed
    | SinkAttached
    | SinkDrained
    | SourceEnded
    | Malformed
    | TrackState
    | GroupReached
    | FetchAnswer
    | FetchDone
    | RtcConnected
    | RtcDisconnected
    | RtcClosed
    | TrackFlowing
    | TrackSilent
    | Stopped
)

@final
class Limits:
    """Every bound of the engine; what they mean to a peer is in docs/reference/limits.md."""

    def __new__(
        cls,
        *,
        sessions: int = 10_000,
        sessions_per_address: int = 2_000,
        handshakes_per_second: int = 2_000,
        half_open: int = 1_000,
        control_streams: int = 260,
        data_streams: int = 1_024,
        parked_streams: int = 64,
        parked_datagram_bytes: int = 65_536,
        parked_seconds: float = 15.0,
        header_seconds: float = 10.0,
        cache_bytes: int = 512 << 20,
        cache_bytes_per_scope: int = 64 << 20,
        cache_seconds: float = 10.0,
        queued_bytes_per_sink: int = 400_000,
        behind_seconds: float = 5.0,
        control_backlog_bytes: int = 1 << 20,
        idle_seconds: float = 10.0,
        rtc_sessions: int = 10_000,
        rtc_handshakes: int = 1_000,
        rtc_silent_seconds: float = 10.0,
        rtc_history_bytes: int = 256 << 20,
    ) -> Self: ...

@final
class Engine:
    """Shards on one UDP port. Construct, read :meth:`fileno`, and drain :meth:`poll` when it is readable."""

    def __new__(
        cls,
        *,
        udp: tuple[str, int],
        shards: int,
        certificate: bytes,
        private_key: bytes,
        alpn: Sequence[str],
        rtc_certificate: bytes,
        rtc_private_key: bytes,
        limits: Limits | None = None,
    ) -> Self:
        """Binds the port and starts the shards.

        Args:
            udp: address and port; port 0 takes a free one (:attr:`port`).
            certificate: PEM chain, leaf first. ``private_key``: PEM.
            alpn: what raw QUIC may speak, most wanted first; WebTransport's ``h3`` is always offered last.
            rtc_certificate: what every WebRTC session shows: an ECDSA P-256 certificate, DER.
            rtc_private_key: PKCS #8, DER.
        Raises:
            OSError: the port is in use, also by another process of this user, or cannot be bound.
            ValueError: the certificate or key cannot be read.
        """

    port: int
    shards: int

    def fileno(self) -> int:
        """A descriptor that is readable while events wait."""

    def poll(self, most: int = 1024) -> list[Event]:
        """Takes up to ``most`` waiting events, oldest first; empty when none wait."""

    def set_certificate(self, certificate: bytes, private_key: bytes) -> None:
        """New handshakes use this certificate; sessions that stand are not touched."""

    def stats(self) -> list[dict[str, int]]:
        """Counters of each shard since the start, named and told apart in `crates/track` and `crates/shard`."""

    def shutdown(self, code: int, reason: str, deadline: float) -> None:
        """Closes every session, waits at most ``deadline`` seconds for goodbyes, then :class:`Stopped`."""

    # Sessions.

    def connect(
        self,
        transport: Literal["quic", "webtransport"],
        address: tuple[str, int],
        *,
        server_name: str,
        path: str,
        alpn: Sequence[str],
        certificate_sha256: bytes | None = None,
        verify: bool = True,
    ) -> int:
        """Dials a peer; :class:`Connected` or :class:`Closed` follows. Returns the session.

        ``address`` is numeric. ``alpn`` is the ALPN list, or what ``WT-Available-Protocols`` offers.
        """

    def accept(self, session: int, protocol: str | None) -> None:
        """Accepts an :class:`Incoming` one; ``protocol`` is echoed as ``WT-Protocol`` on WebTransport."""

    def refuse(self, session: int, status: int) -> None:
        """Refuses: an HTTP status on WebTransport, a connection close on raw QUIC."""

    def set_draft(self, session: int, draft: int) -> None:
        """Names the draft (14, 16); data streams and datagrams wait unread until then."""

    def close(self, session: int, code: int, reason: str) -> None:
        """Flushes control streams, says goodbye, and closes once acknowledged, after 1 s at the latest."""

    # Control streams.

    def open_stream(self, session: int, bidirectional: bool) -> int:
        """Opens a control stream as soon as there is credit; what is sent before waits."""

    def send(self, session: int, stream: int, data: bytes, fin: bool = False) -> None:
        """Writes control bytes, ahead of all data. A backlog over the limit closes the session."""

    def reset_stream(self, session: int, stream: int, code: int) -> None: ...
    def stop_stream(self, session: int, stream: int, code: int) -> None: ...

    # Tracks. Numbers as the wire has them; locations as (group, object); times in milliseconds.

    def open_track(self, near: int, scope: int) -> int:
        """Opens a track, at home on the shard of session ``near``; ``scope`` shares one cache budget."""

    def update_track(
        self,
        track: int,
        *,
        priority: int | None = None,
        max_cache_ms: int | None = None,
        largest: Location | None = None,
    ) -> None:
        """What the publisher says of its track: default priority, how long objects may be cached, and
        the largest location that it has published (SUBSCRIBE_OK, PUBLISH); what lies up to there and was
        never received here counts as unknown."""

    def close_track(self, track: int) -> None:
        """Forgets the track and its cache; its sources and sinks are gone without events."""

    def query_track(self, track: int) -> int:
        """Asks for the largest location; returns the ``query`` of the :class:`TrackState` to come."""

    def watch_group(self, track: int, group: int) -> None:
        """Asks for one :class:`GroupReached` when the track's largest group is ``group`` or later."""

    def attach_source(self, track: int, session: int, alias: int) -> int:
        """Objects that ``session`` sends under ``alias`` are the track's from now on, parked ones too.

        Several sources may feed a track: their objects are merged, each is forwarded once.
        """

    def end_source(self, source: int, streams: int | None, deadline: int) -> None:
        """The publisher said PUBLISH_DONE: :class:`SourceEnded` after ``streams`` streams, or ``deadline`` ms."""

    def detach_source(self, source: int) -> None:
        """Stops its streams; what still comes under its alias is discarded. No event."""

    def attach_sink(
        self,
        track: int,
        session: int,
        alias: int,
        *,
        filter: FilterKind = "largest",
        start: Location = ...,
        end_group: int | None = None,
        forward: bool = True,
        priority: int = 128,
        descending: bool = False,
        delivery_timeout: int | None = None,
    ) -> int:
        """Fixes where a subscription starts; :class:`SinkAttached` follows. Nothing is sent yet.

        ``start`` counts for ``"absolute"`` and is (0, 0) by default; ``end_group`` is inclusive.
        """

    def start_sink(self, sink: int, stream: int, reply: bytes) -> None:
        """Writes ``reply`` on the control stream ``stream`` and lets objects follow, in one step."""

    def update_sink(
        self,
        sink: int,
        *,
        start: Location | None = None,
        end_group: int | None = None,
        open_ended: bool = False,
        forward: bool | None = None,
        priority: int | None = None,
        delivery_timeout: int | None = None,
    ) -> None:
        """Changes what is given. ``open_ended`` removes the end group; streams outside are reset."""

    def end_sink(self, sink: int) -> None:
        """No new objects; :class:`SinkDrained` once what is queued is delivered, or given up."""

    def detach_sink(self, sink: int) -> None:
        """The subscriber left: resets its streams. No event."""

    def fetch(
        self,
        track: int,
        session: int,
        request_id: int,
        *,
        start: Location,
        end: Location,
        descending: bool = False,
        priority: int = 128,
    ) -> int:
        """Looks a range up in the cache; :class:`FetchAnswer` follows. ``end`` as FETCH writes it."""

    def start_fetch(self, fetch: int, stream: int, reply: bytes) -> None:
        """Writes ``reply`` on the control stream and the objects on a stream of their own."""

    def cancel_fetch(self, fetch: int) -> None:
        """Resets the fetch's stream. No event."""

    # WebRTC: sessions, tracks, sinks. A session belongs to no shard until its peer's first binding
    # request; commands wait for that.

    def create_rtc_session(self, ufrag: str, pwd: str) -> int:
        """A session that binding requests with these ICE credentials reach. Returns the session."""

    def add_rtc_credentials(self, session: int, ufrag: str, pwd: str) -> None:
        """ICE restart: these reach the session too; the older ones are forgotten once these are used."""

    def set_rtc_remote(
        self,
        session: int,
        *,
        algorithm: str,
        fingerprint: bytes,
        dtls_client: bool,
        sctp_port: int | None,
    ) -> None:
        """What the peer's description says; until then a handshake may go on, but nothing is connected.

        Args:
            algorithm: of the fingerprint, as SDP names it (``"sha-256"``).
            dtls_client: we begin the DTLS handshake (the peer is ``a=setup:passive``).
            sctp_port: the peer's, where an ``m=application`` section was negotiated.
        """

    def set_rtc_extensions(self, session: int, extensions: Sequence[tuple[int, int]]) -> None:
        """(id, number) of each header extension; a number stands for one URI in all sessions.

        0 mid, 1 rtp-stream-id, 2 repaired-rtp-stream-id, 3 transport-wide-cc, 4 abs-send-time are
        each leg's own; the values of all others pass from publisher to subscriber.
        """

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
        """What the session sends in section ``mid`` becomes a track; :class:`TrackFlowing` may follow."""

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
        """A later description says otherwise; what stays the same is not disturbed."""

    def close_rtc_track(self, session: int, track: int) -> None:
        """Ends the track; its sinks stay, silent, until they are detached or given another track."""

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
        """Sends a track, which has flowed, to a session, as soon as that is connected.

        Args:
            cname: the same for all tracks of one publisher session, so that receivers synchronize them.
            mappings: payload types that are not listed are not forwarded.
            layers: rids, most wanted first: the first that arrives is sent, none if none of them does.
                Empty: whatever arrives, the first of the description first.
        """

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
        """Changes what is sent, at the next key frame where there are key frames; None stays as it is."""

    def detach_rtc_sink(self, session: int, sink: int) -> None: ...
    def close_rtc_session(self, session: int) -> None:
        """Ends the session, its tracks and sinks, with a close_notify; :class:`RtcClosed` follows."""

def run_load() -> None:
    """Carries out what standard input says; what it tells are JSON lines on standard output.

    Waits for the end of it, without the interpreter lock.

    Raises:
        RuntimeError: the plan is at fault, or the run could not take place.
    """
