"""Runs whose callers leave while their rows are being written, on each store."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any, cast

import pytest
from anyio.lowlevel import checkpoint

from seltzer.errors import ThreadBusy
from seltzer.runs.engine import Engine
from seltzer.runs.graph import AnyPregel
from seltzer.runs.ports import Runs, Stores, Submitted
from seltzer.runs.run import RunSpec
from seltzer.stores.memory.store import MemoryStore
from seltzer.stores.open import open_stores
from seltzer.stores.options import DatabaseOptions, Retention
from seltzer.stores.postgres.store import open_postgres
from tests.patience import PATIENCE_S
from tests.runs.scenario import answer, kinds, read_all, run_spec, run_to_end, spec_without_input
from tests.runs.scripted import agent, named
from tests.stores.postgres.server import create_database

pytestmark = pytest.mark.anyio


class SlowAnswers:
    """Rows of a store that answers a submission of `r` late: `is_written` before it is `answered`."""

    def __init__(self, runs: Runs) -> None:
        self._runs = runs
        self.is_written = asyncio.Event()
        self.answered = asyncio.Event()

    async def submit(self, spec: RunSpec, *arguments: Any, **options: Any) -> Submitted:
        submitted = await self._runs.submit(spec, *arguments, **options)
        if spec.run_id == "r":
            self.is_written.set()
            await self.answered.wait()
        return submitted

    def __getattr__(self, verb: str) -> Any:
        return getattr(self._runs, verb)


Open = Callable[[AnyPregel], Awaitable[tuple[Engine, SlowAnswers]]]


@pytest.fixture(params=["memory", "sqlite", "postgres"])
async def open_engine(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Open]:
    """Return a function that opens an engine over the store."""
    opening: Callable[[], AbstractAsyncContextManager[Stores]] = MemoryStore().open
    if request.param == "sqlite":
        opening = partial(open_stores, tmp_path / "data")
    elif request.param == "postgres":
        url = await asyncio.to_thread(create_database)
        opening = partial(open_postgres, DatabaseOptions(url, pool_limit=4), Retention())

    async with AsyncExitStack() as closing:

        async def open_engine(pregel: AnyPregel) -> tuple[Engine, SlowAnswers]:
            rows: list[SlowAnswers] = []

            @asynccontextmanager
            async def stores() -> AsyncIterator[Stores]:
                async with opening() as found:
                    rows.append(SlowAnswers(found.runs))
                    yield replace(found, runs=cast(Runs, rows[0]))

            engine = Engine(named(pregel), stores)
            await engine.open()
            closing.push_async_callback(engine.aclose)
            return engine, rows[0]

        yield open_engine


async def leave(engine: Engine, rows: SlowAnswers, spec: RunSpec) -> None:
    """Have a caller leave while the store has written its run's row, and not answered yet."""
    starting = asyncio.create_task(engine.reserve(spec) if spec.attached else engine.start(spec))
    async with asyncio.timeout(PATIENCE_S):
        await rows.is_written.wait()
    starting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await starting
    rows.answered.set()


@pytest.mark.parametrize("attached", [True, False])
async def test_a_caller_that_leaves_leaves_no_thread_busy(open_engine: Open, attached: bool) -> None:
    engine, rows = await open_engine(agent(["one"], ["two"]))

    await leave(engine, rows, spec_without_input() if attached else run_spec())

    if attached:  # nobody has its input
        assert kinds(await read_all(engine.follow("r"))) == ["cancelled"]
    else:  # it was accepted
        assert answer(await read_all(engine.follow("r"))) == "one"
        assert (await engine.get_run("r")).crashes == 0  # nobody had to wait for its lease to run out
    assert kinds(await run_to_end(engine, run_spec(run_id="next")))[-1] == "finished"


@pytest.mark.parametrize("attached", [True, False])
async def test_a_caller_that_leaves_leaves_no_turn_unused(open_engine: Open, attached: bool) -> None:
    gate = asyncio.Event()
    engine, rows = await open_engine(agent([gate, "one"], ["two"], ["three"]))
    await engine.start(run_spec(run_id="first"))

    spec = spec_without_input(on_busy="enqueue") if attached else run_spec(on_busy="enqueue")
    await leave(engine, rows, spec)
    if attached:
        assert kinds(await read_all(engine.follow("r"))) == ["cancelled"]
    gate.set()

    assert answer(await read_all(engine.follow("first"))) == "one"
    if not attached:
        assert answer(await read_all(engine.follow("r"))) == "two"
    assert kinds(await run_to_end(engine, run_spec(run_id="next")))[-1] == "finished"


async def test_a_refused_run_whose_caller_leaves_changes_nothing(open_engine: Open) -> None:
    gate = asyncio.Event()
    engine, _ = await open_engine(agent([gate, "one"]))
    await engine.start(run_spec(run_id="first"))
    starting = asyncio.create_task(engine.reserve(spec_without_input()))
    await checkpoint()

    starting.cancel()

    with pytest.raises((asyncio.CancelledError, ThreadBusy)):
        await starting
    gate.set()
    assert answer(await read_all(engine.follow("first"))) == "one"
