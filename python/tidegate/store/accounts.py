"""Accounts: what owns apps, keys and relays."""

import secrets
from dataclasses import dataclass

from sqlalchemy import insert, select
from sqlalchemy.ext.asyncio import AsyncConnection

from tidegate.store import schema


@dataclass(frozen=True, slots=True)
class Account:
    id: str
    name: str
    created: int


async def create(db: AsyncConnection, name: str, *, now: int, id: str | None = None) -> Account:
    account = Account(id or secrets.token_hex(16), name, now)
    await db.execute(
        insert(schema.accounts).values(id=account.id, name=account.name, created=account.created)
    )
    return account


async def list_all(db: AsyncConnection) -> list[Account]:
    """Every account, oldest first."""
    oldest_first = select(schema.accounts).order_by(schema.accounts.c.created, schema.accounts.c.id)
    return [Account(*row) for row in await db.execute(oldest_first)]


async def lock(db: AsyncConnection, id: str) -> None:
    """Makes transactions that create something in this account follow one another.

    So limits hold, and no two things get the same time.
    """
    # Weaker than FOR UPDATE: rows that refer to the account may be inserted meanwhile.
    query = select(schema.accounts.c.id).where(schema.accounts.c.id == id)
    await db.execute(query.with_for_update(key_share=True))
