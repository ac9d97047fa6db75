"""``/sessions/{sessionId}/datachannels``: not offered; the transport alone comes up."""

from litestar import HttpMethod, Response, route
from litestar.params import FromPath

from tidegate.api.services import GivenServices
from tidegate.errors import InvalidParams


@route(
    [
        "/{app_id:str}/sessions/{session_id:str}/datachannels/establish",
        "/{app_id:str}/sessions/{session_id:str}/datachannels/new",
        "/{app_id:str}/sessions/{session_id:str}/datachannels/update",
        "/{app_id:str}/sessions/{session_id:str}/datachannels/close",
    ],
    http_method=[HttpMethod.POST, HttpMethod.PUT],
    status_code=200,
)
async def datachannels(
    app_id: FromPath[str], session_id: FromPath[str], services: GivenServices
) -> Response[bytes]:
    """A session that does not exist is still told first."""
    media = services.media
    await media.reply(
        lambda now, answer: media.calls.session_state(app_id, session_id, now, answer)
    )
    raise InvalidParams("Data channels are not available.")
