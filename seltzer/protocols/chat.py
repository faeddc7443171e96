"""The tutorial's REST: /chat, which streams the final answer's tokens as plain text."""

import asyncio
from collections.abc import Sequence
from typing import Any, Final

from fastapi import APIRouter, Request
from langchain_core.messages import BaseMessage
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from seltzer.errors import AppError, InvalidInput, UnknownGraph
from seltzer.protocols.http.attached_runs import AttachedRuns, attach_runs
from seltzer.protocols.http.direct_send import DirectSend
from seltzer.protocols.http.guards import Faults, Guards
from seltzer.protocols.http.messages import MessageLimits, parse_input, title_of
from seltzer.protocols.http.protocol import Protocol
from seltzer.protocols.http.routes import Routes
from seltzer.runs.answer import AnswerText
from seltzer.runs.engine import Engine
from seltzer.runs.event import Event
from seltzer.runs.ids import new_id
from seltzer.runs.jsonable import dumps
from seltzer.runs.run import RunSpec, check_on_busy, check_thread_id

PROTOCOL: Final = Protocol("chat", reserved=frozenset({"chat"}))
DEFAULT_GRAPH: Final = "agent"
_FIELDS: Final = frozenset({"text", "thread_id", "on_busy"})
_BODY: Final = {
    "required": True,
    "content": {
        "application/json": {
            "schema": {
                "type": "object",
                "required": ["text"],
                "properties": {
                    "text": {"type": "string"},
                    "thread_id": {"type": "string"},
                    "on_busy": {"type": "string", "enum": ["reject", "enqueue", "interrupt", "rollback"]},
                },
            },
            "example": {"text": "what is the square root of 71?"},
        }
    },
}
_PARAMETERS: Final = [
    {"name": "text", "in": "query", "required": True, "schema": {"type": "string"}},
    {"name": "thread_id", "in": "query", "required": False, "schema": {"type": "string"}},
    {"name": "on_busy", "in": "query", "required": False, "schema": {"type": "string"}},
]


def router(engine: Engine, guards: Guards, *, limits: MessageLimits) -> APIRouter:
    """Return the routes of /chat, which talks to the graph `agent`, or else to the first on messages."""
    routes = Routes(guards, tags=["chat"])

    @routes.post(
        "/chat", summary="Ask, and get the answer token by token", openapi_extra={"requestBody": _BODY}
    )
    async def post_chat(request: Request) -> Response:
        body = await guards.bodies.read(request)
        if not isinstance(body, dict):
            raise InvalidInput("body", 'must be an object: {"text": ".."}')
        return _answer(request, body)

    @routes.get(
        "/chat", summary="Ask, and get the answer token by token", openapi_extra={"parameters": _PARAMETERS}
    )
    async def get_chat(request: Request) -> Response:
        return _answer(request, dict(request.query_params))

    def _answer(request: Request, fields: dict[str, Any]) -> Response:
        spec = _spec(_default_graph(engine), fields, limits)
        as_json = _wants_json(request.headers.get("accept", ""))
        return ChatAnswer(engine, spec, guards.faults, as_json=as_json)

    return routes


def _default_graph(engine: Engine) -> str:
    """Return the graph that /chat serves."""
    names = [name for name, graph in engine.graphs.items() if graph.takes_messages]
    if not names:
        raise UnknownGraph("no graph here takes messages")
    return DEFAULT_GRAPH if DEFAULT_GRAPH in names else names[0]


def _spec(graph: str, fields: dict[str, Any], limits: MessageLimits) -> RunSpec:
    for key in fields:
        if key not in _FIELDS:
            raise InvalidInput(key[:100], f"is not known; known: {', '.join(sorted(_FIELDS))}")
    text = fields.get("text")
    if not isinstance(text, str):
        raise InvalidInput("text", "is missing" if "text" not in fields else "must be a string")
    if not text.strip():
        raise InvalidInput("text", "is empty")
    thread_id = check_thread_id(fields.get("thread_id", new_id()), "thread_id")
    on_busy = check_on_busy(fields.get("on_busy", "reject"), "on_busy")
    messages = parse_input(text, "text", limits)
    return RunSpec(
        graph,
        {"messages": messages},
        thread_id,
        new_id(),
        attached=True,
        on_busy=on_busy,
        title=title_of(messages),
    )


def _wants_json(accept: str) -> bool:
    """Tell whether JSON is asked for by name; `*/*` is what every client sends."""
    return any(part.split(";")[0].strip() == "application/json" for part in accept.split(","))


class ChatAnswer(Response):
    """The answer of one run, attached to its request.

    As text, each token as it comes, and those that come at once in one piece. The head waits for the first
    token, so that a run that fails before it is answered by a status. A failure behind it leaves the body
    unfinished: a cut answer must not look whole.
    """

    def __init__(self, engine: Engine, spec: RunSpec, faults: Faults, *, as_json: bool) -> None:
        super().__init__()
        self._engine = engine
        self._spec = spec
        self._faults = faults
        self._as_json = as_json

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async with attach_runs(self._engine, receive) as attachment:
            try:
                if self._as_json:
                    response: Response | None = await self._json(attachment)
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
            """Send the tokens where they are said: waking this task costs more than the sending."""
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
                    await send(self._head())
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

    async def _json(self, attachment: AttachedRuns) -> Response:
        history = await self._engine.messages(self._spec.graph, self._spec.thread_id)
        text = AnswerText()
        chunks = [chunk async for event in attachment.run(self._spec) for chunk in text.chunks(event)]
        question = self._spec.input["messages"][0].text
        said = [_as_dict(message) for message in history if message.type in ("human", "ai") and message.text]
        answer = {"input": question, "chat_history": said, "output": "".join(chunks)}
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


def _as_dict(message: BaseMessage) -> dict[str, str]:
    return {"type": message.type, "content": str(message.text)}
