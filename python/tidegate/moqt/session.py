"""One session: SETUP, streams, Request IDs and credit; its requests are handed to its relay."""

from collections.abc import Callable, Mapping
from enum import Enum, auto
from itertools import count
from typing import TYPE_CHECKING, Any, Protocol, TypeAlias

from tidegate import bugs
from tidegate.moqt import messages, version
from tidegate.moqt.authorization import Access, credentials
from tidegate.moqt.codes import RequestCode, RequestKind, SessionCode
from tidegate.moqt.credit import OwnCredit, PeerCredit
from tidegate.moqt.errors import EncodeError
from tidegate.moqt.failures import Refusal, SessionFailure, violation
from tidegate.moqt.inbox import Inbox
from tidegate.moqt.messages import Message, SetupOptions, StreamRole
from tidegate.moqt.names import Namespace
from tidegate.moqt.plane import Plane
from tidegate.moqt.requests import OwnRequest, PeerRequest, Progress, Request, RequestOwner
from tidegate.moqt.token import Token
from tidegate.moqt.token_cache import TokenCache
from tidegate.moqt.version import Profile
from tidegate.timers import Timer
from tidegate.tokens import Operation

if TYPE_CHECKING:
    from tidegate.moqt.namespaces import NamespaceInterest, PublishedNamespace
    from tidegate.moqt.publishers import Upstream
    from tidegate.moqt.relay import Relay

IMPLEMENTATION = "tidegate"
_CLIENT_SETUP = 0x20


class Role(Enum):
    """Which side of the connection we are; it fixes the parity of Request IDs."""

    CLIENT = auto()
    SERVER = auto()


class Gate(Protocol):
    """Finds a new session's relay."""

    def admit(self, now: float, session: "Session", presented: list[Token]) -> None:
        """Sets the session's access and relay.

        Raises:
            SessionFailure: its tokens open none.
        """


