"""add_routes with LangServe's arguments."""

from collections.abc import Sequence
from typing import Any, Final, Literal

from fastapi import APIRouter, FastAPI

from seltzer.embedding.instance import Seltzer
from seltzer.protocols.http.bodies.modifier import Modify

_ATTRIBUTE: Final = "seltzer_of_add_routes"


def add_routes(
    app: FastAPI | APIRouter,
    graph: Any,
    *,
    path: str = "",
    dependencies: Sequence[Any] | None = None,
    per_req_config_modifier: Modify | None = None,
    playground_type: Literal["default", "chat"] = "default",
    enabled_endpoints: Sequence[str] | None = None,
    disabled_endpoints: Sequence[str] | None = None,
    seltzer: Seltzer | None = None,
    **others: Any,
) -> None:
    """Serve a graph at the path: LangServe's endpoints, and {path}/runs, {path}/threads and {path}/graph.

        app = FastAPI()
        add_routes(app, graph, path="/agent")

    graph: a compiled graph, a StateGraph, any Runnable, or a function that makes one. It is called by the
    path's last part, and its threads and runs are stored under that name.
    app: a FastAPI app, or an APIRouter that is included in one later.
    dependencies: FastAPI's, of every route of the graph. per_req_config_modifier: called with
    {"configurable": {..}} and the request before a run begins, on every way to begin one: what it adds to
    `configurable` the graph finds in its config; it may raise HTTPException. On routes that look at runs and
    threads it is called with the thread, and one that it makes another of isn't found. enabled_endpoints,
    disabled_endpoints: LangServe's names, and runs, threads and graph, for the native routes.
    seltzer: whose threads and runs they are. Without it the app has one of its own, made by the first call;
    its data folder is SELTZER_DATA's. Its lifespan runs within the app's own.

    The other arguments of LangServe's add_routes raise TypeError by name, unless they are at their defaults.
    Raises LoadError if the graph can't be served, ValueError if the path or its last part is taken.
    """
    owner = seltzer or _own(app)
    owner.add_routes(
        app,
        graph,
        path=path,
        dependencies=dependencies,
        per_req_config_modifier=per_req_config_modifier,
        playground_type=playground_type,
        enabled_endpoints=enabled_endpoints,
        disabled_endpoints=disabled_endpoints,
        **others,
    )


def _own(app: FastAPI | APIRouter) -> Seltzer:
    """Return the app's own Seltzer, made when it is first asked for."""
    holder: Any = app.state if isinstance(app, FastAPI) else app
    own: Seltzer | None = getattr(holder, _ATTRIBUTE, None)
    if own is None:
        own = Seltzer({})
        setattr(holder, _ATTRIBUTE, own)
    return own
