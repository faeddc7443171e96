"""The composition root: settings -> a server. The only file that knows every room."""

import importlib
import sys
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import partial
from typing import Any

from fastapi import FastAPI
from fastapi_swagger import patch_fastapi
from starlette.types import Lifespan

from app import __version__, catalog
from app.guards import faults
from app.guards.body import BodyGuard, BodyLimits
from app.guards.hosts import HostGuard, is_loopback
from app.protocols import chat, langserve
from app.protocols.messages import MessageLimits
from app.runs.engine import Engine
from app.runs.graph import Graph
from app.settings import Settings, apply_env
from app.stores import checkpoints
from app.stores.memory import MemoryLog

STORAGE = "in memory: threads and runs are gone when the server stops"
AUTH = "off: whoever can reach this address can use it"


@dataclass(frozen=True, slots=True)
class Facts:
    """What the banner says of a server: model lines are the graphs' own words."""

    version: str
    graphs: Sequence[Graph]
    models: Sequence[str]
    storage: str
    auth: str


def create_app(settings: Settings | None = None) -> FastAPI:
    """Build the server. Raises LoadError if langgraph.json or a graph of it can't be loaded."""
    settings = settings or Settings()
    engine = _engine(settings)
    app = FastAPI(
        title="Seltzer",
        version=__version__,
        summary="LangGraph agents, streamed token by token",
        docs_url=None,
        redoc_url=None,
        swagger_ui_oauth2_redirect_url=None,
        lifespan=_lifespan(engine),
    )
    app.state.engine = engine
    app.state.facts = facts(engine)
    messages = MessageLimits(settings.messages_limit, settings.message_limit_bytes)
    limits = langserve.Limits(settings.batch_limit, messages)
    faults.mount(app)
    chat.mount(app, engine, limits=messages, faults=faults)
    langserve.mount(app, engine, limits=limits, ping_s=settings.ping_s, faults=faults)
    patch_fastapi(
        app,
        redirect_from_root_to_docs=False,
        swagger_js_url="/docs/swagger-ui-bundle.js",
        swagger_css_url="/docs/swagger-ui.css",
        swagger_favicon_url="/docs/favicon-32x32.png",
    )
    body = BodyLimits(settings.body_limit_bytes, settings.body_timeout_s, settings.json_depth)
    app.add_middleware(BodyGuard, limits=body)
    app.add_middleware(
        HostGuard, is_loopback=is_loopback(settings.host), allowed_hosts=settings.allowed_hosts
    )
    app.add_middleware(faults.Boundary)  # the last one added is the outermost
    return app


@asynccontextmanager
async def open_engine(settings: Settings) -> AsyncIterator[Engine]:
    """Run graphs in this process, without a server, until the block ends."""
    engine = _engine(settings)
    try:
        yield engine
    finally:
        await engine.aclose()


def load_graphs(settings: Settings) -> dict[str, Graph]:
    """Load what langgraph.json names, with the environment it declares. Raises LoadError."""
    apply_env(catalog.read_file(settings.config).env, settings.config.resolve().parent)
    return catalog.load(settings.config)


def facts(engine: Engine) -> Facts:
    """Return what there is to say of a server."""
    return Facts(__version__, list(engine.graphs.values()), _model_lines(), STORAGE, AUTH)


def _model_lines() -> list[str]:
    """Ask the graphs' own room of models, if they have one, which models are in use."""
    if "graphs.models" not in sys.modules:  # the user's graphs choose their models in their own way
        return []
    describe: Any = getattr(importlib.import_module("graphs.models"), "describe", None)
    if not callable(describe):
        return []
    found = describe()
    return [str(line) for line in getattr(found, "lines", (str(found),))]


def _engine(settings: Settings) -> Engine:
    return Engine(
        load_graphs(settings),
        MemoryLog(),
        partial(checkpoints.for_graph, checkpoints.in_memory()),
        runs_limit=settings.runs_limit,
        timeout_s=settings.run_timeout_s,
        retention_s=settings.retention_s,
    )


def _lifespan(engine: Engine) -> Lifespan[FastAPI]:
    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        yield
        await engine.aclose()

    return lifespan
