"""`seltzer serve`: bind the address, then serve here or in a child process that a reloader replaces."""

import multiprocessing
import os
import signal
import sys
import threading
from collections.abc import Callable
from functools import partial
from socket import socket
from types import FrameType

import typer

from seltzer.cli.serve.application import CannotServe, load_application
from seltzer.cli.serve.banner import render
from seltzer.cli.serve.configuration import uvicorn_config
from seltzer.cli.serve.listener import CannotListen, bound_url, listen, reach_of
from seltzer.cli.serve.server import Server
from seltzer.cli.serve.signals import STOPPING
from seltzer.errors import AppError
from seltzer.settings import Settings
from seltzer.stores.sqlite.lock import record_url


def run(read: Callable[[], Settings], *, app: str | None = None, reload: bool = False) -> int:
    """Serve what langgraph.json names, or the app, until a signal.

    read: reads the settings; a reloader's children read them anew, as .env may have changed.
    Returns 0 after a signal that asks to stop, 1 if the server can't start.
    """
    _exit_on_signals()
    settings = read()
    try:
        listener = listen(settings.host, settings.port)
    except CannotListen as error:
        print(f"seltzer: {error}", file=sys.stderr)
        return 1
    bound = settings.model_copy(update={"port": listener.getsockname()[1]})
    if not reload:
        return _serve(bound, [listener], app)
    from seltzer.cli.serve.reload import SourceReload

    config = uvicorn_config(bound, app or "seltzer.main:create_app", factory=app is None, reload=True)
    SourceReload(
        config, partial(_serve_in_child, read, bound, app), [listener], graphs_file=bound.config
    ).run()
    return 0


def _serve(settings: Settings, sockets: list[socket], app: str | None) -> int:
    """Load the app and serve it on sockets that listen already. Returns the exit code."""
    try:
        server = _server(settings, app, sockets[0])
    except (AppError, CannotServe) as error:
        print(error, file=sys.stderr)
        return 1
    return server.run_to_end(sockets)


def _serve_in_child(
    read: Callable[[], Settings], bound: Settings, app: str | None, sockets: list[socket]
) -> None:
    """Serve in a reloader's child; while a file is broken, answer every request with what is wrong.

    bound: the settings that the reloader began with; their address stays.
    """
    _exit_on_signals()
    threading.Thread(target=_stop_with_parent, name="watch the reloader", daemon=True).start()
    try:
        server = _server(read().model_copy(update={"host": bound.host, "port": bound.port}), app, sockets[0])
    except (AppError, CannotServe, typer.BadParameter) as error:
        from seltzer.cli.serve.unavailable import unavailable

        print(error, file=sys.stderr, flush=True)
        server = Server(uvicorn_config(bound, unavailable(str(error), bound), lifespan="off"))
    sys.exit(server.run_to_end(sockets))


def _server(settings: Settings, app: str | None, listener: socket) -> Server:
    """Return the server, ready to run. Raises CannotServe, and LoadError for a graph."""
    application = load_application(settings, app)
    url, reach = bound_url(listener, settings.host), reach_of(listener)

    def announce() -> None:
        mounted = application.mounted()
        for each in mounted:
            record_url(each.facts.data, f"{url}{each.prefix}{each.base or ''}")
        print(render(url, mounted, app=app, reach=reach), flush=True)

    return Server(
        uvicorn_config(settings, application.asgi, lifespan="on" if application.mounted() else "auto"),
        lambda: [each.engine for each in application.mounted()],
        settings.drain_s,
        on_ready=announce,
    )


def _stop_with_parent() -> None:
    """Stop as upon SIGTERM once the reloader is gone: killed, it can't pass a signal on."""
    if reloader := multiprocessing.parent_process():
        reloader.join()
        os.kill(os.getpid(), signal.SIGTERM)


def _exit_on_signals() -> None:
    for number in STOPPING:
        signal.signal(number, _exit)


def _exit(_number: int, _frame: FrameType | None) -> None:
    """End with 0: before uvicorn handles the signals, and after it has stopped and raises them again."""
    raise SystemExit(0)
