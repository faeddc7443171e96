"""/health and /ready, for probes."""

from typing import Final

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import JSONResponse

from seltzer.protocols.http.declaration import Declaration
from seltzer.protocols.http.guards import Guards
from seltzer.protocols.http.routes import Routes
from seltzer.runs.engine import Engine

PROTOCOL: Final = Declaration("health", reserved=frozenset({"health", "ready"}))


def router(engine: Engine, guards: Guards) -> APIRouter:
    """Return the routes of the probes."""
    routes = Routes(guards, tags=["health"])

    @routes.get("/health", summary="Whether the server is up")
    async def health(request: Request) -> JSONResponse:
        return JSONResponse({"status": "🤙"})

    @routes.get("/ready", summary="Whether the server accepts new runs")
    async def ready(request: Request) -> JSONResponse:
        await engine.check_ready()
        return JSONResponse({"status": "ready"})

    return routes
