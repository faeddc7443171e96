"""The routes of the graph itself."""

from functools import partial

from starlette.requests import Request
from starlette.responses import Response

from seltzer.protocols.http.bodies.models import documented
from seltzer.protocols.http.routes import Routes
from seltzer.protocols.native.queries import DrawingQuery
from seltzer.protocols.native.rendering import JsonResponse
from seltzer.protocols.native.runs import Native
from seltzer.runs.schemas.drawing import draw
from seltzer.runs.schemas.schemas import GraphSchemas
from seltzer.runs.threads.snapshots import off_loop


def add_routes(routes: Routes, native: Native) -> None:
    """Add the routes of the graph: its drawing, and its schemas."""

    @routes.get(
        f"{native.base}/graph",
        tags=native.tags("threads"),
        summary="Get the graph's nodes and edges",
        openapi_extra=documented(query=DrawingQuery),
    )
    async def drawn(request: Request) -> Response:
        await native.check(request)
        asked = DrawingQuery.parse(dict(request.query_params))
        return JsonResponse(await draw(native.graph(request), asked.xray))

    @routes.get(
        f"{native.base}/schemas",
        tags=native.tags("threads"),
        summary="Get the JSON schemas of the graph's input and context",
    )
    async def schemas(request: Request) -> Response:
        await native.check(request)
        return await off_loop(partial(_schemas_response, native.graph(request).schemas))


def _schemas_response(schemas: GraphSchemas) -> JsonResponse:
    context = schemas.context_model
    return JsonResponse(
        {
            "input": schemas.input_model.model_json_schema(),
            "context": None if context is None else context.model_json_schema(),
        }
    )
