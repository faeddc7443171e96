"""The threads that nodes, tools and edges run in which are plain functions.

LangGraph and LangChain run these in the loop's default executor, which is small, and which name look-ups and
the app around us use too: some that sleep would stop everything. So runs have threads of their own, many of
them, each made when it is needed.
"""

import asyncio
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from contextvars import Context, ContextVar
from typing import Any, Final
from weakref import WeakSet

_THREADS: Final[ContextVar[ThreadPoolExecutor | None]] = ContextVar("seltzer_threads", default=None)
_installed: Final[WeakSet[asyncio.AbstractEventLoop]] = WeakSet()


class RunThreads:
    """The threads of one engine's runs, limit of them at most. A call beyond them waits for one."""

    def __init__(self, limit: int) -> None:
        self._pool = ThreadPoolExecutor(limit, thread_name_prefix="node")
        install(asyncio.get_running_loop())

    def enter(self, context: Context) -> None:
        """Have the calls from the context run here."""
        context.run(_THREADS.set, self._pool)

    def close(self) -> None:
        """Start no more calls. One that is running can't be stopped."""
        self._pool.shutdown(wait=False, cancel_futures=True)


def install(loop: asyncio.AbstractEventLoop) -> None:
    """Have the loop's default executor pass calls from runs to their threads.

    It replaces an executor that was set before: there is no public way to look at that one.
    """
    if loop not in _installed:
        loop.set_default_executor(_DefaultExecutor())
        _installed.add(loop)


class _DefaultExecutor(ThreadPoolExecutor):
    """As the one that a loop makes itself, except for calls from runs."""

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        threads = _THREADS.get()
        submit = super().submit if threads is None else threads.submit
        return submit(fn, *args, **kwargs)
