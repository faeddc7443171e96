"""Routes that FastAPI documents, and calls without looking for parameters, models and dependencies.

They have none, and to look costs a twentieth of what a short run does.
"""

from collections.abc import Callable, Coroutine
from typing import Any

from fastapi import APIRouter, FastAPI, Request
from fastapi.routing import APIRoute
from starlette.responses import Response


class PlainRoute(APIRoute):
    """A route whose endpoint is `async def (request) -> Response`: no parameters, no models."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        endpoint: Callable[[Request], Coroutine[Any, Any, Response]] = self.endpoint
        return endpoint


def add(app: FastAPI, router: APIRouter) -> None:
    """Serve the router's routes as the app's own; to include it, each request would go through both."""
    app.router.routes.extend(router.routes)
