"""The keys that sign relay tokens: the newest signs, each that is not retired verifies."""

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from sqlalchemy import func, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from tidegate.errors import SealError
from tidegate.store import revision, schema
from tidegate.store.sealing import Sealer
from tidegate.tokens import SigningKey

_c = schema.signing_keys.c
_newest_first = (_c.created.desc(), _c.kid.desc())


async def active(db: AsyncConnection, sealer: Sealer) -> SigningKey:
    """The key that new tokens are signed with.

    Raises:
        SealError: the sealer is keyed otherwise than when the key was stored.
    """
    row = (
        await db.execute(
            select(_c.kid, _c.sealed, _c.public)
            .where(_c.retired.is_(None))
            .order_by(*_newest_first)
            .limit(1)
        )
    ).one()
    kid, sealed, public = row
    private = Ed25519PrivateKey.from_private_bytes(sealer.open(_sealed_as(kid), sealed))
    if private.public_key().public_bytes_raw() != public:
        raise SealError(f"signing key {kid}: its halves do not belong together")
    return SigningKey(kid, private)


async def ensure(db: AsyncConnection, sealer: Sealer, *, now: int) -> SigningKey:
    """The active key, made when there is none yet."""
    living = select(_c.kid).where(_c.retired.is_(None)).limit(1)
    if (await db.execute(living)).first() is None:
        return await rotate(db, sealer, now=now)
    return await active(db, sealer)


async def rotate(
    db: AsyncConnection, sealer: Sealer, *, now: int, retire_others: bool = False
) -> SigningKey:
    """A new active key; ``retire_others`` ends every token that an earlier one signed."""
    # Taking the revision first makes concurrent rotations follow one another.
    await revision.bump(db)
    if retire_others:
        await db.execute(
            update(schema.signing_keys).where(_c.retired.is_(None)).values(retired=now)
        )
    ever, latest = (await db.execute(select(func.count(), func.max(_c.created)))).one()
    key = SigningKey(f"moq-v{ever + 1}", Ed25519PrivateKey.generate())
    await db.execute(
        insert(schema.signing_keys).values(
            kid=key.kid,
            public=key.private.public_key().public_bytes_raw(),
            sealed=sealer.seal(_sealed_as(key.kid), key.private.private_bytes_raw()),
            created=now if latest is None else max(now, latest + 1),
        )
    )
    return key


async def verification_keys(db: AsyncConnection) -> dict[str, Ed25519PublicKey]:
    """Public keys by ``kid``, all that are not retired."""
    rows = await db.execute(select(_c.kid, _c.public).where(_c.retired.is_(None)))
    return {kid: Ed25519PublicKey.from_public_bytes(public) for kid, public in rows}


def _sealed_as(kid: str) -> str:
    return f"signing key {kid}"
