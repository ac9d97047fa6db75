"""``/api/openapi.json``: our own surface, described for machines."""

from litestar import Litestar, Response, Router, get
from litestar.handlers import HTTPRouteHandler
from litestar.openapi import OpenAPIConfig
from litestar.openapi.spec import Components, SecurityScheme
from litestar.serialization import encode_json

import tidegate

SECURITY = [{"apiToken": list[str]()}]
"""What a router declares whose calls need an API token."""


def openapi_document(router: Router) -> HTTPRouteHandler:
    """A handler that answers with the description of ``router``, written once."""
    token = SecurityScheme(type="http", scheme="bearer", description="An API token")
    config = OpenAPIConfig(
        title="Tidegate",
        version=tidegate.__version__,
        components=Components(security_schemes={"apiToken": token}),
    )
    # Litestar would serve it itself, and what it does not find beside it in HTML.
    described = Litestar(route_handlers=[router], openapi_config=config, logging_config=None)
    document = encode_json(described.openapi_schema.to_schema())

    @get("/api/openapi.json", include_in_schema=False, sync_to_thread=False)
    def handler() -> Response[bytes]:
        return Response(document, media_type="application/json")

    return handler
