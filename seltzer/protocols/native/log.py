"""The route of a run's log: its stored events as JSON, each with its time."""

from collections.abc import Sequence
from functools import partial

from starlette.requests import Request
from starlette.responses import Response

from seltzer.cursor import START, Cursor
from seltzer.protocols.http.bodies.models import documented
from seltzer.protocols.http.routes import Routes
from seltzer.protocols.native.joining import joined
from seltzer.protocols.native.queries import LogQuery
from seltzer.protocols.native.rendering import JsonResponse, log_json
from seltzer.protocols.native.runs import Native
from seltzer.runs.event import Event
from seltzer.runs.run import Run
from seltzer.runs.threads.snapshots import off_loop


def add_routes(routes: Routes, native: Native) -> None:
    """Add the route of a run's log."""

    @routes.get(
        f"{native.base}/runs/{{run_id}}/log",
        tags=native.tags("runs"),
        summary="Get a run's stored events, with their times",
        openapi_extra=documented(query=LogQuery),
    )
    async def log(request: Request) -> Response:
        query = LogQuery.parse(dict(request.query_params))
        await native.run(request)
        after = Cursor.parse(query.after) if "after" in query.model_fields_set else START
        run, events = await native.engine.overview.log(request.path_params["run_id"], after)
        return await off_loop(partial(_page, run, events, query, native.page_bytes))


def _page(run: Run, events: Sequence[Event], query: LogQuery, limit_bytes: int) -> JsonResponse:
    shown = joined(events) if query.joined else events
    return JsonResponse(log_json(run, shown, query.limit, limit_bytes))
