"""A uvicorn server that prints when it is ready, and drains its engines before it stops."""

import asyncio
import gc
import os
import signal
import sys
import threading
from collections.abc import Callable, Sequence
from contextlib import suppress
from socket import socket
from types import FrameType
from typing import Final

import uvicorn

from seltzer.cli.serve.configuration import CUT_S
from seltzer.cli.serve.signals import STOPPING
from seltzer.errors import AppError
from seltzer.runs.engine import Engine

COLLECTOR_THRESHOLDS: Final = (20_000, 20, 50)


class Server(uvicorn.Server):
    """Serves an app that may carry engines: they are opened first, and drained when it stops.

    engines: asked for them when it starts, and again when it stops: the app's lifespan may add some.
    """

    def __init__(
        self,
        config: uvicorn.Config,
        engines: Callable[[], Sequence[Engine]] = tuple,
        drain_s: float = 0.0,
        on_ready: Callable[[], None] = lambda: None,
    ) -> None:
        super().__init__(config)
        self._engines = engines
        self._drain_s = drain_s
        self._on_ready = on_ready
        self._was_refused = False

    def run_to_end(self, sockets: list[socket]) -> int:
        """Serve until a signal. Returns the exit code: 1 if the server couldn't start."""
        if signal.SIGHUP in STOPPING:
            signal.signal(signal.SIGHUP, self._hang_up)
        try:
            self.run(sockets=sockets)
        except (
            SystemExit
        ) as stop:  # uvicorn's code for a failed start is 3, which is ours for no server there
            return 1 if stop.code else 0
        return 1 if self._was_refused else 0

    async def startup(self, sockets: list[socket] | None = None) -> None:
        try:
            await self._start(sockets)
        finally:
            if not self.started:  # uvicorn doesn't shut down then: the runs that were claimed are handed back
                await asyncio.gather(*(engine.aclose() for engine in self._engines()))

    async def _start(self, sockets: list[socket] | None) -> None:
        try:
            for engine in self._engines():
                await engine.open()
        except AppError as error:  # uvicorn would print a traceback
            print(f"seltzer: {error}", file=sys.stderr)
            self.should_exit = self._was_refused = True
            return
        await super().startup(sockets)
        if self.started:
            _relieve_the_collector()
            self._on_ready()

    async def shutdown(self, sockets: list[socket] | None = None) -> None:
        """Drain, then stop: while runs are active the server answers, but starts nothing new."""
        # A node that can't be stopped would keep the process: this exit needs neither it nor the event loop.
        last_resort = threading.Timer(self._drain_s + 2 * CUT_S + 1, _exit_now)
        last_resort.daemon = True
        last_resort.start()
        engines = self._engines()
        for engine in engines:
            engine.drain()
        if not await _are_idle(engines, 0):
            print(f"Stopping; active runs have {self._drain_s:g} s. Ctrl-C again: at once.", file=sys.stderr)
            await _are_idle(engines, self._drain_s)
        # What is still active ends by itself, before its connection is cut.
        await asyncio.gather(*(engine.aclose() for engine in engines))
        await super().shutdown(sockets)

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """Begin to stop; when asked a second time, stop at once."""
        if self.should_exit:
            _exit_now()
        super().handle_exit(sig, frame)

    def _hang_up(self, _sig: int, frame: FrameType | None) -> None:
        """Begin to stop. A closing terminal sends this signal more than once: repeating it is no hurry."""
        if not self.should_exit:
            self.handle_exit(signal.SIGTERM, frame)


async def _are_idle(engines: Sequence[Engine], timeout_s: float) -> bool:
    return all(await asyncio.gather(*(engine.idle(timeout_s) for engine in engines)))


def _relieve_the_collector() -> None:
    """Exempt the libraries' objects, which live as long as the process, from garbage collection.

    Going through them again and again is a good part of what a token costs otherwise (docs/performance.md).
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(*COLLECTOR_THRESHOLDS)


def _exit_now() -> None:
    for stream in (sys.stdout, sys.stderr):
        with suppress(RuntimeError):  # the signal arrived during a write to it
            stream.flush()
    os._exit(0)
