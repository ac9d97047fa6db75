"""Every number that bounds what a peer may make the rules remember, or wait for."""

from dataclasses import dataclass, fields
from typing import Literal

from tidegate.config import Limits as ConfiguredLimits
from tidegate.config import MoqConfig


@dataclass(frozen=True, slots=True)
class Limits:
    """What the control plane grants; what exceeds it gets the error named here.

    Attributes:
        compat: answers to refused tokens: ``spec``, or ``cloudflare`` as the hosted service does.
        close_on_revoke: revoking a token ends the sessions that it opened (UNAUTHORIZED).
        close_on_expiry: a session ends with the token that opened it (EXPIRED_AUTH_TOKEN).
        allowed_origins: ``Origin`` headers that WebTransport accepts, else 403; None = all.
        path_bytes: of a session's path, else MALFORMED_PATH.
        query_bytes: of a session's query, else MALFORMED_PATH.
        setup_seconds: from the handshake to CLIENT_SETUP, else CONTROL_MESSAGE_TIMEOUT.
        message_seconds: from a control message's first byte to its last, else
            CONTROL_MESSAGE_TIMEOUT.
        answer_seconds: how long a publisher may leave a request of ours unanswered, else TIMEOUT
            goes to who waits for it.
        early_requests: request streams that may overtake SETUP, else PROTOCOL_VIOLATION.
        request_window: requests that a peer is granted ahead; the grant slides as they finish.
            Beyond it: TOO_MANY_REQUESTS.
        requests: requests of one session open at a time; no more are granted before one ends.
        namespaces: namespaces published by one session, else EXCESSIVE_LOAD.
        namespace_subscriptions: prefixes subscribed by one session, else EXCESSIVE_LOAD.
        aliases: tracks published by one session, each an alias, else EXCESSIVE_LOAD.
        fetches: fetches of one session at a time, else EXCESSIVE_LOAD.
        track_statuses: forwarded TRACK_STATUS of one session at a time, else EXCESSIVE_LOAD.
        tracks_per_relay: tracks that a relay remembers, else EXCESSIVE_LOAD.
        held_per_session: lingering subscribes of one session, else EXCESSIVE_LOAD.
        held_per_relay: lingering subscribes of one relay, else EXCESSIVE_LOAD.
        held: lingering subscribes of this node, else EXCESSIVE_LOAD.
        queued_requests: requests of ours that wait for one peer's credit; more are not made.
        token_cache_bytes: of one session's token aliases, 16 and the token each, else
            AUTH_TOKEN_CACHE_OVERFLOW.
        upstream_linger_seconds: how long a track stays subscribed after its last subscriber left.
        publisher_grace_seconds: how long subscribers wait for a publisher that vanished without
            goodbye, or for one that returned to bring something new; then PUBLISH_DONE.
        cache_linger_seconds: how long a track that nobody publishes or wants can be fetched.
        drain_seconds: how long an ended track's last streams may take to come in.
    """

    compat: Literal["spec", "cloudflare"] = "spec"
    close_on_revoke: bool = False
    close_on_expiry: bool = False
    allowed_origins: frozenset[str] | None = None
    path_bytes: int = 1024
    query_bytes: int = 4096
    setup_seconds: float = 10.0
    message_seconds: float = 10.0
    answer_seconds: float = 10.0
    early_requests: int = 16
    request_window: int = 256
    requests: int = 1024
    namespaces: int = 1024
    namespace_subscriptions: int = 256
    aliases: int = 1024
    fetches: int = 64
    track_statuses: int = 64
    tracks_per_relay: int = 10_000
    held_per_session: int = 64
    held_per_relay: int = 1024
    held: int = 16_384
    queued_requests: int = 1024
    token_cache_bytes: int = 4096
    upstream_linger_seconds: float = 2.0
    publisher_grace_seconds: float = 5.0
    cache_linger_seconds: float = 10.0
    drain_seconds: float = 5.0

    @classmethod
    def configured(cls, moq: MoqConfig, limits: ConfiguredLimits) -> "Limits":
        """The operator's settings where there is one of the same name, else the defaults."""
        given = {
            field.name: getattr(source, field.name)
            for source in (moq, limits)
            for field in fields(cls)
            if hasattr(source, field.name)
        }
        return cls(**given)
