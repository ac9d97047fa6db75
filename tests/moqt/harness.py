"""A relay of the rules, a pretended engine and scripted clients, with the clock in hand.

:class:`RelayNet` wires them: clients speak real bytes of their draft, and the engine does just as
much as the rules need to be told, at once and in order.
"""

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Literal, TypeVar, cast

from tidegate.errors import TokenExpired, TokenMalformed, TokenUnauthorized
from tidegate.moqt import messages, version
from tidegate.moqt.codes import SessionCode
from tidegate.moqt.limits import Limits
from tidegate.moqt.messages import Frames, Message, StreamRole
from tidegate.moqt.names import FullTrackName, Location
from tidegate.moqt.plane import FilterKind, Place
from tidegate.moqt.properties import Properties
from tidegate.moqt.server import MoqServer
from tidegate.moqt.subscription import LARGEST_OBJECT, Filter
from tidegate.moqt.token import Token
from tidegate.moqt.version import D14, D16, Profile
from tidegate.tokens import Operation

PROFILES = [D14, D16]
PAIRS = [(D14, D14), (D16, D16), (D14, D16), (D16, D14)]
"""A publisher's draft and a subscriber's."""

RELAY = "a" * 32
OTHER_RELAY = "b" * 32

M = TypeVar("M")


def namespace(text: str) -> tuple[bytes, ...]:
    """``"live/cam"`` as fields."""
    return tuple(field.encode() for field in text.split("/")) if text else ()


def track(namespace_text: str, name: str) -> FullTrackName:
    return FullTrackName(namespace(namespace_text), name.encode())


def place(location: Place) -> Place:
    """Without the names of its fields."""
    return location[0], location[1]


# What the engine tells; the names are those of tidegate._engine.


@dataclass
class Incoming:
    session: int
    transport: Literal["quic", "webtransport"]
    alpn: str
    path: str
    protocols: list[str]
    origin: str | None = None
    authority: str = ""
    peer: str = "192.0.2.1:4443"


@dataclass
class StreamBytes:
    session: int
    stream: int
    data: bytes
    fin: bool = False


@dataclass
class StreamReset:
    session: int
    stream: int
    code: int = 0


@dataclass
class Closed:
    session: int
    code: int | None
    reason: str = ""
    remote: bool = True


@dataclass
class SinkAttached:
    sink: int
    largest: Place | None
    valid: bool = True


@dataclass
class SinkDrained:
    sink: int
    streams: int
    reason: str = "ended"


@dataclass
class SourceEnded:
    source: int


@dataclass
class Malformed:
    track: int
    source: int
    reason: str = "an object came twice with different payloads"


@dataclass
class TrackState:
    track: int
    query: int
    largest: Place | None


@dataclass
class GroupReached:
    track: int
    group: int


@dataclass
class FetchAnswer:
    fetch: int
    status: str
    end: Place
    end_of_track: bool = False


@dataclass
class FetchDone:
    fetch: int
    complete: bool = True


@dataclass
class TrackInEngine:
    scope: int
    near: int
    largest: Place | None = None
    objects: set[Place] = field(default_factory=set)
    watched: list[int] = field(default_factory=list)


@dataclass
class Source:
    track: int
    session: int
    alias: int
    ended: bool = False


@dataclass
class Sink:
    track: int
    session: int
    alias: int
    start: Place
    end_group: int | None
    forward: bool
    priority: int
    descending: bool
    delivery_timeout: int | None
    started: bool = False
    received: list[Place] = field(default_factory=list)


@dataclass
class FetchInEngine:
    track: int
    session: int
    request_id: int
    start: Place
    end: Place
    descending: bool
    started: bool = False


