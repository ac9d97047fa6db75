"""The surface as one ASGI app, and where it is mounted."""

from litestar import Litestar, asgi
from litestar.datastructures import State
from litestar.di import Provide
from litestar.enums import HttpMethod, ScopeType
from litestar.handlers import ASGIRouteHandler
from litestar.types import Receive, Scope, Send

from tidegate.api.realtime import cors
from tidegate.api.realtime.adapters import adapters
from tidegate.api.realtime.credentials import opens_app
from tidegate.api.realtime.datachannels import datachannels
from tidegate.api.realtime.failures import reply_to
from tidegate.api.realtime.ice_servers import generate_ice_servers
from tidegate.api.realtime.renegotiate import renegotiate
from tidegate.api.realtime.sessions import new_session, session_state
from tidegate.api.realtime.tracks import close_tracks, new_tracks, update_tracks
from tidegate.api.services import Services

_MOUNTS = ["/v1/apps", "/apps"]


def realtime_surface(services: Services) -> ASGIRouteHandler:
    """The surface below both of its prefixes; to browsers of any origin, failures included."""
    app = realtime_app(services)

    @asgi(_MOUNTS, is_mount=True, copy_scope=True)
    async def surface(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == ScopeType.HTTP and scope["method"] == HttpMethod.OPTIONS:
            await cors.answer_preflight(scope, send)
        else:
            await app(scope, receive, cors.shared(scope, send))

    return surface


def realtime_app(services: Services) -> Litestar:
    """What follows a prefix: ``/{app_id}/…``."""
    return Litestar(
        route_handlers=[
            new_session,
            session_state,
            new_tracks,
            update_tracks,
            close_tracks,
            renegotiate,
            datachannels,
            adapters,
            generate_ice_servers,
        ],
        dependencies={"services": Provide(lambda: services, sync_to_thread=False)},
        guards=[opens_app],
        state=State({"services": services}),
        exception_handlers={Exception: reply_to},
        request_max_body_size=services.config.calls.body_bytes,
        openapi_config=None,
        logging_config=None,
    )
