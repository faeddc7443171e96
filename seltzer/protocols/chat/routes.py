"""The routes of /chat, and its answer as plain text or JSON."""

import asyncio
from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Final

from fastapi import APIRouter, Request
from langchain_core.messages import BaseMessage
from pydantic import AfterValidator, ConfigDict, Field
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from seltzer.errors import AppError, InvalidInput, UnknownGraph
from seltzer.protocols.chat.events import EventAnswer
from seltzer.protocols.http.accept import accepts
from seltzer.protocols.http.attached_runs import AttachedRuns, attach_runs
from seltzer.protocols.http.bodies.config import check_config, check_context, check_thread
from seltzer.protocols.http.bodies.messages import InputLimits, parse_input, title_of
from seltzer.protocols.http.bodies.models import Config, Fields, ThreadId, documented, storable
from seltzer.protocols.http.declaration import Declaration
from seltzer.protocols.http.direct_send import DirectSend
from seltzer.protocols.http.guards import Faults, Guards
from seltzer.protocols.http.places import Places
from seltzer.protocols.http.routes import Routes
from seltzer.runs.engine import Engine
from seltzer.runs.event import Event
from seltzer.runs.graph import Graph
from seltzer.runs.ids import new_id
from seltzer.runs.jsonable import dumps
from seltzer.runs.messages.answer import AnswerText, output_text
from seltzer.runs.run import OnBusy, RunSpec

PROTOCOL: Final = Declaration("chat", reserved=frozenset({"chat"}))
DEFAULT_GRAPH: Final = "agent"
_ACCEPT: Final = {
    "Accept": "application/json: the whole answer. text/event-stream: server-sent events, the head at once "
    "and pings while the model is silent. Else plain text."
}


def _not_blank(text: str) -> str:
    if not text.strip():
        raise ValueError("is empty")
    return text


class Question(Fields):
    """A question, as a JSON body or as a query."""

    model_config = ConfigDict(json_schema_extra={"example": {"text": "what is the square root of 71?"}})

    text: Annotated[str, AfterValidator(storable), AfterValidator(_not_blank)] = Field(
        description="The question."
    )
    thread_id: ThreadId = Field(
        default_factory=new_id, description="The conversation to continue or to begin; left out: a new one."
    )
    on_busy: OnBusy = Field("reject", description="What to do while the thread has another run.")
    context: dict[str, Any] = Field(
        default_factory=dict, description="The context that the graph declares; left out: its defaults."
    )
    config: Config = Field(default_factory=Config)
    graph: str = Field(
        default_factory=str, description="The graph to ask; left out: `agent`, else the first on messages."
    )


def router(
    engine: Engine, guards: Guards, places: Places, *, limits: InputLimits, ping_s: float
) -> APIRouter:
    """Return the routes of /chat, which ask the graphs that are open.

    GET takes its question as a query or, as the tutorial's client sends it, as a JSON body.
    """
    routes = Routes(guards, tags=["chat"])

    @routes.post(
        "/chat",
        summary="Ask, and get the answer token by token",
        openapi_extra=documented(body=Question, headers=_ACCEPT),
    )
    async def post_chat(request: Request) -> Response:
        return answer(request, await guards.bodies.read(request))

    @routes.get(
        "/chat",
        summary="Ask, and get the answer token by token",
        openapi_extra=documented(query=Question, headers=_ACCEPT),
    )
    async def get_chat(request: Request) -> Response:
        guards.pages.check(request)
        body = await guards.bodies.read(request, may_be_empty=True)
        if body is not None and request.query_params:
            raise InvalidInput("body", "can't be given together with a query")
        return answer(request, dict(request.query_params) if body is None else body)

    def answer(request: Request, fields: object) -> Response:
        question = Question.parse(fields)
        open_graphs = {each.graph.name: each.graph for each in places() if each.is_open}
        spec = _spec(question, _graph(engine, open_graphs, question.graph), limits)
        if accepts(request, "text/event-stream"):
            return EventAnswer(engine, spec, guards.faults, ping_s=ping_s)
        as_json = accepts(request, "application/json")
        return ChatAnswer(engine, spec, guards.faults, question.text if as_json else None)

    return routes


def _graph(engine: Engine, open_graphs: Mapping[str, Graph], name: str) -> Graph:
    """Return the open graph of that name or slug; if it is empty, the one that is asked by default."""
    on_messages = {each: graph for each, graph in open_graphs.items() if graph.takes_messages}
    if name:
        graph = engine.find_graph(name)
        if graph.name not in open_graphs:
            there = ", ".join(open_graphs) or "none"
            raise UnknownGraph(f"/chat doesn't ask the graph {name!r}; it asks: {there}")
        if not graph.takes_messages:
            there = ", ".join(on_messages) or "none"
            raise InvalidInput("graph", f"doesn't take messages; these do: {there}")
        return graph
    if not on_messages:
        raise UnknownGraph("no graph here takes messages")
    return on_messages.get(DEFAULT_GRAPH) or next(iter(on_messages.values()))


def _spec(question: Question, graph: Graph, limits: InputLimits) -> RunSpec:
    messages = parse_input(question.text, "text", limits)
    config = check_config(question.config, graph, limits)
    context = question.context if "context" in question.model_fields_set else None
    return RunSpec(
        graph.name,
        graph.message_input(messages),
        check_thread(_named(question), question.config) or question.thread_id,
        new_id(),
        attached=True,
        max_steps=config.max_steps,
        configurable=config.configurable,
        context=check_context(context, "context", graph),
        labels=config.labels,
        on_busy=question.on_busy,
        title=title_of(messages),
    )


def _named(question: Question) -> str:
    return question.thread_id if "thread_id" in question.model_fields_set else ""


class ChatAnswer(Response):
    """The answer of one run, attached to its request.

    With its question it is JSON. As text, each token as it arrives; tokens that arrive at once in one piece.
    The head waits for the first token, so that a run that fails before it is answered by a status. A failure
    after it leaves the body unfinished: a cut answer must not look complete.
    """

    def __init__(self, engine: Engine, spec: RunSpec, faults: Faults, question: str | None) -> None:
        super().__init__()
        self._engine = engine
        self._spec = spec
        self._faults = faults
        self._question = question

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async with attach_runs(self._engine, receive) as attachment:
            try:
                if self._question is not None:
                    response: Response | None = await self._json(attachment, self._question)
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

    async def _json(self, attachment: AttachedRuns, question: str) -> Response:
        history = await self._engine.messages(self._spec.graph, self._spec.thread_id)
        async for _ in attachment.batches(self._spec):
            pass
        output = output_text(await attachment.output(self._spec))
        messages = [
            _as_dict(message) for message in history if message.type in ("human", "ai") and message.text
        ]
        answer = {"input": question, "chat_history": messages, "output": output}
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