class FakeEngine:
    """Keeps what the rules ordered, and answers as the engine would.

    Attributes:
        parked: objects that came before their alias was mapped, by session and alias.
        slow: kinds of event that stay in ``withheld`` until a test releases them.
    """

    def __init__(self) -> None:
        self.clients: dict[int, Client] = {}
        self.tracks: dict[int, TrackInEngine] = {}
        self.sources: dict[int, Source] = {}
        self.sinks: dict[int, Sink] = {}
        self.fetches: dict[int, FetchInEngine] = {}
        self.parked: dict[tuple[int, int], tuple[Place, ...]] = {}
        self.events: deque[object] = deque()
        self.slow: set[type] = set()
        self.withheld: list[object] = []
        self.calls: list[str] = []
        self._last = 1000

    def _handle(self) -> int:
        self._last += 1
        return self._last

    def tell(self, event: object) -> None:
        if type(event) in self.slow:
            self.withheld.append(event)
        else:
            self.events.append(event)

    def release(self) -> None:
        self.slow.clear()
        self.events.extend(self.withheld)
        self.withheld.clear()

    # Sessions.

    def accept(self, session: int, protocol: str | None) -> None:
        self.clients[session].accepted(protocol)

    def refuse(self, session: int, status: int) -> None:
        self.clients[session].refused_with = status

    def set_draft(self, session: int, draft: int) -> None:
        self.clients[session].engine_draft = draft

    def close(self, session: int, code: int, reason: str) -> None:
        client = self.clients[session]
        if client.closed is None:
            client.closed = (SessionCode(code), reason)
            self.drop(session)
            self.tell(Closed(session, code, reason, remote=False))

    def drop(self, session: int) -> None:
        """All of a session goes without events of its own."""
        for store in (self.sources, self.sinks, self.fetches):
            store = cast("dict[int, Any]", store)
            for handle in [handle for handle, each in store.items() if each.session == session]:
                del store[handle]

    def send(self, session: int, stream: int, data: bytes, fin: bool = False) -> None:
        self.calls.append("send")
        self.clients[session].receive(stream, data, fin)

    # Tracks.

    def open_track(self, near: int, scope: int) -> int:
        handle = self._handle()
        self.tracks[handle] = TrackInEngine(scope, near)
        return handle

    def update_track(
        self,
        track: int,
        *,
        priority: int | None = None,
        max_cache_ms: int | None = None,
        largest: Place | None = None,
    ) -> None:
        opened = self.tracks[track]
        if largest is not None and (opened.largest is None or largest > opened.largest):
            opened.largest = place(largest)

    def close_track(self, track: int) -> None:
        del self.tracks[track]
        for store in (self.sources, self.sinks, self.fetches):
            assert not [each for each in store.values() if each.track == track], "still in use"

    def query_track(self, track: int) -> int:
        query = self._handle()
        self.tell(TrackState(track, query, self.tracks[track].largest))
        return query

    def watch_group(self, track: int, group: int) -> None:
        self.tracks[track].watched.append(group)

    def attach_source(self, track: int, session: int, alias: int) -> int:
        assert track in self.tracks
        handle = self._handle()
        self.sources[handle] = Source(track, session, alias)
        self.publish(session, alias, *self.parked.pop((session, alias), ()))
        return handle

    def end_source(self, source: int, streams: int | None, deadline: int) -> None:
        if source in self.sources:
            self.sources[source].ended = True
            self.tell(SourceEnded(source))

    def detach_source(self, source: int) -> None:
        self.sources.pop(source, None)

    def attach_sink(
        self,
        track: int,
        session: int,
        alias: int,
        *,
        filter: FilterKind = "largest",
        start: Place = (0, 0),
        end_group: int | None = None,
        forward: bool = True,
        priority: int = 128,
        descending: bool = False,
        delivery_timeout: int | None = None,
    ) -> int:
        self.calls.append("attach_sink")
        handle = self._handle()
        largest = self.tracks[track].largest
        if filter == "largest" and largest is not None:
            start = (largest[0], largest[1] + 1)
        elif filter == "next_group" and largest is not None:
            start = (largest[0] + 1, 0)
        valid = end_group is None or largest is None or end_group >= largest[0]
        if valid:
            self.sinks[handle] = Sink(
                track,
                session,
                alias,
                start,
                end_group,
                forward,
                priority,
                descending,
                delivery_timeout,
            )
        self.tell(SinkAttached(handle, largest, valid))
        return handle

    def start_sink(self, sink: int, stream: int, reply: bytes) -> None:
        self.calls.append("start_sink")
        started = self.sinks.get(sink)
        if started is not None:
            started.started = True
            self.clients[started.session].receive(stream, reply, False)
            for place in sorted(self.tracks[started.track].objects):
                self._forward(started, place)

    def update_sink(
        self,
        sink: int,
        *,
        start: Place | None = None,
        end_group: int | None = None,
        open_ended: bool = False,
        forward: bool | None = None,
        priority: int | None = None,
        delivery_timeout: int | None = None,
    ) -> None:
        changed = self.sinks.get(sink)
        if changed is None:
            return
        changed.start = changed.start if start is None else place(start)
        changed.end_group = None if open_ended else (end_group or changed.end_group)
        changed.forward = changed.forward if forward is None else forward
        changed.priority = changed.priority if priority is None else priority
        changed.delivery_timeout = delivery_timeout or changed.delivery_timeout

    def end_sink(self, sink: int) -> None:
        if sink in self.sinks:
            streams = len({group for group, _ in self.sinks.pop(sink).received})
            self.tell(SinkDrained(sink, streams))

    def detach_sink(self, sink: int) -> None:
        self.sinks.pop(sink, None)

    def fetch(
        self,
        track: int,
        session: int,
        request_id: int,
        *,
        start: Place,
        end: Place,
        descending: bool = False,
        priority: int = 128,
    ) -> int:
        handle = self._handle()
        found = self.tracks[track]
        whole = (end[0], end[1] - 1) if end[1] else (end[0], 1 << 62)
        status = "ok"
        if found.largest is None or place(start) > found.largest:
            status = "invalid_range"
        elif not any(place(start) <= each <= whole for each in found.objects):
            marked = self.clients[session].profile.unknown_ranges_marked
            status = "ok" if marked else "unknown"
        if status == "ok":
            self.fetches[handle] = FetchInEngine(
                track, session, request_id, place(start), place(end), descending
            )
            assert found.largest is not None
            if found.largest < whole:
                end = (found.largest[0], found.largest[1] + 1)
        self.tell(FetchAnswer(handle, status, place(end)))
        return handle

    def start_fetch(self, fetch: int, stream: int, reply: bytes) -> None:
        if fetch in self.fetches:
            self.fetches[fetch].started = True
            self.clients[self.fetches[fetch].session].receive(stream, reply, False)
            if FetchDone not in self.slow:
                del self.fetches[fetch]
            self.tell(FetchDone(fetch))

    def cancel_fetch(self, fetch: int) -> None:
        self.fetches.pop(fetch, None)

    # Media, which the rules never see.

    def publish(self, session: int, alias: int, *places: Place) -> None:
        """Objects arrive from a publisher and go where they are wanted."""
        for source in self.sources.values():
            if (source.session, source.alias) == (session, alias):
                break
        else:
            raise AssertionError("nobody mapped this alias")
        of_track = self.tracks[source.track]
        for place in places:
            if place in of_track.objects:
                continue
            of_track.objects.add(place)
            of_track.largest = max(of_track.largest or (0, 0), place)
            for group in [each for each in of_track.watched if place[0] >= each]:
                of_track.watched.remove(group)
                self.tell(GroupReached(source.track, group))
            for sink in self.sinks.values():
                if sink.track == source.track:
                    self._forward(sink, place)

    def _forward(self, sink: Sink, place: Place) -> None:
        in_range = place >= sink.start and (sink.end_group is None or place[0] <= sink.end_group)
        if sink.started and sink.forward and in_range:
            sink.received.append(place)


