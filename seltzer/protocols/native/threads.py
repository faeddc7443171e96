"""The routes of a graph's threads: list, get, rename, delete."""

from starlette.requests import Request
from starlette.responses import Response

from seltzer.errors import InvalidInput, NotFound
from seltzer.protocols.http.bodies.models import documented
from seltzer.protocols.http.routes import Routes
from seltzer.protocols.native.bodies import TitleBody
from seltzer.protocols.native.queries import BranchesQuery, HistoryQuery, StateQuery, ThreadsQuery, TurnsQuery
from seltzer.protocols.native.rendering import (
    JsonResponse,
    branch_json,
    history_json,
    page_json,
    rendered,
    state_json,
    storage_json,
    thread_json,
    turns_json,
)
from seltzer.protocols.native.runs import Native
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
        name, thread_id = native.graph(request).name, await native.thread_id(request)
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
        thread_id = await native.thread_id(request)
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
        name, thread_id = native.graph(request).name, await native.thread_id(request)
        limit = BranchesQuery.parse(dict(request.query_params)).limit
        found = await engine.threads.branches(name, thread_id, limit=limit)
        return JsonResponse({"branches": [branch_json(each) for each in found]})

    @routes.get(
        base + "/{thread_id}/turns",
        tags=native.tags("threads"),
        summary="List the turns of a thread's newest branch, the newest first, with the runs that wrote them",
        openapi_extra=documented(query=TurnsQuery),
    )
    async def turns(request: Request) -> Response:
        name, thread_id = native.graph(request).name, await native.thread_id(request)
        page = TurnsQuery.parse(dict(request.query_params))
        found = await engine.threads.turns(
            name, thread_id, limit=page.limit, before=page.before or None, limit_bytes=native.page_bytes
        )
        return JsonResponse(turns_json(found))

    @routes.patch(
        base + "/{thread_id}",
        tags=native.tags("threads"),
        summary="Give a thread a title",
        openapi_extra=documented(body=TitleBody),
    )
    async def rename(request: Request) -> Response:
        thread_id = await native.thread_id(request)
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
        name, thread_id = native.graph(request).name, await native.thread_id(request)
        return JsonResponse(storage_json(thread_id, await engine.threads.storage(name, thread_id)))

    @routes.delete(
        base + "/{thread_id}",
        status_code=204,
        tags=native.tags("threads"),
        summary="Delete a thread with its runs and its state",
    )
    async def delete(request: Request) -> Response:
        await engine.threads.delete(native.graph(request).name, await native.thread_id(request))
        return Response(status_code=204)
