"""The composition root: settings -> a server. The only file that imports from every room."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from typing import Final

from fastapi import APIRouter, FastAPI

from seltzer import __version__, catalog
from seltzer.catalog import Catalog
from seltzer.facts import Facts, Mounted, facts_of
from seltzer.guards import faults
from seltzer.guards.body import BodyLimits, BodyReader
from seltzer.guards.hosts import HostGuard, is_loopback
from seltzer.guards.lifespan import EngineLifespan, OpenedFaults
from seltzer.guards.proxies import ProxyPrefix
from seltzer.protocols import chat, health, info, langserve, native, page
from seltzer.protocols.http.declaration import PLANNED
from seltzer.protocols.http.direct_send import DirectSendApp
from seltzer.protocols.http.guards import Guards
from seltzer.protocols.http.messages import InputLimits
from seltzer.protocols.http.routes import add_as_own
from seltzer.protocols.langserve import RouteOptions
from seltzer.runs.engine import Engine
from seltzer.runs.graph import BrokenGraph, Graph
from seltzer.runs.limits import RunLimits
from seltzer.settings import Settings, apply_env
from seltzer.stores.open import Retention, open_stores
from seltzer.stores.options import IndexOptions, SerdeOptions, StoreOptions, TtlOptions

__all__ = ["RESERVED", "Composition", "Facts", "Mounted", "create_app", "load_graphs", "open_engine"]

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


def create_app(settings: Settings | None = None) -> FastAPI:
    """Build the server of what langgraph.json names.

    Its engine is opened by the app's lifespan, and may be opened again after it was closed.
    Raises LoadError if langgraph.json can't be used, or none of its graphs loaded.
    """
    settings = settings or Settings()
    composition = Composition(settings, load_graphs(settings))
    app = (DirectSendApp if settings.accelerate else FastAPI)(
        title="Seltzer",
        version=__version__,
        summary="LangGraph agents, streamed token by token",
        docs_url=None,
        redoc_url=None,
        swagger_ui_oauth2_redirect_url=None,
        lifespan=composition.lifespan,
    )
    composition.register(app)
    add_as_own(app, composition.server_routes())
    composition.include_graphs(app)
    add_as_own(app, composition.docs_routes(app.title))
    composition.guard(app)
    return app


class Composition:
    """An engine for the graphs, and the routers that serve it. Opens nothing until its lifespan runs.

    The catalog may grow until then.
    """

    def __init__(self, settings: Settings, graphs: Catalog) -> None:
        self.settings = settings
        self.catalog = graphs
        self.engine = _engine(settings, graphs)
        self.lifespan = EngineLifespan(self.engine)
        body = BodyLimits(settings.body_limit_bytes, settings.body_timeout_s, settings.json_depth)
        self._guards = Guards(OpenedFaults(self.engine), BodyReader(body))
        self._limits = InputLimits(
            settings.messages_limit,
            settings.message_limit_bytes,
            settings.batch_limit,
            settings.steps_limit,
        )
        self._langserve = langserve.route_context(
            self.engine, self._guards, self._limits, settings.ping_s, accelerate=settings.accelerate
        )

    def server_routes(self, *, docs: str | None = "docs", openapi: str | None = "openapi.json") -> APIRouter:
        """Return the routes that are no graph's: /health, /ready, /info, /chat, and the front page.

        docs, openapi: where these are, as the front page sees it; None: nowhere.
        """
        routes = APIRouter()
        for each in (
            health.router(self.engine, self._guards),
            info.router(self.engine, self._guards),
            chat.router(self.engine, self._guards, limits=self._limits, ping_s=self.settings.ping_s),
            page.router(self.engine, self._guards, version=__version__, docs=docs, openapi=openapi),
        ):
            add_as_own(routes, each)
        return routes

    def docs_routes(self, title: str) -> APIRouter:
        """Return the routes of /docs, from installed files: FastAPI's own page needs another host."""
        return page.docs_router(self._guards, title=title)

    def include_graphs(self, app: FastAPI) -> None:
        """Serve every graph at its own path; any other name is answered by unknown_graph."""
        included = set[str]()
        runs = native.router(self.engine, self._guards, limits=self._limits, ping_s=self.settings.ping_s)
        add_as_own(app, runs)
        if self.catalog.has_moved:
            app.include_router(runs, prefix="/graphs")

        def include_made() -> None:
            for graph in self.engine.graphs.values():
                if graph.name not in included:
                    add_as_own(app, langserve.graph_router(self._langserve, graph, graph.path))
            for broken in self.engine.broken.values():
                if broken.name not in included:
                    add_as_own(app, self.broken_routes(broken))
            included.update(self.engine.graphs, self.engine.broken)

        include_made()
        self.lifespan.on_open.append(include_made)  # some are made where a loop is running

    def broken_routes(self, broken: BrokenGraph) -> APIRouter:
        """Return the routes that answer for a graph that can't be loaded."""
        return info.broken_router(broken, self._guards)

    def graph_routes(self, graph: Graph, path: str, options: RouteOptions) -> APIRouter:
        """Return one graph's routes at the path, those that are declared for LangServe by its options."""
        routes = APIRouter()
        routes.include_router(
            native.router(
                self.engine,
                self._guards,
                limits=self._limits,
                ping_s=self.settings.ping_s,
                graph=graph.name,
                modifier=options.modifier,
            ),
            prefix=path,
        )
        add_as_own(routes, langserve.graph_router(self._langserve, graph, path, options))
        return routes

    def guard(self, app: FastAPI) -> None:
        """Guard the whole app: foreign hosts and pages are refused, and every error is a problem.

        For an app all of whose routes are ours, or are to be treated as ours.
        """
        faults.mount(app)
        app.add_middleware(
            HostGuard, is_loopback=is_loopback(self.settings.host), allowed_hosts=self.settings.allowed_hosts
        )
        app.add_middleware(faults.Boundary)
        app.add_middleware(
            ProxyPrefix, root_path=self.settings.root_path, trusted=self.settings.trusted_proxies
        )

    def register(self, app: FastAPI, prefix: str | None = "") -> None:
        """Have `seltzer serve --app` find what is served in the app, for its banner and its end."""
        others = [each for each in getattr(app.state, "seltzer", ()) if each.engine is not self.engine]
        app.state.seltzer = [*others, Mounted(self.engine, facts_of(self.engine, self.settings), prefix)]


