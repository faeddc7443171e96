"""LangServe's routes for each graph, with its defects fixed (docs/reference/langserve.md).

request.py     a body, checked before LangServe sees it
run_request.py the runs that it is for
served.py      a graph as the Runnable that LangServe serves
schemas.py     the models of its inputs and outputs
chain.py       how LangChain's listeners see its stream
frames.py      what goes to the client: safe JSON, no system prompts, errors with a code
stream.py      the event streams, sent by our own writer
playground.py  the playgrounds' pages
documented.py  what OpenAPI shows of the routes
guard.py       guards the endpoints
attached.py    attaches runs to their request, ends errors well
"""

import warnings
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Final, Literal

from fastapi import APIRouter, Request
from langserve import add_routes

from seltzer.protocols.http.bodies.messages import InputLimits
from seltzer.protocols.http.bodies.modifier import ConfigModifier
from seltzer.protocols.http.declaration import Declaration
from seltzer.protocols.http.guards import Guards
from seltzer.protocols.http.routes import add_as_own
from seltzer.protocols.langserve.chain import find_listener
from seltzer.protocols.langserve.documented import document
from seltzer.protocols.langserve.frames import SafeSerializer
from seltzer.protocols.langserve.guard import GuardedRoutes, RouteContext
from seltzer.protocols.langserve.run_request import REQUEST, ServedRequest
from seltzer.protocols.langserve.served import ServedGraph
from seltzer.runs.engine import Engine
from seltzer.runs.graph import Graph

__all__ = ["PROTOCOL", "RouteContext", "RouteOptions", "graph_router", "route_context"]

PROTOCOL: Final = Declaration("langserve")


@dataclass(frozen=True, slots=True)
class RouteOptions:
    """What the owner of an app may choose of one graph's routes.

    Endpoints are named as LangServe names its own; runs, threads and graph are the native routes.
    A graph that answers in text has the chat playground at path/chat, unless that playground is its own.
    """

    playground: Literal["default", "chat"] = "default"
    enabled_endpoints: Sequence[str] | None = None
    disabled_endpoints: Sequence[str] | None = None
    modifier: ConfigModifier | None = None

    def has(self, endpoint: str) -> bool:
        """Return whether the graph has that endpoint."""
        if self.enabled_endpoints is not None:
            return endpoint in map(str.lower, self.enabled_endpoints)
        return endpoint not in map(str.lower, self.disabled_endpoints or ())

    def endpoints(self) -> dict[str, Any]:
        """Return which endpoints LangServe adds or omits; never those of token feedback."""
        if self.enabled_endpoints is not None:
            return {"enabled_endpoints": _langserves(self.enabled_endpoints)}
        return {"disabled_endpoints": [*_langserves(self.disabled_endpoints or ()), _FEEDBACK]}

    def playgrounds(self, graph: Graph) -> Sequence[str]:
        """Return the paths of the graph's playgrounds, below its own; the one that is a chat first."""
        if not self.has("playground"):
            return ()
        if self.playground == "default" and graph.answers_in_text:
            return ("/chat/playground/", "/playground/")
        return ("/playground/",)


_FEEDBACK: Final = "token_feedback"
_NOT_LANGSERVES: Final = frozenset({_FEEDBACK, "runs", "threads", "graph"})


def _langserves(endpoints: Sequence[str]) -> list[str]:
    return [each for each in endpoints if each.lower() not in _NOT_LANGSERVES]


def route_context(
    engine: Engine, guards: Guards, limits: InputLimits, ping_s: float, *, accelerate: bool = True
) -> RouteContext:
    """Return what the routes of all graphs share."""
    return RouteContext(engine, guards, limits, ping_s, find_listener() if accelerate else None)


def graph_router(
    context: RouteContext, graph: Graph, path: str, options: RouteOptions | None = None
) -> APIRouter:
    """Return one graph's routes at path; of one on messages at path/chat too (the chat playground)."""
    # LangServe's clients use them; there is nothing an operator could do about the warning.
    warnings.filterwarnings("ignore", "astream_(log|events version='v1') is deprecated")
    options = options or RouteOptions()
    context = replace(context, modifier=options.modifier)
    served, routes = ServedGraph(graph, context.listener), APIRouter()
    playgrounds: dict[str, Literal["default", "chat"]] = {path: options.playground}
    if graph.answers_in_text and options.playground == "default":
        playgrounds[f"{path}/chat"] = "chat"
    for each, playground in playgrounds.items():
        # add_routes on an app would print LangServe's banner
        guarded = GuardedRoutes(context, served, each)
        add_routes(
            guarded,
            served,
            path=each,
            serializer=SafeSerializer(),
            per_req_config_modifier=_attach,
            playground_type=playground,
            enable_feedback_endpoint=False,
            **options.endpoints(),
        )
        add_as_own(routes, guarded)
    document(routes, graph.name, path)
    return routes


def _attach(config: dict[str, Any], request: Request) -> dict[str, Any]:
    """Pass the request to the ServedGraph: LangServe gives a runnable nothing of it but this."""
    ours: ServedRequest = request.state.langserve
    configurable = {**(config.get("configurable") or {}), REQUEST: ours}
    run_id = {"run_id": ours.run_id} if ours.run_id else {}
    return {**config, "configurable": configurable, **run_id}
