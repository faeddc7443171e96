"""The routes of a graph's runs: start, look at, follow, cancel, answer."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from http import HTTPStatus
from typing import Any, Final

from starlette.requests import Request
from starlette.responses import Response

from seltzer.cursor import START, Cursor
from seltzer.errors import UnknownRun, UnknownThread
from seltzer.protocols.http.accept import accepts
from seltzer.protocols.http.bodies.messages import InputLimits
from seltzer.protocols.http.bodies.models import documented
from seltzer.protocols.http.bodies.modifier import ConfigModifier
from seltzer.protocols.http.guards import Guards
from seltzer.protocols.http.routes import Routes, public_path
from seltzer.protocols.http.sse import EventStream
from seltzer.protocols.native.bodies import NoBody, ResumeBody, StartBody
from seltzer.protocols.native.queries import EventsQuery
from seltzer.protocols.native.rendering import JsonResponse, run_json
from seltzer.protocols.native.request import answer_spec, check_run_id, run_id_of, start_spec
from seltzer.runs.engine import Engine
from seltzer.runs.graph import Graph
from seltzer.runs.run import Run, RunSpec
from seltzer.runs.thread import check_thread_id

_STARTING: Final = {
    "Idempotency-Key": "The same key and body: the same run, however often it is sent.",
    "Accept": "text/event-stream: answer with the run's events. The run outlives the answer.",
}
_READING: Final = {"Last-Event-ID": "Only events after this one; wins over `after`."}
_EVENTS_OR_NONE: Final = {
    "200": {
        "description": "The run's events, up to its last one.",
        "content": {"text/event-stream": {"schema": {"type": "string"}}},
    },
    "204": {"description": "The run has ended, and there is nothing after that event."},
}


@dataclass(frozen=True, slots=True)
class Native:
    """What the native routes depend on. page_bytes: how long the values of states in one answer may be."""

    engine: Engine
    guards: Guards
    limits: InputLimits
    ping_s: float
    page_bytes: int
    only_graph: str | None = None
    modifier: ConfigModifier | None = None

    @property
    def base(self) -> str:
        """What the paths begin with."""
        return "/{graph}" if self.only_graph is None else ""

    def tags(self, name: str) -> list[str | Enum]:
        """Return what OpenAPI groups routes by: beside other graphs', with the graph's name."""
        return [name if self.only_graph is None else f"{self.only_graph}: {name}"]

    @property
    def described(self) -> Mapping[str, Any]:
        """What OpenAPI has of the only graph, for clients that find it there: in an app without /info."""
        if self.only_graph is None:
            return {}
        graph = self.engine.find_graph(self.only_graph)
        return {"x-seltzer-graph": {"name": graph.name, "takes_messages": graph.takes_messages}}

    def graph(self, request: Request) -> Graph:
        """Return the graph that the path names, by its name or its slug. Raises UnknownGraph, GraphBroken."""
        return self.engine.find_graph(self.only_graph or request.path_params["graph"])

    async def run(self, request: Request) -> Run:
        """Return the run that the path names. Raises UnknownGraph, UnknownRun, whatever check() raises."""
        graph = self.graph(request)
        try:
            run_id = check_run_id(request.path_params["run_id"])
            run = await self.engine.get_run(run_id)
            if run.spec.graph != graph.name:
                raise UnknownRun(f"graph {graph.name!r} has no run {run_id!r}")
        except UnknownRun:
            await self.check(request)  # who may not look isn't told either
            if (key := key_of(request)) is not None:
                await self.engine.check_not_deleted(run_id_of(graph.name, key))
            raise
        if not await self.check(request, run.spec.thread_id):
            raise UnknownRun(f"graph {graph.name!r} has no run {run_id!r}")
        return run

    async def thread_id(self, request: Request) -> str:
        """Return the thread in the path. Raises UnknownThread if the app's owner makes another of it."""
        thread_id = check_thread_id(request.path_params["thread_id"], "thread_id")
        if not await self.check(request, thread_id):
            raise UnknownThread(f"graph {self.graph(request).name!r} has no thread {thread_id!r}")
        return thread_id

    async def check(self, request: Request, thread_id: str | None = None) -> bool:
        """Let the app's owner refuse a request that runs nothing; raises what their function raises.

        Return whether that leaves the thread as it is: of a request about no thread, a new one.
        """
        if self.modifier is None:
            return True
        return await self.modifier.check(request, thread_id)

    async def started(self, request: Request, spec: RunSpec, runs_path: str) -> Response:
        """Start the run, and answer with it, or with its events if those are asked for by name."""
        if self.modifier is not None:
            modified = await self.modifier.apply(request, spec.thread_id, spec.configurable)
            spec = modified.apply(spec)
        run = await self.engine.start(spec)
        headers = {
            "location": f"{runs_path}/{run.spec.run_id}",
            "x-run-id": run.spec.run_id,
            "x-thread-id": run.spec.thread_id,
        }
        if not accepts(request, "text/event-stream"):
            return JsonResponse(run_json(run), HTTPStatus.CREATED, headers)
        after = _resumed(request)
        if run.last is not None or after != START:  # the key named an earlier run, whose events may be gone
            await self.engine.check_cursor(run.spec.run_id, after)
        return EventStream(
            lambda deliver: self.engine.follow_batches(run.spec.run_id, after, deliver=deliver),
            ping_s=self.ping_s,
            status_code=HTTPStatus.CREATED,
            headers=headers,
        )


