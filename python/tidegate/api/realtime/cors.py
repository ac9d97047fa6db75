"""Pages of any origin may call this surface: the app's secret is the only authority."""

from litestar.datastructures import Headers, MutableScopeHeaders
from litestar.types import Message, Scope, Send

_PREFLIGHT = {
    "access-control-allow-methods": "GET, POST, PUT, DELETE, OPTIONS",
    # A "*" would not cover the first one.
    "access-control-allow-headers": "authorization, content-type",
    "access-control-max-age": "86400",
}


async def answer_preflight(scope: Scope, send: Send) -> None:
    """Answers any OPTIONS, credentials or not: browsers send none with it."""
    headers = _PREFLIGHT | _origin(scope)
    await send(
        {
            "type": "http.response.start",
            "status": 204,
            "headers": [
                (name.encode(), value.encode("latin-1")) for name, value in headers.items()
            ],
        }
    )
    await send({"type": "http.response.body", "body": b"", "more_body": False})


def shared(scope: Scope, send: Send) -> Send:
    """``send``, with what lets the calling page read the answer."""

    async def sharing(message: Message) -> None:
        if message["type"] == "http.response.start":
            MutableScopeHeaders.from_message(message).update(_origin(scope))
        await send(message)

    return sharing


def _origin(scope: Scope) -> dict[str, str]:
    origin = Headers.from_scope(scope).get("origin") or "*"
    return {"access-control-allow-origin": origin, "vary": "Origin"}
