"""The ASGI layer around LangServe's routes.

1. The body is checked before LangServe sees it.
2. LangServe never sees its client leave: the request's runs are cancelled instead, and end its stream or its
   answer in good order, for /invoke and /batch too.
3. LangServe ends a failed stream with `Internal Server Error`, and then by raising, which breaks the
   connection for the next request on it. The client gets our code and a clean end.
"""

import logging
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Final

import langserve
from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from seltzer.errors import AppError, NotFound
from seltzer.protocols.http.attached_runs import attach_runs, never_receive
from seltzer.protocols.http.faults import Faults
from seltzer.protocols.langserve.frames import error_frame
from seltzer.protocols.langserve.request import Limits, check
from seltzer.protocols.langserve.served import Asked, ServedGraph, ServedRequest
from seltzer.runs.engine import Engine
from seltzer.runs.execution.reservations import Reservation
from seltzer.runs.failure import failure
from seltzer.runs.ids import new_id

log = logging.getLogger(__name__)

_PATH: Final = re.compile(
    r"(?P<graph>/[^/]+(?:/chat)?)(?:/c/(?P<hash>[^/]+))?/(?P<endpoint>invoke|batch|stream|stream_log|stream_events)"
)
_ERROR_EVENT: Final = b"event: error"


class LangServeGuard:
    """ASGI middleware around LangServe's routes; other requests pass."""

    def __init__(
        self,
        app: ASGIApp,
        *,
        engine: Engine,
        served: Mapping[str, ServedGraph],
        limits: Limits,
        faults: Faults,
    ) -> None:
        self._app = app
        self._faults = faults
        self._engine = engine
        self._served = served
        self._limits = limits

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and _is_missing_file(scope["path"]):
            await self._faults.problem(NotFound("there is no such file"), scope)(scope, receive, send)
            return
        found = (
            _PATH.fullmatch(scope["path"]) if scope["type"] == "http" and scope["method"] == "POST" else None
        )
        served = self._served.get(found["graph"]) if found else None
        if found is None or served is None:
            await self._app(scope, receive, send)
            return
        try:
            asked = check(
                found["endpoint"], scope["state"]["json"], found["hash"] or "", served, self._limits
            )
            is_batch = found["endpoint"] == "batch"
            reservation = await (
                self._check_free(asked) if is_batch else self._reserve(served.graph.name, asked[0])
            )
        except AppError as error:
            await self._faults.problem(error, scope)(scope, receive, send)
            return
        try:
            await self._answer(scope, receive, send, asked, reservation)
        finally:
            if reservation is not None:
                await reservation.release()

    async def _reserve(self, graph: str, asked: Asked) -> Reservation:
        """Reserve the run before its answer begins, so that a busy thread gets a status."""
        return await self._engine.reserve(asked.spec(graph, new_id(), None, {}))

    async def _check_free(self, asked: tuple[Asked, ...]) -> None:
        """Look whether a batch's threads are free: its runs start when LangServe names them."""
        for each in asked:
            if each.on_busy == "reject":
                await self._engine.check_thread_free(each.thread_id)

    async def _answer(
        self,
        scope: Scope,
        receive: Receive,
        send: Send,
        asked: tuple[Asked, ...],
        reservation: Reservation | None,
    ) -> None:
        body = await receive()
        async with attach_runs(self._engine, receive) as attachment:
            request = scope["state"]["langserve"] = ServedRequest(attachment, asked, reservation)
            answer = _Answer(request, send, self._faults)
            await self._serve(scope, _once(body), answer)

    async def _serve(self, scope: Scope, receive: Receive, answer: "_Answer") -> None:
        """Let LangServe answer; where it raises behind an error event, end the stream for it.

        It raises whatever its runnable raised, so that anything is caught here, once the answer has begun.
        """
        try:
            await self._app(scope, receive, answer.send)
        except Exception as error:
            if not answer.has_begun:
                raise
            if answer.error is None:
                log.error("a LangServe stream failed", exc_info=error)
            if not _shows_only_broken_streams(scope):
                await answer.end()


class _Answer:
    """Sends LangServe's answer on, with the run's ids in its head and our error in its last frame."""

    def __init__(self, request: ServedRequest, send: Send, faults: Faults) -> None:
        self._request = request
        self._send = send
        self._faults = faults
        self.has_begun = False

    @property
    def error(self) -> AppError | None:
        return self._request.attachment.error

    async def send(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.has_begun = True
            self._name_runs(message)
        elif message.get("body", b"").startswith(_ERROR_EVENT):
            error = self.error or failure("graph_error")
            message = {**message, "body": error_frame(error, self._faults.status_of(error))}
        await self._send(message)

    async def end(self) -> None:
        await self._send({"type": "http.response.body", "body": b"", "more_body": False})

    def _name_runs(self, start: Message) -> None:
        run_ids = [spec.run_id for spec in self._request.attachment.specs]
        if start["status"] == 200 and self._request.run_id:  # a stream's head is sent before its run begins
            run_ids = [self._request.run_id]
        if run_ids:
            headers = MutableHeaders(scope=start)
            headers["x-run-id"] = ", ".join(run_ids)
            headers["x-thread-id"] = ", ".join(each.thread_id for each in self._request.asked)


def _once(body: Message) -> Receive:
    """Return a receive that gives the body, and then nothing ever."""
    bodies = [body]

    async def receive() -> Message:
        return bodies.pop() if bodies else await never_receive()

    return receive


def _is_missing_file(path: str) -> bool:
    """Tell whether the path is a playground's, but no file of it: LangServe would open whatever it names."""
    file = _PLAYGROUND.fullmatch(path)
    return file is not None and file["file"] not in _PLAYGROUND_FILES


def _files_of(*playgrounds: str) -> frozenset[str]:
    roots = [Path(langserve.__file__).parent / each / "dist" for each in playgrounds]
    return frozenset(
        str(file.relative_to(root)) for root in roots for file in root.rglob("*") if file.is_file()
    )


_PLAYGROUND: Final = re.compile(r"/.+/playground/(?P<file>.+)", re.DOTALL)
_PLAYGROUND_FILES: Final = _files_of("playground", "chat_playground")


def _shows_only_broken_streams(scope: Scope) -> bool:
    """Tell whether a playground asks: it ignores LangServe's error event, and shows a broken stream as an
    error.
    """
    return "/playground" in Headers(scope=scope).get("referer", "") and scope["path"].endswith("/stream_log")