@dataclass(frozen=True)
class Grant:
    relay: str
    jti: str
    operations: frozenset[Operation]
    expires: int


@dataclass(frozen=True)
class Settings:
    linger_enabled: bool = False
    linger_max_ms: int = 30_000


class FakeAuthorizer:
    """Tokens are text: ``relay.operations.jti``, the operations being ``p`` and ``s``."""

    def __init__(self) -> None:
        self.relays: dict[str, Settings] = {RELAY: Settings(), OTHER_RELAY: Settings()}
        self.expires = 4_000_000_000

    def verify(self, token: str, now: float) -> Grant:
        if token == "expired":
            raise TokenExpired("the token has expired")
        parts = token.split(".")
        if len(parts) != 3:
            raise TokenMalformed("not a relay token")
        uid, letters, jti = parts
        if uid not in self.relays:
            raise TokenUnauthorized("the token was revoked, or its relay is gone")
        operations = {"p": Operation.PUBLISH, "s": Operation.SUBSCRIBE}
        return Grant(uid, jti, frozenset(operations[each] for each in letters), self.expires)

    def relay(self, uid: str) -> Settings | None:
        return self.relays.get(uid)


def token(operations: str = "ps", relay: str = RELAY, jti: str = "t1") -> str:
    return f"{relay}.{operations}.{jti}"


