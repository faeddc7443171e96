"""CORS: what a page of another origin needs in order to read this server's answers.

Departs from starlette.middleware.cors.CORSMiddleware: origins that aren't allowed are left to HostGuard,
which answers with a problem and logs them; errors of every layer inside carry the headers too.
"""

from collections.abc import Collection
from typing import Final

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

EXPOSED: Final = (
    "content-location", "location", "retry-after", "x-pagination-next", "x-pagination-total", "x-request-id",
    "x-run-id", "x-thread-id",
)  # fmt: skip
_METHODS: Final = "DELETE, GET, HEAD, PATCH, POST, PUT"
_PREFLIGHT_S: Final = 600  # how long a browser remembers what it may ask


class CrossOrigin:
    """ASGI middleware, around HostGuard: lets the pages of the allowed origins use the server.

    origins: as in an Origin header, `https://shop.example.org`. Cookies are not part of it.
    """

    def __init__(self, app: ASGIApp, *, origins: Collection[str]) -> None:
        self._app = app
        self._origins = frozenset(origins)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        headers = Headers(scope=scope) if scope["type"] == "http" else Headers()
        origin = headers.get("origin")
        if origin is None or origin.lower() not in self._origins:
            await self._app(scope, receive, send)
            return
        if scope["method"] == "OPTIONS" and "access-control-request-method" in headers:
            await _preflight(headers)(scope, receive, send)
            return

        async def send_with_origin(message: Message) -> None:
            if message["type"] == "http.response.start":
                sent = MutableHeaders(scope=message)
                sent["access-control-allow-origin"] = origin
                sent["access-control-expose-headers"] = ", ".join(EXPOSED)
                sent.add_vary_header("origin")
            await send(message)

        await self._app(scope, receive, send_with_origin)


def _preflight(headers: Headers) -> Response:
    """Return the answer to a browser that asks what the page may send."""
    answer = {
        "access-control-allow-origin": headers["origin"],
        "access-control-allow-methods": _METHODS,
        "access-control-max-age": str(_PREFLIGHT_S),
        "vary": "origin, access-control-request-headers, access-control-request-private-network",
    }
    if wanted := headers.get("access-control-request-headers"):
        answer["access-control-allow-headers"] = wanted
    if headers.get("access-control-request-private-network") == "true":
        answer["access-control-allow-private-network"] = "true"
    return Response(status_code=204, headers=answer)
