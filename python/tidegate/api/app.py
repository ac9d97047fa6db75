"""The whole HTTP surface as one ASGI app."""

from litestar import Litestar, Router
from litestar.datastructures import State
from litestar.di import Provide
from litestar.openapi import OpenAPIConfig
from litestar.openapi.plugins import JsonRenderPlugin
from litestar.openapi.spec import Components, SecurityScheme

import tidegate
from tidegate.api.apps import apps_router
from tidegate.api.certificate import certificate_sha256
from tidegate.api.failures import reply_to
from tidegate.api.health import healthz, readyz
from tidegate.api.relay_tokens import relay_tokens_router
from tidegate.api.relays import relays_router
from tidegate.api.services import Services
from tidegate.api.turn_keys import turn_keys_router
from tidegate.api.user_tokens import user_tokens_router

_V4 = "/client/v4"


def build_app(services: Services) -> Litestar:
    v4 = Router(
        _V4,
        route_handlers=[
            apps_router,
            turn_keys_router,
            relays_router,
            relay_tokens_router,
            user_tokens_router,
        ],
        security=[{"apiToken": []}],
    )
    token_scheme = SecurityScheme(type="http", scheme="bearer", description="An API token")
    return Litestar(
        route_handlers=[v4, healthz, readyz, certificate_sha256],
        dependencies={"services": Provide(lambda: services, sync_to_thread=False)},
        state=State({"services": services}),
        exception_handlers={Exception: reply_to},
        request_max_body_size=services.config.api.body_bytes,
        openapi_config=OpenAPIConfig(
            title="Tidegate",
            version=tidegate.__version__,
            path="/api",
            render_plugins=[JsonRenderPlugin()],
            components=Components(security_schemes={"apiToken": token_scheme}),
        ),
        logging_config=None,
    )
