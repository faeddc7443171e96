"""The composition root: settings -> a server. The only file that knows every room."""

import sys
from collections.abc import AsyncIterator, Collection, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import partial
from typing import Any, Final

from fastapi import FastAPI

from seltzer import __version__, catalog
from seltzer.catalog import Catalog
from seltzer.errors import GraphBroken
from seltzer.guards import faults
from seltzer.guards.body import BodyLimits, BodyReader
from seltzer.guards.hosts import HostGuard, is_loopback
from seltzer.protocols import chat, health, info, langserve, native, page
from seltzer.protocols.http.direct_send import DirectSendApp
from seltzer.protocols.http.guards import Guards
from seltzer.protocols.http.messages import InputLimits
from seltzer.protocols.http.protocol import PLANNED
from seltzer.runs.engine import Engine
from seltzer.runs.graph import Graph
from seltzer.runs.limits import RunLimits
from seltzer.settings import Settings, apply_env
from seltzer.stores.open import FILE_NAME, Retention, open_stores

PROTOCOLS: Final = (
    health.PROTOCOL,
    info.PROTOCOL,
    chat.PROTOCOL,
    native.PROTOCOL,
    langserve.PROTOCOL,
    page.PROTOCOL,
    PLANNED,
)
RESERVED: Final = frozenset[str]().union(*(each.reserved for each in PROTOCOLS))
AUTH = "off: whoever can reach this address can use it"


@dataclass(frozen=True, slots=True)
class Facts:
    """What the banner shows of a server: model lines are the graphs' own words.

    graphs has those that an async factory makes once the engine is open.
    """

    version: str
    graphs: Collection[Graph]
    broken: Collection[GraphBroken]
    models: Sequence[str]
    storage: str
    auth: str


@dataclass(frozen=True, slots=True)
class Mounted:
    """What Seltzer serves in an app, under the prefix.

    `app.state.seltzer` lists them: `seltzer serve --app` shows them, and drains their engines at its end.
    """

    engine: Engine
    facts: Facts
    prefix: str = ""


def create_app(settings: Settings | None = None) -> FastAPI:
    """Build the server. Raises LoadError if langgraph.json can't be used, or none of its graphs loaded."""
    settings = settings or Settings()
    graphs = load_graphs(settings)
    engine = _engine(settings, graphs)

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        await engine.open()
        mount_graphs()  # those that only a running loop can make
        yield
        await engine.aclose()

    app = (DirectSendApp if settings.accelerate else FastAPI)(
        title="Seltzer",
        version=__version__,
        summary="LangGraph agents, streamed token by token",
        docs_url=None,
        redoc_url=None,
        swagger_ui_oauth2_redirect_url=None,
        lifespan=lifespan,
    )
    app.state.engine = engine
    app.state.seltzer = [Mounted(engine, facts(engine, settings))]
    limits = InputLimits(settings.messages_limit, settings.message_limit_bytes, settings.batch_limit)
    body = BodyLimits(settings.body_limit_bytes, settings.body_timeout_s, settings.json_depth)
    guards = Guards(faults, BodyReader(body))
    faults.mount(app)
    app.include_router(health.router(engine, guards))
    app.include_router(info.router(engine, guards))
    app.include_router(chat.router(engine, guards, limits=limits))
    runs = native.router(engine, guards, limits=limits, ping_s=settings.ping_s)
    app.include_router(runs)
    if graphs.has_moved:
        app.include_router(runs, prefix="/graphs")
    guard = langserve.make_guard(engine, guards, limits, settings.ping_s, accelerate=settings.accelerate)
    mount_graphs = partial(_mount_graphs, app, guard, set())
    mount_graphs()
    app.include_router(page.router(engine, guards, version=__version__))
    app.include_router(page.docs_router(guards, title="Seltzer"))
    app.add_middleware(
        HostGuard, is_loopback=is_loopback(settings.host), allowed_hosts=settings.allowed_hosts
    )
    app.add_middleware(faults.Boundary)  # the last one added is the outermost of ours
    return app


def _mount_graphs(app: FastAPI, guard: langserve.Guard, mounted: set[str]) -> None:
    """Add the routes of each graph that isn't mounted yet: some are made when the engine opens."""
    for graph in guard.engine.graphs.values():
        if graph.name not in mounted:
            app.include_router(langserve.graph_router(guard, graph, graph.path))
    for broken in guard.engine.broken.values():
        if broken.name not in mounted:
            app.include_router(info.broken_router(broken, guard.guards))
    mounted.update(guard.engine.graphs, guard.engine.broken)


@asynccontextmanager
async def open_engine(settings: Settings) -> AsyncIterator[Engine]:
    """Run graphs in this process, without a server, until the block ends.

    Raises LoadError, and DataInUse while a server or another such block holds the data folder.
    """
    engine = _engine(settings, load_graphs(settings))
    await engine.open()
    try:
        yield engine
    finally:
        await engine.aclose()


def load_graphs(settings: Settings) -> Catalog:
    """Load what langgraph.json names, with the environment it declares. Raises LoadError."""
    apply_env(catalog.read_file(settings.config).env, settings.config.resolve().parent)
    return catalog.load(
        settings.config, reserved=RESERVED, is_strict=settings.strict, is_auth_ignored=settings.no_auth
    )


def facts(engine: Engine, settings: Settings) -> Facts:
    """Return what there is to say of a server."""
    storage = f"SQLite in {settings.data / FILE_NAME}: threads and runs outlive the server"
    return Facts(__version__, engine.graphs.values(), engine.broken.values(), _model_lines(), storage, AUTH)


def _model_lines() -> Sequence[str]:
    """Return which models are in use, if a graph uses ours; others choose their models in their own way."""
    models: Any = sys.modules.get("seltzer.models")
    return () if models is None else models.describe().lines


def _engine(settings: Settings, graphs: Catalog) -> Engine:
    keeping = Retention(settings.events_limit, settings.checkpoints_kept, settings.retention_s)
    limits = RunLimits(
        settings.runs_limit, settings.queue_limit, settings.run_timeout_s, retention_s=settings.retention_s
    )
    return Engine(
        graphs.graphs,
        partial(open_stores, settings.data, keeping),
        limits,
        broken=graphs.broken,
        open_graphs=graphs.open,
        accelerate=settings.accelerate,
    )
