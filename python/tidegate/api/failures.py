"""The one place where an exception becomes a reply."""

import logging

from litestar import Response
from litestar.exceptions import HTTPException, MethodNotAllowedException, NotFoundException

from tidegate.api.bodies import AnyRequest
from tidegate.api.envelope import Failure, failure
from tidegate.errors import MethodNotAllowed, NoSuchRoute, RequestError

log = logging.getLogger(__name__)

_UNEXPECTED = (500, 10001, "An unexpected error occurred.")
_UNEXPECTED_MOQ = (500, 21006, "An unexpected error occurred.")


def reply_to(request: AnyRequest, error: Exception) -> Response[Failure]:
    """Whatever a handler, a guard or the router raised, in the v4 envelope."""
    headers = {}
    if isinstance(error, MethodNotAllowedException):
        headers = {name: value for name, value in (error.headers or {}).items() if name == "allow"}
        error = MethodNotAllowed()
    elif isinstance(error, NotFoundException):
        error = NoSuchRoute()
    if isinstance(error, RequestError):
        status, body = error.status, failure(error.code, str(error), error.pointer)
    elif isinstance(error, HTTPException) and error.status_code < 500:
        status, body = error.status_code, failure(10000 + error.status_code, error.detail)
    else:
        log.error("%s %s failed", request.method, request.scope["path"], exc_info=error)
        moq = "/moq/" in request.scope["path"]
        status, code, message = _UNEXPECTED_MOQ if moq else _UNEXPECTED
        body = failure(code, message)
    # SDKs repeat 409 and 5xx by themselves. A refusal stays one, and what a POST did before it
    # failed is not known, so neither is worth another try.
    if status < 500 or request.method == "POST":
        headers["x-should-retry"] = "false"
    if status == 401:
        headers["www-authenticate"] = "Bearer"
    return Response(body, status_code=status, headers=headers, media_type="application/json")
