"""Keeps a graph's SystemExit and KeyboardInterrupt inside its run.

asyncio raises these two out of the event loop if a task ends with one, past every handler, and LangGraph has
tasks of its own for nodes and tool calls: a `sys.exit()` in one would end the server with all of its runs.
"""

import asyncio
from collections.abc import Coroutine, Generator
from contextvars import Context, ContextVar
from types import TracebackType
from typing import Any, Final

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
        inside = _Contained(coro) if is_contained else coro
        if self._replaced is not None:
            return self._replaced(loop, inside, **options)
        return asyncio.Task(inside, loop=loop, **options)


class _Contained(Coroutine[Any, Any, Any]):
    """A coroutine in whose place another's exit is a GraphExited.

    It isn't an `async def`: cancelled before its first step, that would leave the one inside unawaited.
    """

    __slots__ = ("_inner",)

    def __init__(self, inner: Coroutine[Any, Any, Any]) -> None:
        self._inner = inner

    def send(self, value: Any) -> Any:
        try:
            return self._inner.send(value)
        except (SystemExit, KeyboardInterrupt) as exit:
            raise _exited(exit) from exit

    def throw(
        self,
        error: Any,
        value: BaseException | object = None,
        traceback: TracebackType | None = None,
    ) -> Any:
        raised: Any = error if value is None else value
        try:
            return self._inner.throw(raised)
        except (SystemExit, KeyboardInterrupt) as exit:
            raise _exited(exit) from exit

    def close(self) -> None:
        self._inner.close()

    def __await__(self) -> Generator[Any, Any, Any]:
        try:
            return (yield from self._inner.__await__())
        except (SystemExit, KeyboardInterrupt) as exit:
            raise _exited(exit) from exit

    def __getattr__(self, name: str) -> Any:
        """Show the coroutine inside to who looks at frames and states."""
        return getattr(self._inner, name)


def _exited(exit: BaseException) -> GraphExited:
    return GraphExited(f"the graph raised {type(exit).__name__}")
