"""What guards each of LangServe's endpoints.

1. The body is checked before LangServe sees it.
2. LangServe never sees its client disconnect: the request's runs are cancelled instead, and end its stream
   or its answer in good order, for /invoke and /batch too.
3. LangServe ends a failed stream with `Internal Server Error`, and then by raising, which breaks the
   connection for the next request on it. The client gets our code and a clean end.
"""

import inspect
import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from functools import wraps
from typing import Any, Final, TypeAlias

from sse_starlette import EventSourceResponse
from starlette.datastructures import MutableHeaders
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.types import Message, Receive, Scope, Send

from seltzer.errors import AppError
from seltzer.protocols.http.attached_runs import attach_runs
from seltzer.protocols.http.bodies.messages import InputLimits
from seltzer.protocols.http.bodies.modifier import ConfigModifier
from seltzer.protocols.http.disconnect import never_receive
from seltzer.protocols.http.guards import Faults, Guards
from seltzer.protocols.http.routes import Endpoint, Routes
from seltzer.protocols.langserve.frames import error_frame
from seltzer.protocols.langserve.playground import serves_playground
from seltzer.protocols.langserve.request import check, event_form, filled_in, readable
from seltzer.protocols.langserve.run_request import EventForm, RunRequest, ServedRequest
from seltzer.protocols.langserve.served import ServedGraph
from seltzer.protocols.langserve.stream import ItemStream
from seltzer.runs.engine import Engine
from seltzer.runs.execution.reservations import Reservation
from seltzer.runs.failure import failure
from seltzer.runs.ids import new_id
from seltzer.runs.threads.input.results import results_for_thread

log = logging.getLogger(__name__)

_RUNNING: Final = frozenset({"invoke", "batch", "stream", "stream_log", "stream_events"})
_PLAYGROUND: Final = "/playground/{file_path:path}"
_ERROR_EVENT: Final = b"event: error"
_Respond: TypeAlias = Callable[[Request], Awaitable[Response]]


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
        body = await context.guards.bodies.read(request)
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

        call = _Call(
            served.graph.name,
            kind,
            readable(body),
            requested,
            event_form(body),
            shows_only_broken_streams=is_playground and kind == "stream_log",
        )
        return _AttachedResponse(context, call, respond)

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


@dataclass(frozen=True, slots=True)
class _Call:
    """A checked request."""

    graph: str
    kind: str
    body: Any
    requested: tuple[RunRequest, ...]
    form: EventForm
    shows_only_broken_streams: bool  # a playground ignores LangServe's error event


class _CheckedRequest(Request):
    """The request as LangServe sees it: its body is checked, and its client never disconnects."""

    def __init__(self, scope: Scope, body: Any) -> None:
        super().__init__(scope, never_receive)
        self._checked = body

    async def json(self) -> Any:
        return self._checked


class _AttachedResponse(Response):
    """LangServe's response, whose runs live and die with the request."""

    def __init__(self, context: RouteContext, call: _Call, respond: _Respond) -> None:
        super().__init__()
        self._engine = context.engine
        self._faults = context.guards.faults
        self._call = call
        self._respond = respond

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        reservation = await self._reserve()
        try:
            async with attach_runs(self._engine, receive) as attachment:
                request = _CheckedRequest(scope, self._call.body)
                served = request.state.langserve = ServedRequest(
                    attachment, self._call.requested, reservation, self._call.form
                )
                await self._serve(request, _Relay(served, send, self._faults))
        finally:
            if reservation is not None:
                await reservation.release()

    async def _reserve(self) -> Reservation | None:
        """Reserve the run before its answer begins, so that a busy thread gets a status.

        A batch's threads are only checked: its runs start when LangServe names them.
        """
        requested, is_batch = self._call.requested, self._call.kind == "batch"
        for index, each in enumerate(requested):
            if results_for_thread(each.input):
                spec = each.spec(self._call.graph, new_id(), each.input)
                await self._engine.check_results(spec, f"inputs.{index}" if is_batch else "input")
        if not is_batch:
            return await self._engine.reserve(requested[0].spec(self._call.graph, new_id(), None))
        for each in requested:
            if each.on_busy == "reject":
                await self._engine.check_thread_free(each.thread_id)
        return None

    async def _serve(self, request: Request, relay: "_Relay") -> None:
        """Let LangServe answer; where it raises after an error event, end the stream for it.

        It raises whatever its runnable raised, so that anything is caught here, once the answer has begun.
        """
        try:
            response = await self._respond(request)
            await response(request.scope, never_receive, relay.send)
        except Exception as error:
            if not relay.has_begun:
                raise
            if relay.error is None:
                log.error("a LangServe stream failed", exc_info=error)
            if not self._call.shows_only_broken_streams:
                await relay.end()


class _Relay:
    """Passes LangServe's messages on, with the run's ids in the head and our error in the last frame."""

    def __init__(self, request: ServedRequest, send: Send, faults: Faults) -> None:
        self._request = request
        self._send = send
        self._faults = faults
        self.has_begun = False

    @property
    def error(self) -> AppError | None:
        return self._request.attachment.error

    async def send(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.has_begun = True
            self._name_runs(message)
        elif message.get("body", b"").startswith(_ERROR_EVENT):
            error = self.error or failure("graph_error")
            message = {**message, "body": error_frame(error, self._faults.status_of(error))}
        await self._send(message)

    async def end(self) -> None:
        await self._send({"type": "http.response.body", "body": b"", "more_body": False})

    def _name_runs(self, start: Message) -> None:
        run_ids = [spec.run_id for spec in self._request.attachment.specs]
        if start["status"] == 200 and self._request.run_id:  # a stream's head is sent before its run begins
            run_ids = [self._request.run_id]
        if run_ids:
            headers = MutableHeaders(scope=start)
            headers["x-run-id"] = ", ".join(run_ids)
            headers["x-thread-id"] = ", ".join(each.thread_id for each in self._request.runs)
