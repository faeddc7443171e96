"""Graphs with a run log of their own, served inside a FastAPI app of the user's."""

import inspect
import os
from collections.abc import Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from functools import partial
from pathlib import Path
from types import MappingProxyType
from typing import Any, Literal

from fastapi import APIRouter, FastAPI

from seltzer.catalog import Address, addresses, empty, slug_of
from seltzer.embedding.arguments import check_path, refuse, route_options
from seltzer.embedding.lifespans import chain, once
from seltzer.embedding.served import Served, ServedGraphs
from seltzer.main import RESERVED, Composition, load_graphs
from seltzer.protocols.http.bodies.modifier import Modify
from seltzer.runs.graph import Graph
from seltzer.settings import Settings


class Seltzer:
    """Graphs, the threads and runs they have, and the protocols that serve them.

        seltzer = Seltzer({"agent": graph}, data=".seltzer")
        app = FastAPI(lifespan=seltzer.lifespan)
        seltzer.mount(app, prefix="/ai")

    graphs: a compiled graph, a StateGraph, any Runnable, or a function that makes one, by name. Without them,
    what config (a langgraph.json) names. data: the folder of threads and runs; one Seltzer at a time can use
    it. Any other setting of the server may be given by its name (docs/reference/settings.md), or all of them
    as settings; what isn't given is read from the environment.
    Nothing is opened until the lifespan runs.
    Raises LoadError if a graph can't be loaded, TypeError for an unknown setting.
    """

    def __init__(
        self,
        graphs: Mapping[str, Any] | None = None,
        *,
        config: str | os.PathLike[str] | None = None,
        data: str | os.PathLike[str] | None = None,
        settings: Settings | None = None,
        **options: Any,
    ) -> None:
        if graphs is not None and config is not None:
            raise TypeError("Seltzer takes graphs or config, not both")
        self._settings = _settings(settings, config=config, data=data, **options)
        self._catalog = load_graphs(self._settings) if graphs is None else empty()
        file, line = _caller()
        self._objects = dict(graphs or {})
        for name, address in addresses(self._objects, RESERVED).items():
            self._catalog.add_object(name, self._objects[name], address, file, line)
        self._composition = Composition(self._settings, self._catalog)
        self._chained: list[APIRouter] = []
        self._served = ServedGraphs()
        self._bases: list[tuple[APIRouter, str]] = []  # the prefixes of mount()
        self._is_in_an_app = False  # else in routers: which app includes them is seen when its lifespan runs

    @property
    def graphs(self) -> Mapping[str, Graph]:
        """The graphs by name, each with its file and line, its schemas and LangGraph's object, `pregel`."""
        return MappingProxyType(self._catalog.graphs)

    def lifespan(self, app: Any = None) -> AbstractAsyncContextManager[None]:
        """Open what the graphs need until the block ends: threads, runs, and those of an earlier process.

        As FastAPI(lifespan=seltzer.lifespan), or within your own: `async with seltzer.lifespan(app):`. It may
        be entered more than once, and again after it ended.
        Raises DataInUse while another process, or another Seltzer, uses the data folder.
        """
        if isinstance(app, FastAPI) and not self._is_in_an_app:
            self._composition.register(app, list, None)
        return self._composition.lifespan(app)

    def mount(
        self,
        app: FastAPI | APIRouter,
        *,
        prefix: str = "",
        dependencies: Sequence[Any] | None = None,
    ) -> None:
        """Serve all protocols in the app: each graph at {prefix}/{name}, then {prefix}/chat, /info, /health,
        /ready and the front page at {prefix}/.

        A graph that add_routes() has given routes, in whichever app, has these alone. /chat asks such a graph
        only if they are in this app, with neither dependencies nor a per_req_config_modifier.
        dependencies: FastAPI's, of every route but /health and /ready. The app's own lifespan, middleware,
        exception handlers and /docs stay as they are; its dependencies come first.
        Raises ValueError if the prefix can't be one.
        """
        prefix, router = check_path(prefix), _router_of(app)

        def include_made() -> None:
            there = self._served.not_for_mount(router, prefix)
            for name, graph in self._catalog.graphs.items():
                if name not in there:
                    served = Served(
                        router, name, prefix + graph.path, dependencies=dependencies, mounted_at=prefix
                    )
                    self._include(app, graph, served)
            for broken in self._catalog.broken.values():
                if broken.name not in there:
                    self._served.add(Served(router, broken.name, prefix + broken.path, mounted_at=prefix))
                    app.include_router(
                        self._composition.broken_routes(broken), prefix=prefix, dependencies=dependencies
                    )

        include_made()
        self._composition.lifespan.on_open.append(include_made)
        places = partial(self._served.places, self._catalog.graphs, router, prefix)
        app.include_router(self._composition.health_routes(), prefix=prefix)
        app.include_router(self._composition.server_routes(places), prefix=prefix, dependencies=dependencies)
        self._attach(app, prefix)

    def add_routes(
        self,
        app: FastAPI | APIRouter,
        graph: Any,
        *,
        path: str = "",
        dependencies: Sequence[Any] | None = None,
        per_req_config_modifier: Modify | None = None,
        playground_type: Literal["default", "chat"] = "default",
        enabled_endpoints: Sequence[str] | None = None,
        disabled_endpoints: Sequence[str] | None = None,
        **others: Any,
    ) -> None:
        """Serve one graph at the path, as seltzer.add_routes does, with the threads and runs of this Seltzer.

        graph: one of .graphs, or what graphs takes: then its name is the path's last part.
        """
        refuse(others)
        options = route_options(
            playground_type, enabled_endpoints, disabled_endpoints, per_req_config_modifier
        )
        path, router = check_path(path), _router_of(app)
        self._served.check_free(router, path)
        name = self._declare(graph, path)
        served = Served(router, name, path, options, dependencies)
        self._served.check_guarded(served)
        if name in self._catalog.graphs:
            self._include(app, self._catalog.graphs[name], served)
        else:
            self._served.add(served)
            self._composition.lifespan.on_open.append(
                once(lambda: self._route(app, self._made(name), served))
            )
        self._attach(app, None)

    def guard(self, app: FastAPI) -> None:
        """Guard the whole app as `seltzer serve` does its own; before any other middleware is added.

        Foreign hosts and the pages of other sites are refused, every error of every route is a problem
        (RFC 9457), each response has a request id, and the prefix of a proxy is honoured.
        """
        self._composition.guard(app)

    def serve_docs(self, app: FastAPI) -> None:
        """Serve the app's /docs from installed files: FastAPI's own page loads its script from another host.

        Make the app with FastAPI(docs_url=None, redoc_url=None).
        """
        self._composition.serve_docs(app)

    def _include(self, app: FastAPI | APIRouter, graph: Graph, served: Served) -> None:
        self._served.add(served)
        self._route(app, graph, served)

    def _route(self, app: FastAPI | APIRouter, graph: Graph, served: Served) -> None:
        routes = self._composition.graph_routes(graph, served.path, served.options)
        app.include_router(routes, dependencies=served.dependencies)

    def _made(self, name: str) -> Graph:
        """Return a graph that an async factory has made. Raises LoadError if it couldn't."""
        if name in self._catalog.broken:
            raise self._catalog.broken[name].reason
        return self._catalog.graphs[name]

    def _declare(self, graph: Any, path: str) -> str:
        """Return the graph's name; it is added if it is new. Raises ValueError, LoadError."""
        for name, known in self._catalog.graphs.items():
            if graph is known:
                return name
        for name, found in self._objects.items():
            if graph is found:
                return name
        if self._composition.engine.is_open:
            raise RuntimeError("this app's lifespan has begun; add the routes of a graph before")
        name = path.rpartition("/")[2] or getattr(graph, "name", None) or "graph"
        if name in self._objects or name in self._catalog.graphs:
            raise ValueError(f"there is a graph {name!r} already: the path's last part names another")
        file, line = _caller()
        self._catalog.add_object(name, graph, Address(slug_of(name), path), file, line)
        self._objects[name] = graph
        return name

    def _attach(self, app: FastAPI | APIRouter, base: str | None) -> None:
        """Open what is served in the app by the app's lifespan, and have `seltzer serve --app` find it.

        base: where /chat and the front page are in it, if this is what has been served.
        """
        router = _router_of(app)
        if not any(each is router for each in self._chained):
            self._chained.append(router)
            chain(router, self.lifespan)
        if isinstance(app, FastAPI):
            self._is_in_an_app = True
            if base is not None:
                self._bases.append((router, base))
            base = next((base for each, base in self._bases if each is router), None)
            places = partial(self._served.places, self._catalog.graphs, router, base or "")
            self._composition.register(app, places, base)


def _router_of(app: FastAPI | APIRouter) -> APIRouter:
    return app.router if isinstance(app, FastAPI) else app


def _settings(given: Settings | None, **options: Any) -> Settings:
    """Return the settings with the options that were given. Raises TypeError for an unknown one."""
    options = {name: value for name, value in options.items() if value is not None}
    unknown = options.keys() - Settings.model_fields.keys()
    if unknown:
        raise TypeError(f"there is no setting {min(unknown)!r}; there are {', '.join(Settings.model_fields)}")
    if given is None:
        return Settings(**options)
    return Settings.model_validate({**given.model_dump(), **options})


def _caller() -> tuple[Path, int]:
    """Return file and line of the program's code that called us."""
    caller = next(
        each
        for each in inspect.stack(0)
        if not each.frame.f_globals.get("__name__", "").startswith("seltzer.embedding")
    )
    return Path(caller.filename), caller.lineno
