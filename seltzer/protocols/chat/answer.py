"""An answer of /chat as plain text or as JSON."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from langchain_core.messages import BaseMessage
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from seltzer.errors import AppError
from seltzer.protocols.http.attached_runs import AttachedRuns, attach_runs
from seltzer.protocols.http.direct_send import DirectSend
from seltzer.protocols.http.guards import Faults
from seltzer.runs.engine import Engine
from seltzer.runs.event import Event
from seltzer.runs.jsonable import dumps
from seltzer.runs.messages.answer import AnswerText, output_text
from seltzer.runs.run import RunSpec


@dataclass(frozen=True, slots=True)
class AskedForJson:
    """The question that an answer as JSON repeats, and how long the conversation before it may be there."""

    question: str
    history_bytes: int


class ChatAnswer(Response):
    """The answer of one run, attached to its request.

    As JSON if that was asked for. As text, each token as it arrives; tokens that arrive at once in one piece.
    The head waits for the first token, so that a run that fails before it is answered by a status. A failure
    after it leaves the body unfinished: a cut answer must not look complete.
    """

    def __init__(self, engine: Engine, spec: RunSpec, faults: Faults, asked: AskedForJson | None) -> None:
        super().__init__()
        self._engine = engine
        self._spec = spec
        self._faults = faults
        self._asked = asked

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async with attach_runs(self._engine, receive) as attachment:
            try:
                if self._asked is not None:
                    response: Response | None = await self._json(attachment, self._asked)
                else:
                    # A task of its own: by this one a token would go through all layers around the route.
                    writing = self._text(attachment, send, DirectSend(scope, send))
                    response = await asyncio.create_task(writing, name="write tokens")
            except AppError as error:
                response = self._faults.problem(error, scope)
            if response is not None:
                if attachment.specs:
                    self._name_run(response)
                await response(scope, receive, send)

    async def _text(self, attachment: AttachedRuns, send: Send, way: DirectSend) -> Response | None:
        """Send the tokens; if there was nothing to send, return a response or raise AppError."""
        answer, has_begun = AnswerText(), False

        def deliver(events: Sequence[Event]) -> bool:
            """Send the tokens where they are published: waking this task costs more than the sending."""
            if not (has_begun and way.can_send):
                return False
            if text := answer.text(events):  # only what can be sent: it can't be read from them twice
                way.try_send(text.encode())
            return True

        try:
            async for batch in attachment.batches(self._spec, deliver=deliver):
                text = answer.text(batch)
                if text and not has_begun:
                    has_begun = True
                    await way.begin(self._head())
                if text:
                    await way.send(text.encode())
        except AppError:
            if not has_begun:
                raise
            return None  # without a last chunk: the server closes the connection
        if not has_begun:
            return Response(media_type="text/plain")
        await send({"type": "http.response.body", "body": b"", "more_body": False})
        return None

    async def _json(self, attachment: AttachedRuns, asked: AskedForJson) -> Response:
        history = await self._engine.messages(self._spec.graph, self._spec.thread_id)
        async for _ in attachment.batches(self._spec):
            pass
        output = output_text(await attachment.output(self._spec))
        shown = _recent(history, asked.history_bytes)
        answer = {"input": asked.question, "chat_history": shown, "output": output}
        return Response(dumps(answer), media_type="application/json")

    def _head(self) -> dict[str, Any]:
        response = Response(
            media_type="text/plain", headers={"cache-control": "no-store", "x-accel-buffering": "no"}
        )
        self._name_run(response)
        del response.headers["content-length"]
        return {"type": "http.response.start", "status": 200, "headers": response.raw_headers}

    def _name_run(self, response: Response) -> None:
        response.headers["x-run-id"] = self._spec.run_id
        response.headers["x-thread-id"] = self._spec.thread_id


def _recent(history: Sequence[BaseMessage], limit_bytes: int) -> list[dict[str, str]]:
    """Return what people and models have said, oldest first: of a long conversation the end."""
    shown: list[dict[str, str]] = []
    for message in reversed(history):
        if message.type not in ("human", "ai") or not message.text:
            continue
        shown.append({"type": message.type, "content": str(message.text)})
        limit_bytes -= len(dumps(shown[-1]))
        if limit_bytes < 0:
            shown.pop()
            break
    return shown[::-1]
