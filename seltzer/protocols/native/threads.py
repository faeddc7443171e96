"""The routes of a graph's threads, and of the graph itself: list, get, rename, delete."""

from starlette.requests import Request
from starlette.responses import Response

from seltzer.protocols.http.models import documented
from seltzer.protocols.http.routes import Routes
from seltzer.protocols.native.bodies import HistoryQuery, ThreadsQuery, TitleBody
from seltzer.protocols.native.rendering import (
    JsonResponse,
    checkpoint_json,
    page_json,
    state_json,
    thread_json,
)
from seltzer.protocols.native.runs import Native
from seltzer.runs.thread import check_thread_id


def add_routes(routes: Routes, native: Native) -> None:
    """Add the routes of threads, and of the graph itself."""
    engine, base = native.engine, f"{native.base}/threads"

    @routes.get(
        base,
        tags=["threads"],
        summary="List threads, newest first",
        openapi_extra=documented(query=ThreadsQuery),
    )
    async def list_threads(request: Request) -> Response:
        name, page = native.graph(request).name, ThreadsQuery.parse(dict(request.query_params))
        found = await engine.threads.list(name, query=page.q, limit=page.limit + 1, before=page.cursor)
        return JsonResponse(page_json(found, page.limit))

    @routes.get(
        base + "/{thread_id}",
        tags=["threads"],
        summary="Get a thread's state",
    )
    async def look(request: Request) -> Response:
        name, thread_id = native.graph(request).name, _thread_id(request)
        thread = await engine.threads.get(name, thread_id)
        return JsonResponse(state_json(thread, await engine.threads.state(name, thread_id)))

    @routes.get(
        base + "/{thread_id}/history",
        tags=["threads"],
        summary="List a thread's earlier states, newest first",
        openapi_extra=documented(query=HistoryQuery),
    )
    async def history(request: Request) -> Response:
        name, page = native.graph(request).name, HistoryQuery.parse(dict(request.query_params))
        states = await engine.threads.history(
            name, _thread_id(request), limit=page.limit, before=page.before or None
        )
        return JsonResponse({"checkpoints": [checkpoint_json(state) for state in states]})

    @routes.patch(
        base + "/{thread_id}",
        tags=["threads"],
        summary="Give a thread a title",
        openapi_extra=documented(body=TitleBody),
    )
    async def rename(request: Request) -> Response:
        body = TitleBody.parse(await native.guards.bodies.read(request))
        name = native.graph(request).name
        return JsonResponse(thread_json(await engine.threads.rename(name, _thread_id(request), body.title)))

    @routes.delete(
        base + "/{thread_id}",
        status_code=204,
        tags=["threads"],
        summary="Delete a thread with its runs and its state",
    )
    async def delete(request: Request) -> Response:
        await engine.threads.delete(native.graph(request).name, _thread_id(request))
        return Response(status_code=204)

    @routes.get(
        f"{native.base}/graph",
        tags=["threads"],
        summary="Get the graph's nodes and edges",
    )
    async def drawn(request: Request) -> Response:
        return JsonResponse(native.graph(request).pregel.get_graph().to_json())


def _thread_id(request: Request) -> str:
    return check_thread_id(request.path_params["thread_id"], "thread_id")
