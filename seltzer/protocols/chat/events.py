"""The answer of /chat as server-sent events: the head at once, and pings while the model is silent.

The events are those of LangServe's /stream: `metadata`, `data` with a token each, `error`, `end`.
"""

import asyncio
from typing import Any

from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from seltzer.errors import AppError, RunFailed
from seltzer.protocols.http.attached_runs import AttachedRuns, attach_runs
from seltzer.protocols.http.direct_send import DirectSend
from seltzer.protocols.http.guards import Faults
from seltzer.protocols.http.sse import HEADERS, BodyWriter
from seltzer.runs.engine import Engine
from seltzer.runs.execution.reservations import Reservation
from seltzer.runs.jsonable import dumps
from seltzer.runs.messages.answer import AnswerText
from seltzer.runs.run import RunSpec


class EventAnswer(Response):
    """The answer of one run, attached to its request.

    The head goes out once the run is reserved: a busy thread is answered by a status, a run that fails by an
    `error` event.
    """

    def __init__(self, engine: Engine, spec: RunSpec, faults: Faults, *, ping_s: float) -> None:
        # Not by Response's own: that has a body, if an empty one, and puts its length into the head.
        self.status_code = 200
        self.background = None
        self.init_headers({**HEADERS, "x-run-id": spec.run_id, "x-thread-id": spec.thread_id})
        self._engine = engine
        self._spec = spec
        self._faults = faults
        self._ping_s = ping_s

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        reservation = await self._engine.reserve(self._spec)
        try:
            async with attach_runs(self._engine, receive) as attachment:
                # A task of its own: by this one a token would go through all layers around the route.
                writing = self._write(attachment, reservation, send, DirectSend(scope, send))
                await asyncio.create_task(writing, name="write chat events")
        finally:
            await reservation.release()

    async def _write(
        self, attachment: AttachedRuns, reservation: Reservation, send: Send, way: DirectSend
    ) -> None:
        await way.begin(
            {"type": "http.response.start", "status": self.status_code, "headers": self.raw_headers}
        )
        answer, end = AnswerText(), _frame("end", {})
        async with BodyWriter(way, self._ping_s) as writer:
            ids = {"run_id": self._spec.run_id, "thread_id": self._spec.thread_id}
            await writer.send(_frame("metadata", ids))
            try:
                async for batch in attachment.batches(self._spec, reservation=reservation):
                    if text := answer.text(batch):
                        await writer.send(_frame("data", text))
            except AppError as error:
                end = _frame("error", self._error(error))
        await send({"type": "http.response.body", "body": end, "more_body": False})

    def _error(self, error: AppError) -> dict[str, Any]:
        return {
            "status_code": self._faults.status_of(error),
            "message": str(error),
            "code": error.code,
            "retryable": isinstance(error, RunFailed) and error.retryable,
        }


def _frame(event: str, data: Any) -> bytes:
    return b"event: %s\ndata: %s\n\n" % (event.encode(), dumps(data))
