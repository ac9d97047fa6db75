"""The one place where an exception becomes a reply of this surface."""

import logging

import msgspec
from litestar import Response
from litestar.exceptions import HTTPException, MethodNotAllowedException, NotFoundException
from litestar.exceptions.http_exceptions import RequestEntityTooLarge

from tidegate.api.bodies import AnyRequest
from tidegate.calls.bodies import failure
from tidegate.errors import (
    CallsError,
    CallsInternalError,
    CallsMethodNotAllowed,
    CallsRouteNotFound,
    DecodingError,
    PayloadTooLarge,
)

log = logging.getLogger(__name__)


def reply_to(request: AnyRequest, error: Exception) -> Response[bytes]:
    """Whatever a handler, a guard or the router raised, as ``errorCode`` and its companions."""
    headers = {}
    path = request.scope["path"]
    if isinstance(error, MethodNotAllowedException):
        headers = {name: value for name, value in (error.headers or {}).items() if name == "allow"}
    refusal = _refusal(error)
    if refusal is None:
        log.error("%s %s failed", request.method, path, exc_info=error)
        refusal = CallsInternalError()
    if refusal.retry_after is not None:
        headers["retry-after"] = str(refusal.retry_after)
    if refusal.status == 401:
        headers["www-authenticate"] = "Bearer"
    body = msgspec.json.encode(failure(refusal, of_tracks="/tracks/" in path))
    return Response(
        body, status_code=refusal.status, headers=headers, media_type="application/json"
    )


def _refusal(error: Exception) -> CallsError | None:
    """What the caller is told; None for a bug of ours."""
    match error:
        case CallsError():
            return error
        case MethodNotAllowedException():
            return CallsMethodNotAllowed()
        case NotFoundException():
            return CallsRouteNotFound()
        case RequestEntityTooLarge():
            return PayloadTooLarge()
        case HTTPException(status_code=status) if status < 500:
            return DecodingError()
    return None
