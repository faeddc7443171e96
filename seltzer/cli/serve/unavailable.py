"""The app served in place of one that can't be loaded, while `--reload` waits for the file to be fixed."""

from http import HTTPStatus

from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Receive, Scope, Send

from seltzer.guards.hosts import HostGuard, is_loopback
from seltzer.settings import Settings


def unavailable(reason: str, settings: Settings) -> ASGIApp:
    """Return an app that answers every request with 503 and the reason, to the allowed hosts."""
    status = HTTPStatus.SERVICE_UNAVAILABLE
    response = JSONResponse(
        {
            "type": "about:blank",
            "title": status.phrase,
            "status": status,
            "detail": reason,
            "message": reason,
            "code": "load_error",
        },
        status,
        {"retry-after": "1"},
        "application/problem+json",
    )

    async def answer(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            await response(scope, receive, send)

    return HostGuard(answer, is_loopback=is_loopback(settings.host), allowed_hosts=settings.allowed_hosts)
