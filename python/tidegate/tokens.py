"""Relay tokens: Ed25519 JWTs that open one relay (`docs/reference/api.md` tells their claims).

No clock and no database here: ``now`` comes in as Unix seconds, and what is known of relays, tokens
and keys comes from a :class:`Registry`, which :class:`tidegate.store.directory.Directory` is.
"""

import re
from collections import OrderedDict
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Annotated, Any, Protocol

import jwt
import msgspec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from jwt.algorithms import OKPAlgorithm

from tidegate.errors import TokenExpired, TokenMalformed, TokenUnauthorized

IAT_SKEW = 60
"""Seconds by which the issuer's clock may run ahead of ours; ``exp`` gets none."""

MAX_TOKEN_LENGTH = 2048
"""A token of ours has about 420 characters."""

_ALGORITHMS = ["EdDSA", "Ed25519"]
# Three base64url parts, the last of them 64 bytes long.
_SHAPE = re.compile(r"[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]{86}")
_Hex32 = Annotated[str, msgspec.Meta(pattern=r"^[0-9a-f]{32}\Z")]

_jws = jwt.PyJWS(algorithms=[])
for _name in _ALGORITHMS:
    _jws.register_algorithm(_name, OKPAlgorithm())


class Operation(StrEnum):
    """What a token lets its bearer do."""

    PUBLISH = "publish"
    SUBSCRIBE = "subscribe"


@dataclass(frozen=True, slots=True)
class SigningKey:
    """The key that new tokens are signed with; ``kid`` names it in their headers."""

    kid: str
    private: Ed25519PrivateKey


@dataclass(frozen=True, slots=True)
class Grant:
    """What a good token gives: which relay it opens, for what, and until when (Unix seconds)."""

    relay: str
    jti: str
    operations: frozenset[Operation]
    expires: int


class Registry(Protocol):
    """What a verifier must know; answers at once, from memory."""

    @property
    def keys(self) -> Mapping[str, Ed25519PublicKey]:
        """Public keys by ``kid``, all that are not retired."""

    def accepts(self, jti: str, relay: str) -> bool:
        """Whether the relay exists and still honours this token."""


class _Claims(msgspec.Struct, frozen=True):
    iss: str
    aud: str
    sub: _Hex32
    jti: _Hex32
    operations: list[str]
    iat: int
    exp: int


_claims = msgspec.json.Decoder(_Claims)


def mint(
    key: SigningKey,
    *,
    issuer: str,
    audience: str,
    relay: str,
    jti: str,
    operations: Collection[Operation],
    issued: int,
    expires: int,
) -> str:
    """Signs a token; ``issued`` and ``expires`` in Unix seconds, ``operations`` in their order."""
    claims = {
        "iss": issuer,
        "aud": audience,
        "sub": relay,
        "jti": jti,
        "operations": [str(operation) for operation in operations],
        "iat": issued,
        "exp": expires,
    }
    return _jws.encode(
        msgspec.json.encode(claims), key.private, algorithm="EdDSA", headers={"kid": key.kid}
    )


class Verifier:
    """Tells what a token opens.

    Good signatures are remembered; expiry and revocation are looked at every time.
    """

    def __init__(
        self, registry: Registry, *, issuer: str, audience: str, remembered: int = 16_384
    ) -> None:
        self._registry = registry
        self._issuer = issuer
        self._audience = audience
        self._remembered = remembered
        self._signed: OrderedDict[str, tuple[str, Ed25519PublicKey, _Claims]] = OrderedDict()

    def verify(self, token: str, now: float) -> Grant:
        """What ``token`` opens at ``now`` (Unix seconds).

        Raises:
            TokenMalformed: it is no relay token.
            TokenExpired: it was one, until its ``exp``.
            TokenUnauthorized: it opens nothing here: key, signature, issuer, audience, relay or
                revocation.
        """
        claims = self._signed_claims(token)
        if claims.iss != self._issuer or claims.aud != self._audience:
            raise TokenUnauthorized("the token was issued for another deployment")
        if claims.iat > now + IAT_SKEW:
            raise TokenUnauthorized("the token is not valid yet")
        if claims.exp <= now:
            raise TokenExpired("the token has expired")
        if not self._registry.accepts(claims.jti, claims.sub):
            raise TokenUnauthorized("the token was revoked, or its relay is gone")
        operations = frozenset(Operation(name) for name in claims.operations if name in _OPERATIONS)
        return Grant(claims.sub, claims.jti, operations, claims.exp)

    def _signed_claims(self, token: str) -> _Claims:
        known = self._signed.get(token)
        if known is not None:
            kid, key, claims = known
            if self._registry.keys.get(kid) is key:
                self._signed.move_to_end(token)
                return claims
            del self._signed[token]
        kid, key, claims = self._check_signature(token)
        self._signed[token] = kid, key, claims
        if len(self._signed) > self._remembered:
            self._signed.popitem(last=False)
        return claims

    def _check_signature(self, token: str) -> tuple[str, Ed25519PublicKey, _Claims]:
        if len(token) > MAX_TOKEN_LENGTH or not _SHAPE.fullmatch(token):
            raise TokenMalformed("not a relay token")
        try:
            header: dict[str, Any] = _jws.get_unverified_header(token)
        except (jwt.PyJWTError, ValueError):
            raise TokenMalformed("the token's header cannot be read") from None
        if header.get("alg") not in _ALGORITHMS:
            raise TokenMalformed("the token's algorithm is not EdDSA")
        kid = header.get("kid")
        key = self._registry.keys.get(kid) if isinstance(kid, str) else None
        if kid is None or key is None:
            raise TokenUnauthorized("the token names no signing key of ours")
        try:
            payload: bytes = _jws.decode_complete(token, key, algorithms=_ALGORITHMS)["payload"]
        except (jwt.InvalidSignatureError, jwt.InvalidKeyError):
            raise TokenUnauthorized("the token's signature is not ours") from None
        except (jwt.PyJWTError, ValueError):
            raise TokenMalformed("the token cannot be read") from None
        try:
            return kid, key, _claims.decode(payload)
        except msgspec.DecodeError:
            raise TokenMalformed("the token's claims are not those of a relay token") from None


_OPERATIONS = frozenset(Operation)
