"""MoQ peers of the tests' own: they also say what no proper client would, byte by byte."""

import asyncio
import tempfile
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Self, TypeVar
from urllib.parse import urlsplit

from tidegate import _engine, certificates, engine
from tidegate.addresses import HostPort
from tidegate.config import Config, Limits
from tidegate.moqt import messages, version
from tidegate.moqt.messages import Message, StreamRole
from tidegate.moqt.messages.frames import Frames
from tidegate.moqt.names import FullTrackName, Namespace
from tidegate.moqt.subscription import LARGEST_OBJECT
from tidegate.moqt.token import Token
from tidegate.moqt.version import D14, D16, Profile
from tidegate.moqt.wire import write_varint

M = TypeVar("M", bound=Message)

PROFILES = [D14, D16]
PATIENCE = 10.0
"""Seconds that an answer may take on a busy machine."""


class PeerClosed(Exception):
    """The session ended while something else was waited for."""


async def eventually(is_true: Callable[[], Any], seconds: float) -> None:
    """Waits for something in another process, which has no way to tell us."""
    async with asyncio.timeout(seconds):
        while not is_true():  # noqa: ASYNC110
            await asyncio.sleep(0.1)


def namespace(text: str) -> Namespace:
    return tuple(field.encode() for field in text.split("/"))


def track(text: str, name: str) -> FullTrackName:
    return FullTrackName(namespace(text), name.encode())


def subgroup(alias: int, group: int, *payloads: bytes) -> bytes:
    """A data stream of one subgroup, the same in drafts 14 and 16; no payload: its header alone."""
    out = bytearray()
    for number in (0x10, alias, group):
        write_varint(out, number)
    out.append(128)
    for payload in payloads:
        out.append(0)
        write_varint(out, len(payload))
        out += payload
    return bytes(out)


class Peers:
    """Sessions of this process, all on one UDP socket."""

    def __init__(self, running: _engine.Engine) -> None:
        self.engine = running
        self.by_session: dict[int, Peer] = {}
        self.by_track: dict[int, Peer] = {}
        self._loop = asyncio.get_running_loop()
        self._loop.add_reader(running.fileno(), self._drain)

    @classmethod
    @asynccontextmanager
    async def opened(cls, host: str = "127.0.0.1") -> AsyncIterator[Self]:
        """Peers that leave, without a goodbye at the latest, when the block does."""
        config = Config(
            udp=HostPort(host, 0), shards=1, limits=Limits(control_bytes_per_session=4 << 20)
        )
        with tempfile.TemporaryDirectory() as directory:
            now = datetime.now(UTC)
            certificate = certificates.load_or_make(Path(directory), ["localhost"], now=now)
        peers = cls(engine.start(config, certificate, certificates.make_for_webrtc(now=now)))
        try:
            yield peers
        finally:
            await peers.stop()

    def dial(
        self,
        url: str,
        profile: Profile = D16,
        *,
        certificate_sha256: str | None = None,
        host: str | None = None,
        reads: bool = True,
    ) -> "Peer":
        """Starts to connect to a session URL, ``moqt:`` or ``https:``; one that does not read
        leaves its data streams to flow control.
        """
        parts = urlsplit(url)
        webtransport = parts.scheme == "https"
        target = parts.path + (f"?{parts.query}" if parts.query else "")
        assert parts.hostname is not None
        assert parts.port is not None
        session = self.engine.connect(
            "webtransport" if webtransport else "quic",
            (host or parts.hostname, parts.port),
            server_name="localhost",
            path=target or "/",
            alpn=[] if webtransport and profile.versions_in_setup else [profile.alpn],
            certificate_sha256=bytes.fromhex(certificate_sha256) if certificate_sha256 else None,
            verify=certificate_sha256 is not None,
        )
        peer = Peer(self, session, profile, None if webtransport else target, reads=reads)
        self.by_session[session] = peer
        return peer

    async def connect(self, url: str, profile: Profile = D16, **options: Any) -> "Peer":
        """A peer whose connection stands, and that has said nothing."""
        peer = self.dial(url, profile, **options)
        await peer.until(lambda: peer.connected)
        return peer

    async def enter(self, url: str, profile: Profile = D16, **options: Any) -> "Peer":
        """A peer with SETUP behind it."""
        peer = await self.connect(url, profile, **options)
        peer.setup()
        await peer.hears(messages.ServerSetup)
        return peer

    async def enter_at_last(self, url: str, profile: Profile = D16) -> "Peer":
        """Tries again while it is refused."""
        async with asyncio.timeout(PATIENCE):
            while True:
                try:
                    return await self.enter(url, profile)
                except PeerClosed:
                    await asyncio.sleep(0.05)

    async def stop(self) -> None:
        stopped = self._loop.create_future()
        self._stopped = stopped
        self.engine.shutdown(0, "", 1.0)
        await asyncio.wait_for(stopped, PATIENCE)
        self._loop.remove_reader(self.engine.fileno())

    def _drain(self) -> None:
        for event in self.engine.poll():
            if isinstance(event, _engine.Stopped):
                self._stopped.set_result(None)
            elif isinstance(event, _engine.GroupReached):
                self.by_track[event.track].reached(event.track, event.group)
            elif (session := getattr(event, "session", None)) is not None:
                self.by_session[session].handle(event)


