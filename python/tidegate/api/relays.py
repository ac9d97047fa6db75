"""``/moq/relays``: isolated scopes that MoQ clients publish to and subscribe in."""

import re
from dataclasses import replace
from typing import Annotated, Any

from litestar import delete, get, post, put
from litestar.params import PathParameter
from msgspec import UNSET, Struct, UnsetType
from sqlalchemy.ext.asyncio import AsyncConnection

from tidegate.api import schemas
from tidegate.api.bodies import MOQ, MOQ_CREATE, AnyRequest, Object, printable, read_object
from tidegate.api.credentials import requires
from tidegate.api.envelope import Count, CursorList, Envelope
from tidegate.api.issuers import Issuer, issued, signer
from tidegate.api.relay_config import merged
from tidegate.api.resource import Resource
from tidegate.api.services import GivenServices, Services
from tidegate.api.timestamps import parse_rfc3339, rfc3339
from tidegate.errors import (
    ConfigOnCreate,
    MoqBodyInvalid,
    MoqBodyTooSmall,
    MoqIdInvalid,
    RelayNameEmpty,
)
from tidegate.store import relay_tokens, relays
from tidegate.store.api_tokens import Permission
from tidegate.store.relay_tokens import RelayToken, Slot
from tidegate.store.relays import Relay, RelayConfig

MAX_NAME_LENGTH = 255
MAX_PER_PAGE = 1000

_ID = re.compile(r"[0-9a-f]{32}")
_BARE_OFFSET = re.compile(r" (\d\d:\d\d)$")

RelayId = Annotated[str, PathParameter(schema_extra={"pattern": "^[0-9a-f]{32}$"})]


class Linger(Struct):
    enabled: bool
    max_timeout_ms: int


class Upstream(Struct):
    url: str


class OriginFallback(Struct):
    enabled: bool
    origins: list[Upstream]


class Upstreams(Struct):
    enabled: bool
    upstreams: list[Upstream]


class Config(Struct):
    """``origin_fallback`` and ``upstreams`` are one thing, in the words of two generations."""

    lingering_subscribe: Linger
    origin_fallback: OriginFallback
    upstreams: Upstreams


class RelaySummary(Struct):
    uid: str
    name: str
    created: str
    modified: str


class RelayResult(RelaySummary):
    """``status`` is ``connected`` while a session is up, and otherwise left out."""

    config: Config
    status: str | UnsetType = UNSET


class RelayCreated(RelaySummary):
    """The only answer that holds the tokens; they are not stored and cannot be shown again."""

    config: Config
    token_publish_subscribe: str
    token_subscribe: str
    issuers: list[Issuer]


@post(
    guards=[requires(Permission.MOQ_WRITE)],
    operation_id="moq-relays-create",
    operation_class=schemas.with_body(schemas.RELAY_CREATE),
    responses=schemas.failures(400, 401, 403, 409, 413),
)
async def create_relay(
    request: AnyRequest, account_id: schemas.AccountId, services: GivenServices
) -> Envelope[RelayCreated]:
    """Makes a relay with its two automatic tokens."""
    body = await read_object(request, MOQ_CREATE)
    if "name" not in body:
        raise MoqBodyTooSmall
    name = checked_name(body["name"])
    config = _config_on_create(body.get("config"), services)
    now = services.now()
    limit = services.config.api.relays_per_account

    async def create(
        db: AsyncConnection,
    ) -> tuple[Relay, list[tuple[RelayToken, str]]]:
        sign = await signer(db, services)
        relay = await relays.create(db, account_id, name, config, limit=limit, now=now)
        tokens = [
            await relay_tokens.fill(db, relay.uid, slot, now=relay.created + nth)
            for nth, slot in enumerate(Slot)
        ]
        return relay, [(token, sign(token)) for token in tokens]

    async def exists(db: AsyncConnection, made: tuple[Relay, object]) -> bool:
        return await relays.exists(db, made[0].uid)

    relay, tokens = await services.store.create(create, exists)
    await services.publish()
    secrets = {token.slot: secret for token, secret in tokens}
    return Envelope(
        result=RelayCreated(
            **_summary(relay),
            config=_config(relay.config),
            token_publish_subscribe=secrets[Slot.PUBLISH_SUBSCRIBE],
            token_subscribe=secrets[Slot.SUBSCRIBE],
            issuers=issued(tokens),
        )
    )


@get(
    guards=[requires(Permission.MOQ_READ)],
    operation_id="moq-relays-list",
    responses=schemas.failures(400, 401, 403),
)
async def list_relays(
    account_id: schemas.AccountId,
    services: GivenServices,
    created_after: schemas.Cursor = None,
    created_before: schemas.Cursor = None,
    per_page: schemas.PerPage = None,
    asc: schemas.Ascending = None,
) -> CursorList[RelaySummary]:
    """Lists relays, newest first unless ``asc``; the cursors are strict."""
    async with services.store.reading() as db:
        page, total = await relays.page(
            db,
            account_id,
            after=_cursor("created_after", created_after),
            before=_cursor("created_before", created_before),
            ascending=_flag("asc", asc),
            limit=_per_page(per_page),
        )
    return CursorList(
        result=[RelaySummary(**_summary(relay)) for relay in page],
        result_info=Count(count=len(page), total=total),
    )


