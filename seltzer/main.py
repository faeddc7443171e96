"""The composition root: settings -> a server. The only file that imports from every room.

It is long for a module, as what serves an app is put together in one place.
"""

from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from functools import partial
from pathlib import Path
from typing import Final

from fastapi import APIRouter, FastAPI

from seltzer import __version__, catalog
from seltzer.catalog import Catalog
from seltzer.facts import MOUNTED, Facts, Mounted, addresses_in, facts_of, model_names
from seltzer.guards import faults
from seltzer.guards.body import BodyLimits, BodyReader
from seltzer.guards.cors import CrossOrigin
from seltzer.guards.hosts import HostGuard, PageCheck, is_loopback
from seltzer.guards.lifespan import EngineLifespan, OpenedFaults
from seltzer.guards.proxies import ProxyPrefix
from seltzer.protocols import api_docs, chat, health, info, langserve, native, page
from seltzer.protocols.http.bodies.messages import InputLimits
from seltzer.protocols.http.declaration import PLANNED
from seltzer.protocols.http.direct_send import DirectSendApp
from seltzer.protocols.http.guards import Guards
from seltzer.protocols.http.links import DOCS, docs_path
from seltzer.protocols.http.places import Place, Places
from seltzer.protocols.http.routes import add_as_own
from seltzer.protocols.langserve import RouteOptions
from seltzer.runs.engine import Engine
from seltzer.runs.execution.limits import RunLimits
from seltzer.runs.graph import BrokenGraph, Graph
from seltzer.runs.ports import Stores
from seltzer.settings import Settings, apply_env
from seltzer.stock_models import accelerated_stock_models
from seltzer.store_options import database_options, serde_options, store_options
from seltzer.stores.open import open_stores
from seltzer.stores.options import Retention

__all__ = [
    "MOUNTED",
    "RESERVED",
    "Composition",
    "Facts",
    "Mounted",
    "create_app",
    "input_limits",
    "load_graphs",
    "open_engine",
]

