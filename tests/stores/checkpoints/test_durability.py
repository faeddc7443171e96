"""Which of a run's states are stored before a node starts from them, and which may be stored later."""

import asyncio
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import anyio
import pytest
from anyio.lowlevel import checkpoint
from langchain_core.runnables import RunnableConfig
from langgraph.channels import Topic
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.func import entrypoint, task
from langgraph.graph import END, START

from seltzer.runs.execution.fence import FENCE, Fence
from seltzer.runs.graph import AnyPregel
from seltzer.stores.sqlite.checkpoints.checkpoints import SqliteCheckpoints
from seltzer.stores.sqlite.database import Database
from tests.stores.checkpoints.observed_graphs import (
    SHAPES,
    State,
    Watch,
    built,
    chain,
    hi,
    history,
    mapped,
    run,
)
from tests.stores.conversing import blocked_writes, config, migrated, on, opened

pytestmark = pytest.mark.anyio

TURNS = 300  # of the loop: more than a run takes that waits for nothing

shapes = pytest.mark.parametrize(("shape", "names"), SHAPES.items(), ids=[each.__name__ for each in SHAPES])


@pytest.fixture
async def file(tmp_path: Path) -> Path:
    return await migrated(tmp_path / "threads.db")


@pytest.fixture
async def database(file: Path) -> AsyncIterator[Database]:
    async with opened(file) as database:
        yield database


@pytest.fixture
def watch(file: Path) -> Watch:
    return Watch(file)


# Before a node runs


@shapes
async def test_the_state_a_node_starts_from_is_stored_before_it_runs(
    database: Database, watch: Watch, shape: Callable[[Watch], AnyPregel], names: list[str]
) -> None:
    pregel = on(SqliteCheckpoints(database), shape(watch))

    await run(pregel, hi(), "r1", fence=Fence(is_thread_new=True))
    first, found = watch.unstored, sorted(watch.names)
    watch.visits.clear()
    await run(pregel, hi(), "r2")

    assert (first, found) == ([], sorted(names))
    assert (watch.unstored, sorted(watch.names)) == ([], sorted(names))


async def test_where_sends_have_no_channel_of_their_own_every_state_is_stored_before_a_node_runs(
    database: Database, watch: Watch
) -> None:
    otherwise = mapped(watch)
    otherwise.channels = {
        name: channel for name, channel in otherwise.channels.items() if not isinstance(channel, Topic)
    }
    saver = SqliteCheckpoints(database).saver_for(otherwise)

    await run(mapped(watch).copy({"checkpointer": saver}), hi(), fence=Fence(is_thread_new=True))

    assert (watch.unstored, sorted(watch.names)) == ([], sorted(SHAPES[mapped]))


@shapes
async def test_only_the_first_node_runs_while_nothing_can_be_stored(
    database: Database, watch: Watch, shape: Callable[[Watch], AnyPregel], names: list[str]
) -> None:
    pregel = on(SqliteCheckpoints(database), shape(watch))

    async with blocked_writes(database):
        running = asyncio.create_task(run(pregel, hi(), fence=Fence(is_thread_new=True)))
        with anyio.fail_after(10):
            await watch.has_begun.wait()
        for _ in range(TURNS):
            await checkpoint()
        visited, stored = watch.names, watch.stored()
    await running

    assert (visited, stored) == (names[:1], [])
    assert sorted(watch.names) == sorted(names)


@pytest.mark.parametrize("where", ["interrupt_before", "interrupt_after"])
async def test_a_run_that_stops_at_a_node_has_stored_the_state_for_the_next(
    database: Database, watch: Watch, where: Any
) -> None:
    pregel = on(SqliteCheckpoints(database), chain(watch))
    setattr(pregel, f"{where}_nodes", ["tool"])

    await run(pregel, hi(), "r1", fence=Fence(is_thread_new=True))
    stopped, stored = watch.names, watch.stored()
    await run(pregel, None, "r2")

    stops_at = ["model"] if where == "interrupt_before" else ["model", "tool"]
    assert stopped == stops_at
    assert stored[-1] == len(stops_at)
    assert watch.names == ["model", "tool", "model"]
    assert watch.unstored == []


# The ends


async def test_a_run_of_one_node_waits_for_no_write_and_stores_all(database: Database, watch: Watch) -> None:
    pregel = on(SqliteCheckpoints(database), built(watch.node("a"), edges=[(START, "a")]).compile())

    async with blocked_writes(database):
        await run(pregel, hi(), fence=Fence(is_thread_new=True))
        before = watch.stored()
    states = await history(pregel)

    assert before == []
    assert watch.stored() == [-1, 0, 1]
    assert states[0][2] == {"said": ["hi", "a"]}


