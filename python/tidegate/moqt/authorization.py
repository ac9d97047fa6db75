"""Who may do what: a session's tokens, from its path, its query, its SETUP and its requests."""

from collections.abc import Collection
from typing import Protocol

from tidegate.errors import TokenError, TokenExpired, TokenMalformed
from tidegate.moqt.codes import RequestCode, SessionCode
from tidegate.moqt.failures import Refusal, SessionFailure
from tidegate.moqt.limits import Limits
from tidegate.moqt.token import Token
from tidegate.tokens import Operation

JWT_TYPE = 0
"""The token type that is agreed out of band; relay tokens have it."""


class Grant(Protocol):
    """What a token opens; :class:`tidegate.tokens.Grant` is one.

    Attributes:
        expires: Unix seconds.
    """

    @property
    def relay(self) -> str: ...
    @property
    def jti(self) -> str: ...
    @property
    def operations(self) -> Collection[Operation]: ...
    @property
    def expires(self) -> int: ...


class RelaySettings(Protocol):
    """What the operator chose for a relay; :class:`tidegate.store.directory.RelayRecord` is one."""

    @property
    def linger_enabled(self) -> bool: ...
    @property
    def linger_max_ms(self) -> int: ...


class Authorizer(Protocol):
    """Answers at once, from memory."""

    def verify(self, token: str, now: float) -> Grant:
        """What ``token`` opens at ``now`` (Unix seconds).

        Raises:
            TokenError: nothing.
        """

    def relay(self, uid: str) -> RelaySettings | None:
        """None: there is no such relay."""


class Access:
    """What one session may do, fixed at SETUP: ``grant`` names its relay."""

    __slots__ = ("_authorizer", "_compat", "_unix_offset", "grant", "operations")

    def __init__(
        self,
        authorizer: Authorizer,
        grant: Grant,
        operations: Collection[Operation],
        compat: str,
        unix_offset: float,
    ) -> None:
        self._authorizer = authorizer
        self._compat = compat
        self._unix_offset = unix_offset
        self.grant = grant
        self.operations = frozenset(operations)

    def require(self, now: float, operation: Operation, presented: list[Token]) -> None:
        """Whether a request may do ``operation``; its own tokens can add to the session's.

        Raises:
            Refusal: it may not, or one of its tokens is bad or another relay's.
        """
        allowed = operation in self.operations
        for token in presented:
            try:
                grant = _verify(self._authorizer, token, now + self._unix_offset)
            except TokenExpired as error:
                raise Refusal(RequestCode.EXPIRED_AUTH_TOKEN, str(error)) from None
            except TokenMalformed as error:
                raise Refusal(RequestCode.MALFORMED_AUTH_TOKEN, str(error)) from None
            except TokenError as error:
                raise Refusal(RequestCode.UNAUTHORIZED, str(error)) from None
            if grant.relay != self.grant.relay:
                raise Refusal(RequestCode.UNAUTHORIZED, "the token opens another relay")
            allowed = allowed or operation in grant.operations
        if not allowed:
            code = RequestCode.UNAUTHORIZED
            if self._compat == "cloudflare" and operation is Operation.PUBLISH:
                code = RequestCode.UNINTERESTED
            raise Refusal(code, f"the token does not allow to {operation}")


def admit(
    authorizer: Authorizer,
    limits: Limits,
    now: float,
    unix_offset: float,
    target: str,
    presented: list[Token],
) -> Access:
    """Decides what a session opens: the path's token, else the query's, else SETUP's.

    SETUP's tokens must open the same relay as the path or query, and can add operations.

    Args:
        target: ``path[?query]``.
    Raises:
        SessionFailure: close with its code, SETUP being finished first.
    """
    lenient = limits.compat == "cloudflare"
    unix_now = now + unix_offset
    path_token, query_token = credentials(target, limits)
    grants: list[Grant] = []
    try:
        first = path_token if lenient else path_token or query_token
        if first is not None:
            grants.append(authorizer.verify(first, unix_now))
    except TokenError as error:
        raise _refused_session(error, limits) from None
    if not lenient:
        for token in presented:
            if grants and token.type != JWT_TYPE:
                continue
            try:
                grants.append(_verify(authorizer, token, unix_now))
            except TokenMalformed as error:
                raise SessionFailure(SessionCode.MALFORMED_AUTH_TOKEN, str(error)) from None
            except TokenError as error:
                raise _refused_session(error, limits) from None
    if not grants:
        raise _no_scope(limits, "no token opens a relay")
    operations: set[Operation] = set()
    for grant in grants:
        if grant.relay != grants[0].relay:
            raise SessionFailure(SessionCode.UNAUTHORIZED, "the tokens open different relays")
        operations.update(grant.operations)
    return Access(authorizer, grants[0], operations, limits.compat, unix_offset)


def credentials(target: str, limits: Limits) -> tuple[str | None, str | None]:
    """The tokens of a session's path (its first segment) and query (``jwt``); None: none there.

    Raises:
        SessionFailure: MALFORMED_PATH. The text never quotes it.
    """
    path, _, query = target.partition("?")
    if len(path) > limits.path_bytes or len(query) > limits.query_bytes:
        raise malformed_path("the path is too long")
    if path and path[0] != "/":
        raise malformed_path("the path does not begin with a slash")
    if "%" in path:
        raise malformed_path("the path has an escape")
    path = path.rstrip("/")
    segments = path.split("/")[1:]
    for segment in segments:
        if segment in ("", ".", ".."):
            raise malformed_path("the path has an empty or relative segment")
    query_token = None
    for pair in query.split("&"):
        if pair.startswith("jwt=") and len(pair) > 4:
            query_token = pair[4:]
            break
    return (segments[0] if segments else None), query_token


def malformed_path(reason: str) -> SessionFailure:
    return SessionFailure(SessionCode.MALFORMED_PATH, reason)


def _verify(authorizer: Authorizer, token: Token, unix_now: float) -> Grant:
    if token.type != JWT_TYPE:
        raise TokenMalformed("the token is of an unknown type")
    try:
        text = (token.value or b"").decode("ascii")
    except UnicodeDecodeError:
        raise TokenMalformed("not a relay token") from None
    return authorizer.verify(text, unix_now)


def _refused_session(error: TokenError, limits: Limits) -> SessionFailure:
    if isinstance(error, TokenExpired) and limits.compat == "spec":
        return SessionFailure(SessionCode.EXPIRED_AUTH_TOKEN, str(error))
    return _no_scope(limits, str(error))


def _no_scope(limits: Limits, reason: str) -> SessionFailure:
    if limits.compat == "cloudflare":
        return SessionFailure(SessionCode.PROTOCOL_VIOLATION, "scope resolution failed")
    return SessionFailure(SessionCode.UNAUTHORIZED, reason)
