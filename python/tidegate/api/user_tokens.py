"""``/user/tokens/verify``: whether an API token works, as the official tools ask it."""

from litestar import get
from msgspec import UNSET, Struct, UnsetType

from tidegate.api import schemas
from tidegate.api.bodies import AnyRequest
from tidegate.api.credentials import caller
from tidegate.api.envelope import Envelope
from tidegate.api.resource import Resource
from tidegate.api.timestamps import rfc3339


class Verified(Struct, omit_defaults=True):
    id: str
    status: str
    expires_on: str | UnsetType = UNSET


@get("/verify", operation_id="user-api-tokens-verify", responses=schemas.failures(401))
async def verify_token(request: AnyRequest) -> Envelope[Verified]:
    token = await caller(request)
    expires = UNSET if token.expires is None else rfc3339(token.expires)
    return Envelope(result=Verified(token.id, "active", expires))


user_tokens_router = Resource("/user/tokens", route_handlers=[verify_token], tag="API tokens")
