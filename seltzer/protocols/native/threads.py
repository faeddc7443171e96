"""The routes of a graph's threads: list, get, rename, delete; and of the graph itself."""

from starlette.requests import Request
from starlette.responses import Response

from seltzer.errors import InvalidInput, NotFound, UnknownThread
from seltzer.protocols.http.bodies.models import documented
from seltzer.protocols.http.routes import Routes
from seltzer.protocols.native.bodies import (
    BranchesQuery,
    HistoryQuery,
    StateQuery,
    ThreadsQuery,
    TitleBody,
    UpdateBody,
)
from seltzer.protocols.native.rendering import (
    JsonResponse,
    branch_json,
    history_json,
    page_json,
    rendered,
    state_json,
    storage_json,
    thread_json,
)
from seltzer.protocols.native.runs import Native
from seltzer.protocols.native.updates import parse_values
from seltzer.runs.edits.updates import StateUpdate
from seltzer.runs.thread import check_thread_id
from seltzer.runs.threads.excerpts import Extent


def add_routes(routes: Routes, native: Native) -> None:
    """Add the routes of threads."""
    engine, base = native.engine, f"{native.base}/threads"

    @routes.get(
        base,
        tags=native.tags("threads"),
        summary="List threads, newest first",
        openapi_extra=documented(query=ThreadsQuery),
    )
    async def list_threads(request: Request) -> Response:
        if not await native.check(request):
            raise NotFound("threads aren't listed: this app gives each request a thread of its own choice")
        name, page = native.graph(request).name, ThreadsQuery.parse(dict(request.query_params))
        found = await engine.threads.list(name, query=page.q, limit=page.limit + 1, before=page.cursor)
        return JsonResponse(page_json(found, page.limit))

    @routes.get(
        base + "/{thread_id}",
        tags=native.tags("threads"),
        summary="Get a thread's state",
        openapi_extra=documented(query=StateQuery),
    )
    async def look(request: Request) -> Response:
        name, thread_id = native.graph(request).name, await _thread_id(request, native)
        asked = StateQuery.parse(dict(request.query_params))
        if asked.before is not None and not asked.key:
            raise InvalidInput("key", "is missing; before is an index in the list of one key")
        extent = Extent(native.page_bytes, asked.limit, asked.key or None, asked.before)
        thread = await engine.threads.get(name, thread_id)
        state = await engine.threads.state(name, thread_id, asked.checkpoint_id or None, extent=extent)
        return await rendered(state_json(thread, state))

    @routes.get(
        base + "/{thread_id}/history",
        tags=native.tags("threads"),
        summary="List a thread's earlier states, newest first",
        openapi_extra=documented(query=HistoryQuery),
    )
    async def history(request: Request) -> Response:
        thread_id = await _thread_id(request, native)
        name, page = native.graph(request).name, HistoryQuery.parse(dict(request.query_params))
        found = await engine.threads.history(
            name,
            thread_id,
            limit=page.limit,
            before=page.before or None,
            has_values="values" in page.select,
            limit_bytes=native.page_bytes,
        )
        return await rendered(history_json(found, page.select))

    @routes.get(
        base + "/{thread_id}/branches",
        tags=native.tags("threads"),
        summary="List a thread's branches, the newest first",
        openapi_extra=documented(query=BranchesQuery),
    )
    async def branches(request: Request) -> Response:
        name, thread_id = native.graph(request).name, await _thread_id(request, native)
        limit = BranchesQuery.parse(dict(request.query_params)).limit
        found = await engine.threads.branches(name, thread_id, limit=limit)
        return JsonResponse({"branches": [branch_json(each) for each in found]})

    @routes.post(
        base + "/{thread_id}/state",
        tags=native.tags("threads"),
        summary="Update a thread's state, as if a node had returned the values",
        openapi_extra=documented(body=UpdateBody),
    )
    async def update(request: Request) -> Response:
        graph, thread_id = native.graph(request), await _thread_id(request, native)
        body = UpdateBody.parse(await native.guards.bodies.read(request, has_attachments=True))
        ids = await engine.threads.message_ids(graph.name, thread_id, body.checkpoint_id or None)
        values = parse_values(body.values, graph, native.limits, ids)
        asked = StateUpdate(values, body.as_node or None, body.checkpoint_id or None)
        state = await engine.edits.update(graph.name, thread_id, asked, extent=Extent(native.page_bytes))
        return await rendered(state_json(await engine.threads.get(graph.name, thread_id), state))

    @routes.patch(
        base + "/{thread_id}",
        tags=native.tags("threads"),
        summary="Give a thread a title",
        openapi_extra=documented(body=TitleBody),
    )
    async def rename(request: Request) -> Response:
        thread_id = await _thread_id(request, native)
        body = TitleBody.parse(await native.guards.bodies.read(request))
        name = native.graph(request).name
        return JsonResponse(thread_json(await engine.threads.rename(name, thread_id, body.title)))

    _add_content_routes(routes, native)


def _add_content_routes(routes: Routes, native: Native) -> None:
    """Add the routes of all that a thread has in the store."""
    engine, base = native.engine, f"{native.base}/threads"

    @routes.get(
        base + "/{thread_id}/storage",
        tags=native.tags("threads"),
        summary="Get what a thread takes in the store, in bytes",
    )
    async def storage(request: Request) -> Response:
        name, thread_id = native.graph(request).name, await _thread_id(request, native)
        return JsonResponse(storage_json(thread_id, await engine.threads.storage(name, thread_id)))

    @routes.delete(
        base + "/{thread_id}",
        status_code=204,
        tags=native.tags("threads"),
        summary="Delete a thread with its runs and its state",
    )
    async def delete(request: Request) -> Response:
        await engine.threads.delete(native.graph(request).name, await _thread_id(request, native))
        return Response(status_code=204)


def add_graph_route(routes: Routes, native: Native) -> None:
    """Add the route of the graph itself."""

    @routes.get(
        f"{native.base}/graph",
        tags=native.tags("threads"),
        summary="Get the graph's nodes and edges",
    )
    async def drawn(request: Request) -> Response:
        await native.check(request)
        return JsonResponse(native.graph(request).pregel.get_graph().to_json())


async def _thread_id(request: Request, native: Native) -> str:
    """Return the thread that the path names. Raises UnknownThread if the app's owner makes another of it."""
    thread_id = check_thread_id(request.path_params["thread_id"], "thread_id")
    if not await native.check(request, thread_id):
        raise UnknownThread(f"graph {native.graph(request).name!r} has no thread {thread_id!r}")
    return thread_id
