"""/docs: Swagger UI of the app's OpenAPI, from installed files.

FastAPI's own page needs another host. All URLs are relative, so that it works under any prefix.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import fastapi_swagger
from fastapi import APIRouter, FastAPI
from fastapi.openapi.docs import get_swagger_ui_html
from starlette.requests import Request
from starlette.responses import FileResponse, Response

from seltzer.protocols.http.guards import Guards
from seltzer.protocols.http.routes import Endpoint, Routes

_SWAGGER: Final = Path(fastapi_swagger.__file__).parent / "resources"
_SWAGGER_FILES: Final = {
    "swagger-ui-bundle.js": "text/javascript",
    "swagger-ui.css": "text/css",
    "favicon-32x32.png": "image/png",
}
_SWAGGER_PARAMETERS: Final = {
    "docExpansion": "none",
    "defaultModelsExpandDepth": -1,
    "tryItOutEnabled": True,
    "filter": True,
    "displayRequestDuration": True,
}
_FIRST_TAGS: Final = ("chat", "runs", "threads")
_LAST_TAGS: Final = ("info", "health")


def docs_router(guards: Guards, *, title: str) -> APIRouter:
    """Return the routes of /docs: Swagger UI of the app's /openapi.json, without a network."""
    routes = Routes(guards)

    @routes.get("/docs", include_in_schema=False)
    async def docs(request: Request) -> Response:
        script, style, icon = (f"docs/{name}" for name in _SWAGGER_FILES)
        return get_swagger_ui_html(
            openapi_url="openapi.json",
            title=title,
            swagger_js_url=script,
            swagger_css_url=style,
            swagger_favicon_url=icon,
            swagger_ui_parameters=_SWAGGER_PARAMETERS,
        )

    for name, media_type in _SWAGGER_FILES.items():
        endpoint = _serves(_SWAGGER / name, media_type)
        routes.add_api_route(f"/docs/{name}", endpoint, include_in_schema=False)
    return routes


def order_tags(app: FastAPI) -> None:
    """Have the app's OpenAPI list its tags in the order in which people need them, unless it has its own."""
    make = app.openapi

    def openapi() -> dict[str, Any]:
        schema = make()
        if "tags" not in schema:
            schema["tags"] = [{"name": name} for name in _ordered_tags(schema)]
        return schema

    setattr(app, "openapi", openapi)  # noqa: B010  FastAPI's own way to extend it


def _ordered_tags(schema: Mapping[str, Any]) -> list[str]:
    """Return the tags of the operations: /chat, each graph's and the app's own, then what probes ask."""
    operations = [each for path in schema["paths"].values() for each in path.values()]
    there = dict.fromkeys(tag for each in operations for tag in each.get("tags", ()))
    middle = [tag for tag in there if tag not in (*_FIRST_TAGS, *_LAST_TAGS)]
    return [tag for tag in (*_FIRST_TAGS, *middle, *_LAST_TAGS) if tag in there]


def _serves(file: Path, media_type: str) -> Endpoint:
    async def serve() -> Response:
        return FileResponse(file, media_type=media_type)

    return serve