@shapes
async def test_the_history_equals_that_of_langgraphs_own_saver(
    database: Database, watch: Watch, shape: Callable[[Watch], AnyPregel], names: list[str]
) -> None:
    mine = on(SqliteCheckpoints(database), shape(watch))
    theirs = shape(watch).copy({"checkpointer": InMemorySaver()})

    for number, is_new in enumerate((True, False)):
        for pregel in (mine, theirs):
            await run(pregel, hi(), f"r{number}", fence=Fence(is_thread_new=is_new))

    assert await history(mine) == await history(theirs)


class Doubling:
    """An entrypoint of two tasks that fails once between them, if that is configured."""

    def __init__(self, *errors: Exception) -> None:
        self.doubled: list[int] = []
        self.has_doubled_twice = asyncio.Event()

        @task
        async def double(n: int) -> int:
            self.doubled.append(n)
            if len(self.doubled) == 2:
                self.has_doubled_twice.set()
            return 2 * n

        breaks = list(errors)

        @entrypoint()
        async def flow(n: int, *, previous: int | None) -> int:
            once = await double(n)
            if breaks:
                raise breaks.pop()
            return await double(once) + (previous or 0)

        self.pregel: AnyPregel = flow


async def test_an_entrypoint_waits_for_all_states_but_its_input(database: Database, watch: Watch) -> None:
    """Its triggers are unknown: none of its states counts as the last."""
    doubling = Doubling()
    pregel = on(SqliteCheckpoints(database), doubling.pregel)

    async with blocked_writes(database):
        running = asyncio.create_task(run(pregel, 1, "r1", fence=Fence(is_thread_new=True)))
        with anyio.fail_after(10):
            await doubling.has_doubled_twice.wait()
        for _ in range(TURNS):
            await checkpoint()
        was_done = running.done()
    await running
    stored = watch.stored()
    await run(pregel, 5, "r2")

    assert not was_done
    assert stored == [-1, 0]
    assert doubling.doubled == [1, 2, 5, 10]
    assert (await pregel.aget_state(config())).values == 24


async def test_an_entrypoints_finished_tasks_are_not_repeated(database: Database) -> None:
    doubling = Doubling(ValueError("no"))
    pregel = on(SqliteCheckpoints(database), doubling.pregel)

    with pytest.raises(ValueError, match="no"):
        await run(pregel, 1, fence=Fence(is_thread_new=True))
    await run(pregel, None)

    assert doubling.doubled == [1, 2]
    assert (await pregel.aget_state(config())).values == 4


# A thread that is new


async def test_a_new_thread_is_not_looked_up(database: Database, watch: Watch) -> None:
    statements: list[str] = []
    await database.read(lambda connection: connection.set_trace_callback(statements.append))
    statements.clear()
    pregel = on(SqliteCheckpoints(database), chain(watch))

    await run(pregel, hi(), "r1", fence=Fence(is_thread_new=True))
    of_the_first = list(statements)
    await run(pregel, hi(), "r2")

    assert of_the_first == []
    assert any("FROM checkpoints" in each for each in statements)


@pytest.mark.parametrize("as_the_run", [True, False])
async def test_the_first_node_of_a_new_thread_sees_the_input_that_was_written(
    database: Database, as_the_run: bool
) -> None:
    seen: list[Any] = []

    async def look(state: State, config: RunnableConfig) -> Any:
        fence = {FENCE: config["configurable"][FENCE]} if as_the_run else {}
        found = await pregel.aget_state({"configurable": {"thread_id": "t", **fence}})
        seen.append((found.values, found.next))
        return {"said": ["seen"]}

    pregel = on(SqliteCheckpoints(database), built(("look", look), edges=[(START, "look")]).compile())

    await run(pregel, hi(), fence=Fence(is_thread_new=True))

    assert seen == [(hi(), ("look",))]


async def test_a_subgraph_that_keeps_its_state_finds_it_in_the_first_run_of_a_thread(
    database: Database, watch: Watch
) -> None:
    counts: list[int] = []

    def count(state: State) -> Any:
        counts.append(len(state["said"]))
        return {"said": ["counted"]}

    inner = built(watch.node("count", count), edges=[(START, "count")]).compile(checkpointer=True)
    builder = built(("inner", inner), edges=[(START, "inner")])
    builder.add_conditional_edges("inner", lambda _: END if len(counts) == 3 else "inner", ["inner", END])
    pregel = builder.compile()

    of_both = []
    for each in (on(SqliteCheckpoints(database), pregel), pregel.copy({"checkpointer": InMemorySaver()})):
        counts.clear()
        await run(each, hi(), fence=Fence(is_thread_new=True))
        of_both.append((list(counts), await history(each)))

    assert of_both[0] == of_both[1]
    assert of_both[0][0] == sorted(set(of_both[0][0]))
