"""The routes that edit a thread between its runs: its state is updated, or what a run asks is withdrawn."""

from http import HTTPStatus
from typing import Final

from starlette.requests import Request
from starlette.responses import Response

from seltzer.protocols.http.bodies.models import documented
from seltzer.protocols.http.routes import Routes, public_path
from seltzer.protocols.native.bodies import NoBody, UpdateBody
from seltzer.protocols.native.rendering import JsonResponse, rendered, run_json, state_json
from seltzer.protocols.native.request import edit_id
from seltzer.protocols.native.runs import Native, key_of
from seltzer.protocols.native.updates import parse_values
from seltzer.runs.edits.updates import StateUpdate
from seltzer.runs.threads.excerpts import Extent

_EDITING: Final = {"Idempotency-Key": "The same key and body: the same edit, however often it is sent."}


def add_state_route(routes: Routes, native: Native) -> None:
    """Add the route that updates a thread's state."""
    engine = native.engine

    @routes.post(
        f"{native.base}/threads/{{thread_id}}/state",
        tags=native.tags("threads"),
        summary="Update a thread's state, as if a node had returned the values",
        openapi_extra=documented(body=UpdateBody, headers=_EDITING),
    )
    async def update(request: Request) -> Response:
        graph, thread_id = native.graph(request), await native.thread_id(request)
        given = await native.guards.bodies.read(request, has_attachments=True)
        body, key = UpdateBody.parse(given), key_of(request)
        own, extent = edit_id(f"state {thread_id}", given, graph, key), Extent(native.page_bytes)
        made = None if key is None else await engine.edits.repeated(own)
        if made is not None:
            place = made.output["checkpoint_id"]
            state = await engine.threads.state(graph.name, thread_id, place, extent=extent)
        else:
            ids = await engine.threads.message_ids(graph.name, thread_id, body.checkpoint_id or None)
            values = parse_values(body.values, graph, native.limits, ids)
            asked = StateUpdate(
                values, body.as_node or None, body.checkpoint_id or None, body.from_message or None
            )
            state = await engine.edits.update(graph.name, thread_id, asked, own, extent=extent)
        return await rendered(state_json(await engine.threads.get(graph.name, thread_id), state))


def add_withdraw_route(routes: Routes, native: Native) -> None:
    """Add the route that withdraws what a run asks."""
    engine = native.engine

    @routes.post(
        f"{native.base}/runs/{{run_id}}/withdraw",
        status_code=201,
        tags=native.tags("runs"),
        summary="Withdraw what an interrupted run asks, by a new run, which is cancelled",
        openapi_extra=documented(body=NoBody, is_body_required=False, headers=_EDITING),
    )
    async def withdraw(request: Request) -> Response:
        body = await native.guards.bodies.read(request, may_be_empty=True)
        if body is not None:
            NoBody.parse(body)
        asked, key = await native.run(request), key_of(request)
        own = edit_id(f"withdraw {asked.spec.run_id}", {}, native.graph(request), key, asked.spec.owner)
        made = None if key is None else await engine.edits.repeated(own)
        run = made or await engine.edits.withdraw(asked, own)
        runs_path = public_path(request.scope).rsplit("/", 2)[0]  # of /runs/{run_id}/withdraw
        headers = {"location": f"{runs_path}/{run.spec.run_id}", "x-run-id": run.spec.run_id}
        return JsonResponse(run_json(run), HTTPStatus.CREATED, headers)
