"""CLIENT_SETUP and SERVER_SETUP: the first messages, one each way."""

from dataclasses import dataclass, field

from tidegate.moqt.token import Token


@dataclass(frozen=True, slots=True)
class SetupOptions:
    """What an endpoint says of itself.

    Attributes:
        path: ``path-abempty[?query]``, raw QUIC clients only. It may hold a token: never logged.
        authority: raw QUIC clients only.
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


@dataclass(frozen=True, slots=True)
class ClientSetup:
    """Attributes:
    versions: in the client's order; () in drafts that are not chosen in SETUP.
    """

    versions: tuple[int, ...] = ()
    options: SetupOptions = SetupOptions()


@dataclass(frozen=True, slots=True)
class ServerSetup:
    """Attributes:
    version: the selected one; None in drafts that are not chosen in SETUP.
    """

    version: int | None = None
    options: SetupOptions = SetupOptions()
