"""``/calls/apps``: Realtime SFU apps, each an island of sessions and tracks."""

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
from tidegate.store.apps import apps


class CreatedApp(Shown):
    """The only answer that holds the secret."""

    secret: str


@post(
    guards=[requires(Permission.CALLS_WRITE)],
    operation_id="calls-apps-create",
    operation_class=schemas.with_body(schemas.OPTIONAL_NAME, required=False),
    responses=schemas.failures(400, 401, 403, 409, 413),
)
async def create_app(
    request: AnyRequest, account_id: schemas.AccountId, services: GivenServices
) -> Envelope[CreatedApp]:
    limit = services.config.api.apps_per_account
    made, secret = await secret_resources.create(request, account_id, services, apps, limit)
    return Envelope(result=CreatedApp(**secret_resources.members(made), secret=secret))


@get(
    guards=[requires(Permission.CALLS_READ)],
    operation_id="calls-apps-list",
    responses=schemas.failures(401, 403),
)
async def list_apps(account_id: schemas.AccountId, services: GivenServices) -> PagedList[Shown]:
    return one_page(await secret_resources.list_all(account_id, services, apps))


@get(
    "/{app_id:str}",
    guards=[requires(Permission.CALLS_READ)],
    operation_id="calls-apps-get",
    responses=schemas.failures(401, 403, 404),
)
async def get_app(
    account_id: schemas.AccountId, app_id: FromPath[str], services: GivenServices
) -> Envelope[Shown]:
    return Envelope(result=await secret_resources.get(account_id, app_id, services, apps))


@put(
    "/{app_id:str}",
    guards=[requires(Permission.CALLS_WRITE)],
    operation_id="calls-apps-update",
    operation_class=schemas.with_body(schemas.OPTIONAL_NAME, required=False),
    responses=schemas.failures(400, 401, 403, 404, 413),
)
async def edit_app(
    request: AnyRequest,
    account_id: schemas.AccountId,
    app_id: FromPath[str],
    services: GivenServices,
) -> Envelope[Shown]:
    edited = await secret_resources.edit(request, account_id, app_id, services, apps)
    return Envelope(result=edited)


@delete(
    "/{app_id:str}",
    status_code=200,
    guards=[requires(Permission.CALLS_WRITE)],
    operation_id="calls-apps-delete",
    responses=schemas.failures(401, 403, 404),
)
async def delete_app(
    account_id: schemas.AccountId, app_id: FromPath[str], services: GivenServices
) -> Envelope[Shown]:
    """Answers with what was deleted."""
    return Envelope(result=await secret_resources.delete(account_id, app_id, services, apps))


apps_router = Resource(
    "/accounts/{account_id:str}/calls/apps",
    route_handlers=[create_app, list_apps, get_app, edit_app, delete_app],
    tag="Calls apps",
)
