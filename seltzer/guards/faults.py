"""Error code -> status and a safe body. The only file that knows statuses; exception texts go to the log."""

import logging
import math
from collections.abc import Callable, Mapping, Sequence
from random import getrandbits
from typing import Final

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from starlette.datastructures import MutableHeaders
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect
from starlette.responses import JSONResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from seltzer.errors import (
    AppError,
    InvalidInput,
    NotFound,
    RunFailed,
    ServerDraining,
    TooManyRuns,
    UnknownThread,
)
from seltzer.guards.headers import check_single
from seltzer.guards.hints import nothing_at, threads_hint

log = logging.getLogger(__name__)

STATUS: Final = {
    "bad_request": 400,
    "invalid_cursor": 400,
    "context_length_exceeded": 400,
    "foreign_origin": 403,
    "unknown_graph": 404,
    "unknown_run": 404,
    "unknown_thread": 404,
    "unknown_checkpoint": 404,
    "not_found": 404,
    "graph_gone": 404,
    "method_not_allowed": 405,
    "body_timeout": 408,
    "thread_busy": 409,
    "thread_interrupted": 409,
    "not_interrupted": 409,
    "idempotency_conflict": 409,
    "graph_changed": 409,
    "run_cancelled": 409,
    "run_interrupted": 409,
    "stream_gap": 410,
    "run_deleted": 410,
    "body_too_large": 413,
    "not_json": 415,
    "foreign_host": 421,
    "invalid_input": 422,
    "unknown_tool_call": 422,
    "step_limit": 422,
    "too_many_runs": 429,
    "upstream_rate_limited": 429,
    "internal_error": 500,
    "graph_error": 500,
    "state_not_storable": 500,
    "run_crashed": 500,
    "client_gone": 500,
    "graph_not_drawn": 501,
    "demo_failure": 502,
    "model_not_found": 502,
    "upstream_auth": 502,
    "upstream_error": 502,
    "upstream_malformed": 502,
    "upstream_disconnected": 502,
    "upstream_truncated": 502,
    "graph_broken": 503,
    "not_open": 503,
    "server_draining": 503,
    "storage_failed": 503,
    "node_timeout": 504,
    "run_timeout": 504,
    "upstream_timeout": 504,
}
_TITLES: Final = {
    400: "Bad request", 403: "Forbidden", 404: "Not found", 405: "Method not allowed", 408: "Request timeout",
    409: "Conflict", 410: "Gone", 413: "Body too large", 415: "Not JSON", 421: "Misdirected request",
    422: "Invalid input", 429: "Too many requests", 500: "Server error", 501: "Not implemented",
    502: "Upstream error", 503: "Unavailable", 504: "Timeout",
}  # fmt: skip
_REQUEST_ID: Final = "seltzer_request_id"  # in the scope's state; an app around ours may have a request_id
_NOTHING_THERE: Final = (404, "Not Found")  # of a router that has no such path
_HTTP_CODES: Final = {404: "not_found", 405: "method_not_allowed", 422: "invalid_input"}


def status_of(error: AppError) -> int:
    """Return the HTTP status that the error's code has."""
    return STATUS.get(error.code, 500)


def problem(error: AppError, scope: Scope) -> Response:
    """Return the error as application/problem+json (RFC 9457)."""
    headers = {}
    if isinstance(error, RunFailed) and error.retry_after_s is not None:
        headers["retry-after"] = str(math.ceil(error.retry_after_s))
    elif isinstance(error, TooManyRuns | ServerDraining):
        headers["retry-after"] = "1"
    hint = threads_hint(scope.get("path", "")) if isinstance(error, UnknownThread) else ""
    return _problem(error.code, status_of(error), f"{error}{hint}", scope, headers)


def _problem(
    code: str, status: int, detail: str, scope: Scope, headers: Mapping[str, str] | None = None
) -> Response:
    body = {
        "type": f"urn:seltzer:error:{code}",
        "title": _TITLES.get(status, "Error"),
        "status": status,
        "detail": detail,
        "message": detail,  # where LangChain's JavaScript client looks
        "code": code,
        "request_id": scope.get("state", {}).get(_REQUEST_ID),
    }
    return JSONResponse(body, status, headers, media_type="application/problem+json")


def response_to(error: Exception, scope: Scope) -> Response | None:
    """Return the problem that an expected error is; None for any other."""
    if isinstance(error, AppError):
        return problem(error, scope)
    if isinstance(error, RequestValidationError):
        return problem(InvalidInput.first_of(error.errors()), scope)
    if isinstance(error, HTTPException):
        fallback = "bad_request" if error.status_code < 500 else "internal_error"
        code = _HTTP_CODES.get(error.status_code, fallback)
        return _problem(code, error.status_code, str(error.detail), scope, error.headers)
    return None


def mount(app: FastAPI, addresses: Callable[[], Sequence[str]] = tuple) -> None:
    """Answer by problems whatever the app itself raises: for an app of our own, whose every path is ours.

    addresses: what is there, for whoever asks for a path where nothing is.
    """

    async def answer(request: Request, error: Exception) -> Response:
        if isinstance(error, HTTPException) and (error.status_code, error.detail) == _NOTHING_THERE:
            error = NotFound(nothing_at(request.scope["path"], addresses()))
        response = response_to(error, request.scope)
        if response is None:
            raise error
        return response

    for kind in (AppError, RequestValidationError, HTTPException):
        app.add_exception_handler(kind, answer)


class Boundary:
    """ASGI app around another: gives each response the request's id, and answers what the other raises.

    Starlette's own last resort raises again after its answer, which breaks the connection for the next
    request. Errors after the first byte leave the body unfinished: a broken answer must not look complete.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        request_id = scope.setdefault("state", {}).setdefault(_REQUEST_ID, f"{getrandbits(128):032x}")
        has_begun = False

        async def send_with_id(message: Message) -> None:
            nonlocal has_begun
            if message["type"] == "http.response.start":
                has_begun = True
                MutableHeaders(scope=message)["x-request-id"] = request_id
            await send(message)

        try:
            check_single(scope)
            await self._app(scope, receive, send_with_id)
        except ClientDisconnect:
            return
        except Exception as error:
            response = response_to(error, scope)
            if response is None or has_begun:
                log.error("request %s failed", request_id, exc_info=error)
            if not has_begun:
                response = response or problem(_UNEXPECTED, scope)
                await response(scope, receive, send_with_id)


def boundary(app: ASGIApp) -> ASGIApp:
    """Wrap the app in a Boundary."""
    return Boundary(app)


_UNEXPECTED: Final = AppError("Something went wrong; the server's log has it under this request's id.")
