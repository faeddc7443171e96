"""LangServe: mount() adds its routes for each graph, its traps cured (docs/reference/langserve.md).

request.py   a body, checked before LangServe sees it
served.py    a graph as the Runnable that LangServe serves
chain.py     how LangChain's listeners hear its stream
frames.py    what goes to the client: safe JSON, no system prompts, errors with a code
stream.py    the event streams, sent by our own writer
guard.py     the ASGI layer around LangServe: attaches its runs to the request, mends its error endings
"""

import warnings
from typing import Any

from fastapi import APIRouter, FastAPI, Request
from langchain_core._api import LangChainDeprecationWarning
from langserve import add_routes

from seltzer.protocols.http.faults import Faults
from seltzer.protocols.langserve.frames import SafeSerializer
from seltzer.protocols.langserve.guard import LangServeGuard
from seltzer.protocols.langserve.request import Limits
from seltzer.protocols.langserve.served import REQUEST, ServedGraph, ServedRequest
from seltzer.protocols.langserve.stream import stream_route
from seltzer.runs.engine import Engine

__all__ = ["Limits", "mount"]


def mount(app: FastAPI, engine: Engine, *, limits: Limits, ping_s: float, faults: Faults) -> None:
    """Serve each graph at /{name}, and graphs on messages at /{name}/chat too, for the chat playground."""
    # LangServe's /stream_log stands on it; the warning would tell the operator nothing that can be done
    # about it.
    warnings.filterwarnings("ignore", "astream_log is deprecated", LangChainDeprecationWarning)
    # add_routes on the app itself would print LangServe's banner
    router = APIRouter(route_class=stream_route(ping_s))
    served = {f"/{name}": ServedGraph(graph) for name, graph in engine.graphs.items()}
    chats = {f"{path}/chat": each for path, each in served.items() if each.graph.takes_messages}
    for path, each in {**served, **chats}.items():
        add_routes(
            router,
            each,
            path=path,
            serializer=SafeSerializer(),
            per_req_config_modifier=_attach,
            playground_type="chat" if path in chats else "default",
            disabled_endpoints=["token_feedback"],  # type: ignore[list-item]  # known to it, missing in its type
            enable_feedback_endpoint=False,
        )
    app.include_router(router)
    app.add_middleware(
        LangServeGuard, engine=engine, served={**served, **chats}, limits=limits, faults=faults
    )


def _attach(config: dict[str, Any], request: Request) -> dict[str, Any]:
    """Hand the request to the ServedGraph: LangServe gives a runnable nothing of it but this."""
    ours: ServedRequest = request.state.langserve
    configurable = {**(config.get("configurable") or {}), REQUEST: ours}
    run_id = {"run_id": ours.run_id} if ours.run_id else {}
    return {**config, "configurable": configurable, **run_id}
