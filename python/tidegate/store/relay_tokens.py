"""The tokens of relays: what is kept of them, which is everything but the token itself."""

import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from sqlalchemy import Row, delete, func, insert, select
from sqlalchemy.ext.asyncio import AsyncConnection

from tidegate.errors import TokenLimitReached
from tidegate.store import relays, schema
from tidegate.store.clock import SECOND
from tidegate.tokens import Operation

YEAR_SECONDS = 365 * 24 * 3600
DEFAULT_SECONDS = YEAR_SECONDS - 1


class Slot(StrEnum):
    """The automatic tokens of a relay; a slot is what rotation names."""

    PUBLISH_SUBSCRIBE = "publish_subscribe"
    SUBSCRIBE = "subscribe"

    @property
    def operations(self) -> tuple[Operation, ...]:
        if self is Slot.SUBSCRIBE:
            return (Operation.SUBSCRIBE,)
        return (Operation.PUBLISH, Operation.SUBSCRIBE)


@dataclass(frozen=True, slots=True)
class RelayToken:
    """One token.

    Attributes:
        operations: without repetition, in the order they were asked for.
        created: microseconds, like every time of the store; the token's ``iat`` is its whole
            seconds.
        expires: microseconds, always whole seconds.
        slot: which automatic token this is; None for one made by hand.
    """

    jti: str
    relay: str
    operations: tuple[Operation, ...]
    created: int
    expires: int
    label: str | None = None
    slot: Slot | None = None


_c = schema.relay_tokens.c


async def create(
    db: AsyncConnection,
    relay: str,
    operations: Sequence[Operation],
    *,
    expires: int | None,
    label: str | None,
    limit: int,
    now: int,
) -> RelayToken:
    """A token of a relay that was locked; ``expires`` None means in a year less a second.

    Raises:
        TokenLimitReached: the relay has ``limit`` tokens already.
    """
    count = select(func.count()).select_from(schema.relay_tokens).where(_c.relay == relay)
    if (await db.execute(count)).scalar_one() >= limit:
        raise TokenLimitReached(limit)
    token = RelayToken(
        jti=secrets.token_hex(16),
        relay=relay,
        operations=tuple(operations),
        created=now,
        expires=_default_expiry(now) if expires is None else expires,
        label=label,
    )
    await _insert(db, token)
    await relays.touch(db, relay)
    return token


async def fill(
    db: AsyncConnection, relay: str, slot: Slot, *, now: int, label: str | None = None
) -> RelayToken:
    """A token for an empty slot; the caller touches the relay."""
    token = RelayToken(
        jti=secrets.token_hex(16),
        relay=relay,
        operations=slot.operations,
        created=now,
        expires=_default_expiry(now),
        label=label,
        slot=slot,
    )
    await _insert(db, token)
    return token


async def rotate(db: AsyncConnection, relay: str, slot: Slot, *, now: int) -> RelayToken:
    """Fills a slot of a relay that was locked anew; what was in it is revoked, its label stays."""
    revoked = delete(schema.relay_tokens).where(_c.relay == relay, _c.slot == slot)
    label = (await db.execute(revoked.returning(_c.label))).scalar_one_or_none()
    token = await fill(db, relay, slot, now=now, label=label)
    await relays.touch(db, relay)
    return token


async def list_of(db: AsyncConnection, relay: str) -> list[RelayToken]:
    """The relay's tokens, oldest first, expired ones too."""
    oldest_first = (_c.created, _c.jti)
    query = select(schema.relay_tokens).where(_c.relay == relay).order_by(*oldest_first)
    return [_token(row) for row in await db.execute(query)]


async def revoke(db: AsyncConnection, relay: str, jti: str) -> bool:
    """Forgets a token of a relay that was locked; False when it has none of this ``jti``."""
    result = await db.execute(delete(schema.relay_tokens).where(_c.relay == relay, _c.jti == jti))
    if result.rowcount == 0:
        return False
    await relays.touch(db, relay)
    return True


def _default_expiry(now: int) -> int:
    return (now // SECOND + DEFAULT_SECONDS) * SECOND


async def _insert(db: AsyncConnection, token: RelayToken) -> None:
    await db.execute(
        insert(schema.relay_tokens).values(
            jti=token.jti,
            relay=token.relay,
            operations=[str(operation) for operation in token.operations],
            created=token.created,
            expires=token.expires,
            label=token.label,
            slot=token.slot,
        )
    )


def _token(row: Row[*tuple[Any, ...]]) -> RelayToken:
    return RelayToken(
        jti=row.jti,
        relay=row.relay,
        operations=tuple(map(Operation, row.operations)),
        created=row.created,
        expires=row.expires,
        label=row.label,
        slot=None if row.slot is None else Slot(row.slot),
    )
