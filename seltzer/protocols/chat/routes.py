"""The routes of /chat: questions on the wire -> runs."""

from collections.abc import Mapping
from typing import Annotated, Any, Final

from fastapi import APIRouter, Request
from pydantic import AfterValidator, ConfigDict, Field
from starlette.responses import Response

from seltzer.errors import InvalidInput, UnknownGraph
from seltzer.protocols.chat.answer import AskedForJson, ChatAnswer
from seltzer.protocols.chat.events import EventAnswer
from seltzer.protocols.http.accept import accepts
from seltzer.protocols.http.bodies.config import check_config, check_context, check_thread
from seltzer.protocols.http.bodies.messages import InputLimits, parse_input, title_of
from seltzer.protocols.http.bodies.models import Config, Fields, ThreadId, documented, storable
from seltzer.protocols.http.declaration import Declaration
from seltzer.protocols.http.guards import Guards
from seltzer.protocols.http.places import Places
from seltzer.protocols.http.routes import Routes
from seltzer.runs.engine import Engine
from seltzer.runs.graph import Graph
from seltzer.runs.ids import new_id
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
    engine: Engine,
    guards: Guards,
    places: Places,
    *,
    limits: InputLimits,
    ping_s: float,
    page_bytes: int,
) -> APIRouter:
    """Return the routes of /chat, which ask the graphs that are open.

    GET takes its question as a query or, as the tutorial's client sends it, as a JSON body. page_bytes: how
    long the conversation may be that an answer as JSON has.
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
        asked = AskedForJson(question.text, page_bytes) if as_json else None
        return ChatAnswer(engine, spec, guards.faults, asked)

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
