"""What guards each of LangServe's endpoints.

1. The body is checked before LangServe sees it.
2. Its runs are attached to the request, and its answer ends in good order: attached.py.
"""

import inspect
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from functools import wraps
from typing import Any, Final

from sse_starlette import EventSourceResponse
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from seltzer.protocols.http.bodies.messages import InputLimits
from seltzer.protocols.http.bodies.modifier import ConfigModifier
from seltzer.protocols.http.guards import Guards
from seltzer.protocols.http.routes import Endpoint, Routes
from seltzer.protocols.langserve.attached import AttachedCall, AttachedResponse
from seltzer.protocols.langserve.playground import serves_playground
from seltzer.protocols.langserve.request import check, event_form, filled_in, readable
from seltzer.protocols.langserve.run_request import RunRequest
from seltzer.protocols.langserve.served import ServedGraph
from seltzer.protocols.langserve.stream import ItemStream
from seltzer.runs.engine import Engine

_RUNNING: Final = frozenset({"invoke", "batch", "stream", "stream_log", "stream_events"})
_PLAYGROUND: Final = "/playground/{file_path:path}"


@dataclass(frozen=True, slots=True)
class RouteContext:
    """What all guarded endpoints share; listener is the class that chain.py needs, if there is one."""

    engine: Engine
    guards: Guards
    limits: InputLimits
    ping_s: float
    listener: type[Any] | None = None
    modifier: ConfigModifier | None = None


class GuardedRoutes(Routes):
    """The router that LangServe adds the routes of one graph to: wraps its endpoints as they are added."""

    def __init__(self, context: RouteContext, served: ServedGraph, path: str) -> None:
        super().__init__(context.guards)
        self._context = context
        self._served = served
        self._path = path

    def add_api_route(self, path: str, endpoint: Endpoint, **options: Any) -> None:
        super().add_api_route(path, self._guarded(path, endpoint), **options)

    def bounded(self, endpoint: Endpoint) -> Endpoint:
        if "request" not in inspect.signature(endpoint).parameters:
            return endpoint  # documents an endpoint, and is never called
        return super().bounded(endpoint)

    def _guarded(self, path: str, endpoint: Endpoint) -> Endpoint:
        kind = path.rpartition("/")[2]
        if "request" not in inspect.signature(endpoint).parameters:
            return endpoint
        if kind in _RUNNING:
            return _runs(self._context, kind, self._served, endpoint)
        if path.endswith(_PLAYGROUND):
            return serves_playground(self._path, endpoint)
        return _serves_schema(endpoint)


def _runs(context: RouteContext, kind: str, served: ServedGraph, endpoint: Endpoint) -> Endpoint:
    """Return an endpoint in place of one that runs the graph."""

    @wraps(endpoint)
    async def run(request: Request, **parameters: Any) -> Response:
        body = await context.guards.bodies.read(request, has_attachments=True)
        is_playground = "/playground" in request.headers.get("referer", "")
        if is_playground:
            body = filled_in(body)
        requested = check(kind, body, parameters.get("config_hash", ""), served, context.limits)
        unhashed = {name: value for name, value in parameters.items() if name != "config_hash"}  # it is read
        if context.modifier is not None:
            requested = await _modified(context.modifier, request, body.get("config"), requested)
        if not requested:
            return JSONResponse({"output": [], "metadata": {"run_ids": []}})  # of an empty batch

        async def respond(checked: Request) -> Response:
            response = await endpoint(request=checked, **unhashed)
            if isinstance(response, EventSourceResponse):
                return ItemStream(response, context.ping_s)
            return response

        call = AttachedCall(
            served.graph.name,
            kind,
            readable(body),
            requested,
            event_form(body),
            shows_only_broken_streams=is_playground and kind == "stream_log",
        )
        return AttachedResponse(context.engine, context.guards.faults, call, respond)

    return run


async def _modified(
    modifier: ConfigModifier, request: Request, config: Any, requested: tuple[RunRequest, ...]
) -> tuple[RunRequest, ...]:
    """Return each run as the owner's function modifies its config; they are checked already."""
    if not requested:
        await modifier.check(request)  # it may refuse an empty batch, too
    configs = config if isinstance(config, list) else [config] * len(requested)
    sent = [(each or {}).get("configurable") or {} for each in configs]
    return tuple(
        [await each.modified(modifier, request, own) for each, own in zip(requested, sent, strict=True)]
    )


def _serves_schema(endpoint: Callable[..., Awaitable[Any]]) -> Endpoint:
    """Return an endpoint in place of one that returns a schema."""

    @wraps(endpoint)
    async def serve(**parameters: Any) -> Response:
        return JSONResponse(await endpoint(**parameters))

    return serve