def add_routes(routes: Routes, native: Native) -> None:
    """Add the routes of runs."""
    engine, base = native.engine, f"{native.base}/runs"

    @routes.post(
        base,
        status_code=201,
        tags=native.tags("runs"),
        summary="Start a run in the background",
        openapi_extra={**documented(body=StartBody, headers=_STARTING), **native.described},
    )
    async def start(request: Request) -> Response:
        body = await native.guards.bodies.read(request, has_attachments=True)
        spec = start_spec(body, native.graph(request), native.limits, key_of(request))
        return await native.started(request, spec, public_path(request.scope))

    @routes.get(base + "/{run_id}", tags=native.tags("runs"), summary="Get a run")
    async def look(request: Request) -> Response:
        return JsonResponse(run_json(await native.run(request)))

    @routes.get(
        base + "/{run_id}/events",
        tags=native.tags("runs"),
        summary="Follow a run from any point",
        openapi_extra=documented(query=EventsQuery, headers=_READING, responses=_EVENTS_OR_NONE),
    )
    async def follow(request: Request) -> Response:
        await native.run(request)
        run_id, after = request.path_params["run_id"], _cursor(request)
        run = await engine.check_cursor(run_id, after)
        if run.last is not None and run.last.cursor <= after:
            return Response(status_code=HTTPStatus.NO_CONTENT)
        return EventStream(
            lambda deliver: engine.follow_batches(run_id, after, deliver=deliver), ping_s=native.ping_s
        )

    @routes.post(
        base + "/{run_id}/cancel",
        status_code=202,
        tags=native.tags("runs"),
        summary="Cancel a run",
        openapi_extra=documented(body=NoBody, is_body_required=False),
    )
    async def cancel(request: Request) -> Response:
        body = await native.guards.bodies.read(request, may_be_empty=True)
        if body is not None:
            NoBody.parse(body)
        run = await native.run(request)
        return JsonResponse(run_json(await engine.cancel(run.spec.run_id)), HTTPStatus.ACCEPTED)

    @routes.post(
        base + "/{run_id}/resume",
        status_code=201,
        tags=native.tags("runs"),
        summary="Answer what an interrupted run asks, by a new run",
        openapi_extra=documented(body=ResumeBody, headers=_STARTING),
    )
    async def resume(request: Request) -> Response:
        body = await native.guards.bodies.read(request, has_attachments=True)
        spec = answer_spec(body, await native.run(request), native.graph(request), key_of(request))
        runs_path = public_path(request.scope).rsplit("/", 2)[0]  # of /runs/{run_id}/resume
        return await native.started(request, spec, runs_path)


def key_of(request: Request) -> str | None:
    """Return the request's Idempotency-Key."""
    return request.headers.get("idempotency-key")


def _resumed(request: Request) -> Cursor:
    """Return how far a request that is sent again by its key has read: some SSE clients do that."""
    last = request.headers.get("last-event-id")
    return Cursor.parse(last) if last and key_of(request) is not None else START


def _cursor(request: Request) -> Cursor:
    """Return where to begin: after Last-Event-ID, which wins as EventSource keeps the URL, or `after`."""
    query = EventsQuery.parse(dict(request.query_params))
    text = request.headers.get("last-event-id") or query.after
    return Cursor.parse(text) if text or "after" in query.model_fields_set else START
