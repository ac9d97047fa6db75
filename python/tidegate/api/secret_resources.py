"""What ``/calls/apps`` and ``/calls/turn_keys`` have in common."""

import re
from typing import Any

from msgspec import Struct
from sqlalchemy.ext.asyncio import AsyncConnection

from tidegate.api.bodies import CALLS, AnyRequest, Object, read_object
from tidegate.api.services import Services
from tidegate.api.timestamps import rfc3339
from tidegate.errors import BodyInvalid, ResourceNotFound
from tidegate.store.secret_resources import SecretResource, SecretResources

_ID = re.compile(r"[0-9a-f]{32}")


class Shown(Struct):
    created: str
    modified: str
    name: str
    uid: str


async def create(
    request: AnyRequest, account_id: str, services: Services, table: SecretResources, limit: int
) -> tuple[SecretResource, str]:
    """A new one, named as the body says or not at all, and its secret."""
    name = _name(await read_object(request, CALLS)) or ""
    now = services.now()

    async def make(db: AsyncConnection) -> tuple[SecretResource, str]:
        return await table.create(db, account_id, name, limit=limit, now=now)

    async def exists(db: AsyncConnection, made: tuple[SecretResource, str]) -> bool:
        resource, secret = made
        return await table.opens(db, resource.uid, secret)

    made = await services.store.create(make, exists)
    await services.publish()
    return made


async def list_all(account_id: str, services: Services, table: SecretResources) -> list[Shown]:
    async with services.store.reading() as db:
        return [shown(resource) for resource in await table.list(db, account_id)]


async def get(account_id: str, uid: str, services: Services, table: SecretResources) -> Shown:
    _check_id(uid, table)
    async with services.store.reading() as db:
        return shown(await table.get(db, account_id, uid))


async def edit(
    request: AnyRequest, account_id: str, uid: str, services: Services, table: SecretResources
) -> Shown:
    _check_id(uid, table)
    name = _name(await read_object(request, CALLS))
    async with services.store.writing() as db:
        return shown(await table.rename(db, account_id, uid, name, now=services.now()))


async def delete(account_id: str, uid: str, services: Services, table: SecretResources) -> Shown:
    _check_id(uid, table)
    async with services.store.writing() as db:
        deleted = await table.delete(db, account_id, uid, now=services.now())
    await services.publish()
    return shown(deleted)


def shown(resource: SecretResource) -> Shown:
    return Shown(**members(resource))


def members(resource: SecretResource) -> dict[str, Any]:
    return {
        "created": rfc3339(resource.created),
        "modified": rfc3339(resource.modified),
        "name": resource.name,
        "uid": resource.uid,
    }


def _name(body: Object) -> str | None:
    if "name" not in body:
        return None
    name = body["name"]
    if not isinstance(name, str) or "\0" in name:
        raise BodyInvalid("name must be a string without NUL characters.", pointer="/name")
    return name


def _check_id(uid: str, table: SecretResources) -> None:
    if not _ID.fullmatch(uid):
        raise ResourceNotFound(f"{table.noun} not found")
