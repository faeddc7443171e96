"""Self-contained routes: they can be included in any app, under any prefix.

A route's endpoint runs as the response to its request: after the dependencies that the app's owner declares,
and within our boundary, which turns what it raises into a response. Other routes aren't affected.
"""

import re
from collections.abc import Awaitable, Callable
from functools import partial, wraps
from inspect import signature
from typing import Any, TypeAlias
from urllib.parse import quote

from fastapi import APIRouter, FastAPI
from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

from seltzer.protocols.http.guards import Guards

Endpoint: TypeAlias = Callable[..., Awaitable[Response]]


class Routes(APIRouter):
    """A router whose endpoints, each `async def (..) -> Response`, run within our boundary."""

    def __init__(self, guards: Guards, **options: Any) -> None:
        super().__init__(**options)
        self._guards = guards

    def add_api_route(self, path: str, endpoint: Endpoint, **options: Any) -> None:
        declared = signature(endpoint).parameters
        read = [name for name in re.findall(r"{(\w+)", path) if name not in declared]
        extra = options.pop("openapi_extra", None) or {}
        if read:  # by the endpoint itself: FastAPI documents what an endpoint declares
            extra = {**extra, "parameters": [*map(_path_parameter, read), *extra.get("parameters", [])]}
        super().add_api_route(path, self.bounded(endpoint), openapi_extra=extra or None, **options)

    def bounded(self, endpoint: Endpoint) -> Endpoint:
        """Return an endpoint with the same parameters, whose response runs the given one."""
        boundary = self._guards.faults.boundary

        @wraps(endpoint)
        async def answer(**parameters: Any) -> Response:
            return _Bounded(boundary, partial(endpoint, **parameters))

        return answer


class _Bounded(Response):
    """Runs an endpoint and sends its response, both within the boundary."""

    def __init__(
        self, boundary: Callable[[ASGIApp], ASGIApp], respond: Callable[[], Awaitable[Response]]
    ) -> None:
        super().__init__()
        self._boundary = boundary
        self._respond = respond

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await self._boundary(self._run)(scope, receive, send)
        if self.background is not None:  # of the owner's dependencies
            await self.background()

    async def _run(self, scope: Scope, receive: Receive, send: Send) -> None:
        response = await self._respond()
        await response(scope, receive, send)


def _path_parameter(name: str) -> dict[str, Any]:
    return {"name": name, "in": "path", "required": True, "schema": {"type": "string"}}


def public_path(scope: Scope) -> str:
    """Return the request's path as its client sees it, quoted: with the prefix of a mount or a proxy."""
    root: str = scope.get("root_path", "").rstrip("/")
    path: str = scope["path"]
    return quote(path if path.startswith(f"{root}/") else root + path)


def add_as_own(target: FastAPI | APIRouter, router: APIRouter) -> None:
    """Serve a complete router's routes as the target's own, without a prefix or dependencies.

    To include the router, FastAPI makes each of its routes again, and looks through both at each request.
    """
    target.routes.extend(router.routes)
