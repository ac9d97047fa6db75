"""What the media side asks of the store, answered from memory.

A join never touches the database: :class:`Directory` holds every relay, its accepted tokens, the
public signing keys and every SFU app, and :mod:`tidegate.store.watch` keeps it as new as the last
committed change.
"""

import logging
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from operator import methodcaller
from typing import Protocol

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from tidegate.store.hashing import matches

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class RelayRecord:
    """One live relay.

    Attributes:
        uid: 32 lower-case hex digits; the scope of everything published in it.
        linger_enabled: whether a SUBSCRIBE without a publisher is held.
        linger_max_ms: the longest such hold, 0 to 300,000; 0 holds nothing.
        upstream_urls: where to look when there is no local publisher, in order; empty while
            fallback is off.
        tokens: the ``jti`` that open it.
    """

    uid: str
    account_id: str
    linger_enabled: bool
    linger_max_ms: int
    upstream_urls: tuple[str, ...]
    tokens: frozenset[str] = field(default=frozenset(), repr=False)


@dataclass(frozen=True, slots=True)
class AppRecord:
    """One live Realtime SFU app.

    Attributes:
        uid: 32 lower-case hex digits; the island of everything published in it.
    """

    uid: str
    account_id: str
    secret_hash: bytes = field(repr=False)


class Listener(Protocol):
    """Told of a change once it is committed and visible in the directory; must not block."""

    def relay_changed(self, relay: RelayRecord) -> None:
        """A relay is new, or has another configuration."""

    def relay_deleted(self, uid: str) -> None:
        """The relay is gone: its sessions have no scope any more."""

    def tokens_changed(self, uid: str, revoked: frozenset[str]) -> None:
        """The relay honours other tokens than before; no longer those ``jti`` in ``revoked``."""

    def app_deleted(self, uid: str) -> None:
        """The app is gone: its sessions have no island any more."""


_NOBODYS_HASH = bytes(32)


class Directory:
    """Every relay, token, key and app, for synchronous look-ups by the loop's thread."""

    def __init__(self) -> None:
        self._relays: dict[str, RelayRecord] = {}
        self._keys: Mapping[str, Ed25519PublicKey] = {}
        self._apps: dict[str, AppRecord] = {}
        self._listeners: list[Listener] = []

    def relay(self, uid: str) -> RelayRecord | None:
        """The live relay of this uid; None when it never existed or was deleted."""
        return self._relays.get(uid)

    def accepts(self, jti: str, relay: str) -> bool:
        """Whether the relay exists and honours the token of this ``jti``, be it expired or not."""
        record = self._relays.get(relay)
        return record is not None and jti in record.tokens

    def app(self, uid: str) -> AppRecord | None:
        """The live app of this uid; None when it never existed or was deleted."""
        return self._apps.get(uid)

    def opens_app(self, secret: str, uid: str) -> bool:
        """Whether ``secret`` is that of the app; takes as long when there is no such app."""
        record = self._apps.get(uid)
        return matches(secret, record.secret_hash if record else _NOBODYS_HASH)

    @property
    def keys(self) -> Mapping[str, Ed25519PublicKey]:
        """Public keys by ``kid``, all that are not retired."""
        return self._keys

    def subscribe(self, listener: Listener) -> Callable[[], None]:
        """Calls ``listener`` on every later change, until the returned function is called."""
        self._listeners.append(listener)
        return lambda: self._listeners.remove(listener)

    def set_keys(self, keys: Mapping[str, Ed25519PublicKey]) -> None:
        # A key that stays keeps its object: verifiers compare identity.
        known = {key.public_bytes_raw(): key for key in self._keys.values()}
        self._keys = {kid: known.get(key.public_bytes_raw(), key) for kid, key in keys.items()}

    def update(self, relays: Iterable[RelayRecord], deleted: Iterable[str]) -> None:
        """Takes over a committed change, and tells the listeners what differs from before."""
        for record in relays:
            before = self._relays.get(record.uid)
            self._relays[record.uid] = record
            if before is None or _without_tokens(before) != _without_tokens(record):
                self._tell(methodcaller("relay_changed", record))
            if before is not None and before.tokens != record.tokens:
                self._tell(
                    methodcaller("tokens_changed", record.uid, before.tokens - record.tokens)
                )
        for uid in deleted:
            if self._relays.pop(uid, None) is not None:
                self._tell(methodcaller("relay_deleted", uid))

    def update_apps(self, apps: Iterable[AppRecord], deleted: Iterable[str]) -> None:
        """Takes over a committed change, and tells the listeners which apps are gone."""
        for record in apps:
            self._apps[record.uid] = record
        for uid in deleted:
            if self._apps.pop(uid, None) is not None:
                self._tell(methodcaller("app_deleted", uid))

    def _tell(self, call: Callable[[Listener], None]) -> None:
        for listener in tuple(self._listeners):
            try:
                call(listener)
            except Exception:
                log.exception("a directory listener failed")


def _without_tokens(record: RelayRecord) -> tuple[object, ...]:
    return record.account_id, record.linger_enabled, record.linger_max_ms, record.upstream_urls
