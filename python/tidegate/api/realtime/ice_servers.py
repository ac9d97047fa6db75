"""``/generate-ice-servers``: what partytracks asks a prefix for before it connects."""

from litestar import get
from litestar.params import FromPath
from msgspec import Struct


class IceServers(Struct, rename="camel"):
    ice_servers: list[str]


@get("/{app_id:str}/generate-ice-servers")
async def generate_ice_servers(app_id: FromPath[str]) -> IceServers:
    """None: we are reached on one UDP port, without STUN or TURN."""
    return IceServers([])