class Session:
    """The protocol's side of one engine session.

    Attributes:
        handle: the engine's.
        path: ``path[?query]`` that the carrier or SETUP told; holds a token, never logged.
        access: what its tokens allow; ``relay``: where. Both from SETUP on.
        control_stream: where most is said; -1 before SETUP came.
        requests: every open request of either side, by Request ID.
        aliases: the tracks that the peer publishes, by its track alias.
        namespaces: what the peer published. ``interests``: the prefixes it subscribed.
        held: its lingering subscribes. ``fetches``, ``statuses``: how many it has open.
        takes_publish: false once the peer answered a PUBLISH with NOT_SUPPORTED.
        going_away: the peer sent GOAWAY: nothing new is asked of it.
        said_goodbye: the peer ended the session on purpose.
    """

    __slots__ = (
        "_control",
        "_early",
        "_expiry",
        "_gate",
        "_inboxes",
        "_named",
        "_next_alias",
        "_own",
        "_peer",
        "_setup_timer",
        "_tokens",
        "access",
        "aliases",
        "closed",
        "control_stream",
        "fetches",
        "going_away",
        "handle",
        "held",
        "interests",
        "namespaces",
        "path",
        "plane",
        "profile",
        "ready",
        "relay",
        "requests",
        "role",
        "said_goodbye",
        "statuses",
        "takes_publish",
        "transport",
    )

    def __init__(
        self,
        plane: Plane,
        gate: Gate,
        handle: int,
        *,
        now: float,
        profile: Profile,
        transport: str,
        path: str,
        role: Role = Role.SERVER,
    ) -> None:
        """``profile``: what ALPN and headers chose; SETUP may still choose among its like."""
        self.plane = plane
        self.handle = handle
        self.profile = profile
        self.transport = transport
        self.path = path
        self.role = role
        self.access: Access | None = None
        self.relay: Relay | None = None
        self.ready = False
        self.control_stream = -1
        self.closed = False
        self.requests: dict[int, Request] = {}
        self.aliases: dict[int, Upstream] = {}
        self.namespaces: dict[Namespace, PublishedNamespace] = {}
        self.interests: dict[Namespace, NamespaceInterest] = {}
        self.held = 0
        self.fetches = 0
        self.statuses = 0
        self.takes_publish = True
        self.going_away = False
        self.said_goodbye = False
        self._gate = gate
        self._tokens = TokenCache(plane.limits.token_cache_bytes)
        self._inboxes: dict[int, Inbox] = {}
        self._early: dict[int, tuple[bytes, bool]] = {}
        self._control: Inbox | None = None
        self._named: dict[tuple[RequestKind, bool, Namespace], Request] = {}
        self._next_alias = count(1)
        limits = plane.limits
        server = role is Role.SERVER
        self._own = OwnCredit(1 if server else 0)
        self._peer = PeerCredit(
            0 if server else 1, window=limits.request_window, most=limits.requests
        )
        self._expiry: Timer | None = None
        self._setup_timer = plane.timers.start(
            now + plane.limits.setup_seconds, self._setup_is_late
        )

    # What the engine tells.

    def handle_bytes(self, now: float, stream: int, data: bytes, fin: bool) -> None:
        """Takes in what came on a stream.

        Raises:
            SessionFailure, DecodeError: the session closes with its code.
        """
        inbox = self._inboxes.get(stream)
        if inbox is None:
            inbox = self._open_inbox(stream, data, fin)
            if inbox is None:
                return
        progressed = False
        for message in inbox.frames.feed(data):
            progressed = True
            self._dispatch(now, inbox, message)
            if self.closed:
                return
        inbox.watch(now, progressed=progressed)
        if fin:
            self._stream_over(now, inbox, finished=True)

    def handle_reset(self, now: float, stream: int) -> None:
        """The peer broke off a stream, or stopped reading it."""
        self._early.pop(stream, None)
        inbox = self._inboxes.get(stream)
        if inbox is not None:
            self._stream_over(now, inbox, finished=False)

    def drop(self, now: float) -> None:
        """Forgets everything; what the engine had for the session is gone or going."""
        if self.closed:
            return
        self.closed = True
        self._setup_timer.cancel()
        if self._expiry is not None:
            self._expiry.cancel()
        for inbox in self._inboxes.values():
            inbox.stop_watching()
        self._inboxes.clear()
        self._control = None
        self._early.clear()
        for request in (*self.requests.values(), *self._own.unissued):
            owner = request.retire()
            if owner is not None:
                try:
                    owner.lost(now)
                except Exception:
                    bugs.report("closing a session")
        if self.relay is not None:
            self.relay.leave(now, self)

    # Streams.

    def _open_inbox(self, stream: int, data: bytes, fin: bool) -> Inbox | None:
        """The inbox of a stream the peer opened; None while it has to wait for SETUP."""
        if stream & 0x2 or self.role is Role.CLIENT:
            raise violation("a stream of this kind has no place in this draft")
        own_streams = self.profile.namespace_requests_on_own_stream
        if self._control is None:
            if data[:1] == bytes([_CLIENT_SETUP]) or not own_streams:
                inbox = self._control = Inbox(self, stream, StreamRole.CONTROL)
                self.control_stream = stream
                self._inboxes[stream] = inbox
                return inbox
            held, _ = self._early.get(stream, (b"", False))
            if len(self._early) >= self.plane.limits.early_requests or len(held) > 0xFFFF:
                raise violation("too much came before SETUP")
            self._early[stream] = (held + data, fin)
            return None
        if not own_streams:
            raise violation("a second bidirectional stream has no place in this draft")
        inbox = self._inboxes[stream] = Inbox(self, stream, StreamRole.REQUEST)
        return inbox

    def _stream_over(self, now: float, inbox: Inbox, *, finished: bool) -> None:
        inbox.stop_watching()
        if inbox is self._control:
            # Not allowed, but some clients leave like that.
            self.said_goodbye = finished
            raise violation("the control stream ended")
        self._inboxes.pop(inbox.stream, None)
        request = inbox.request
        if request is not None and not request.over:
            self._cancel(now, request)
            self.plane.engine.send(self.handle, inbox.stream, b"", True)

    def encode(self, message: Message) -> bytes:
        """A message's bytes; empty, and the session doomed, where the draft cannot say it."""
        try:
            return messages.encode(self.profile, message)
        except EncodeError as error:
            self.plane.doom(self, SessionCode.INTERNAL_ERROR, str(error))
            return b""

    def send(self, message: Message, stream: int, *, fin: bool = False) -> None:
        if not self.closed:
            self.plane.engine.send(self.handle, stream, self.encode(message), fin)

    def _say(self, message: Message) -> None:
        self.send(message, self.control_stream)

    # SETUP.

    def _setup_is_late(self, now: float) -> None:
        self.plane.doom(self, SessionCode.CONTROL_MESSAGE_TIMEOUT, "SETUP did not come in time")

    def _on_client_setup(self, now: float, inbox: Inbox, message: messages.ClientSetup) -> None:
        if self.ready or self.role is Role.CLIENT:
            raise violation("CLIENT_SETUP came at a wrong time")
        selected = None
        if self.profile.versions_in_setup:
            profile = version.select_version(message.versions)
            if profile is None:
                raise SessionFailure(SessionCode.VERSION_NEGOTIATION_FAILED, "no version in common")
            self.profile = profile
            selected = version.setup_version(profile)
        options = message.options.on_carrier(
            self.profile, webtransport=self.transport == "webtransport"
        )
        self._own.maximum = options.max_request_id
        if options.path is not None:
            self.path = options.path
        self._setup_timer.cancel()
        limits = self.plane.limits
        if limits.compat == "cloudflare":
            # The hosted service reads the path before it answers.
            credentials(self.path, limits)
        self.plane.engine.set_draft(self.handle, self.profile.draft)
        self._say(
            messages.ServerSetup(
                selected,
                SetupOptions(
                    max_request_id=self._peer.granted,
                    max_auth_token_cache_size=limits.token_cache_bytes,
                    implementation=IMPLEMENTATION,
                ),
            )
        )
        self.ready = True
        presented = self._tokens.resolve(options.tokens, in_setup=True)
        self._gate.admit(now, self, presented)
        self.path = ""
        early, self._early = self._early, {}
        for stream, (data, fin) in early.items():
            if not self.closed:
                self.handle_bytes(now, stream, data, fin)

    def expire_at(self, when: float) -> None:
        """Closes the session at ``when``, with its token's end."""
        self._expiry = self.plane.timers.start(when, self._expired)

    def _expired(self, now: float) -> None:
        self.plane.doom(self, SessionCode.EXPIRED_AUTH_TOKEN, "the token has expired")

    # Requests of the peer.

    def require(self, now: float, operation: Operation, tokens: tuple[Token, ...]) -> None:
        """Whether a request with these tokens may do ``operation``.

        Raises:
            Refusal: it may not.
            SessionFailure: a token broke the rules of aliases.
        """
        assert self.access is not None, "requests come after SETUP"
        presented = self._tokens.resolve(tokens) if tokens else []
        self.access.require(now, operation, presented)

    def _dispatch(self, now: float, inbox: Inbox, message: Message) -> None:
        if not self.ready and not isinstance(message, messages.ClientSetup):
            raise violation("a message came before SETUP")
        handler = _HANDLERS.get(type(message))
        if handler is None:
            raise violation(f"{type(message).__name__} has no place here")
        handler(self, now, inbox, message)

    def _on_request(self, now: float, inbox: Inbox, message: "OpeningMessage") -> None:
        self._peer.spend(message.request_id)
        request = PeerRequest(
            self, _KINDS[type(message)], inbox.stream, message.request_id, mute=False
        )
        self.requests[request.request_id] = request
        if inbox is not self._control:
            if inbox.request is not None:
                raise violation("a stream holds a second request")
            inbox.request = request
            request.own_stream = True
        assert self.relay is not None, "requests come after SETUP"
        self.relay.open(now, request, message)
        self._extend_grant()

    def _on_update(self, now: float, inbox: Inbox, message: messages.RequestUpdate) -> None:
        self._peer.spend(message.request_id)
        existing = self.requests.get(message.existing_request_id)
        update = PeerRequest(
            self,
            RequestKind.UPDATE,
            inbox.stream,
            message.request_id,
            mute=not self.profile.update_acknowledged,
        )
        self.requests[update.request_id] = update
        try:
            if existing is None or existing.owner is None:
                self._require_past(message.existing_request_id)
                raise Refusal(RequestCode.DOES_NOT_EXIST, "the request is over")
            existing.owner.updated(now, update, message)
        except Refusal as refusal:
            update.refuse(refusal)
        self._extend_grant()

    def _extend_grant(self) -> None:
        if not self.closed and self._peer.extend():
            self._say(messages.MaxRequestId(self._peer.granted))

    def name(self, request: Request, namespace: Namespace) -> None:
        """Lets the peer call a request by its namespace, where its draft does."""
        if not self.profile.withdraws_by_request_id:
            request.namespace = namespace
            self._named[request.kind, isinstance(request, OwnRequest), namespace] = request

    def forget(self, request: Request) -> None:
        if self.requests.get(request.request_id) is request:
            del self.requests[request.request_id]
            if isinstance(request, PeerRequest):
                self._peer.open -= 1
                self._extend_grant()
        if request.namespace is not None:
            key = (request.kind, isinstance(request, OwnRequest), request.namespace)
            if self._named.get(key) is request:
                del self._named[key]

    # Requests of ours.

    @property
    def reachable(self) -> bool:
        """Whether something new can be asked of the peer."""
        return (
            self.ready
            and not self.closed
            and not self.going_away
            and self._own.waiting < self.plane.limits.queued_requests
        )

    def carries(self, namespace: Namespace) -> bool:
        """Whether the draft has a way to say this namespace."""
        return self.profile.empty_namespace_fields or all(namespace)

    def request(
        self, now: float, kind: RequestKind, owner: RequestOwner, *, patient: bool = False
    ) -> OwnRequest:
        """Asks something of the peer as soon as it has credit; ask ``reachable`` first.

        The answer's time runs from now on; ``patient``: from when it is issued.
        """
        request = OwnRequest(self, kind, self.control_stream, owner)
        if not patient:
            request.start_timer(now)
        self._own.wait(request)
        self._own.spread(now)
        if self._own.is_news():
            self._say(messages.RequestsBlocked(self._own.maximum))
        return request

    @property
    def has_credit(self) -> bool:
        """Whether the peer granted a request that is not spoken for."""
        return self._own.left

    def issue(self, request: OwnRequest) -> None:
        """Gives the next Request ID to a request that has credit."""
        self._own.issue(request)
        self.requests[request.request_id] = request

    def give_back(self, request: OwnRequest) -> None:
        """A request of ours is dropped before it was issued."""
        self._own.give_back(request)

    def next_alias(self) -> int:
        """A track alias of ours that this session never had."""
        return next(self._next_alias)

    def _on_max_request_id(self, now: float, inbox: Inbox, message: messages.MaxRequestId) -> None:
        self._own.raise_to(message.maximum)
        self._own.spread(now)

    def _on_requests_blocked(
        self, now: float, inbox: Inbox, message: messages.RequestsBlocked
    ) -> None:
        """The grant slides by itself; a blocked peer has as much open as it may."""

    def _on_goaway(self, now: float, inbox: Inbox, message: messages.Goaway) -> None:
        if self.going_away:
            raise violation("GOAWAY came twice")
        if message.new_session_uri and self.role is Role.SERVER:
            raise violation("a client's GOAWAY names a URI")
        self.going_away = True

    def _asked(self, request_id: int) -> OwnRequest | None:
        """The request of ours that a reply names; None when it is over."""
        request = self.requests.get(request_id)
        if isinstance(request, OwnRequest):
            return request
        if request is not None or request_id & 1 != self._own.next_id & 1:
            raise violation("a reply names a request of its own side")
        if request_id >= self._own.next_id:
            raise violation("a reply names a request that was never made")
        return None

    def _require_past(self, request_id: int) -> None:
        """Tolerates what crossed the end of its request on the way.

        Raises:
            SessionFailure: there was never such a request.
        """
        ours = request_id & 1 == self._own.next_id & 1
        if request_id >= (self._own.next_id if ours else self._peer.next_id):
            raise violation("a message names a request that never existed")

    def _on_granted(self, now: float, inbox: Inbox, message: "GrantingMessage") -> None:
        request = self._asked(message.request_id)
        if request is None:
            return
        if isinstance(message, messages.RequestOk):
            fits = request.kind in _GRANTED_BY_REQUEST_OK and message.answers in (
                None,
                request.kind,
            )
        else:
            fits = _GRANTED_BY[type(message)] is request.kind
        if not fits:
            raise violation("a request is granted by the wrong message")
        request.answer_came()
        request.accepted(now, message)

    def _on_refused(self, now: float, inbox: Inbox, message: messages.RequestError) -> None:
        request = self._asked(message.request_id)
        if request is None:
            return
        if message.answers not in (None, request.kind):
            raise violation("a request is refused by the wrong message")
        request.answer_came()
        request.refused(now, Refusal(message.code, message.reason, message.retry_after))

    # Ends.

    def _existing(
        self, request_id: int, *kinds: tuple[RequestKind, type[Request]]
    ) -> Request | None:
        request = self.requests.get(request_id)
        if request is None:
            self._require_past(request_id)
            return None
        if (request.kind, type(request)) not in kinds:
            raise violation("a message names a request of another kind")
        return request

    def _cancel(self, now: float, request: Request | None) -> None:
        owner = None if request is None else request.retire()
        if owner is not None:
            owner.cancelled(now)

    def _on_unsubscribe(self, now: float, inbox: Inbox, message: messages.Unsubscribe) -> None:
        self._cancel(now, self._existing(message.request_id, *_PEER_SUBSCRIBES))

    def _on_fetch_cancel(self, now: float, inbox: Inbox, message: messages.FetchCancel) -> None:
        self._cancel(now, self._existing(message.request_id, (RequestKind.FETCH, PeerRequest)))

    def _on_publish_done(self, now: float, inbox: Inbox, message: messages.PublishDone) -> None:
        request = self._existing(message.request_id, *_PEER_PUBLISHES)
        if request is not None and not request.over:
            if isinstance(request, OwnRequest) and request.progress is not Progress.ANSWERED:
                raise violation("PUBLISH_DONE came before SUBSCRIBE_OK")
            owner = request.retire()
            if owner is not None:
                owner.ended(now, message)

    def _on_publish_namespace_done(
        self, now: float, inbox: Inbox, message: messages.PublishNamespaceDone
    ) -> None:
        kind = RequestKind.PUBLISH_NAMESPACE
        if message.request_id is not None:
            self._cancel(now, self._existing(message.request_id, (kind, PeerRequest)))
        elif message.namespace is not None:
            self._cancel(now, self._named.get((kind, False, message.namespace)))

    def _on_publish_namespace_cancel(
        self, now: float, inbox: Inbox, message: messages.PublishNamespaceCancel
    ) -> None:
        kind = RequestKind.PUBLISH_NAMESPACE
        if message.request_id is not None:
            self._cancel(now, self._existing(message.request_id, (kind, OwnRequest)))
        elif message.namespace is not None:
            self._cancel(now, self._named.get((kind, True, message.namespace)))

    def _on_unsubscribe_namespace(
        self, now: float, inbox: Inbox, message: messages.UnsubscribeNamespace
    ) -> None:
        kind = RequestKind.SUBSCRIBE_NAMESPACE
        named = None if message.prefix is None else self._named.get((kind, False, message.prefix))
        if named is None and message.request_id is not None:
            named = self._existing(message.request_id, (kind, PeerRequest))
        self._cancel(now, named)


