"""``/sessions/{sessionId}/tracks``: what a session publishes, and what it subscribes to."""

from litestar import Response, post, put
from litestar.params import FromPath

from tidegate.api.bodies import AnyRequest
from tidegate.api.realtime.operations import body_of
from tidegate.api.services import GivenServices


@post("/{app_id:str}/sessions/{session_id:str}/tracks/new")
async def new_tracks(
    request: AnyRequest, app_id: FromPath[str], session_id: FromPath[str], services: GivenServices
) -> Response[bytes]:
    body, media = await body_of(request), services.media
    return await media.reply(
        lambda now, answer: media.calls.new_tracks(app_id, session_id, body, now, answer)
    )


@put("/{app_id:str}/sessions/{session_id:str}/tracks/update")
async def update_tracks(
    request: AnyRequest, app_id: FromPath[str], session_id: FromPath[str], services: GivenServices
) -> Response[bytes]:
    body, media = await body_of(request), services.media
    return await media.reply(
        lambda now, answer: media.calls.update_tracks(app_id, session_id, body, now, answer)
    )


@put("/{app_id:str}/sessions/{session_id:str}/tracks/close")
async def close_tracks(
    request: AnyRequest, app_id: FromPath[str], session_id: FromPath[str], services: GivenServices
) -> Response[bytes]:
    body, media = await body_of(request), services.media
    return await media.reply(
        lambda now, answer: media.calls.close_tracks(app_id, session_id, body, now, answer)
    )
