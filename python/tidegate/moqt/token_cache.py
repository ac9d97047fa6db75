"""A session's tokens by alias (draft-16 §9.2.2.1): what REGISTER, USE_ALIAS and DELETE do."""

from tidegate.moqt.codes import RequestCode, SessionCode
from tidegate.moqt.failures import Refusal, SessionFailure
from tidegate.moqt.token import AliasType, Token

ENTRY_BYTES = 16
"""What an entry costs besides its value."""


class TokenCache:
    """What the peer registered; ``limit`` is what we told it that it may.

    An entry stays until DELETE, also when its token has expired or the request that brought it
    failed.
    """

    __slots__ = ("_entries", "_limit", "_size")

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._size = 0
        self._entries: dict[int, Token] = {}

    def resolve(self, tokens: tuple[Token, ...], *, in_setup: bool = False) -> list[Token]:
        """The tokens that a message presents, each with type and value.

        A REGISTER in SETUP that does not fit counts as USE_VALUE.

        Raises:
            Refusal: an alias is unknown. What the message registered stays registered.
            SessionFailure: an alias is taken, or the cache would overflow.
        """
        presented: list[Token] = []
        unknown = False
        for token in tokens:
            match token.alias_type:
                case AliasType.USE_VALUE:
                    presented.append(token)
                case AliasType.REGISTER:
                    self._register(token, in_setup=in_setup)
                    presented.append(token)
                case AliasType.USE_ALIAS:
                    known = self._entries.get(_alias(token))
                    if known is None:
                        unknown = True
                    else:
                        presented.append(known)
                case AliasType.DELETE:
                    entry = self._entries.pop(_alias(token), None)
                    if entry is None:
                        unknown = True
                    else:
                        self._size -= _cost(entry)
        if unknown and in_setup:
            raise SessionFailure(SessionCode.UNKNOWN_AUTH_TOKEN_ALIAS, "unknown token alias")
        if unknown:
            # No draft has a request error for it.
            raise Refusal(RequestCode.UNAUTHORIZED, "unknown token alias")
        return presented

    def _register(self, token: Token, *, in_setup: bool) -> None:
        alias = _alias(token)
        if alias in self._entries:
            raise SessionFailure(
                SessionCode.DUPLICATE_AUTH_TOKEN_ALIAS, "a token alias is registered twice"
            )
        if self._size + _cost(token) > self._limit:
            if in_setup:
                return
            raise SessionFailure(SessionCode.AUTH_TOKEN_CACHE_OVERFLOW, "the token cache is full")
        self._size += _cost(token)
        self._entries[alias] = token


def _alias(token: Token) -> int:
    assert token.alias is not None, "the decoder gives one to every type that has it"
    return token.alias


def _cost(token: Token) -> int:
    return ENTRY_BYTES + len(token.value or b"")