class Client:
    """A scripted peer: says messages, and keeps what it hears.

    Attributes:
        heard: messages of all streams, in order, that were not taken yet.
        closed: the code and reason that the relay closed it with.
        answers: by message type, what it does with a message instead of keeping it.
    """

    def __init__(
        self,
        net: "RelayNet",
        session: int,
        profile: Profile,
        transport: Literal["quic", "webtransport"],
        path: str,
    ) -> None:
        self.net = net
        self.session = session
        self.profile = profile
        self.transport = transport
        self.path = path
        self.closed: tuple[SessionCode, str] | None = None
        self.refused_with: int | None = None
        self.protocol: str | None = None
        self.engine_draft: int | None = None
        self.heard: list[Message] = []
        self.fins: set[int] = set()
        self.answers: dict[type, Callable[[Any], None]] = {}
        self.control = 0 if transport == "quic" else 4
        self._frames: dict[int, Frames] = {}
        self._next_request = 0
        self._next_stream = self.control + 4
        self._streams: dict[int, int] = {}
        self._next_alias = 1

    # Bytes.

    def accepted(self, protocol: str | None) -> None:
        self.protocol = protocol

    def receive(self, stream: int, data: bytes, fin: bool) -> None:
        if stream not in self._frames:
            role = StreamRole.CONTROL if stream == self.control else StreamRole.RESPONSE
            self._frames[stream] = Frames(self.profile, role)
        for message in self._frames[stream].feed(data):
            answer = self.answers.get(type(message))
            if answer is None:
                self.heard.append(message)
            else:
                self.net.later(answer, message)
        if fin:
            self.fins.add(stream)

    def say(self, message: Message, *, stream: int | None = None) -> None:
        """Sends a message, and lets everything happen that it causes."""
        self.say_bytes(messages.encode(self.profile, message), stream=stream)

    def say_bytes(self, data: bytes, *, stream: int | None = None, fin: bool = False) -> None:
        self.net.engine.tell(
            StreamBytes(self.session, self.control if stream is None else stream, data, fin)
        )
        self.net.run()

    def reset(self, stream: int) -> None:
        self.net.engine.tell(StreamReset(self.session, stream))
        self.net.run()

    def leave(self, code: int | None = 0) -> None:
        """Closes the session with ``code``; None: vanishes, and its connection times out."""
        self.net.engine.drop(self.session)
        self.net.engine.tell(Closed(self.session, code))
        self.net.run()

    def take(self, kind: type[M]) -> M:
        """The oldest message of this type that was heard and not taken yet."""
        for position, message in enumerate(self.heard):
            if isinstance(message, kind):
                del self.heard[position]
                return message
        raise AssertionError(f"no {kind.__name__} among {self.heard}")

    def count(self, kind: type) -> int:
        return sum(isinstance(message, kind) for message in self.heard)

    # Words.

    def setup(
        self,
        *tokens: Token,
        max_request_id: int = 200,
        versions: tuple[int, ...] | None = None,
        path: str | None = None,
    ) -> None:
        if versions is None:
            in_setup = self.profile.versions_in_setup
            versions = (version.setup_version(self.profile),) if in_setup else ()
        if path is None and self.transport == "quic":
            path = self.path
        self.say(
            messages.ClientSetup(
                versions,
                messages.SetupOptions(path=path, max_request_id=max_request_id, tokens=tokens),
            )
        )

    def next_request(self) -> int:
        request_id = self._next_request
        self._next_request += 2
        return request_id

    def subscribe(
        self,
        namespace_text: str,
        name: str,
        *,
        filter: Filter | None = LARGEST_OBJECT,
        **options: Any,
    ) -> int:
        request_id = self.next_request()
        self.say(
            messages.Subscribe(request_id, track(namespace_text, name), filter=filter, **options)
        )
        return request_id

    def publish(
        self,
        namespace_text: str,
        name: str,
        *,
        alias: int | None = None,
        largest: Location | None = None,
        properties: Properties = (),
        tokens: tuple[Token, ...] = (),
    ) -> int:
        request_id = self.next_request()
        alias = self.next_alias() if alias is None else alias
        self.say(
            messages.Publish(
                request_id,
                track(namespace_text, name),
                alias,
                largest=largest,
                properties=properties,
                tokens=tokens,
            )
        )
        return request_id

    def next_alias(self) -> int:
        alias = self._next_alias
        self._next_alias += 1
        return alias

    def publish_namespace(self, text: str, **options: Any) -> int:
        request_id = self.next_request()
        self.say(messages.PublishNamespace(request_id, namespace(text), **options))
        return request_id

    def withdraw_namespace(self, request_id: int, text: str) -> None:
        self.say(messages.PublishNamespaceDone(request_id, namespace(text)))

    def subscribe_namespace(self, text: str, **options: Any) -> int:
        request_id = self.next_request()
        stream = self.control
        if self.profile.namespace_requests_on_own_stream:
            stream = self._next_stream
            self._next_stream += 4
        self._streams[request_id] = stream
        self.say(messages.SubscribeNamespace(request_id, namespace(text), **options), stream=stream)
        return request_id

    def stream_of(self, request_id: int) -> int:
        return self._streams[request_id]

    def unsubscribe_namespace(self, request_id: int, text: str) -> None:
        if self.profile.namespace_requests_on_own_stream:
            self.say_bytes(b"", stream=self._streams[request_id], fin=True)
        else:
            self.say(messages.UnsubscribeNamespace(namespace(text)))

    def fetch(self, chosen: messages.FetchRange, **options: Any) -> int:
        request_id = self.next_request()
        self.say(messages.Fetch(request_id, chosen, **options))
        return request_id

    def update(self, existing: int, **options: Any) -> int:
        request_id = self.next_request()
        self.say(messages.RequestUpdate(request_id, existing, **options))
        return request_id

    # A publisher's habits.

    def serve(
        self, *, largest: Location | None = None, properties: Properties = ()
    ) -> list[messages.Subscribe]:
        """Grants every SUBSCRIBE from now on; returns the list that they are kept in."""
        served: list[messages.Subscribe] = []

        def grant(asked: messages.Subscribe) -> None:
            served.append(asked)
            self.say(
                messages.SubscribeOk(
                    asked.request_id, self.next_alias(), largest=largest, properties=properties
                )
            )

        self.answers[messages.Subscribe] = grant
        return served

    def take_publishes(self, **options: Any) -> list[messages.Publish]:
        """Grants every PUBLISH from now on; returns the list that they are kept in."""
        taken: list[messages.Publish] = []

        def grant(offered: messages.Publish) -> None:
            taken.append(offered)
            options.setdefault("filter", LARGEST_OBJECT)
            self.say(messages.PublishOk(offered.request_id, **options))

        self.answers[messages.Publish] = grant
        return taken

    def objects(self, *places: Place, alias: int = 1) -> None:
        """Sends objects of a track."""
        self.net.engine.publish(self.session, alias, *places)
        self.net.run()

    def received(self, alias: int = 1) -> list[Place]:
        """The objects that the engine was allowed to send under our alias."""
        for sink in self.net.engine.sinks.values():
            if (sink.session, sink.alias) == (self.session, alias):
                return sink.received
        return []


