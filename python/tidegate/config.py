"""All settings, as one typed tree.

A setting has one home (a field below), one default and one sentence. A TOML file, the environment
and the flags fill the same tree, each overriding the one before: ``http_limits.header_seconds`` is
``TIDEGATE_HTTP_LIMITS_HEADER_SECONDS`` in the environment and ``--http-limits-header-seconds`` on
the command line.
"""

import dataclasses
import functools
import os
import tomllib
import typing
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal, Self

import msgspec
from docstring_parser import DocstringStyle
from docstring_parser import parse as parse_docstring
from msgspec import Meta

from tidegate.addresses import Announced, HostPort
from tidegate.errors import SettingError

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

Count = Annotated[int, Meta(ge=1)]
Bytes = Annotated[int, Meta(ge=1)]
Seconds = Annotated[float, Meta(gt=0, le=31_536_000)]
AccountId = Annotated[
    str, Meta(pattern=r"^[0-9A-Za-z_-]{0,32}$", title="at most 32 letters, digits, - and _")
]
ApiToken = Annotated[
    str, Meta(pattern=r"^([\x21-\x7e]{8,256})?$", title="8 to 256 visible ASCII characters")
]
Passphrase = Annotated[str, Meta(pattern=r"(?s)^(.{8,})?$", title="at least 8 characters")]

_HTTP = HostPort("127.0.0.1", 8080)
_UDP = HostPort("::", 4443)


@dataclass(frozen=True, slots=True)
class ApiConfig:
    """What the REST API grants an account.

    Attributes:
        relays_per_account: live MoQ relays of one account; one more is answered 409 with code
            21008.
        tokens_per_relay: tokens of one relay, the two automatic ones and expired ones included;
            then 409, 21009.
        apps_per_account: Realtime SFU apps of one account.
        turn_keys_per_account: TURN keys of one account.
        body_bytes: the largest request body; a larger one is answered 413.
        config_on_create: what becomes of `config` in a relay's creation: `refuse` with code 21014,
            or `apply` it.
    """

    relays_per_account: Count = 100
    tokens_per_relay: Count = 10
    apps_per_account: Count = 1000
    turn_keys_per_account: Count = 1000
    body_bytes: Bytes = 65_536
    config_on_create: Literal["refuse", "apply"] = "refuse"


@dataclass(frozen=True, slots=True)
class HttpLimits:
    """How much, and for how long, the HTTP server bears with one client.

    Attributes:
        connections: open TCP connections, all clients together; more are closed as they come.
        connections_per_address: open TCP connections of one address; more are closed as they come.
        header_bytes: request line and headers together; more is answered 431.
        header_seconds: from a request's first byte (or the connection's start) to its last header.
        body_seconds: from the last header to the end of the body.
        write_seconds: how long a client may leave an answer unread.
        idle_seconds: how long a connection is kept between requests.
        handshake_seconds: from connecting to the end of the TLS handshake.
    """

    connections: Count = 2000
    connections_per_address: Count = 500
    header_bytes: Bytes = 32_768
    header_seconds: Seconds = 10.0
    body_seconds: Seconds = 20.0
    write_seconds: Seconds = 20.0
    idle_seconds: Seconds = 60.0
    handshake_seconds: Seconds = 10.0


@dataclass(frozen=True, slots=True)
class MoqConfig:
    """How MoQ sessions are admitted and kept.

    Attributes:
        issuer: the `iss` of relay tokens; change it so that another deployment's tokens mean
            nothing here.
        audience: the `aud` of relay tokens.
        compat: codes for refused tokens: `spec` as the drafts say, `cloudflare` as the hosted
            service answers.
        close_on_revoke: whether revoking a token also ends the sessions that it opened.
        close_on_expiry: whether a session ends when the token that opened it expires.
        idle_seconds: a session from which nothing comes for so long is gone, and its publications
            with it.
        publisher_grace_seconds: added to `idle_seconds` before the tracks of a vanished publisher
            end.
        early_streams: data streams of a session that may wait for their track alias.
        early_datagram_bytes: datagrams of a session that may wait for their track alias.
        early_seconds: how long they may wait.
        upstream_private_addresses: whether upstream URLs may lead to private and loopback
            addresses.
    """

    issuer: str = "cloudflare"
    audience: str = "moq.cloudflare.com"
    compat: Literal["spec", "cloudflare"] = "spec"
    close_on_revoke: bool = False
    close_on_expiry: bool = False
    idle_seconds: Seconds = 10.0
    publisher_grace_seconds: Seconds = 5.0
    early_streams: Count = 64
    early_datagram_bytes: Bytes = 65_536
    early_seconds: Seconds = 15.0
    upstream_private_addresses: bool = True


