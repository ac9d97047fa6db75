"""What apps and TURN keys have in common: a name, and a secret that is shown once."""

import secrets
from dataclasses import dataclass, replace
from typing import Any

from sqlalchemy import ColumnElement, Table, func, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from tidegate.errors import ResourceLimitReached, ResourceNotFound
from tidegate.store import accounts, revision
from tidegate.store.hashing import hashed, matches


@dataclass(frozen=True, slots=True)
class SecretResource:
    uid: str
    account_id: str
    name: str
    created: int
    modified: int


class SecretResources:
    """One such table; ``noun`` is what messages call its rows."""

    def __init__(self, table: Table, noun: str) -> None:
        self._table = table
        self.noun = noun
        c = table.c
        self._columns = (c.uid, c.account_id, c.name, c.created, c.modified)

    async def create(
        self, db: AsyncConnection, account_id: str, name: str, *, limit: int, now: int
    ) -> tuple[SecretResource, str]:
        """A new one and its secret: 64 hex digits, kept nowhere else."""
        await accounts.lock(db, account_id)
        count = select(func.count()).select_from(self._table).where(*self._living_in(account_id))
        if (await db.execute(count)).scalar_one() >= limit:
            raise ResourceLimitReached(
                f"This account has reached its limit of {limit} {self.noun}s."
            )
        secret = secrets.token_hex(32)
        made = SecretResource(secrets.token_hex(16), account_id, name, now, now)
        await db.execute(
            insert(self._table).values(
                **_values(made), secret_hash=hashed(secret), revision=await revision.bump(db)
            )
        )
        return made, secret

    async def list(self, db: AsyncConnection, account_id: str) -> list[SecretResource]:
        """All of the account, newest first."""
        rows = await db.execute(
            select(*self._columns)
            .where(*self._living_in(account_id))
            .order_by(self._table.c.created.desc(), self._table.c.uid)
        )
        return [SecretResource(*row) for row in rows]

    async def get(self, db: AsyncConnection, account_id: str, uid: str) -> SecretResource:
        """Raises ResourceNotFound when the account has no such one."""
        return await self._get(db, account_id, uid, lock=False)

    async def rename(
        self, db: AsyncConnection, account_id: str, uid: str, name: str | None, *, now: int
    ) -> SecretResource:
        """Raises ResourceNotFound; ``name`` None leaves everything as it is."""
        before = await self._get(db, account_id, uid, lock=True)
        if name is None:
            return before
        after = replace(before, name=name, modified=max(now, before.modified + 1))
        await db.execute(
            update(self._table)
            .where(self._table.c.uid == uid)
            .values(name=after.name, modified=after.modified)
        )
        return after

    async def delete(
        self, db: AsyncConnection, account_id: str, uid: str, *, now: int
    ) -> SecretResource:
        """The one that was deleted; raises ResourceNotFound."""
        before = await self._get(db, account_id, uid, lock=True)
        await db.execute(
            update(self._table)
            .where(self._table.c.uid == uid)
            .values(deleted=now, revision=await revision.bump(db))
        )
        return before

    async def opens(self, db: AsyncConnection, uid: str, secret: str) -> bool:
        """Whether ``secret`` is that of ``uid``, in whichever account."""
        c = self._table.c
        row = await db.execute(select(c.secret_hash).where(c.uid == uid, c.deleted.is_(None)))
        hash = row.scalar_one_or_none()
        return hash is not None and matches(secret, hash)

    async def _get(
        self, db: AsyncConnection, account_id: str, uid: str, *, lock: bool
    ) -> SecretResource:
        query = select(*self._columns).where(self._table.c.uid == uid, *self._living_in(account_id))
        row = (await db.execute(query.with_for_update(key_share=True) if lock else query)).first()
        if row is None:
            raise ResourceNotFound(f"{self.noun} not found")
        return SecretResource(*row)

    def _living_in(self, account_id: str) -> tuple[ColumnElement[bool], ...]:
        return self._table.c.account_id == account_id, self._table.c.deleted.is_(None)


def _values(made: SecretResource) -> dict[str, Any]:
    return {
        "uid": made.uid,
        "account_id": made.account_id,
        "name": made.name,
        "created": made.created,
        "modified": made.modified,
    }
