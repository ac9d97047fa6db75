"""The ``issuers`` envelope in which relay tokens are shown, with or without their secrets."""

from collections.abc import Callable, Iterable

from msgspec import UNSET, Struct, UnsetType
from sqlalchemy.ext.asyncio import AsyncConnection

from tidegate.api.services import Services
from tidegate.api.timestamps import rfc3339
from tidegate.store import signing_keys
from tidegate.store.clock import SECOND
from tidegate.store.relay_tokens import RelayToken
from tidegate.tokens import Operation, mint


class IssuedToken(Struct, omit_defaults=True, kw_only=True):
    """``secret`` is there only in the answer that makes the token."""

    jti: str
    operations: list[Operation]
    created: str
    expires: str
    label: str | UnsetType = UNSET
    secret: str | UnsetType = UNSET


class Issuer(Struct):
    """``type`` says which member holds the tokens; readers skip types that they do not know."""

    type: str
    issuer: str
    cloudflare_tokens: list[IssuedToken]


class Issuers(Struct):
    issuers: list[Issuer]


def issued(tokens: Iterable[tuple[RelayToken, str | None]]) -> list[Issuer]:
    """Tokens, each with its secret or None."""
    shown = [
        IssuedToken(
            jti=token.jti,
            operations=list(token.operations),
            created=rfc3339(token.created),
            expires=rfc3339(token.expires),
            label=UNSET if token.label is None else token.label,
            secret=secret or UNSET,
        )
        for token, secret in tokens
    ]
    return [Issuer(type="cloudflare_jwt", issuer="cloudflare", cloudflare_tokens=shown)]


async def signer(db: AsyncConnection, services: Services) -> Callable[[RelayToken], str]:
    """What makes a token's secret, with the key that signs now."""
    key = await signing_keys.active(db, services.sealer)
    moq = services.config.moq

    def sign(token: RelayToken) -> str:
        return mint(
            key,
            issuer=moq.issuer,
            audience=moq.audience,
            relay=token.relay,
            jti=token.jti,
            operations=token.operations,
            issued=token.created // SECOND,
            expires=token.expires // SECOND,
        )

    return sign