@get(
    "/{relay_id:str}",
    guards=[requires(Permission.MOQ_READ)],
    operation_id="moq-relays-get",
    responses=schemas.failures(400, 401, 403, 404),
)
async def get_relay(
    account_id: schemas.AccountId, relay_id: RelayId, services: GivenServices
) -> Envelope[RelayResult]:
    check_id(relay_id)
    async with services.store.reading() as db:
        relay = await relays.get(db, account_id, relay_id)
    return Envelope(result=_result(relay, services))


@put(
    "/{relay_id:str}",
    guards=[requires(Permission.MOQ_WRITE)],
    operation_id="moq-relays-update",
    operation_class=schemas.with_body(schemas.RELAY_UPDATE),
    responses=schemas.failures(400, 401, 403, 404, 413),
)
async def update_relay(
    request: AnyRequest, account_id: schemas.AccountId, relay_id: RelayId, services: GivenServices
) -> Envelope[RelayResult]:
    """Replaces the name, or whole sub-objects of the configuration; what is left out stays."""
    check_id(relay_id)
    body = await read_object(request, MOQ)
    async with services.store.writing() as db:
        before = await relays.get(db, account_id, relay_id, lock=True)
        relay = _updated(before, body, services)
        if relay is not before:
            await relays.save(db, relay)
    await services.publish()
    return Envelope(result=_result(relay, services))


@delete(
    "/{relay_id:str}",
    status_code=200,
    guards=[requires(Permission.MOQ_WRITE)],
    operation_id="moq-relays-delete",
    responses=schemas.failures(400, 401, 403, 404),
)
async def delete_relay(
    account_id: schemas.AccountId, relay_id: RelayId, services: GivenServices
) -> Envelope[None]:
    """Ends a relay, its tokens and its sessions, for good."""
    check_id(relay_id)
    async with services.store.writing() as db:
        await relays.remove(db, account_id, relay_id, now=services.now())
    await services.publish()
    return Envelope(result=None)


relays_router = Resource(
    "/accounts/{account_id:str}/moq/relays",
    route_handlers=[create_relay, list_relays, get_relay, update_relay, delete_relay],
    tag="MoQ relays",
)


def check_id(id: str) -> None:
    """Raises MoqIdInvalid unless ``id`` is 32 lower-case hex digits."""
    if not _ID.fullmatch(id):
        raise MoqIdInvalid("The ID must be 32 lower-case hexadecimal digits.")


def checked_name(name: object) -> str:
    """A relay's name, trimmed."""
    if not isinstance(name, str):
        raise MoqBodyInvalid("name must be a string.", pointer="/name")
    name = name.strip()
    if not name:
        raise RelayNameEmpty
    if len(name) > MAX_NAME_LENGTH or not printable(name):
        raise MoqBodyInvalid(
            f"name must have at most {MAX_NAME_LENGTH} printable characters.",
            pointer="/name",
        )
    return name


def _config_on_create(sent: object, services: Services) -> RelayConfig:
    if sent is None or sent == {}:
        return RelayConfig()
    if services.config.api.config_on_create == "refuse":
        raise ConfigOnCreate
    return _merged(RelayConfig(), sent, services)


def _updated(before: Relay, body: Object, services: Services) -> Relay:
    """``before`` itself when the body asks for nothing."""
    name = checked_name(body["name"]) if "name" in body else before.name
    config = _merged(before.config, body.get("config"), services)
    if "name" not in body and not body.get("config"):
        return before
    modified = max(services.now(), before.modified + 1)
    return replace(before, name=name, config=config, modified=modified)


def _merged(stored: RelayConfig, sent: object, services: Services) -> RelayConfig:
    return merged(stored, sent, private_addresses=services.config.moq.upstream_private_addresses)


def _summary(relay: Relay) -> dict[str, Any]:
    return {
        "uid": relay.uid,
        "name": relay.name,
        "created": rfc3339(relay.created),
        "modified": rfc3339(relay.modified),
    }


def _config(config: RelayConfig) -> Config:
    upstreams = [Upstream(url) for url in config.upstream_urls]
    return Config(
        lingering_subscribe=Linger(config.linger_enabled, config.linger_max_ms),
        origin_fallback=OriginFallback(config.fallback_enabled, upstreams),
        upstreams=Upstreams(config.fallback_enabled, upstreams),
    )


def _result(relay: Relay, services: Services) -> RelayResult:
    return RelayResult(
        **_summary(relay),
        config=_config(relay.config),
        status="connected" if services.connected(relay.uid) else UNSET,
    )


def _cursor(name: str, text: str | None) -> int | None:
    if text is None:
        return None
    try:
        # A plus sign that was not percent-encoded arrives as a space.
        return parse_rfc3339(_BARE_OFFSET.sub(r"+\1", text))
    except ValueError as error:
        raise MoqBodyInvalid(f"{name} is {error}.") from None


def _per_page(text: str | None) -> int:
    if text is None:
        return MAX_PER_PAGE
    if not (text.isascii() and text.isdecimal() and text.strip("0")):
        raise MoqBodyInvalid("per_page must be an integer of at least 1.")
    # Python refuses to convert thousands of digits; four are more than enough to be clamped.
    digits = text.lstrip("0")
    return MAX_PER_PAGE if len(digits) > 4 else min(int(digits), MAX_PER_PAGE)


def _flag(name: str, text: str | None) -> bool:
    if text is None:
        return False
    if text.lower() not in {"true", "false", "1", "0"}:
        raise MoqBodyInvalid(f"{name} must be true or false.")
    return text.lower() in {"true", "1"}
