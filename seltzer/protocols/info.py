"""/info: what is served here, and what can't be; /info/live; routes of graphs that can't be loaded."""

from datetime import UTC, datetime
from typing import Final, NamedTuple

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


class Attachments(NamedTuple):
    """How large the files in messages may be: each as a file, and those of one body as they are sent."""

    limit_bytes: int
    together_bytes: int


def router(
    engine: Engine, guards: Guards, places: Places, *, models: Models, attachments: Attachments
) -> APIRouter:
    """Return the routes of /info. models: names the models in use, as far as that is known."""
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
                "attachments": attachments._asdict(),
            }
        )

    @routes.get("/info/live", summary="What this process does now, in numbers")
    async def live(request: Request) -> JSONResponse:
        now = engine.overview.live()
        return JSONResponse(
            {
                "runs": {"running": now.running, "pending": now.pending},
                "streams": now.streams,
                "tokens": now.tokens,
                "started_at": now.started_at.isoformat(),
                "now": datetime.now(UTC).isoformat(),
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
