"""What a fresh database needs before use: an account, an API token, a signing key."""

from dataclasses import dataclass, field

from sqlalchemy import delete, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from tidegate.store import accounts, api_tokens, schema, signing_keys
from tidegate.store.api_tokens import Permission
from tidegate.store.database import Store
from tidegate.store.hashing import hashed
from tidegate.store.sealing import Sealer

_TOKEN_NAME = "bootstrap"
_UNSHOWN_NAME = "bootstrap, not shown yet"
_SET_TOKEN_NAME = "TIDEGATE_API_TOKEN"


@dataclass(frozen=True, slots=True)
class Bootstrap:
    """The account to start with.

    Attributes:
        api_token: its token, on the first start and whenever the settings fix it; None otherwise.
        made_now: whether the token was made by this start, so that it has to be shown.
    """

    account_id: str
    api_token: str | None = field(repr=False)
    made_now: bool


async def bootstrap(
    store: Store, sealer: Sealer, *, account_id: str, api_token: str, now: int
) -> Bootstrap:
    """Makes what is missing, in one transaction; ``account_id`` and ``api_token`` may be empty.

    Raises:
        SealError: the signing key in the database was sealed with another secret key.
    """
    async with store.writing() as db:
        # Nodes that start together wait for one another here.
        await db.execute(select(schema.revision).with_for_update())
        await signing_keys.ensure(db, sealer, now=now)
        known = await accounts.list_all(db)
        first = next((a for a in known if a.id == account_id), None) if account_id else None
        if first is None and known and not account_id:
            first = known[0]
        account = first or await accounts.create(db, "bootstrap", now=now, id=account_id or None)
        if api_token:
            await _set_token(db, account.id, api_token, now=now)
            return Bootstrap(account.id, api_token, made_now=False)
        # A start that failed after this has shown nobody the token that it made.
        lost = delete(schema.api_tokens).where(schema.api_tokens.c.name == _UNSHOWN_NAME)
        was_lost = (await db.execute(lost)).rowcount > 0
        if first is not None and not was_lost:
            return Bootstrap(account.id, None, made_now=False)
        _, secret = await api_tokens.create(
            db, _UNSHOWN_NAME, account_id=account.id, permissions=[Permission.ADMIN], now=now
        )
        return Bootstrap(account.id, secret, made_now=True)


async def mark_shown(store: Store, made: Bootstrap) -> None:
    """Notes that the token stands where the operator finds it; until then each start makes one."""
    if made.made_now:
        async with store.writing() as db:
            await db.execute(
                update(schema.api_tokens)
                .where(schema.api_tokens.c.name == _UNSHOWN_NAME)
                .values(name=_TOKEN_NAME)
            )


async def _set_token(db: AsyncConnection, account_id: str, secret: str, *, now: int) -> None:
    """Makes the configured token good, and the one that was configured before bad."""
    tokens = schema.api_tokens.c
    await db.execute(
        delete(schema.api_tokens).where(
            tokens.name == _SET_TOKEN_NAME, tokens.hash != hashed(secret)
        )
    )
    token = await api_tokens.authenticate(db, secret, now=now)
    if token is not None and not token.may(Permission.ADMIN, account_id):
        await api_tokens.revoke(db, token.id)
        token = None
    if token is None:
        await api_tokens.create(
            db,
            _SET_TOKEN_NAME,
            account_id=account_id,
            permissions=[Permission.ADMIN],
            now=now,
            secret=secret,
        )