@dataclass(frozen=True, slots=True)
class Limits:
    """What one MoQ client, or all of them together, may ask of the engine.

    Attributes:
        sessions: MoQ sessions of this node.
        sessions_per_address: MoQ sessions from one address.
        handshakes_per_second: new QUIC handshakes that this node starts each second; the rest are
            refused.
        half_open: QUIC handshakes under way at a time.
        streams: incoming streams open at a time in one session.
        requests: requests of one session that are open at a time.
        namespaces: namespaces that one session may have published at a time.
        namespace_subscriptions: namespace subscriptions of one session.
        aliases: tracks that one session may publish at a time, each an alias.
        held_per_session: lingering subscribes of one session.
        held_per_relay: lingering subscribes of one relay.
        queued_bytes_per_subscriber: payload waiting for one slow subscriber before groups are
            dropped.
        control_bytes_per_session: control messages for one session that its peer has not taken yet.
    """

    sessions: Count = 50_000
    sessions_per_address: Count = 4000
    handshakes_per_second: Count = 2000
    half_open: Count = 2000
    streams: Count = 1024
    requests: Count = 1024
    namespaces: Count = 1024
    namespace_subscriptions: Count = 256
    aliases: Count = 1024
    held_per_session: Count = 64
    held_per_relay: Count = 1024
    queued_bytes_per_subscriber: Bytes = 400_000
    control_bytes_per_session: Bytes = 1 << 20


@dataclass(frozen=True, slots=True)
class CacheConfig:
    """What a relay keeps of its tracks.

    Attributes:
        seconds: how long a finished group can still be fetched.
        bytes_per_relay: payload bytes, all tracks of one relay together.
        bytes_total: payload bytes, all relays of this node together.
    """

    seconds: Seconds = 10.0
    bytes_per_relay: Bytes = 64 << 20
    bytes_total: Bytes = 512 << 20


@dataclass(frozen=True, slots=True)
class CallsConfig:
    """What the Realtime SFU grants an app and its sessions.

    Attributes:
        sessions: WebRTC sessions of this node; one more is answered 503,
            `temporarily_unavailable_error`.
        sessions_per_app: sessions of one app; one more is answered 429,
            `temporarily_unavailable_error`.
        requests_per_second: API requests of one session; more are answered 429 with
            `Retry-After: 1`.
        body_bytes: the largest request body; a larger one is answered 413, `payload_too_large`.
        unconnected_seconds: how long a session that never connected is kept after it was made or
            last changed; then 410.
        reconnect_seconds: how long a session that lost its connection can come back; then 410.
        silent_seconds: a track without a packet for so long ends, and its subscriptions with it.
    """

    sessions: Count = 10_000
    sessions_per_app: Count = 10_000
    requests_per_second: Count = 50
    body_bytes: Bytes = 1 << 20
    unconnected_seconds: Seconds = 60.0
    reconnect_seconds: Seconds = 30.0
    silent_seconds: Seconds = 30.0


