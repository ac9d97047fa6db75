"""``/adapters/websocket``: not offered."""

from litestar import Response, post
from litestar.params import FromPath

from tidegate.errors import AdaptersUnavailable


@post(
    ["/{app_id:str}/adapters/websocket/new", "/{app_id:str}/adapters/websocket/close"],
    status_code=200,
)
async def adapters(app_id: FromPath[str]) -> Response[bytes]:
    raise AdaptersUnavailable
