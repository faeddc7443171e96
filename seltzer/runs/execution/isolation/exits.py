"""Turns a graph's SystemExit, KeyboardInterrupt and GeneratorExit into an error of its run.

asyncio raises the first two out of the event loop if a task ends with one, past every handler, and LangGraph
has tasks of its own for nodes and tool calls: a `sys.exit()` in one would end the server with all its runs.
A GeneratorExit it throws into the task's awaiter, which closes all of its coroutines.
"""

import asyncio
from collections.abc import Coroutine
from contextvars import Context, ContextVar
from typing import Any, Final, TypeVar
from weakref import WeakKeyDictionary

T = TypeVar("T")

_users: Final[WeakKeyDictionary[asyncio.AbstractEventLoop, int]] = WeakKeyDictionary()
_IS_CONTAINED: Final[ContextVar[bool]] = ContextVar("seltzer_is_contained", default=False)


class GraphExited(RuntimeError):
    """A node or a tool tried to end the process; its run fails instead."""


def contained() -> Context:
    """Return an empty context in which these become GraphExited, also in every task created within it.

    The running loop gets a task factory for that, in front of the one it has. One that is set later, by an
    app or a library, is wrapped when the next context is made.
    """
    install(asyncio.get_running_loop())
    context = Context()
    context.run(_IS_CONTAINED.set, True)
    return context


def install(loop: asyncio.AbstractEventLoop) -> None:
    """Have the loop contain the tasks of contained contexts; all others are created as before."""
    current = loop.get_task_factory()
    if not isinstance(current, _Factory):
        loop.set_task_factory(_Factory(current))


def retain(loop: asyncio.AbstractEventLoop) -> None:
    """Note that runs are executed in the loop, until release() is called as often."""
    _users[loop] = _users.get(loop, 0) + 1


def release(loop: asyncio.AbstractEventLoop) -> None:
    """Give the loop the factory back that it had before, unless others execute runs in it.

    One that was set after ours stays.
    """
    _users[loop] -= 1
    current = loop.get_task_factory()
    if not _users[loop] and isinstance(current, _Factory):
        loop.set_task_factory(current.inner)


class _Factory:
    """Creates a loop's tasks. inner: what has created them before."""

    def __init__(self, inner: Any) -> None:
        self.inner = inner
        self._create = inner or _task

    def __call__(
        self, loop: asyncio.AbstractEventLoop, coro: Any, *, context: Context | None = None, **options: Any
    ) -> Any:
        if context is not None:
            options["context"] = context
        is_contained = _IS_CONTAINED.get() if context is None else context.get(_IS_CONTAINED, False)
        if not (is_contained and asyncio.iscoroutine(coro)):
            return self._create(loop, coro, **options)
        outer: Any = _guarded(coro)
        outer.__qualname__ = getattr(coro, "__qualname__", outer.__qualname__)  # what debuggers show
        task = self._create(loop, outer, **options)
        # A task that is cancelled before its first step never awaits coro, and Python would warn of it.
        task.add_done_callback(lambda _: coro.close(), context=context)
        return task


def _task(loop: asyncio.AbstractEventLoop, coro: Any, **options: Any) -> Any:
    return asyncio.Task(coro, loop=loop, **options)


async def _guarded(inner: Coroutine[Any, Any, T]) -> T:
    try:
        return await inner
    except (SystemExit, KeyboardInterrupt, GeneratorExit) as exit:
        if isinstance(exit, GeneratorExit) and exit.__traceback__ and exit.__traceback__.tb_next is None:
            raise  # not the graph's: this coroutine is being closed
        raise GraphExited(f"the graph raised {type(exit).__name__}") from exit
