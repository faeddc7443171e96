"""The page: GET / is the built page for a browser, JSON for other clients; what it loads is below /_page.

All URLs are relative, so that it works under any prefix. Where no page is built, or it is switched off, a
browser gets a plain list of the graphs.
"""

import asyncio
from http import HTTPStatus
from typing import Final

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, Response

from seltzer.errors import NotFound
from seltzer.protocols.http.accept import accepts
from seltzer.protocols.http.declaration import Declaration
from seltzer.protocols.http.guards import Guards
from seltzer.protocols.http.links import Models
from seltzer.protocols.http.places import Places
from seltzer.protocols.http.routes import Routes
from seltzer.protocols.page import plain
from seltzer.protocols.page.files import BuiltPage, File
from seltzer.runs.engine import Engine

__all__ = ["PROTOCOL", "BuiltPage", "router"]

FILES: Final = "_page"  # index.html names it: assetsDir in web/vite.config.ts
PROTOCOL: Final = Declaration("page", reserved=frozenset({"docs", "openapi.json", FILES}))
_METHODS: Final = ["GET", "HEAD"]
_YEAR_S: Final = 31_536_000
_NOSNIFF: Final = {"x-content-type-options": "nosniff"}
_PAGE_HEADERS: Final = {
    "cache-control": "no-cache",
    "content-security-policy": "; ".join(
        [
            "default-src 'none'",
            "script-src 'self'",
            "style-src 'self'",
            "img-src 'self' data: blob:",
            "font-src 'self'",
            "connect-src 'self'",
            "base-uri 'none'",
            "form-action 'none'",
            "frame-ancestors 'self'",  # a click in a foreign frame could approve what an agent asks
        ]
    ),
    "cross-origin-opener-policy": "same-origin",
    "referrer-policy": "no-referrer",
    "vary": "accept, accept-encoding",
    **_NOSNIFF,
}
_FILE_HEADERS: Final = {"cache-control": "no-cache", "vary": "accept-encoding", **_NOSNIFF}
_FOREVER: Final = {"cache-control": f"public, max-age={_YEAR_S}, immutable"}


def router(
    engine: Engine, guards: Guards, places: Places, *, version: str, models: Models, built: BuiltPage | None
) -> APIRouter:
    """Return the routes of the page, which shows the graphs that are open, and those that are broken.

    models: names the models in use, as far as that is known. built: the page; None: it is switched off.
    """
    routes = Routes(guards)

    @routes.api_route("/", methods=_METHODS, include_in_schema=False)
    async def front(request: Request) -> Response:
        nonlocal built
        is_html = accepts(request, "text/html")
        if is_html and built is not None:
            built = await asyncio.to_thread(built.renewed)
        if is_html and built is not None and built.index is not None:
            return _sent(request, built.index, _PAGE_HEADERS)
        shown = [each for each in places() if each.is_open]
        listing = plain.Listing(version, models(), shown, engine.broken.values())
        if is_html:
            page = listing.as_html(request, is_unbuilt=built is not None)
            return HTMLResponse(page, headers=plain.HEADERS)
        return JSONResponse(listing.as_json(request), headers=plain.VARY)

    @routes.api_route(f"/{FILES}/{{name}}", methods=_METHODS, include_in_schema=False)
    async def file(request: Request, name: str) -> Response:
        found = built.files.get(name) if built is not None else None
        if found is None:
            raise NotFound("the page has no such file: reload it if the server has been updated meanwhile")
        return _sent(request, found, {**_FILE_HEADERS, **(_FOREVER if found.is_fixed else {})})

    return routes


def _sent(request: Request, file: File, headers: dict[str, str]) -> Response:
    """Return the file in the best encoding that the client accepts, or 304 if it has that already."""
    variant = file.variant(",".join(request.headers.getlist("accept-encoding")))
    headers = {**headers, "etag": variant.etag}
    known = ",".join(request.headers.getlist("if-none-match")).split(",")
    if any(each.strip().removeprefix("W/") in (variant.etag, "*") for each in known):
        return Response(status_code=HTTPStatus.NOT_MODIFIED, headers=headers)
    if variant.encoding is not None:
        headers["content-encoding"] = variant.encoding
    return variant.response(headers, file.media_type)
