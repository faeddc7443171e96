"""The routes that list runs: one graph's, or those of all graphs that are open to whoever uses the app."""

from collections.abc import Collection
from typing import Final

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from seltzer.errors import NotFound
from seltzer.protocols.http.bodies.models import documented
from seltzer.protocols.http.guards import Guards
from seltzer.protocols.http.places import Places
from seltzer.protocols.http.routes import Routes
from seltzer.protocols.native.queries import GraphRunsQuery, RunsQuery
from seltzer.protocols.native.rendering import JsonResponse, runs_page_json
from seltzer.protocols.native.runs import Native
from seltzer.runs.engine import Engine
from seltzer.runs.run import RunSearch

_SUMMARY: Final = "List runs, newest first"


def server_router(engine: Engine, guards: Guards, places: Places) -> APIRouter:
    """Return the route that lists the runs of the graphs that are open."""
    routes = Routes(guards, tags=["runs"])

    @routes.get("/runs", summary=f"{_SUMMARY}, of all graphs", openapi_extra=documented(query=RunsQuery))
    async def list_runs(request: Request) -> Response:
        query = RunsQuery.parse(_given(request))
        graphs = [each.graph for each in places() if each.is_open and each.has_runs]
        names = {each.name for each in graphs if query.graph in ("", each.name, each.slug)}
        return await _page(engine, names, query)

    return routes


def add_routes(routes: Routes, native: Native) -> None:
    """Add the route that lists a graph's runs."""

    @routes.get(
        f"{native.base}/runs",
        tags=native.tags("runs"),
        summary=_SUMMARY,
        openapi_extra=documented(query=GraphRunsQuery),
    )
    async def list_runs(request: Request) -> Response:
        if not await native.check(request):
            raise NotFound("runs aren't listed: this app gives each request a thread of its own choice")
        name = native.graph(request).name
        return await _page(native.engine, {name}, GraphRunsQuery.parse(_given(request)))


async def _page(engine: Engine, graphs: Collection[str], query: GraphRunsQuery) -> Response:
    search = RunSearch(
        graphs, query.status, query.thread_id or None, before=query.cursor, limit=query.limit + 1
    )
    return JsonResponse(runs_page_json(await engine.overview.list(search), query.limit))


def _given(request: Request) -> dict[str, str]:
    """Return the query's parameters; `status` may be repeated."""
    given = dict(request.query_params)
    if "status" in given:
        given["status"] = ",".join(request.query_params.getlist("status"))
    return given
