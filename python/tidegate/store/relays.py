"""MoQ relays: isolated scopes, each with its configuration."""

import secrets
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import ColumnElement, Row, delete, func, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from tidegate.errors import RelayLimitReached, RelayNotFound
from tidegate.store import accounts, revision, schema


@dataclass(frozen=True, slots=True)
class RelayConfig:
    """What an owner sets.

    Attributes:
        linger_enabled: whether a SUBSCRIBE without a publisher is held.
        linger_max_ms: ceiling of such a hold, 0 to 300,000.
        fallback_enabled: whether ``upstream_urls`` are used.
        upstream_urls: in the order to try them.
    """

    linger_enabled: bool = True
    linger_max_ms: int = 30_000
    fallback_enabled: bool = False
    upstream_urls: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Relay:
    uid: str
    account_id: str
    name: str
    created: int
    modified: int
    config: RelayConfig = field(default_factory=RelayConfig)


_c = schema.relays.c
_columns = (
    _c.uid,
    _c.account_id,
    _c.name,
    _c.created,
    _c.modified,
    _c.linger_enabled,
    _c.linger_max_ms,
    _c.fallback_enabled,
    _c.upstream_urls,
)


async def create(
    db: AsyncConnection, account_id: str, name: str, config: RelayConfig, *, limit: int, now: int
) -> Relay:
    """A new relay, whose ``created`` is later than that of every relay the account ever had.

    Raises:
        RelayLimitReached: the account has ``limit`` relays already.
    """
    await accounts.lock(db, account_id)
    of_account = _c.account_id == account_id
    living = select(func.count()).select_from(schema.relays).where(of_account, _c.deleted.is_(None))
    if (await db.execute(living)).scalar_one() >= limit:
        raise RelayLimitReached(limit)
    latest = (await db.execute(select(func.max(_c.created)).where(of_account))).scalar_one()
    created = now if latest is None else max(now, latest + 1)
    relay = Relay(secrets.token_hex(16), account_id, name, created, created, config)
    await db.execute(
        insert(schema.relays).values(
            uid=relay.uid,
            account_id=account_id,
            name=name,
            created=created,
            modified=created,
            revision=await revision.bump(db),
            **_config_values(config),
        )
    )
    return relay


async def page(
    db: AsyncConnection,
    account_id: str,
    *,
    after: int | None,
    before: int | None,
    ascending: bool,
    limit: int,
) -> tuple[list[Relay], int]:
    """At most ``limit`` relays created strictly between the bounds, and how many there are."""
    conditions: list[ColumnElement[bool]] = [_c.account_id == account_id, _c.deleted.is_(None)]
    if after is not None:
        conditions.append(_c.created > after)
    if before is not None:
        conditions.append(_c.created < before)
    total = select(func.count()).select_from(schema.relays).where(*conditions)
    order = _c.created.asc() if ascending else _c.created.desc()
    rows = await db.execute(select(*_columns).where(*conditions).order_by(order).limit(limit))
    return [_relay(row) for row in rows], (await db.execute(total)).scalar_one()


async def get(db: AsyncConnection, account_id: str, uid: str, *, lock: bool = False) -> Relay:
    """``lock`` makes other changes of this relay wait for this transaction.

    Raises:
        RelayNotFound: never made, another account's, or deleted.
    """
    query = select(*_columns).where(
        _c.uid == uid, _c.account_id == account_id, _c.deleted.is_(None)
    )
    row = (await db.execute(query.with_for_update(key_share=True) if lock else query)).first()
    if row is None:
        raise RelayNotFound
    return _relay(row)


async def exists(db: AsyncConnection, uid: str) -> bool:
    """Whether there is, or ever was, a relay of this uid."""
    return (await db.execute(select(_c.uid).where(_c.uid == uid))).first() is not None


async def save(db: AsyncConnection, relay: Relay) -> None:
    """Stores the name, configuration and ``modified`` of a relay that was locked."""
    await db.execute(
        update(schema.relays)
        .where(_c.uid == relay.uid)
        .values(
            name=relay.name,
            modified=relay.modified,
            revision=await revision.bump(db),
            **_config_values(relay.config),
        )
    )


async def remove(db: AsyncConnection, account_id: str, uid: str, *, now: int) -> None:
    """Takes a relay and its tokens away for good; raises RelayNotFound."""
    await get(db, account_id, uid, lock=True)
    await db.execute(delete(schema.relay_tokens).where(schema.relay_tokens.c.relay == uid))
    await db.execute(
        update(schema.relays)
        .where(_c.uid == uid)
        .values(deleted=now, revision=await revision.bump(db))
    )


async def touch(db: AsyncConnection, uid: str) -> None:
    """Makes directories look again at a relay whose tokens have changed."""
    changed = update(schema.relays).where(_c.uid == uid).values(revision=await revision.bump(db))
    await db.execute(changed)


def _config_values(config: RelayConfig) -> dict[str, object]:
    return {
        "linger_enabled": config.linger_enabled,
        "linger_max_ms": config.linger_max_ms,
        "fallback_enabled": config.fallback_enabled,
        "upstream_urls": list(config.upstream_urls),
    }


def _relay(row: Row[*tuple[Any, ...]]) -> Relay:
    config = RelayConfig(
        linger_enabled=row.linger_enabled,
        linger_max_ms=row.linger_max_ms,
        fallback_enabled=row.fallback_enabled,
        upstream_urls=tuple(row.upstream_urls),
    )
    return Relay(row.uid, row.account_id, row.name, row.created, row.modified, config)
