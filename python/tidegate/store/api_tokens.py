"""API tokens: who may call the REST API, in which account, for what."""

import secrets
from collections.abc import Collection
from dataclasses import dataclass
from enum import StrEnum

from sqlalchemy import ColumnElement, delete, insert, select
from sqlalchemy.ext.asyncio import AsyncConnection

from tidegate.store import schema
from tidegate.store.hashing import hashed


class Permission(StrEnum):
    """What a token may do in one account; writing includes reading, admin everything."""

    CALLS_READ = "Calls Read"
    CALLS_WRITE = "Calls Write"
    MOQ_READ = "MoQ Read"
    MOQ_WRITE = "MoQ Write"
    ADMIN = "admin"


_INCLUDED_IN = {
    Permission.CALLS_READ: {Permission.CALLS_READ, Permission.CALLS_WRITE, Permission.ADMIN},
    Permission.CALLS_WRITE: {Permission.CALLS_WRITE, Permission.ADMIN},
    Permission.MOQ_READ: {Permission.MOQ_READ, Permission.MOQ_WRITE, Permission.ADMIN},
    Permission.MOQ_WRITE: {Permission.MOQ_WRITE, Permission.ADMIN},
    Permission.ADMIN: {Permission.ADMIN},
}


@dataclass(frozen=True, slots=True)
class ApiToken:
    """A token as the store knows it: everything but its secret.

    Attributes:
        expires: when it stops working; None when never.
        grants: permissions by account id.
    """

    id: str
    name: str
    created: int
    expires: int | None
    grants: dict[str, frozenset[Permission]]

    def may(self, permission: Permission, account_id: str) -> bool:
        return bool(self.grants.get(account_id, frozenset()) & _INCLUDED_IN[permission])


async def create(
    db: AsyncConnection,
    name: str,
    *,
    account_id: str,
    permissions: Collection[Permission],
    now: int,
    expires: int | None = None,
    secret: str | None = None,
) -> tuple[ApiToken, str]:
    """A new token and its secret, which is kept nowhere else; ``secret`` fixes it."""
    secret = secret or secrets.token_urlsafe(30)
    token = ApiToken(
        secrets.token_hex(16), name, now, expires, {account_id: frozenset(permissions)}
    )
    await db.execute(
        insert(schema.api_tokens).values(
            id=token.id, name=name, hash=hashed(secret), created=now, expires=expires
        )
    )
    for permission in sorted(set(permissions)):
        await db.execute(
            insert(schema.api_token_permissions).values(
                token_id=token.id, account_id=account_id, permission=permission
            )
        )
    return token, secret


async def authenticate(db: AsyncConnection, secret: str, *, now: int) -> ApiToken | None:
    """The token with this secret; None when there is none or it has expired."""
    found = await _select(db, schema.api_tokens.c.hash == hashed(secret))
    if not found or (found[0].expires is not None and found[0].expires <= now):
        return None
    return found[0]


async def list_all(db: AsyncConnection) -> list[ApiToken]:
    """Every token, oldest first."""
    return await _select(db, schema.api_tokens.c.id.is_not(None))


async def revoke(db: AsyncConnection, id: str) -> bool:
    """Forgets a token; False when there is none of this id."""
    result = await db.execute(delete(schema.api_tokens).where(schema.api_tokens.c.id == id))
    return result.rowcount > 0


async def _select(db: AsyncConnection, condition: ColumnElement[bool]) -> list[ApiToken]:
    tokens, permissions = schema.api_tokens, schema.api_token_permissions
    rows = await db.execute(
        select(
            tokens.c.id,
            tokens.c.name,
            tokens.c.created,
            tokens.c.expires,
            permissions.c.account_id,
            permissions.c.permission,
        )
        .outerjoin_from(tokens, permissions)
        .where(condition)
        .order_by(tokens.c.created, tokens.c.id)
    )
    found: dict[str, ApiToken] = {}
    for id, name, created, expires, account_id, permission in rows:
        token = found.setdefault(id, ApiToken(id, name, created, expires, {}))
        if account_id is not None:
            held = token.grants.get(account_id, frozenset())
            token.grants[account_id] = held | {Permission(permission)}
    return list(found.values())
