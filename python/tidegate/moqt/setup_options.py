"""What an endpoint says of itself in SETUP (draft-16 §9.3.1)."""

from dataclasses import dataclass, field, replace

from tidegate.moqt import pairs
from tidegate.moqt.errors import (
    InvalidAuthority,
    InvalidPath,
    MalformedAuthority,
    MalformedPath,
    ProtocolViolation,
)
from tidegate.moqt.token import AliasType, Token
from tidegate.moqt.version import Profile
from tidegate.moqt.wire import Reader

_PATH = 0x01
_MAX_REQUEST_ID = 0x02
_AUTHORIZATION_TOKEN = 0x03
_MAX_AUTH_TOKEN_CACHE_SIZE = 0x04
_AUTHORITY = 0x05
_IMPLEMENTATION = 0x07

_KNOWN = frozenset(
    {
        _PATH,
        _MAX_REQUEST_ID,
        _AUTHORIZATION_TOKEN,
        _MAX_AUTH_TOKEN_CACHE_SIZE,
        _AUTHORITY,
        _IMPLEMENTATION,
    }
)

# RFC 3986 §2: what a URI may contain at all, then what ends an authority or a path.
_URI = frozenset(map(chr, range(0x21, 0x7F))) - frozenset('"<>\\^`{|}')
_NOT_IN_AUTHORITY = frozenset("/?#")
_NOT_IN_PATH = frozenset("#")


@dataclass(frozen=True, slots=True)
class SetupOptions:
    """What an endpoint says of itself. Unknown options were ignored.

    Attributes:
        path: ``path-abempty[?query]``, raw QUIC clients only. It may hold a token: never printed.
        authority: raw QUIC clients only; see ``on_carrier``.
        max_request_id: the peer's Request IDs must stay below it; 0 = no requests.
        max_auth_token_cache_size: bytes; 0 = no aliases.
        implementation: name and version, for people.
    """

    path: str | None = field(default=None, repr=False)
    authority: str | None = None
    max_request_id: int = 0
    max_auth_token_cache_size: int = 0
    tokens: tuple[Token, ...] = ()
    implementation: str | None = None

    @classmethod
    def decode(cls, profile: Profile, reader: Reader) -> "SetupOptions":
        integers: dict[int, int] = {}
        strings: dict[int, bytes] = {}
        tokens: list[Token] = []
        for kind, value in pairs.read_counted(profile, reader):
            if kind not in _KNOWN:
                continue
            if kind in integers or kind in strings:
                raise ProtocolViolation(f"setup option {kind:#x} is repeated")
            if isinstance(value, int):
                integers[kind] = value
            elif kind == _AUTHORIZATION_TOKEN:
                tokens.append(_setup_token(profile, value))
            else:
                strings[kind] = value
        return cls(
            path=_text(strings.get(_PATH)),
            authority=_text(strings.get(_AUTHORITY)),
            max_request_id=integers.get(_MAX_REQUEST_ID, 0),
            max_auth_token_cache_size=integers.get(_MAX_AUTH_TOKEN_CACHE_SIZE, 0),
            tokens=tuple(tokens),
            implementation=_text(strings.get(_IMPLEMENTATION)),
        )

    def encode(self, profile: Profile, out: bytearray) -> None:
        chosen: list[pairs.Pair] = []
        if self.path is not None:
            chosen.append((_PATH, self.path.encode()))
        if self.max_request_id:
            chosen.append((_MAX_REQUEST_ID, self.max_request_id))
        for token in self.tokens:
            chosen.append((_AUTHORIZATION_TOKEN, token.encode()))
        if self.max_auth_token_cache_size:
            chosen.append((_MAX_AUTH_TOKEN_CACHE_SIZE, self.max_auth_token_cache_size))
        if self.authority is not None:
            chosen.append((_AUTHORITY, self.authority.encode()))
        if self.implementation is not None:
            chosen.append((_IMPLEMENTATION, self.implementation.encode()))
        pairs.write_counted(profile, out, chosen)

    def on_carrier(self, profile: Profile, *, webtransport: bool) -> "SetupOptions":
        """A client's options as its carrier allows them, with option 0x05 told apart.

        Raises:
            DecodeError: PATH or AUTHORITY came over WebTransport, or are malformed.
        """
        shared = profile.authority_type_is_shared
        if webtransport:
            if self.path is not None:
                raise InvalidPath("PATH came over WebTransport")
            if self.authority is not None and not shared:
                raise InvalidAuthority("AUTHORITY came over WebTransport")
            return self._named_by_authority() if shared else self
        if self.path is not None and not _is_path(self.path):
            raise MalformedPath("PATH is not the path of a URI")
        if self.authority is not None and not _is_authority(self.authority):
            if not shared:
                raise MalformedAuthority("AUTHORITY is not that of a URI")
            return self._named_by_authority()
        return self

    def from_server(self, profile: Profile) -> "SetupOptions":
        """A server's options, with option 0x05 told apart.

        Raises:
            DecodeError: they hold PATH or AUTHORITY.
        """
        if self.path is not None:
            raise InvalidPath("PATH came from a server")
        if self.authority is not None and not profile.authority_type_is_shared:
            raise InvalidAuthority("AUTHORITY came from a server")
        return self._named_by_authority()

    def _named_by_authority(self) -> "SetupOptions":
        if self.authority is None:
            return self
        return replace(self, authority=None, implementation=self.authority)


def _setup_token(profile: Profile, structure: bytes) -> Token:
    token = Token.decode(structure)
    if profile.setup_aliases_forbidden and token.alias_type in (
        AliasType.DELETE,
        AliasType.USE_ALIAS,
    ):
        raise ProtocolViolation("a token in SETUP names an alias")
    return token


def _text(value: bytes | None) -> str | None:
    return None if value is None else value.decode(errors="replace")


def _is_path(text: str) -> bool:
    return (not text or text[0] in "/?") and _URI.issuperset(text) and _NOT_IN_PATH.isdisjoint(text)


def _is_authority(text: str) -> bool:
    return bool(text) and _URI.issuperset(text) and _NOT_IN_AUTHORITY.isdisjoint(text)
