"""LangServe's answers, whose runs live and die with the request.

1. LangServe never sees its client disconnect: the request's runs are cancelled instead, and end its stream
   or its answer in good order, for /invoke and /batch too.
2. LangServe ends a failed stream with `Internal Server Error`, and then by raising, which breaks the
   connection for the next request on it. The client gets our code and a clean end.
"""

import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, Final, TypeAlias

from starlette.datastructures import MutableHeaders
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Message, Receive, Scope, Send

from seltzer.errors import AppError
from seltzer.protocols.http.attached_runs import attach_runs
from seltzer.protocols.http.disconnect import never_receive
from seltzer.protocols.http.guards import Faults
from seltzer.protocols.langserve.frames import error_frame
from seltzer.protocols.langserve.run_request import EventForm, RunRequest, ServedRequest
from seltzer.runs.engine import Engine
from seltzer.runs.execution.reservations import Reservation
from seltzer.runs.failure import failure
from seltzer.runs.ids import new_id
from seltzer.runs.threads.input.results import results_for_thread

log = logging.getLogger(__name__)

Respond: TypeAlias = Callable[[Request], Awaitable[Response]]

_ERROR_EVENT: Final = b"event: error"


@dataclass(frozen=True, slots=True)
class AttachedCall:
    """A checked request."""

    graph: str
    kind: str
    body: Any
    requested: tuple[RunRequest, ...]
    form: EventForm
    shows_only_broken_streams: bool  # a playground ignores LangServe's error event


class _CheckedRequest(Request):
    """The request as LangServe sees it: its body is checked, and its client never disconnects."""

    def __init__(self, scope: Scope, body: Any) -> None:
        super().__init__(scope, never_receive)
        self._checked = body

    async def json(self) -> Any:
        return self._checked


class AttachedResponse(Response):
    """LangServe's response, whose runs live and die with the request."""

    def __init__(self, engine: Engine, faults: Faults, call: AttachedCall, respond: Respond) -> None:
        super().__init__()
        self._engine = engine
        self._faults = faults
        self._call = call
        self._respond = respond

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        reservation = await self._reserve()
        try:
            async with attach_runs(self._engine, receive) as attachment:
                request = _CheckedRequest(scope, self._call.body)
                served = request.state.langserve = ServedRequest(
                    attachment, self._call.requested, reservation, self._call.form
                )
                await self._serve(request, _Relay(served, send, self._faults))
        finally:
            if reservation is not None:
                await reservation.release()

    async def _reserve(self) -> Reservation | None:
        """Reserve the run before its answer begins, so that a busy thread gets a status.

        A batch's threads are only checked: its runs start when LangServe names them.
        """
        requested, is_batch = self._call.requested, self._call.kind == "batch"
        for index, each in enumerate(requested):
            if results_for_thread(each.input):
                spec = each.spec(self._call.graph, new_id(), each.input)
                await self._engine.check_results(spec, f"inputs.{index}" if is_batch else "input")
        if not is_batch:
            return await self._engine.reserve(requested[0].spec(self._call.graph, new_id(), None))
        for each in requested:
            if each.on_busy == "reject":
                await self._engine.check_thread_free(each.thread_id)
        return None

    async def _serve(self, request: Request, relay: "_Relay") -> None:
        """Let LangServe answer; where it raises after an error event, end the stream for it.

        It raises whatever its runnable raised, so that anything is caught here, once the answer has begun.
        """
        try:
            response = await self._respond(request)
            await response(request.scope, never_receive, relay.send)
        except Exception as error:
            if not relay.has_begun:
                raise
            if relay.error is None:
                log.error("a LangServe stream failed", exc_info=error)
            if not self._call.shows_only_broken_streams:
                await relay.end()


class _Relay:
    """Passes LangServe's messages on, with the run's ids in the head and our error in the last frame."""

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
            headers["x-thread-id"] = ", ".join(each.thread_id for each in self._request.runs)
