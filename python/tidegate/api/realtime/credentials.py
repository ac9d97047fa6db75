"""The secret of the app in the path, and nothing else, opens this surface."""

from litestar.handlers.base import BaseRouteHandler

from tidegate.api.credentials import Connection, bearer
from tidegate.api.services import Services
from tidegate.errors import AppNotFound, AppSecretInvalid


async def opens_app(connection: Connection, _: BaseRouteHandler) -> None:
    """A guard that answers from memory, as fast for an app that does not exist.

    Raises:
        AppNotFound: there is no such app, or there is none any more.
        AppSecretInvalid: the bearer token is missing or another one.
    """
    services: Services = connection.app.state.services
    app_id = connection.path_params["app_id"]
    opens = services.directory.opens_app(bearer(connection), app_id)
    if services.directory.app(app_id) is None:
        raise AppNotFound
    if not opens:
        raise AppSecretInvalid
