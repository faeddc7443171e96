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
from app.protocols import chat, langserve, native
from app.protocols.messages import MessageLimits
from app.protocols.straight import StraightApp
from app.runs.engine import Engine
from app.runs.executor import Limits
from app.runs.graph import Graph
from app.settings import Settings, apply_env
from app.stores.open import FILE_NAME, Keeping, open_stores

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
    app = StraightApp(
        title="Seltzer",
        version=__version__,
        summary="LangGraph agents, streamed token by token",
        docs_url=None,
        redoc_url=None,
        swagger_ui_oauth2_redirect_url=None,
        lifespan=_lifespan(engine),
    )
    app.state.engine = engine
    app.state.facts = facts(engine, settings)
    messages = MessageLimits(settings.messages_limit, settings.message_limit_bytes)
    limits = langserve.Limits(settings.batch_limit, messages)
    faults.mount(app)
    chat.mount(app, engine, limits=messages, faults=faults)
    native.mount(app, engine, limits=messages, ping_s=settings.ping_s)
    langserve.mount(app, engine, limits=limits, ping_s=settings.ping_s, faults=faults)
    patch_fastapi(
        app,
        redirect_from_root_to_docs=False,
        swagger_js_url="/docs/swagger-ui-bundle.js",
        swagger_css_url="/docs/swagger-ui.css",
        swagger_favicon_url="/docs/favicon-32x32.png",
    )
    body = BodyLimits(settings.body_limit_bytes, settings.body_timeout_s, settings.json_depth)
    app.add_middleware(BodyGuard, limits=body, bodiless=native.BODILESS)
    app.add_middleware(
        HostGuard, is_loopback=is_loopback(settings.host), allowed_hosts=settings.allowed_hosts
    )
    app.add_middleware(faults.Boundary)  # the last one added is the outermost of ours
    return app


@asynccontextmanager
async def open_engine(settings: Settings) -> AsyncIterator[Engine]:
    """Run graphs in this process, without a server, until the block ends.

    Raises LoadError, and DataInUse while a server or another such block holds the data folder.
    """
    engine = _engine(settings)
    await engine.open()
    try:
        yield engine
    finally:
        await engine.aclose()


def load_graphs(settings: Settings) -> dict[str, Graph]:
    """Load what langgraph.json names, with the environment it declares. Raises LoadError."""
    apply_env(catalog.read_file(settings.config).env, settings.config.resolve().parent)
    return catalog.load(settings.config)


def facts(engine: Engine, settings: Settings) -> Facts:
    """Return what there is to say of a server."""
    storage = f"SQLite in {settings.data / FILE_NAME}: threads and runs outlive the server"
    return Facts(__version__, list(engine.graphs.values()), _model_lines(), storage, AUTH)


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
    keeping = Keeping(settings.events_limit, settings.checkpoints_kept, settings.retention_s)
    limits = Limits(
        settings.runs_limit, settings.queue_limit, settings.run_timeout_s, retention_s=settings.retention_s
    )
    return Engine(load_graphs(settings), partial(open_stores, settings.data, keeping), limits)


def _lifespan(engine: Engine) -> Lifespan[FastAPI]:
    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        await engine.open()
        yield
        await engine.aclose()

    return lifespan
