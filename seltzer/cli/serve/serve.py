"""`seltzer serve`: bind, load, serve with uvicorn, say so."""

import asyncio
import gc
import multiprocessing
import os
import signal
import sys
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from functools import partial
from socket import socket
from types import FrameType
from typing import TYPE_CHECKING, Any, Final

import uvicorn

from seltzer.cli.serve.banner import render
from seltzer.cli.serve.listener import CannotListen, listen, url_of
from seltzer.errors import AppError
from seltzer.settings import Settings

if TYPE_CHECKING:
    from seltzer.runs.engine import Engine

NODE_THREADS: Final = 64
COLLECTOR_THRESHOLDS: Final = (20_000, 20, 50)
CUT_S: Final = 2  # how long answers have to end behind the drain, before their connections are cut


def run(settings: Settings, *, reload: bool) -> int:
    """Serve until a signal. Returns 0 after SIGINT or SIGTERM, 1 if the server can't start."""
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, _leave)
    try:
        listener = listen(settings.host, settings.port)
    except CannotListen as error:
        print(f"seltzer: {error}", file=sys.stderr)
        return 1
    bound = settings.model_copy(update={"port": listener.getsockname()[1]})
    if not reload:
        return serve_on(bound, [listener])
    from seltzer.cli.serve.reload import SourceReload

    config = _uvicorn_config(bound, "seltzer.main:create_app", factory=True, reload=True)
    SourceReload(config, partial(_serve_in_child, bound), [listener], graphs_file=bound.config).run()
    return 0


def serve_on(settings: Settings, sockets: list[socket]) -> int:
    """Load the graphs and serve them on sockets that listen already. Returns the exit code."""
    from seltzer.main import Facts, create_app

    url = url_of(settings.host, settings.port)
    try:
        app = create_app(settings)
        known: Facts = app.state.facts
        banner = render(
            url,
            version=known.version,
            graphs=known.graphs,
            models=known.models,
            storage=known.storage,
            auth=known.auth,
        )
    except AppError as error:
        print(error, file=sys.stderr)
        return 1
    server = _Server(
        _uvicorn_config(settings, app),
        app.state.engine,
        settings.drain_s,
        on_ready=lambda: print(banner, flush=True),
    )
    try:
        server.run(sockets=sockets)
    except SystemExit as stop:  # uvicorn's own code for a start that failed is 3, ours for no server there
        return 1 if stop.code else 0
    return 1 if server.has_refused else 0


def _serve_in_child(settings: Settings, sockets: list[socket]) -> None:
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, _leave)
    threading.Thread(target=_stop_with_parent, name="watch the reloader", daemon=True).start()
    sys.exit(serve_on(settings, sockets))


def _stop_with_parent() -> None:
    """Stop as upon SIGTERM once the reloader is gone: killed, it tells nobody, and the port stays taken."""
    if reloader := multiprocessing.parent_process():
        reloader.join()
        os.kill(os.getpid(), signal.SIGTERM)


def _leave(_number: int, _frame: FrameType | None) -> None:
    """End with 0: before uvicorn takes the signals over, and after it has stopped and raises them again."""
    raise SystemExit(0)


def _spare_the_collector() -> None:
    """Have the garbage collector look at what is made from now on alone, and not after every few tokens.

    The libraries' hundred thousand objects live as long as the process; going through them again and again
    is a good part of what a token costs otherwise (docs/token.md).
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(*COLLECTOR_THRESHOLDS)


def _exit_now() -> None:
    for stream in (sys.stdout, sys.stderr):
        with suppress(RuntimeError):  # the signal has come amid a write to it
            stream.flush()
    os._exit(0)


class _Server(uvicorn.Server):
    """A server that says when it accepts connections, and that it is stopping."""

    def __init__(
        self, config: uvicorn.Config, engine: "Engine", drain_s: float, on_ready: Callable[[], None]
    ) -> None:
        super().__init__(config)
        self._engine = engine
        self._drain_s = drain_s
        self._on_ready = on_ready
        self.has_refused = False

    async def startup(self, sockets: list[socket] | None = None) -> None:
        try:
            await self._engine.open()
            # Nodes that are plain functions run there and can't be stopped: some that hang must not hold all.
            pool = ThreadPoolExecutor(NODE_THREADS, thread_name_prefix="node")
            asyncio.get_running_loop().set_default_executor(pool)
        except AppError as error:  # in uvicorn's own hands it would be a traceback
            print(f"seltzer: {error}", file=sys.stderr)
            self.should_exit = self.has_refused = True
            return
        await super().startup(sockets)
        _spare_the_collector()
        if self.started:
            self._on_ready()

    async def shutdown(self, sockets: list[socket] | None = None) -> None:
        """Drain, then stop: until nothing goes on the server answers, but begins nothing new."""
        # A node that can't be stopped would keep the process: this exit needs neither it nor the event loop.
        last_resort = threading.Timer(self._drain_s + 2 * CUT_S + 1, _exit_now)
        last_resort.daemon = True
        last_resort.start()
        self._engine.drain()
        if not await self._engine.idle(timeout_s=0):
            print(f"Stopping; what goes on has {self._drain_s:g} s. Ctrl-C again: at once.", file=sys.stderr)
            await self._engine.idle(self._drain_s)
        await self._engine.aclose()  # what still goes on ends by itself, before its connection is cut
        await super().shutdown(sockets)

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """Begin to stop; when asked a second time, stop at once."""
        if self.should_exit:
            _exit_now()
        super().handle_exit(sig, frame)


def _uvicorn_config(
    settings: Settings, app: Any, *, factory: bool = False, reload: bool = False
) -> uvicorn.Config:
    return uvicorn.Config(
        app,
        factory=factory,
        reload=reload,
        host=settings.host,
        port=settings.port,
        loop="auto" if sys.platform == "win32" else "uvloop",
        http="httptools",
        lifespan="on",
        access_log=settings.access_log,
        log_config=_log_config(settings.log_level.upper()),
        timeout_graceful_shutdown=CUT_S,
        server_header=False,
    )


def _log_config(level: str) -> dict[str, Any]:
    """Return logging's configuration: all on stderr, so that stdout has the banner alone."""
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "formatters": {
            "plain": {"format": "%(asctime)s %(levelname)s %(name)s: %(message)s"},
            "access": {
                "()": "uvicorn.logging.AccessFormatter",
                "fmt": '%(asctime)s %(client_addr)s "%(request_line)s" %(status_code)s',
                "use_colors": False,
            },
        },
        "handlers": {
            "plain": {"class": "logging.StreamHandler", "formatter": "plain", "stream": "ext://sys.stderr"},
            "access": {"class": "logging.StreamHandler", "formatter": "access", "stream": "ext://sys.stderr"},
        },
        "root": {"handlers": ["plain"], "level": "WARNING"},
        "loggers": {
            "seltzer": {"level": level},
            "graphs": {"level": level},
            "uvicorn": {"level": "INFO" if level == "DEBUG" else "WARNING"},
            "uvicorn.access": {"handlers": ["access"], "level": "INFO", "propagate": False},
        },
    }
