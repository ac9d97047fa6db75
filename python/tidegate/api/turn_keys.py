"""``/calls/turn_keys``: TURN keys, which make short-lived TURN credentials."""

from litestar import delete, get, post, put
from litestar.params import FromPath

from tidegate.api import schemas, secret_resources
from tidegate.api.bodies import AnyRequest
from tidegate.api.credentials import requires
from tidegate.api.envelope import Envelope, PagedList, one_page
from tidegate.api.resource import Resource
from tidegate.api.secret_resources import Shown
from tidegate.api.services import GivenServices
from tidegate.store.api_tokens import Permission
from tidegate.store.turn_keys import turn_keys


class CreatedTurnKey(Shown):
    """The only answer that holds the key."""

    key: str


@post(
    guards=[requires(Permission.CALLS_WRITE)],
    operation_id="calls-turn-keys-create",
    operation_class=schemas.with_body(schemas.OPTIONAL_NAME, required=False),
    responses=schemas.failures(400, 401, 403, 409, 413),
)
async def create_turn_key(
    request: AnyRequest, account_id: schemas.AccountId, services: GivenServices
) -> Envelope[CreatedTurnKey]:
    limit = services.config.api.turn_keys_per_account
    made, secret = await secret_resources.create(request, account_id, services, turn_keys, limit)
    return Envelope(result=CreatedTurnKey(**secret_resources.members(made), key=secret))


@get(
    guards=[requires(Permission.CALLS_READ)],
    operation_id="calls-turn-keys-list",
    responses=schemas.failures(401, 403),
)
async def list_turn_keys(
    account_id: schemas.AccountId, services: GivenServices
) -> PagedList[Shown]:
    return one_page(await secret_resources.list_all(account_id, services, turn_keys))


@get(
    "/{key_id:str}",
    guards=[requires(Permission.CALLS_READ)],
    operation_id="calls-turn-keys-get",
    responses=schemas.failures(401, 403, 404),
)
async def get_turn_key(
    account_id: schemas.AccountId, key_id: FromPath[str], services: GivenServices
) -> Envelope[Shown]:
    return Envelope(result=await secret_resources.get(account_id, key_id, services, turn_keys))


@put(
    "/{key_id:str}",
    guards=[requires(Permission.CALLS_WRITE)],
    operation_id="calls-turn-keys-update",
    operation_class=schemas.with_body(schemas.OPTIONAL_NAME, required=False),
    responses=schemas.failures(400, 401, 403, 404, 413),
)
async def edit_turn_key(
    request: AnyRequest,
    account_id: schemas.AccountId,
    key_id: FromPath[str],
    services: GivenServices,
) -> Envelope[Shown]:
    edited = await secret_resources.edit(request, account_id, key_id, services, turn_keys)
    return Envelope(result=edited)


@delete(
    "/{key_id:str}",
    status_code=200,
    guards=[requires(Permission.CALLS_WRITE)],
    operation_id="calls-turn-keys-delete",
    responses=schemas.failures(401, 403, 404),
)
async def delete_turn_key(
    account_id: schemas.AccountId, key_id: FromPath[str], services: GivenServices
) -> Envelope[Shown]:
    """Answers with what was deleted."""
    return Envelope(result=await secret_resources.delete(account_id, key_id, services, turn_keys))


turn_keys_router = Resource(
    "/accounts/{account_id:str}/calls/turn_keys",
    route_handlers=[create_turn_key, list_turn_keys, get_turn_key, edit_turn_key, delete_turn_key],
    tag="Calls TURN keys",
)
