"""``/healthz`` and ``/readyz``: what a supervisor and a load balancer ask."""

from litestar import Response, get
from sqlalchemy.exc import SQLAlchemyError

from tidegate.api.services import GivenServices
from tidegate.store import revision


@get("/healthz", media_type="text/plain", include_in_schema=False)
async def healthz() -> str:
    """The process answers."""
    return "ok\n"


@get("/readyz", media_type="text/plain", include_in_schema=False)
async def readyz(services: GivenServices) -> Response[str]:
    """The media side takes sessions and the database answers; else 503."""
    try:
        async with services.store.reading() as db:
            await revision.current(db)
    except (SQLAlchemyError, OSError):
        return _not_ready("the database does not answer")
    if not services.ready():
        return _not_ready("the media side takes no sessions")
    return Response("ok\n", media_type="text/plain")


def _not_ready(reason: str) -> Response[str]:
    return Response(f"{reason}\n", status_code=503, media_type="text/plain")