@dataclass(frozen=True, slots=True)
class Config:
    """Everything that a server is told before it starts.

    Attributes:
        data_dir: the directory of the database, keys and certificates; made, for its owner alone,
            when missing.
        http: where the REST API and the web pages listen; port 0 picks a free one.
        udp: where QUIC and WebRTC listen; the default is dual-stack, and `0.0.0.0` where IPv6 is
            off.
        announce: the addresses under which clients reach us (`address` or `address:port`), for
            certificates, URLs and WebRTC; empty stands for this machine's own.
        database_url: empty for SQLite in the data directory, or
            `postgresql://user:password@host/database`.
        account_id: the bootstrap account's id; empty picks 32 hex digits.
        api_token: the bootstrap account's API token, at least 8 characters; empty makes one.
        secret_key: seals the signing keys in the database; at least 8 characters, the same on every
            node; empty uses a file of the data directory.
        shards: engine threads; 0 means one a core.
        log: the least severe messages to log.
        tls_cert: PEM file of the operator's certificate chain, for HTTPS and QUIC; empty makes a
            short-lived one for QUIC.
        tls_key: PEM file of the key that belongs to `tls_cert`.
        ready_file: a JSON file written when everything listens; empty for none.
        api: the REST API.
        http_limits: the HTTP server.
        moq: MoQ sessions.
        limits: bounds on MoQ clients.
        cache: the object cache.
        calls: the Realtime SFU.
    """

    data_dir: Path = Path("data")
    http: HostPort = _HTTP
    udp: HostPort = _UDP
    announce: tuple[Announced, ...] = ()
    database_url: str = field(default="", repr=False)
    account_id: AccountId = ""
    api_token: ApiToken = field(default="", repr=False)
    secret_key: Passphrase = field(default="", repr=False)
    shards: Annotated[int, Meta(ge=0, le=1024)] = 0
    log: Literal["debug", "info", "warning", "error"] = "info"
    tls_cert: Path | None = None
    tls_key: Path | None = None
    ready_file: Path | None = None
    api: ApiConfig = ApiConfig()
    http_limits: HttpLimits = HttpLimits()
    moq: MoqConfig = MoqConfig()
    limits: Limits = Limits()
    cache: CacheConfig = CacheConfig()
    calls: CallsConfig = CallsConfig()

    def __post_init__(self) -> None:
        if (self.tls_cert is None) != (self.tls_key is None):
            missing = "TIDEGATE_TLS_KEY" if self.tls_key is None else "TIDEGATE_TLS_CERT"
            raise SettingError(missing, "a certificate and its key are given together, or neither")

    @classmethod
    def load(
        cls,
        file: Path | str | None = None,
        *,
        environ: Mapping[str, str] | None = None,
        flags: Mapping[str, str] | None = None,
    ) -> Self:
        """The defaults, overridden by ``file``, that by ``environ``, and that by ``flags``.

        ``environ`` is the process's own unless given, and may name the file (``TIDEGATE_CONFIG``);
        ``flags`` maps a setting's flag (``--http``) to its text.

        Raises:
            SettingError: one setting is unknown or cannot be what it was set to; names it as it was
                spelled.
        """
        environ = os.environ if environ is None else environ
        file = file or environ.get("TIDEGATE_CONFIG") or None
        given: dict[str, tuple[str, object]] = dict(_from_file(Path(file))) if file else {}
        for setting in settings():
            if setting.env in environ:
                given[setting.path] = (setting.env, environ[setting.env])
            if flags and setting.flag in flags:
                given[setting.path] = (setting.flag, flags[setting.flag])
        values: dict[str, dict[str, object]] = {}
        for setting in settings():
            if setting.path in given:
                spelled, raw = given[setting.path]
                values.setdefault(setting.section, {})[setting.name] = setting.convert(spelled, raw)
        sections = {name: _SECTIONS[name](**inner) for name, inner in values.items() if name}
        return cls(**values.get("", {}), **sections)  # type: ignore[arg-type]


