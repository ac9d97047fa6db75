"""What one URL of the API and those below it are made of."""

from typing import Any

from litestar import Router
from litestar.handlers import HTTPRouteHandler
from litestar.routes import HTTPRoute


class Resource(Router):
    """A router that answers OPTIONS with every method of a path; Litestar's names one of them."""

    def __init__(self, path: str, *, route_handlers: list[HTTPRouteHandler], tag: str) -> None:
        super().__init__(path, route_handlers=route_handlers, tags=[tag])
        self.routes = [
            HTTPRoute(path=route.path, route_handlers=_documented(route))
            for route in self.routes
            if isinstance(route, HTTPRoute)
        ]


def _documented(route: HTTPRoute) -> list[Any]:
    return [handler for handler in route.route_handlers if "OPTIONS" not in handler.http_methods]
