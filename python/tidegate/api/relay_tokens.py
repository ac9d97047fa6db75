"""``/moq/relays/{relay_id}/tokens``: what opens a relay."""

from typing import Annotated

from litestar import delete, get, post
from litestar.params import PathParameter
from msgspec import Struct
from sqlalchemy.ext.asyncio import AsyncConnection

from tidegate.api import schemas
from tidegate.api.bodies import MOQ, AnyRequest, Object, printable, read_object
from tidegate.api.credentials import requires
from tidegate.api.envelope import Acknowledgement, Envelope
from tidegate.api.issuers import Issuers, issued, signer
from tidegate.api.relays import RelayId, check_id
from tidegate.api.resource import Resource
from tidegate.api.services import GivenServices
from tidegate.api.timestamps import parse_rfc3339
from tidegate.errors import MoqBodyInvalid, TokenExpiryInvalid, TokenKindInvalid
from tidegate.store import relay_tokens, relays
from tidegate.store.api_tokens import Permission
from tidegate.store.clock import SECOND
from tidegate.store.relay_tokens import YEAR_SECONDS, RelayToken, Slot
from tidegate.tokens import Operation

MAX_LABEL_LENGTH = 255

TokenId = Annotated[str, PathParameter(schema_extra={"pattern": "^[0-9a-f]{32}$"})]
Minted = tuple[RelayToken, str]


class Rotated(Struct):
    token: str
    type: Slot


@get(
    guards=[requires(Permission.MOQ_READ)],
    operation_id="moq-relays-tokens-list",
    responses=schemas.failures(400, 401, 403, 404),
)
async def list_tokens(
    account_id: schemas.AccountId, relay_id: RelayId, services: GivenServices
) -> Envelope[Issuers]:
    """Lists the relay's tokens, without their secrets."""
    check_id(relay_id)
    async with services.store.reading() as db:
        await relays.get(db, account_id, relay_id)
        tokens = await relay_tokens.list_of(db, relay_id)
    return Envelope(result=Issuers(issued((token, None) for token in tokens)))


@post(
    guards=[requires(Permission.MOQ_WRITE)],
    operation_id="moq-relays-tokens-create",
    operation_class=schemas.with_body(schemas.TOKEN_CREATE),
    responses=schemas.failures(400, 401, 403, 404, 409, 413),
)
async def create_token(
    request: AnyRequest, account_id: schemas.AccountId, relay_id: RelayId, services: GivenServices
) -> Envelope[Issuers]:
    """Makes a token; its secret is in this answer and nowhere else."""
    check_id(relay_id)
    body = await read_object(request, MOQ)
    now = services.now()
    operations = _operations(body.get("operations"))
    expires = _expires(body.get("expires"), now)
    label = _label(body.get("label"))

    async def create(db: AsyncConnection) -> Minted:
        await relays.get(db, account_id, relay_id, lock=True)
        sign = await signer(db, services)
        limit = services.config.api.tokens_per_relay
        token = await relay_tokens.create(
            db, relay_id, operations, expires=expires, label=label, limit=limit, now=now
        )
        return token, sign(token)

    minted = await services.store.create(create, _exists)
    await services.publish()
    return Envelope(result=Issuers(issued([minted])))


@post(
    "/rotate",
    status_code=200,
    guards=[requires(Permission.MOQ_WRITE)],
    operation_id="moq-relays-tokens-rotate",
    operation_class=schemas.with_body(schemas.TOKEN_ROTATE),
    responses=schemas.failures(400, 401, 403, 404, 413),
)
async def rotate_token(
    request: AnyRequest, account_id: schemas.AccountId, relay_id: RelayId, services: GivenServices
) -> Envelope[Rotated]:
    """Replaces an automatic token; the one before opens nothing any more."""
    check_id(relay_id)
    body = await read_object(request, MOQ)
    slot = _slot(body)

    async def rotate(db: AsyncConnection) -> Minted:
        await relays.get(db, account_id, relay_id, lock=True)
        sign = await signer(db, services)
        token = await relay_tokens.rotate(db, relay_id, slot, now=services.now())
        return token, sign(token)

    _, secret = await services.store.create(rotate, _exists)
    await services.publish()
    return Envelope(result=Rotated(token=secret, type=slot))


@delete(
    "/{jti:str}",
    status_code=200,
    guards=[requires(Permission.MOQ_WRITE)],
    operation_id="moq-relays-tokens-delete",
    responses=schemas.failures(400, 401, 403, 404),
)
async def delete_token(
    account_id: schemas.AccountId, relay_id: RelayId, jti: TokenId, services: GivenServices
) -> Acknowledgement:
    """Revokes a token; one that the relay does not have counts as revoked."""
    check_id(relay_id)
    check_id(jti)
    async with services.store.writing() as db:
        await relays.get(db, account_id, relay_id, lock=True)
        await relay_tokens.revoke(db, relay_id, jti)
    await services.publish()
    return Acknowledgement()


relay_tokens_router = Resource(
    "/accounts/{account_id:str}/moq/relays/{relay_id:str}/tokens",
    route_handlers=[list_tokens, create_token, rotate_token, delete_token],
    tag="MoQ relay tokens",
)


async def _exists(db: AsyncConnection, minted: Minted) -> bool:
    token, _ = minted
    return any(token.jti == other.jti for other in await relay_tokens.list_of(db, token.relay))


def _operations(sent: object) -> list[Operation]:
    """Without repetition, in the order that was sent."""
    if not isinstance(sent, list) or not sent:
        raise TokenKindInvalid("operations must be a non-empty array.", pointer="/operations")
    try:
        return list(dict.fromkeys(Operation(name) for name in sent))
    except ValueError:
        known = ", ".join(Operation)
        raise TokenKindInvalid(f"operations may be {known}.", pointer="/operations") from None


def _expires(sent: object, now: int) -> int | None:
    """In microseconds, cut to whole seconds."""
    if sent is None:
        return None
    try:
        if not isinstance(sent, str):
            raise ValueError("not a string")
        seconds = parse_rfc3339(sent) // SECOND
    except ValueError as error:
        raise MoqBodyInvalid(f"expires is {error}.", pointer="/expires") from None
    if not now < seconds * SECOND or seconds > now // SECOND + YEAR_SECONDS:
        raise TokenExpiryInvalid
    return seconds * SECOND


def _label(sent: object) -> str | None:
    if sent is None:
        return None
    if not isinstance(sent, str) or len(sent) > MAX_LABEL_LENGTH or not printable(sent):
        raise MoqBodyInvalid(
            f"label must be a string of at most {MAX_LABEL_LENGTH} printable characters.",
            pointer="/label",
        )
    return sent


def _slot(body: Object) -> Slot:
    try:
        return Slot(str(body.get("type")))
    except ValueError:
        raise TokenKindInvalid(f"type must be {' or '.join(Slot)}.", pointer="/type") from None