@asynccontextmanager
async def open_engine(settings: Settings) -> AsyncIterator[Engine]:
    """Run graphs in this process, without a server, until the block ends.

    Raises LoadError, and DataInUse while a server or another such block has locked the data folder.
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


def _engine(settings: Settings, graphs: Catalog) -> Engine:
    retention = Retention(settings.events_limit, settings.checkpoints_kept, settings.retention_s)
    limits = RunLimits(
        settings.runs_limit,
        settings.queue_limit,
        settings.run_timeout_s,
        retention_s=settings.retention_s,
        steps=settings.steps_default,
        threads=settings.threads_limit,
    )
    stores = partial(
        open_stores, settings.data, retention, serde=_serde_options(graphs), store=_store_options(graphs)
    )
    return Engine(
        graphs.graphs,
        stores,
        limits,
        broken=graphs.broken,
        open_graphs=graphs.open,
        accelerate=settings.accelerate,
    )


def _serde_options(graphs: Catalog) -> SerdeOptions | None:
    checkpointer = graphs.file.checkpointer
    if checkpointer is None or checkpointer.serde is None:
        return None
    return SerdeOptions(checkpointer.serde.allowed_msgpack_modules, checkpointer.serde.pickle_fallback)


def _store_options(graphs: Catalog) -> StoreOptions | None:
    store = graphs.file.store
    if store is None:
        return None
    index, ttl = store.index, store.ttl
    return StoreOptions(
        IndexOptions(graphs.embed, index.dims, tuple(index.fields or ("$",))) if index else None,
        TtlOptions(ttl.default_ttl, ttl.refresh_on_read, ttl.sweep_interval_minutes) if ttl else None,
    )