PROTOCOLS: Final = (
    health.PROTOCOL,
    info.PROTOCOL,
    chat.PROTOCOL,
    native.PROTOCOL,
    langserve.PROTOCOL,
    page.PROTOCOL,
    PLANNED,
)
_PAGE: Final = Path(__file__).parent / "static"  # where web/hatch_build.py builds it
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
    composition.register(app, composition.places, "")
    add_as_own(app, composition.health_routes())
    add_as_own(app, composition.server_routes(composition.places))
    composition.include_graphs(app)
    composition.serve_docs(app)
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
        body = BodyLimits(
            settings.body_limit_bytes,
            settings.body_timeout_s,
            settings.json_depth,
            settings.attachments_limit_bytes,
        )
        pages = PageCheck(settings.allowed_hosts, settings.allowed_origins)
        self._guards = Guards(OpenedFaults(self.engine), BodyReader(body), pages)
        self._page = page.BuiltPage.read(_PAGE) if settings.page else None
        self._limits = input_limits(settings)
        self._langserve = langserve.route_context(
            self.engine, self._guards, self._limits, settings.ping_s, accelerate=settings.accelerate
        )

    def places(self) -> Sequence[Place]:
        """Return where include_graphs() serves the graphs."""
        playgrounds = RouteOptions().playgrounds
        return [
            Place(each, each.path, each.path[1:], is_open=True, playgrounds=playgrounds(each))
            for each in self.engine.graphs.values()
        ]

    def health_routes(self) -> APIRouter:
        """Return the routes of /health and /ready."""
        return health.router(self.engine, self._guards)

    def server_routes(self, places: Places) -> APIRouter:
        """Return the other routes that are no graph's: /info, /runs, /chat, and the front page."""
        routes, settings = APIRouter(), self.settings
        for each in (
            info.router(
                self.engine,
                self._guards,
                places,
                models=model_names,
                attachments=info.Attachments(
                    settings.attachment_limit_bytes, settings.attachments_limit_bytes
                ),
            ),
            native.server_router(self.engine, self._guards, places),
            chat.router(
                self.engine,
                self._guards,
                places,
                limits=self._limits,
                ping_s=settings.ping_s,
                page_bytes=settings.page_limit_bytes,
            ),
            page.router(
                self.engine, self._guards, places, version=__version__, models=model_names, built=self._page
            ),
        ):
            add_as_own(routes, each)
        return routes

    def serve_docs(self, app: FastAPI) -> None:
        """Serve /docs from installed files: FastAPI's own page needs another host."""
        api_docs.order_tags(app)
        app.include_router(api_docs.docs_router(self._guards, title=app.title))
        setattr(app.state, DOCS, "/docs")

    def include_graphs(self, app: FastAPI) -> None:
        """Serve every graph at its own path; any other name is answered by unknown_graph."""
        included = set[str]()
        runs = native.router(
            self.engine,
            self._guards,
            limits=self._limits,
            ping_s=self.settings.ping_s,
            page_bytes=self.settings.page_limit_bytes,
        )
        if self.catalog.has_moved:  # first: /graphs/runs/runs would be a run of a graph `graphs`
            app.include_router(runs, prefix="/graphs")
        add_as_own(app, runs)

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
                page_bytes=self.settings.page_limit_bytes,
                graph=graph.name,
                modifier=options.modifier,
                has=options.has,
            ),
            prefix=path,
        )
        add_as_own(routes, langserve.graph_router(self._langserve, graph, path, options))
        return routes

    def guard(self, app: FastAPI) -> None:
        """Guard the whole app: foreign hosts and pages are refused, and every error is a problem.

        For an app all of whose routes are ours, or are to be treated as ours.
        """
        faults.mount(app, partial(addresses_in, app))
        origins = self.settings.allowed_origins
        app.add_middleware(
            HostGuard,
            is_loopback=is_loopback(self.settings.host),
            allowed_hosts=self.settings.allowed_hosts,
            allowed_origins=origins,
        )
        app.add_middleware(faults.Boundary)
        if origins:
            app.add_middleware(CrossOrigin, origins=origins)
        app.add_middleware(
            ProxyPrefix, root_path=self.settings.root_path, trusted=self.settings.trusted_proxies
        )

    def register(self, app: FastAPI, places: Places, base: str | None) -> None:
        """Have `seltzer serve --app` find what is served in the app, for its banner and its end.

        base is where server_routes() are in the app; None: nowhere.
        """
        others = [each for each in getattr(app.state, MOUNTED, ()) if each.engine is not self.engine]
        facts, docs = facts_of(self.engine, self.settings), partial(docs_path, app)
        setattr(app.state, MOUNTED, [*others, Mounted(self.engine, facts, places, docs, base)])


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


def input_limits(settings: Settings) -> InputLimits:
    """Return the limits of what a request may ask."""
    return InputLimits(
        settings.messages_limit,
        settings.message_limit_bytes,
        settings.attachment_limit_bytes,
        settings.batch_limit,
        settings.steps_limit,
    )


def _engine(settings: Settings, graphs: Catalog) -> Engine:
    retention = Retention(
        settings.events_limit, settings.checkpoints_kept, settings.retention_s, settings.turns_kept
    )
    limits = RunLimits(
        settings.runs_limit,
        settings.queue_limit,
        settings.run_timeout_s,
        steps=settings.steps_default,
        threads=settings.threads_limit,
        silence_s=settings.silence_s,
    )
    stores = partial(
        open_stores,
        settings.data,
        retention,
        serde=serde_options(graphs),
        store=store_options(graphs),
        database=database_options(settings),
    )
    return Engine(
        graphs.graphs,
        partial(_accelerated, stores) if settings.accelerate else stores,
        limits,
        broken=graphs.broken,
        open_graphs=graphs.open,
        accelerate=settings.accelerate,
    )


@asynccontextmanager
async def _accelerated(
    open_stores: Callable[[], AbstractAsyncContextManager[Stores]],
) -> AsyncIterator[Stores]:
    """Open the stores, and accelerate people's own models for as long as they are open: while runs may be."""
    async with open_stores() as stores, accelerated_stock_models():
        yield stores
