"""Who is calling, and what may they do in this account?"""

from collections.abc import Awaitable, Callable
from typing import Any

from litestar.connection import ASGIConnection
from litestar.handlers.base import BaseRouteHandler

from tidegate.api.services import Services
from tidegate.errors import (
    InvalidCredentials,
    MalformedAccount,
    MissingCredentials,
    PermissionMissing,
)
from tidegate.store import api_tokens
from tidegate.store.api_tokens import ApiToken, Permission

Connection = ASGIConnection[Any, Any, Any, Any]
Guard = Callable[[Connection, BaseRouteHandler], Awaitable[None]]

_MAX_ACCOUNT_ID = 32


def requires(permission: Permission) -> Guard:
    """A guard that lets only tokens with ``permission`` in the account of the path through."""

    async def guard(connection: Connection, _: BaseRouteHandler) -> None:
        account_id = connection.path_params["account_id"]
        if len(account_id) > _MAX_ACCOUNT_ID:
            raise MalformedAccount
        token = await caller(connection)
        if not token.may(permission, account_id):
            raise PermissionMissing

    return guard


async def caller(connection: Connection) -> ApiToken:
    """The API token that the request carries.

    Raises:
        MissingCredentials: there is no ``Authorization: Bearer``.
        InvalidCredentials: the token is unknown, revoked or expired.
    """
    services: Services = connection.app.state.services
    secret = bearer(connection)
    if not secret:
        raise MissingCredentials
    async with services.store.reading() as db:
        token = await api_tokens.authenticate(db, secret, now=services.now())
    if token is None:
        raise InvalidCredentials
    return token


def bearer(connection: Connection) -> str:
    """The token of ``Authorization: Bearer``; empty without one."""
    scheme, _, token = connection.headers.get("authorization", "").partition(" ")
    return token.strip() if scheme.lower() == "bearer" else ""