class Peer:
    """One session as its client sees it.

    Attributes:
        heard: messages that were not taken yet, in order.
        closed: how the session ended; None: it stands.
        ended_streams: which of the server's halves of a stream are over.
        stopped_streams: streams of ours that it does not want, with its codes.
    """

    def __init__(
        self,
        peers: Peers,
        session: int,
        profile: Profile,
        setup_path: str | None,
        *,
        reads: bool,
    ) -> None:
        self.peers = peers
        self.session = session
        self.profile = profile
        self.connected = False
        self.heard: list[Message] = []
        self.closed: _engine.Closed | None = None
        self.ended_streams: set[int] = set()
        self.stopped_streams: dict[int, int] = {}
        self.control = peers.engine.open_stream(session, True)
        self._setup_path = setup_path
        self._reads = reads
        self._frames = {self.control: Frames(profile)}
        self._next_request = 0
        self._groups: dict[int, int] = {}
        self._taken: dict[int, int] = {}
        self._news = asyncio.Event()

    # What comes in.

    def handle(self, event: Any) -> None:
        match event:
            case _engine.Connected():
                self.connected = True
                if self._reads:
                    self.peers.engine.set_draft(self.session, self.profile.draft)
            case _engine.StreamBytes(stream=stream):
                frames = self._frames.setdefault(stream, Frames(self.profile, StreamRole.RESPONSE))
                self.heard += frames.feed(event.data)
                if event.fin:
                    self.ended_streams.add(stream)
            case _engine.StreamReset(stream=stream):
                self.ended_streams.add(stream)
            case _engine.StreamStopped(stream=stream, code=code):
                self.stopped_streams[stream] = code
            case _engine.Closed():
                self.closed = event
        self._news.set()

    def reached(self, at: int, group: int) -> None:
        self._groups[at] = group
        self._news.set()

    async def until(self, is_true: Callable[[], Any], timeout: float = PATIENCE) -> None:
        """Waits for something that an event makes true.

        Raises:
            PeerClosed: the session ended first.
            TimeoutError: nothing of the kind.
        """
        async with asyncio.timeout(timeout):
            while not is_true():
                if self.closed is not None:
                    raise PeerClosed(f"{self.closed.code}: {self.closed.reason}")
                self._news.clear()
                await self._news.wait()

    async def hears(self, kind: type[M], timeout: float = PATIENCE) -> M:
        """Takes the oldest message of a type, as soon as there is one."""
        found: list[M] = []

        def take() -> bool:
            for message in self.heard:
                if isinstance(message, kind):
                    self.heard.remove(message)
                    found.append(message)
                    return True
            return False

        await self.until(take, timeout)
        return found[0]

    async def closes(self, timeout: float = PATIENCE) -> tuple[int | None, str]:
        """Waits for the end; what the other side closed with."""
        await self.until(lambda: self.closed, timeout)
        assert self.closed is not None
        return self.closed.code, self.closed.reason

    async def receives(self, alias: int, group: int, timeout: float = PATIENCE) -> None:
        """Waits until an object of ``group``, or of a later one, came in under ``alias``."""
        at = self.take(alias)
        self.peers.engine.watch_group(at, group)
        await self.until(lambda: self._groups.get(at, -1) >= group, timeout)

    def take(self, alias: int) -> int:
        """Reads what comes in under ``alias``; without this it waits."""
        if alias not in self._taken:
            at = self._taken[alias] = self.peers.engine.open_track(self.session, 1)
            self.peers.by_track[at] = self
            self.peers.engine.attach_source(at, self.session, alias)
        return self._taken[alias]

    # What goes out.

    def say(self, message: Message, *, stream: int | None = None) -> None:
        self.say_bytes(messages.encode(self.profile, message), stream=stream)

    def say_bytes(self, data: bytes, *, stream: int | None = None, fin: bool = False) -> None:
        to = self.control if stream is None else stream
        self.peers.engine.send(self.session, to, data, fin)

    def open_data(self, data: bytes, *, fin: bool = False) -> int:
        """A data stream with these bytes on it."""
        stream = self.peers.engine.open_stream(self.session, False)
        self.say_bytes(data, stream=stream, fin=fin)
        return stream

    def leave(self) -> None:
        self.peers.engine.close(self.session, 0, "")

    def setup(self, *tokens: Token) -> None:
        in_setup = self.profile.versions_in_setup
        self.say(
            messages.ClientSetup(
                (version.setup_version(self.profile),) if in_setup else (),
                messages.SetupOptions(path=self._setup_path, max_request_id=1000, tokens=tokens),
            )
        )

    def next_request(self) -> int:
        self._next_request += 2
        return self._next_request - 2

    def subscribe(self, text: str, name: str = "video") -> int:
        request_id = self.next_request()
        self.say(messages.Subscribe(request_id, track(text, name), filter=LARGEST_OBJECT))
        return request_id

    async def watch(self, text: str, name: str = "video") -> int:
        """Subscribes, and is granted; returns the alias that objects come under."""
        self.subscribe(text, name)
        return (await self.hears(messages.SubscribeOk)).track_alias

    def publish_namespace(self, text: str) -> int:
        request_id = self.next_request()
        self.say(messages.PublishNamespace(request_id, namespace(text)))
        return request_id

    def subscribe_namespace(self, text: str) -> int:
        """Asks for what is published under a prefix."""
        request_id = self.next_request()
        stream = self.control
        if self.profile.namespace_requests_on_own_stream:
            stream = self.peers.engine.open_stream(self.session, True)
        self.say(messages.SubscribeNamespace(request_id, namespace(text)), stream=stream)
        return request_id

    def offer(self, text: str, name: str = "video", alias: int = 1) -> int:
        """Asks to publish a track."""
        request_id = self.next_request()
        self.say(messages.Publish(request_id, track(text, name), alias))
        return request_id

    async def publish(self, text: str, name: str = "video", alias: int = 1) -> int:
        """Offers a track, and is told to go on."""
        request_id = self.offer(text, name, alias)
        await self.hears(messages.PublishOk)
        return request_id
