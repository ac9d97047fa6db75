"""``/sessions/{sessionId}/renegotiate``: the client's answer to an offer of ours."""

from litestar import Response, put
from litestar.params import FromPath

from tidegate.api.bodies import AnyRequest
from tidegate.api.realtime.operations import body_of
from tidegate.api.services import GivenServices


@put("/{app_id:str}/sessions/{session_id:str}/renegotiate")
async def renegotiate(
    request: AnyRequest, app_id: FromPath[str], session_id: FromPath[str], services: GivenServices
) -> Response[bytes]:
    body, media = await body_of(request), services.media
    return await media.reply(
        lambda now, answer: media.calls.renegotiate(app_id, session_id, body, now, answer)
    )