class RelayNet:
    """One node, its clients and its clock."""

    def __init__(self, limits: Limits | None = None, *, linger_ms: int = 0) -> None:
        self.engine = FakeEngine()
        self.authorizer = FakeAuthorizer()
        self.set_linger(linger_ms)
        self.now = 100.0
        self.server = MoqServer(self.engine, self.authorizer, limits, unix_offset=1_000_000.0)
        self._last_session = 0
        self._later: deque[tuple[Callable[[Any], None], Any]] = deque()
        self._running = False

    def set_linger(self, linger_ms: int) -> None:
        for uid in self.authorizer.relays:
            self.authorizer.relays[uid] = Settings(linger_ms > 0, linger_ms)

    @property
    def plane(self) -> Any:
        return self.server.plane

    def dial(
        self,
        profile: Profile,
        *,
        transport: Literal["quic", "webtransport"] = "webtransport",
        path: str | None = None,
        protocols: list[str] | None = None,
        alpn: str | None = None,
        origin: str | None = None,
    ) -> Client:
        """A client that has connected and not said anything."""
        self._last_session += 1
        path = f"/{token()}" if path is None else path
        client = Client(self, self._last_session, profile, transport, path)
        self.engine.clients[client.session] = client
        quic = transport == "quic"
        self.engine.tell(
            Incoming(
                client.session,
                transport,
                (alpn or profile.alpn) if quic else "h3",
                "" if quic else path,
                [] if quic else ([profile.alpn] if protocols is None else protocols),
                origin,
            )
        )
        self.run()
        return client

    def client(
        self, profile: Profile, operations: str = "ps", relay: str = RELAY, **options: Any
    ) -> Client:
        """A client with a token and SETUP behind it."""
        max_request_id = options.pop("max_request_id", 200)
        client = self.dial(profile, path=f"/{token(operations, relay)}", **options)
        client.setup(max_request_id=max_request_id)
        client.take(messages.ServerSetup)
        assert client.closed is None
        return client

    def later(self, act: Callable[[Any], None], argument: Any) -> None:
        self._later.append((act, argument))

    def run(self) -> None:
        """Lets everything happen that can happen without the clock moving."""
        if self._running:
            return
        self._running = True
        try:
            while self.engine.events or self._later:
                if self.engine.events:
                    event = self.engine.events.popleft()
                    self.server.handle(cast("Any", event), self.now)
                else:
                    act, argument = self._later.popleft()
                    act(argument)
        finally:
            self._running = False

    def advance(self, seconds: float) -> None:
        """Moves the clock, firing each deadline when it is due."""
        until = self.now + seconds
        while (due := self.server.next_timeout()) is not None and due <= until:
            self.now = max(self.now, due)
            self.server.handle_timeout(self.now)
            self.run()
        self.now = until

    def assert_nothing_left(self) -> None:
        """After every session has closed nothing is remembered, on either side."""
        plane = self.server.plane
        assert not self.server.sessions
        assert not self.server.relays
        assert not plane.sinks
        assert not plane.sources
        assert not plane.fetches
        assert not plane.tracks
        assert plane.held == 0
        assert plane.timers.next_timeout() is None
        assert not self.engine.tracks
