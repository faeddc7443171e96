"""The routes of a graph's runs: start, look at, follow, cancel, answer."""

from dataclasses import dataclass
from http import HTTPStatus
from typing import Final

from fastapi import APIRouter, Request
from starlette.responses import Response

from seltzer.errors import InvalidInput, UnknownGraph, UnknownRun
from seltzer.protocols.http.messages import MessageLimits
from seltzer.protocols.http.routes import PlainRoute
from seltzer.protocols.http.sse import EventStream
from seltzer.protocols.native import openapi
from seltzer.protocols.native.rendering import Answer, run_json
from seltzer.protocols.native.request import answer_spec, check_keys, check_run_id, start_spec
from seltzer.runs.engine import Engine
from seltzer.runs.event import START, Cursor
from seltzer.runs.graph import Graph
from seltzer.runs.run import Run, RunSpec

_EVENTS: Final = "text/event-stream"


@dataclass(frozen=True, slots=True)
class Native:
    """What the native routes stand on."""

    engine: Engine
    limits: MessageLimits
    ping_s: float

    def graph(self, request: Request) -> Graph:
        """Return the graph that the path names. Raises UnknownGraph."""
        name = request.path_params["graph"]
        graph = self.engine.graphs.get(name)
        if graph is None:
            there = ", ".join(self.engine.graphs)
            raise UnknownGraph(f"there is no graph {name[:100]!r}; there are {there}")
        return graph

    async def run(self, request: Request) -> Run:
        """Return the run that the path names. Raises UnknownGraph, UnknownRun."""
        graph, run_id = self.graph(request), check_run_id(request.path_params["run_id"])
        run = await self.engine.get_run(run_id)
        if run.spec.graph != graph.name:
            raise UnknownRun(f"graph {graph.name!r} has no run {run_id!r}")
        return run

    async def started(self, request: Request, spec: RunSpec) -> Response:
        """Start the run, and answer with it, or with its events if those are asked for by name."""
        run = await self.engine.start(spec)
        headers = {
            "location": request.scope.get("root_path", "") + f"/{run.spec.graph}/runs/{run.spec.run_id}",
            "x-run-id": run.spec.run_id,
            "x-thread-id": run.spec.thread_id,
        }
        if not _wants_events(request):
            return Answer(run_json(run), HTTPStatus.CREATED, headers)
        if run.last is not None:  # the key named a run of before, whose events may be gone
            await self.engine.check_cursor(run.spec.run_id, START)
        return EventStream(
            lambda deliver: self.engine.follow_batches(run.spec.run_id, deliver=deliver),
            ping_s=self.ping_s,
            status_code=HTTPStatus.CREATED,
            headers=headers,
        )


def routes(native: Native) -> APIRouter:
    """Return the routes under /{graph}/runs."""
    router, engine = APIRouter(tags=["runs"], route_class=PlainRoute), native.engine

    @router.post(
        "/{graph}/runs", status_code=201, summary="Start a run in the background", openapi_extra=openapi.START
    )
    async def start(request: Request) -> Response:
        spec = start_spec(request.state.json, native.graph(request), native.limits, _key(request))
        return await native.started(request, spec)

    @router.get("/{graph}/runs/{run_id}", summary="Look at a run", openapi_extra=openapi.RUN)
    async def look(request: Request) -> Response:
        return Answer(run_json(await native.run(request)))

    @router.get(
        "/{graph}/runs/{run_id}/events", summary="Follow a run from any point", openapi_extra=openapi.EVENTS
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

    @router.post(
        "/{graph}/runs/{run_id}/cancel", status_code=202, summary="Cancel a run", openapi_extra=openapi.RUN
    )
    async def cancel(request: Request) -> Response:
        if request.state.json is not None:
            check_keys(request.state.json, ())
        run = await native.run(request)
        return Answer(run_json(await engine.cancel(run.spec.run_id)), HTTPStatus.ACCEPTED)

    @router.post(
        "/{graph}/runs/{run_id}/resume",
        status_code=201,
        summary="Answer what an interrupted run asks, by a new run",
        openapi_extra=openapi.RESUME,
    )
    async def resume(request: Request) -> Response:
        spec = answer_spec(request.state.json, await native.run(request), _key(request))
        return await native.started(request, spec)

    return router


def _key(request: Request) -> str | None:
    return request.headers.get("idempotency-key")


def _wants_events(request: Request) -> bool:
    accept = request.headers.get("accept", "")
    return any(part.partition(";")[0].strip().lower() == _EVENTS for part in accept.split(","))


def _cursor(request: Request) -> Cursor:
    """Return where to go on: behind Last-Event-ID, which wins as EventSource keeps the URL, or `after`."""
    for name in request.query_params:
        if name != "after":
            raise InvalidInput(name[:100], "is not known; known: after")
    text = request.headers.get("last-event-id") or request.query_params.get("after")
    return START if text is None else Cursor.parse(text)
