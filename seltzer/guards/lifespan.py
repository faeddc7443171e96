"""The engine's life within an app's: opened by its lifespan; where that didn't run, an error says how."""

import asyncio
import logging
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any, Final

from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

from seltzer.errors import AppError, NotOpen
from seltzer.guards import faults
from seltzer.runs.engine import Engine

log = logging.getLogger(__name__)

HOW: Final = (
    "the app's lifespan didn't run, so that Seltzer has nothing open: a server runs it (uvicorn does), a"
    " TestClient only within `with TestClient(app) as client:`, httpx.ASGITransport never; for an app that is"
    " mounted into another one, the outer app's lifespan has to run it:"
    " `async with app.router.lifespan_context(app):`"
)


class EngineLifespan:
    """Opens the engine for as long as a lifespan runs; may be entered more than once, and again later.

    Called with the app, as FastAPI(lifespan=..) expects. Raises LoadError and DataInUse when it is entered,
    and RuntimeError in a second event loop while the first one still uses the engine.
    """

    def __init__(self, engine: Engine) -> None:
        self.on_open: list[Callable[[], None]] = []  # called each time the engine is open
        self._engine = engine
        self._count = 0
        self._loop: asyncio.AbstractEventLoop | None = None
        self._changing = asyncio.Lock()  # while the engine is being opened or closed

    @asynccontextmanager
    async def __call__(self, app: Any = None) -> AsyncIterator[None]:
        loop = asyncio.get_running_loop()
        if self._count and self._loop is not loop:
            raise RuntimeError("this app's lifespan already runs in another event loop; end it there first")
        if self._loop is not loop:
            self._loop, self._changing = loop, asyncio.Lock()
        self._count += 1
        try:
            async with self._changing:
                await self._engine.open()
                for each in self.on_open:
                    each()
            yield
        finally:
            self._count -= 1
            async with self._changing:
                if not self._count:
                    await self._engine.aclose()


class OpenedFaults:
    """The faults, and one more: routes of an engine that was never opened answer with how to open it."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._is_logged = False

    def problem(self, error: AppError, scope: Scope) -> Response:
        """Return the error as a problem."""
        return faults.problem(error, scope)

    def status_of(self, error: AppError) -> int:
        """Return the status that the error's code has."""
        return faults.status_of(error)

    def boundary(self, app: ASGIApp) -> ASGIApp:
        """Wrap the app in a Boundary, which it is only called in while the engine is open."""

        async def opened(scope: Scope, receive: Receive, send: Send) -> None:
            self._check_open()
            await app(scope, receive, send)

        return faults.boundary(opened)

    def _check_open(self) -> None:
        if self._engine.is_open or self._engine.is_draining:
            return
        if not self._is_logged:
            self._is_logged = True
            log.error("%s", HOW)
        raise NotOpen(HOW)