@dataclass(frozen=True, slots=True)
class Setting:
    """One leaf of the tree, and how it is spelled in each place."""

    section: str
    name: str
    type: Any
    default: object
    help: str

    @property
    def path(self) -> str:
        """As the TOML file nests it."""
        return f"{self.section}.{self.name}" if self.section else self.name

    @property
    def env(self) -> str:
        return f"TIDEGATE_{self.path.replace('.', '_').upper()}"

    @property
    def flag(self) -> str:
        return f"--{self.path.replace('.', '-').replace('_', '-')}"

    @property
    def shown_default(self) -> str:
        """The default as an operator would write it; ``""`` for one that is empty."""
        if self.default is None or self.default == () or self.default == "":
            return '""'
        return str(self.default).lower() if isinstance(self.default, bool) else str(self.default)

    def convert(self, spelled: str, raw: object) -> object:
        """``raw`` (a TOML value, or text) as this setting's type; ``spelled`` is what an error
        should call it.
        """
        if isinstance(raw, str) and typing.get_origin(self.type) is Literal:
            raw = raw.lower()
        try:
            if self.type in _PARSERS:
                return _PARSERS[self.type](raw)
            return msgspec.convert(raw, self.type, strict=not isinstance(raw, str))
        except (msgspec.ValidationError, ValueError) as error:
            raise SettingError(spelled, self._expectation() or _lowered(str(error))) from None

    def _expectation(self) -> str | None:
        """What a wrong value should have been, where msgspec's own words would be a riddle."""
        if typing.get_origin(self.type) is Literal:
            return f"expected one of {', '.join(typing.get_args(self.type))}"
        titles = [meta.title for meta in getattr(self.type, "__metadata__", ()) if meta.title]
        return f"expected {titles[0]}" if titles else None


@functools.cache
def settings() -> tuple[Setting, ...]:
    """Every setting, in the order of the tree."""
    return tuple(_leaves("", Config))


def _leaves(section: str, node: "type[DataclassInstance]") -> Iterator[Setting]:
    hints = typing.get_type_hints(node, include_extras=True)
    doc = parse_docstring(node.__doc__ or "", DocstringStyle.GOOGLE)
    sentences = {
        param.arg_name: " ".join((param.description or "").split()) for param in doc.params
    }
    for leaf in dataclasses.fields(node):
        if leaf.name in _SECTIONS and node is Config:
            yield from _leaves(leaf.name, hints[leaf.name])
        else:
            yield Setting(section, leaf.name, hints[leaf.name], leaf.default, sentences[leaf.name])


_SECTIONS: "dict[str, type[DataclassInstance]]" = {
    "api": ApiConfig,
    "http_limits": HttpLimits,
    "moq": MoqConfig,
    "limits": Limits,
    "cache": CacheConfig,
    "calls": CallsConfig,
}


def _lowered(problem: str) -> str:
    return problem[:1].lower() + problem[1:].replace("`", "")


def _text(raw: object) -> str:
    if not isinstance(raw, str):
        raise ValueError(f"expected str, got {type(raw).__name__}")
    return raw


def _path(raw: object) -> Path | None:
    text = _text(raw)
    if "\0" in text:
        raise ValueError("expected a path")
    return Path(text).expanduser() if text else None


def _directory(raw: object) -> Path:
    path = _path(raw)
    if path is None:
        raise ValueError("expected a path")
    return path


def _announced(raw: object) -> tuple[Announced, ...]:
    items = raw.split(",") if isinstance(raw, str) else raw
    if not isinstance(items, list):
        raise ValueError(f"expected a list of strings, got {type(raw).__name__}")
    return tuple(Announced.parse(text) for text in map(_text, items) if text.strip())


_PARSERS: dict[Any, Callable[[object], object]] = {
    HostPort: lambda raw: HostPort.parse(_text(raw)),
    tuple[Announced, ...]: _announced,
    Path: _directory,
    Path | None: _path,
}


def _from_file(file: Path) -> Iterator[tuple[str, tuple[str, object]]]:
    try:
        tree = tomllib.loads(file.read_text("utf-8"))
    except OSError as error:
        raise SettingError(str(file), error.strerror or "cannot be read") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise SettingError(str(file), f"not a TOML file: {error}") from None
    known = {setting.path for setting in settings()}
    for name, value in tree.items():
        leaves = {name: value}
        if isinstance(value, dict):
            leaves = {f"{name}.{inner}": leaf for inner, leaf in value.items()}
        for path, leaf in leaves.items():
            if path not in known:
                raise SettingError(f"{file}: {path}", "no such setting")
            yield path, (f"{file}: {path}", leaf)
