"""The whole HTTP surface as one ASGI app."""

from litestar import Litestar, Router
from litestar.datastructures import State
from litestar.di import Provide

from tidegate.api.apps import apps_router
from tidegate.api.certificate import certificate_sha256
from tidegate.api.failures import reply_to
from tidegate.api.health import healthz, readyz
from tidegate.api.openapi import SECURITY, openapi_document
from tidegate.api.realtime.app import realtime_surface
from tidegate.api.relay_tokens import relay_tokens_router
from tidegate.api.relays import relays_router
from tidegate.api.services import Services
from tidegate.api.turn_keys import turn_keys_router
from tidegate.api.user_tokens import user_tokens_router

_V4 = "/client/v4"


def build_app(services: Services) -> Litestar:
    given = {"services": Provide(lambda: services, sync_to_thread=False)}
    v4 = Router(
        _V4,
        route_handlers=[
            apps_router,
            turn_keys_router,
            relays_router,
            relay_tokens_router,
            user_tokens_router,
        ],
        dependencies=given,
        security=SECURITY,
    )
    beside = Router("/", route_handlers=[healthz, readyz, certificate_sha256], dependencies=given)
    return Litestar(
        route_handlers=[v4, openapi_document(v4), beside, realtime_surface(services)],
        state=State({"services": services}),
        exception_handlers={Exception: reply_to},
        request_max_body_size=services.config.api.body_bytes,
        openapi_config=None,
        logging_config=None,
    )
