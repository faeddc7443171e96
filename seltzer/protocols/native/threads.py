"""The routes of a graph's threads, and of the graph itself: list, look at, rename, delete."""

import re
from collections.abc import Mapping
from typing import Any, Final

from starlette.requests import Request
from starlette.responses import Response

from seltzer.errors import InvalidInput
from seltzer.protocols.http.routes import Routes
from seltzer.protocols.native import openapi
from seltzer.protocols.native.rendering import Answer, checkpoint_json, page_json, state_json, thread_json
from seltzer.protocols.native.request import check_checkpoint_id, check_keys
from seltzer.protocols.native.runs import Native
from seltzer.runs.run import check_thread_id

PAGE: Final = 20
PAGE_LIMIT: Final = 100
HISTORY_PAGE: Final = 10
QUERY_CHARS: Final = 200
TITLE_CHARS: Final = 200
_UNSTORABLE: Final = re.compile("[\x00\ud800-\udfff]")
_COUNT: Final = re.compile("[0-9]{1,3}")
_CURSOR: Final = re.compile("[0-9]{1,18}")


def add_routes(routes: Routes, native: Native) -> None:
    """Add the routes of threads, and of the graph itself."""
    engine, base = native.engine, f"{native.base}/threads"

    @routes.get(base, tags=["threads"], summary="List threads, newest first", openapi_extra=openapi.THREADS)
    async def list_threads(request: Request) -> Response:
        name, asked = native.graph(request).name, _query(request, "q", "limit", "cursor")
        limit = _limit(asked, PAGE)
        found = await engine.threads.list(name, query=_q(asked), limit=limit + 1, before=_before(asked))
        return Answer(page_json(found, limit))

    @routes.get(
        base + "/{thread_id}", tags=["threads"], summary="Get a thread's state", openapi_extra=openapi.THREAD
    )
    async def look(request: Request) -> Response:
        name, thread_id = native.graph(request).name, _thread_id(request)
        thread = await engine.threads.get(name, thread_id)
        return Answer(state_json(thread, await engine.threads.state(name, thread_id)))

    @routes.get(
        base + "/{thread_id}/history",
        tags=["threads"],
        summary="List a thread's earlier states, newest first",
        openapi_extra=openapi.HISTORY,
    )
    async def history(request: Request) -> Response:
        name, asked = native.graph(request).name, _query(request, "limit", "before")
        before = check_checkpoint_id(asked["before"], "before") if "before" in asked else None
        states = await engine.threads.history(
            name, _thread_id(request), limit=_limit(asked, HISTORY_PAGE), before=before
        )
        return Answer({"checkpoints": [checkpoint_json(state) for state in states]})

    @routes.patch(
        base + "/{thread_id}", tags=["threads"], summary="Give a thread a title", openapi_extra=openapi.TITLE
    )
    async def rename(request: Request) -> Response:
        title = _title(await native.guards.bodies.read(request))
        name = native.graph(request).name
        return Answer(thread_json(await engine.threads.rename(name, _thread_id(request), title)))

    @routes.delete(
        base + "/{thread_id}",
        status_code=204,
        tags=["threads"],
        summary="Delete a thread with its runs and its state",
        openapi_extra=openapi.THREAD,
    )
    async def delete(request: Request) -> Response:
        await engine.threads.delete(native.graph(request).name, _thread_id(request))
        return Response(status_code=204)

    @routes.get(
        f"{native.base}/graph",
        tags=["threads"],
        summary="Get the graph's nodes and edges",
        openapi_extra=openapi.GRAPH,
    )
    async def drawn(request: Request) -> Response:
        return Answer(native.graph(request).pregel.get_graph().to_json())


def _thread_id(request: Request) -> str:
    return check_thread_id(request.path_params["thread_id"], "thread_id")


def _query(request: Request, *known: str) -> Mapping[str, str]:
    return check_keys(dict(request.query_params), known)


def _limit(asked: Mapping[str, str], default: int) -> int:
    text = asked.get("limit", str(default))
    if _COUNT.fullmatch(text) and 1 <= int(text) <= PAGE_LIMIT:
        return int(text)
    raise InvalidInput("limit", f"must be an integer from 1 to {PAGE_LIMIT}")


def _before(asked: Mapping[str, str]) -> int | None:
    """Return the number of the run that the cursor stands for: the list goes on below it."""
    text = asked.get("cursor")
    if text is None:
        return None
    if _CURSOR.fullmatch(text):
        return int(text)
    raise InvalidInput("cursor", "must be the next_cursor of a page before")


def _q(asked: Mapping[str, str]) -> str:
    return _checked(asked.get("q", ""), "q", QUERY_CHARS)


def _title(body: Any) -> str:
    fields = check_keys(body, ("title",))
    if not isinstance(fields.get("title"), str):
        raise InvalidInput("title", "must be a string" if "title" in fields else "is missing")
    title = _checked(" ".join(fields["title"].split()), "title", TITLE_CHARS)
    if not title:
        raise InvalidInput("title", "is empty")
    return title


def _checked(text: str, field: str, limit_chars: int) -> str:
    if len(text) > limit_chars:
        raise InvalidInput(field, f"is longer than {limit_chars} characters")
    if _UNSTORABLE.search(text):
        raise InvalidInput(field, "has a NUL or a lone surrogate")
    return text
