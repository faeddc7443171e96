"""Keeps a graph's SystemExit and KeyboardInterrupt inside its run.

asyncio raises these two out of the event loop if a task ends with one, past every handler, and LangGraph has
tasks of its own for nodes and tool calls: a `sys.exit()` in one would end the server with all of its runs.
"""

import asyncio
from collections.abc import Coroutine
from contextvars import Context, ContextVar
from typing import Any, Final, TypeVar

T = TypeVar("T")

_IS_CONTAINED: Final[ContextVar[bool]] = ContextVar("seltzer_is_contained", default=False)


class GraphExited(RuntimeError):
    """A node or a tool wanted to end the process; its run fails instead."""


def contained() -> Context:
    """Return a fresh context; in every task below it, however it was made, the two become GraphExited.

    Only on a loop that was given to install.
    """
    context = Context()
    context.run(_IS_CONTAINED.set, True)
    return context


def install(loop: asyncio.AbstractEventLoop) -> None:
    """Have the loop contain the tasks of contained contexts, and make all others as before."""
    before = loop.get_task_factory()
    if not isinstance(before, _Factory):
        loop.set_task_factory(_Factory(before))


class _Factory:
    """Makes a loop's tasks."""

    def __init__(self, before: Any) -> None:
        self._replaced = before

    def __call__(
        self, loop: asyncio.AbstractEventLoop, coro: Any, *, context: Context | None = None, **options: Any
    ) -> Any:
        if context is not None:
            options["context"] = context
        is_contained = _IS_CONTAINED.get() if context is None else context.get(_IS_CONTAINED, False)
        make = self._replaced or _task
        if not (is_contained and asyncio.iscoroutine(coro)):
            return make(loop, coro, **options)
        outside: Any = _kept_inside(coro)
        outside.__qualname__ = getattr(coro, "__qualname__", outside.__qualname__)  # who looks sees its name
        task = make(loop, outside, **options)
        # A task that is cancelled before its first step never awaits coro, of which Python would warn.
        task.add_done_callback(lambda _: coro.close(), context=context)
        return task


def _task(loop: asyncio.AbstractEventLoop, coro: Any, **options: Any) -> Any:
    return asyncio.Task(coro, loop=loop, **options)


async def _kept_inside(inner: Coroutine[Any, Any, T]) -> T:
    try:
        return await inner
    except (SystemExit, KeyboardInterrupt) as exit:
        raise GraphExited(f"the graph raised {type(exit).__name__}") from exit
