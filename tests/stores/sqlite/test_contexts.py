"""What a store starts for all of a process has nothing of the first run's context."""

import asyncio
import sqlite3
import weakref
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from contextvars import Context, ContextVar, copy_context
from pathlib import Path
from typing import Any

import pytest
from langchain_core.messages import HumanMessage

from tests.stores.conversing import echo, on, open_checkpoints, opened, rows, texts, turn
from tests.stores.sqlite.numbers import nothing

pytestmark = pytest.mark.anyio

run: ContextVar[Any] = ContextVar("run")
MANY = 300  # messages; so many are decoded in a thread


class State:
    """What a run has in its context."""


class Watching(ThreadPoolExecutor):
    """Threads that note for each work whether it carries a run's context, as with asyncio.to_thread."""

    def __init__(self) -> None:
        super().__init__(1)
        self.has_run: list[bool] = []

    def submit(self, work: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Any:
        sent = getattr(getattr(work, "func", None), "__self__", None)  # of `partial(context.run, ..)`
        self.has_run.append(isinstance(sent, Context) and run in sent)
        return super().submit(work, *args, **kwargs)


@contextmanager
def watched_tasks() -> Iterator[list[tuple[asyncio.Task[Any], bool]]]:
    """Note for each task that is started whether it is in a run's context."""
    found: list[tuple[asyncio.Task[Any], bool]] = []

    def make(loop: Any, coroutine: Any, *, context: Context | None = None, **kwargs: Any) -> Any:
        task = asyncio.Task(coroutine, loop=loop, context=context, **kwargs)
        found.append((task, run in (copy_context() if context is None else context)))
        return task

    loop = asyncio.get_running_loop()
    loop.set_task_factory(make)
    try:
        yield found
    finally:
        loop.set_task_factory(None)


async def test_a_deletion_of_messages_is_in_no_runs_context(tmp_path: Path) -> None:
    async with open_checkpoints(tmp_path / "seltzer.db", kept=1) as checkpoints:
        pregel = on(checkpoints, echo())
        await turn(pregel, "hi")
        run.set("the first")

        with watched_tasks() as found:
            await checkpoints.roll_back("t", ["r"])

    assert [has_run for task, has_run in found if task.get_name() == "delete messages"] == [False]


async def test_messages_are_decoded_in_no_runs_context(tmp_path: Path) -> None:
    threads = Watching()
    async with open_checkpoints(tmp_path / "seltzer.db") as checkpoints:
        await turn(on(checkpoints, echo()), {"messages": [HumanMessage(str(n)) for n in range(MANY)]})
    async with open_checkpoints(tmp_path / "seltzer.db") as checkpoints:
        asyncio.get_running_loop().set_default_executor(threads)
        run.set("the first")

        assert len(await texts(on(checkpoints, echo()))) == MANY + 1

    assert threads.has_run
    assert not any(threads.has_run)


async def test_posted_work_that_waits_keeps_nothing_of_its_runs_context(tmp_path: Path) -> None:
    def insert(connection: sqlite3.Connection) -> None:
        connection.execute("INSERT INTO numbers VALUES (1)")

    async with opened(tmp_path / "seltzer.db") as database:
        await database.write(lambda connection: connection.execute("CREATE TABLE numbers (n)"))
        context, state = copy_context(), State()
        context.run(run.set, state)
        is_alive = weakref.ref(state)

        context.run(database.post, "owner", insert, can_wait=True)
        del context, state

        assert is_alive() is None
        assert rows(tmp_path / "seltzer.db", "SELECT n FROM numbers") == []
        await database.read(nothing, after_posts=True)

    assert rows(tmp_path / "seltzer.db", "SELECT n FROM numbers") == [(1,)]
