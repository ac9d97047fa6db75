"""``/sessions``: one WebRTC connection each, with one offer/answer state."""

from litestar import Response, get, post
from litestar.params import FromPath

from tidegate.api.bodies import AnyRequest
from tidegate.api.realtime.operations import body_of
from tidegate.api.services import GivenServices


@post("/{app_id:str}/sessions/new")
async def new_session(
    request: AnyRequest, app_id: FromPath[str], services: GivenServices
) -> Response[bytes]:
    body, media = await body_of(request), services.media
    thirdparty = request.query_params.get("thirdparty", "").lower() in {"true", "1"}
    return await media.reply(
        lambda now, answer: media.calls.open_session(
            app_id, body, now, answer, thirdparty=thirdparty
        )
    )


@get("/{app_id:str}/sessions/{session_id:str}")
async def session_state(
    app_id: FromPath[str], session_id: FromPath[str], services: GivenServices
) -> Response[bytes]:
    media = services.media
    return await media.reply(
        lambda now, answer: media.calls.session_state(app_id, session_id, now, answer)
    )
