"""/info: what is served here, and what can't be; and the routes of graphs that can't be loaded."""

from typing import Final

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import JSONResponse

from seltzer import __version__
from seltzer.protocols.http.declaration import Declaration
from seltzer.protocols.http.guards import Guards
from seltzer.protocols.http.links import Models, docs_link
from seltzer.protocols.http.places import Places
from seltzer.protocols.http.routes import Routes
from seltzer.runs.engine import Engine
from seltzer.runs.graph import BrokenGraph

PROTOCOL: Final = Declaration("info", reserved=frozenset({"graphs", "info"}))
_METHODS: Final = ["GET", "POST", "PUT", "PATCH", "DELETE"]


def router(engine: Engine, guards: Guards, places: Places, *, models: Models) -> APIRouter:
    """Return the route of /info. models: names the models in use, as far as that is known."""
    routes = Routes(guards, tags=["info"])

    @routes.get("/info", summary="The graphs that are served, and those that can't be loaded")
    async def info(request: Request) -> JSONResponse:
        graphs = [
            {
                "name": each.graph.name,
                "path": f"/{each.url}" if each.url else "",
                "takes_messages": each.graph.takes_messages,
                "description": each.graph.description,
            }
            for each in places()
            if not each.url.startswith("../")  # clients look for a graph below the server's address
        ]
        broken = [
            {"name": each.name, "path": each.path, "why": each.reason.public_why}
            for each in engine.broken.values()
        ]
        return JSONResponse(
            {
                "version": __version__,
                "graphs": graphs,
                "broken": broken,
                "models": models(),
                "docs": docs_link(request),
            }
        )

    return routes


def broken_router(broken: BrokenGraph, guards: Guards) -> APIRouter:
    """Return routes that answer whatever is asked of a graph that can't be loaded with the reason."""
    routes = Routes(guards, include_in_schema=False)

    async def refuse(request: Request) -> JSONResponse:
        raise broken.error()

    routes.add_api_route(broken.path + "/{rest:path}", refuse, methods=_METHODS)
    return routes
