"""Routes that FastAPI documents, and calls without looking for parameters, models and dependencies.

They have none, and to look takes seventy function calls of a short run's three thousand.
"""

from collections.abc import Callable, Coroutine
from inspect import iscoroutinefunction, signature
from typing import Any

from fastapi import APIRouter, FastAPI, Request
from fastapi.routing import APIRoute
from starlette.responses import Response


class PlainRoute(APIRoute):
    """A route whose endpoint is `async def (request) -> Response`. Raises TypeError for another one."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        names = list(signature(self.endpoint).parameters)
        if len(names) != 1 or names[0] != self.dependant.request_param_name or self.dependencies:
            raise TypeError(f"{self.path}: a plain route has a request and nothing else")
        if not iscoroutinefunction(self.endpoint):
            raise TypeError(f"{self.path}: a plain route is `async def`")
        endpoint: Callable[[Request], Coroutine[Any, Any, Response]] = self.endpoint
        return endpoint


def add_routes(app: FastAPI, router: APIRouter) -> None:
    """Serve a complete router's routes as the app's own; to include it, each request would go through both.

    What an app gives the routers that it includes (dependencies, responses, limits) these routes don't get.
    """
    app.router.routes.extend(router.routes)
