"""Counts the changes that directories must learn of."""

from sqlalchemy import select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from tidegate.store.schema import revision


async def bump(db: AsyncConnection) -> int:
    """The number of this transaction's change. Locks the count until the commit: call it last."""
    change = update(revision).values(value=revision.c.value + 1).returning(revision.c.value)
    return int((await db.execute(change)).scalar_one())


async def current(db: AsyncConnection) -> int:
    return int((await db.execute(select(revision.c.value))).scalar_one())