OpeningMessage: TypeAlias = (
    messages.Subscribe
    | messages.Publish
    | messages.Fetch
    | messages.TrackStatus
    | messages.PublishNamespace
    | messages.SubscribeNamespace
)
GrantingMessage: TypeAlias = messages.SubscribeOk | messages.PublishOk | messages.RequestOk

_KINDS: Mapping[type[OpeningMessage], RequestKind] = {
    messages.Subscribe: RequestKind.SUBSCRIBE,
    messages.Publish: RequestKind.PUBLISH,
    messages.Fetch: RequestKind.FETCH,
    messages.TrackStatus: RequestKind.TRACK_STATUS,
    messages.PublishNamespace: RequestKind.PUBLISH_NAMESPACE,
    messages.SubscribeNamespace: RequestKind.SUBSCRIBE_NAMESPACE,
}
_GRANTED_BY: Mapping[type[GrantingMessage], RequestKind] = {
    messages.SubscribeOk: RequestKind.SUBSCRIBE,
    messages.PublishOk: RequestKind.PUBLISH,
}
_GRANTED_BY_REQUEST_OK = frozenset(
    {RequestKind.TRACK_STATUS, RequestKind.PUBLISH_NAMESPACE, RequestKind.UPDATE}
)
# Subscriptions in which the peer subscribes, and those in which it publishes.
_PEER_SUBSCRIBES = ((RequestKind.SUBSCRIBE, PeerRequest), (RequestKind.PUBLISH, OwnRequest))
_PEER_PUBLISHES = ((RequestKind.SUBSCRIBE, OwnRequest), (RequestKind.PUBLISH, PeerRequest))

_HANDLERS: Mapping[type[Message], Callable[[Session, float, Inbox, Any], None]] = {
    messages.ClientSetup: Session._on_client_setup,
    messages.Subscribe: Session._on_request,
    messages.Publish: Session._on_request,
    messages.Fetch: Session._on_request,
    messages.TrackStatus: Session._on_request,
    messages.PublishNamespace: Session._on_request,
    messages.SubscribeNamespace: Session._on_request,
    messages.RequestUpdate: Session._on_update,
    messages.SubscribeOk: Session._on_granted,
    messages.PublishOk: Session._on_granted,
    messages.RequestOk: Session._on_granted,
    messages.RequestError: Session._on_refused,
    messages.Unsubscribe: Session._on_unsubscribe,
    messages.FetchCancel: Session._on_fetch_cancel,
    messages.PublishDone: Session._on_publish_done,
    messages.PublishNamespaceDone: Session._on_publish_namespace_done,
    messages.PublishNamespaceCancel: Session._on_publish_namespace_cancel,
    messages.UnsubscribeNamespace: Session._on_unsubscribe_namespace,
    messages.MaxRequestId: Session._on_max_request_id,
    messages.RequestsBlocked: Session._on_requests_blocked,
    messages.Goaway: Session._on_goaway,
}
