"""A thread's messages are stored once each, and are read back as they were: whatever a node does to them."""

import asyncio
import tempfile
import threading
from collections import Counter
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractAsyncContextManager, AsyncExitStack
from pathlib import Path
from typing import Any, TypeVar

import aiosqlite
import anyio.lowlevel
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from langchain_core.messages import AIMessage, BaseMessage, HumanMessage, RemoveMessage, ToolMessage
from langgraph.checkpoint.base import BaseCheckpointSaver, CheckpointTuple
from langgraph.checkpoint.base.id import uuid6
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.checkpoint.sqlite.aio import AsyncSqliteSaver
from langgraph.graph.message import REMOVE_ALL_MESSAGES
from typing_extensions import TypedDict

from seltzer.runs.graph import AnyPregel
from seltzer.stores.checkpoints.serializer import SafeSerializer
from seltzer.stores.sqlite.checkpoints.checkpoints import SqliteCheckpoints
from seltzer.stores.sqlite.database import Database
from seltzer.stores.sqlite.transactions import Work
from tests.stores.checkpoints.obeying import MANY, VERBS, input_for, obeying
from tests.stores.conversing import (
    Talk,
    blocked_writes,
    config,
    counts,
    echo,
    graph,
    migrated,
    nested,
    on,
    open_checkpoints,
    opened,
    rows,
    texts,
    turn,
)
from tests.stores.state_stores import PACKING, STATE_STORES, StateStore

pytestmark = pytest.mark.anyio


@pytest.fixture(params=PACKING)
async def store(request: pytest.FixtureRequest, tmp_path: Path) -> StateStore:
    return await STATE_STORES[request.param](tmp_path)


T = TypeVar("T")

VERY_MANY = 250  # more than a node is thought to write, and than are decoded at once
LATE = str(uuid6())

verbs = st.sampled_from(VERBS)
stores = st.sampled_from(["prune", "reopen"])
steps = st.lists(st.tuples(verbs, st.integers(0, 30)) | st.tuples(stores, st.just(0)), max_size=12)


@pytest.fixture
async def file(tmp_path: Path) -> Path:
    return await migrated(tmp_path / "threads.db")


async def _thread(saver: BaseCheckpointSaver[Any], thread_id: str = "t") -> list[BaseMessage]:
    state = await obeying.copy({"checkpointer": saver}).aget_state(config(thread_id))
    return list(state.values["messages"])


async def _history(saver: BaseCheckpointSaver[Any]) -> list[Any]:
    return [found.checkpoint["channel_values"].get("messages") async for found in saver.alist(config())]


@settings(max_examples=30, deadline=None)
@given(steps, st.sampled_from([3, MANY + 5, 1000]))
def test_a_thread_equals_one_whose_state_is_stored_unpacked(
    given: list[tuple[str, int]], cache_limit: int
) -> None:
    """The other one is LangGraph's own saver, with the same serializer."""

    async def play(folder: Path) -> None:
        def reopened() -> AbstractAsyncContextManager[SqliteCheckpoints]:
            return open_checkpoints(folder / "threads.db", kept=4, cache_limit=cache_limit)

        async with AsyncExitStack() as plainly, AsyncExitStack() as stack:
            connection = await plainly.enter_async_context(aiosqlite.connect(":memory:"))
            plain = AsyncSqliteSaver(connection, serde=SafeSerializer())
            await migrated(folder / "threads.db")
            checkpoints = await stack.enter_async_context(reopened())
            mine = checkpoints.saver_for(obeying)
            for number, (verb, at) in enumerate([("begin", 0), *given]):
                if verb == "prune":
                    await checkpoints.prune("t")
                elif verb == "reopen":
                    await stack.aclose()
                    checkpoints = await stack.enter_async_context(reopened())
                    mine = checkpoints.saver_for(obeying)
                else:
                    for saver in (plain, mine):
                        input_ = input_for(verb, at, number)
                        await obeying.copy({"checkpointer": saver}).ainvoke(
                            input_, config(), durability="sync"
                        )
                if at % 2:  # before the newest is loaded, and what was changed is cached again
                    cached = await _history(mine)
                    async with open_checkpoints(folder / "threads.db") as fresh:
                        assert cached == await _history(fresh.saver_for(obeying))
                stored = await _thread(plain)
                assert await _thread(mine) == stored
                async with open_checkpoints(folder / "threads.db") as fresh:  # whose cache is empty
                    assert await _thread(fresh.saver_for(obeying)) == stored

    with tempfile.TemporaryDirectory() as folder:
        asyncio.run(play(Path(folder)))


async def test_each_message_is_stored_once(file: Path) -> None:
    async with open_checkpoints(file, kept=1000) as checkpoints:
        pregel = on(checkpoints, echo())
        for number in range(MANY):
            talked = await turn(pregel, f"{number}")

    blobs = Counter(blob for (blob,) in rows(file, "SELECT blob FROM checkpoint_messages"))
    assert len(talked) == 2 * MANY
    assert counts(file)["checkpoint_messages"] == len(talked)
    assert set(blobs.values()) == {1}


async def test_threads_do_not_share_equal_messages(store: StateStore) -> None:
    messages = [HumanMessage(f"{number}", id=f"{number}") for number in range(MANY)]
    async with store.open() as checkpoints:
        pregel = on(checkpoints, echo())
        for thread_id in ("t", "other"):
            await turn(pregel, {"messages": [each.model_copy() for each in messages]}, thread_id)
        mine, other = [(await pregel.aget_state(config(name))).values["messages"] for name in ("t", "other")]

        await checkpoints.saver_for(pregel).adelete_thread("t")

        assert mine[:MANY] == other[:MANY] == messages
        assert not {id(each) for each in mine} & {id(each) for each in other}
        assert len(await texts(pregel, "other")) == MANY + 1


async def test_a_cached_thread_equals_the_stored_one(store: StateStore) -> None:
    """What a serializer loses is lost at once, not only by the restart."""

    class Odd:
        pass

    artifact = {"odd": Odd(), "plain": [1, 2]}
    given = [ToolMessage(f"{n}", tool_call_id="c", id=f"{n}", artifact=artifact) for n in range(MANY)]
    async with store.open() as checkpoints:
        pregel = on(checkpoints, echo())
        await turn(pregel, {"messages": given})
        await turn(pregel, "more")
        here = (await pregel.aget_state(config())).values["messages"]
    async with store.open() as checkpoints:
        there = (await on(checkpoints, echo()).aget_state(config())).values["messages"]

    assert here == there
    assert here[0].artifact == {"odd": "<Odd>", "plain": [1, 2]}


class Shout(AIMessage):
    """A message of a class that isn't revived."""


async def test_a_message_of_a_custom_class_does_not_affect_the_others(store: StateStore) -> None:
    kinds = [Shout, HumanMessage] * (MANY // 2)
    given = [kind(content=f"{n}", id=f"{n}") for n, kind in enumerate(kinds)]
    plain = echo().copy({"checkpointer": InMemorySaver(serde=SafeSerializer())})
    async with store.open() as checkpoints:
        pregel = on(checkpoints, echo())
        for each in (plain, pregel):
            await each.ainvoke({"messages": [message.model_copy() for message in given]}, config())
            for text in ("one", "two"):
                await each.ainvoke({"messages": [HumanMessage(text, id=text)]}, config())

        mine, others = [(await each.aget_state(config())).values["messages"] for each in (pregel, plain)]

    assert [(type(each), each.content) for each in mine] == [(type(each), each.content) for each in others]


async def test_a_run_may_keep_its_list_and_change_it(store: StateStore) -> None:
    async with store.open() as checkpoints:
        pregel = on(checkpoints, echo())
        await turn(pregel, {"messages": [HumanMessage(f"{n}") for n in range(MANY)]})
        for _ in range(2):
            state = await pregel.aget_state(config())
            assert len(state.values["messages"]) == MANY + 1
            state.values["messages"].clear()


async def test_a_subgraph_shares_the_messages_with_its_parent(file: Path) -> None:
    async with open_checkpoints(file, kept=1000) as checkpoints:
        pregel = on(checkpoints, nested(nested(echo())))
        for number in range(MANY):
            talked = await turn(pregel, f"{number}")

    stored = counts(file)["checkpoint_messages"]
    (size,) = rows(file, "SELECT max(length(value)) FROM writes")[0]
    assert len(talked) == 2 * MANY
    assert stored == len(talked)
    assert size < 2_000  # a node that gives the whole state on, 40 messages, gives 40 refs


async def test_a_list_of_other_values_is_not_extracted(store: StateStore) -> None:
    class Plain(TypedDict):
        numbers: list[int]
        mixed: list[Any]

    numbers, mixed = list(range(MANY)), [HumanMessage("a", id="a"), *range(MANY)]
    async with store.open() as checkpoints:
        pregel = on(checkpoints, graph(lambda state: {"numbers": state["numbers"][::-1]}, Plain))
        await turn(pregel, {"numbers": numbers, "mixed": mixed})

        state = await pregel.aget_state(config())

    assert state.values == {"numbers": numbers[::-1], "mixed": mixed}
    assert (await store.counts())["messages"] == 0


@pytest.mark.parametrize("limits", [{"cache_limit": 50}, {"cache_limit_bytes": 50_000}])
async def test_threads_beyond_the_caches_limits_are_read_from_the_file(
    store: StateStore, limits: dict[str, int]
) -> None:
    long = "x" * 1_000
    async with store.open(**limits) as checkpoints:
        pregel = on(checkpoints, echo())
        for number in range(5):
            await turn(pregel, {"messages": [HumanMessage(long) for _ in range(MANY)]}, f"t{number}")
        await turn(pregel, {"messages": [HumanMessage(long) for _ in range(3 * MANY)]}, "too long")

        for number in range(5):
            assert await texts(pregel, f"t{number}") == [*[long] * MANY, f"you said {long}"]
        assert await texts(pregel, "too long") == [*[long] * 3 * MANY, f"you said {long}"]


async def test_a_cached_message_is_neither_decoded_nor_written_again(file: Path) -> None:
    async with opened(file) as database:
        pregel = on(SqliteCheckpoints(database), echo())
        await turn(pregel, {"messages": [HumanMessage(f"{n}") for n in range(MANY)]})
        first = (await pregel.aget_state(config())).values["messages"]
        written = await _changes(database)

        await turn(pregel, "more")

        second = (await pregel.aget_state(config())).values["messages"]
        assert all(mine is other for mine, other in zip(first, second, strict=False))
        assert await _changes(database) - written < MANY


def _mark(state: Talk) -> Any:
    """Give back the first message, changed in place in a way that doesn't show in its text."""
    first = state["messages"][0]
    first.additional_kwargs["marked_at"] = len(state["messages"])
    return {"messages": [first]}


marking = graph(_mark)


async def test_a_cached_message_that_a_node_changes_and_returns_is_stored_changed(store: StateStore) -> None:
    async with store.open() as checkpoints:
        pregel = on(checkpoints, marking)
        await turn(pregel, {"messages": [HumanMessage(f"{n}") for n in range(MANY)]})
        await pregel.aget_state(config())  # its messages are cached now
        await turn(pregel, "more")
    async with store.open() as fresh:  # whose cache is empty
        stored = (await on(fresh, marking).aget_state(config())).values["messages"]

    assert stored[0].additional_kwargs == {"marked_at": MANY + 1}


async def _changes(database: Database) -> int:
    """Return how many rows have been written until now."""
    return await database.write(lambda connection: connection.total_changes)


def _clear(state: Talk) -> Any:
    if state["messages"][-1].content == "clear":
        return {"messages": [RemoveMessage(REMOVE_ALL_MESSAGES), AIMessage("cleared")]}
    return {"messages": [AIMessage("yes")]}


clearing = graph(_clear)


async def _talk_and_clear(pregel: AnyPregel) -> None:
    """Leave a thread whose newest checkpoints have few messages, and an older one very many."""
    for talked in ({"messages": [HumanMessage(f"{n}") for n in range(VERY_MANY)]}, "clear", "more"):
        await turn(pregel, talked)


@pytest.mark.parametrize("what", ["checkpoint", "write"])
async def test_a_write_survives_the_pruning_of_its_parent(file: Path, what: str) -> None:
    """It waits for the pruning to end, which drops messages that it knew as stored."""

    async with opened(file) as database:
        checkpoints = SqliteCheckpoints(database, kept=2, spare=0)
        pregel = on(checkpoints, clearing)
        saver: Any = pregel.checkpointer
        await _talk_and_clear(pregel)
        found = await _longest(saver)
        messages = found.checkpoint["channel_values"]["messages"]
        newest = await saver.aget_tuple(config())

        async with blocked_writes(database):
            pruning = asyncio.ensure_future(checkpoints.prune("t"))
            await anyio.lowlevel.checkpoint()
            if what == "checkpoint":
                late = saver.aput(found.config, {**found.checkpoint, "id": LATE}, found.metadata, {})
            else:
                late = saver.aput_writes(newest.config, [("messages", messages)], "task")
            writing = asyncio.ensure_future(late)
            await anyio.lowlevel.checkpoint()
        await asyncio.gather(pruning, writing)

    async with open_checkpoints(file) as checkpoints:
        saver = checkpoints.saver_for(pregel)
        assert await saver.aget_tuple(found.config) is None  # it was pruned
        newest = await saver.aget_tuple(config())
        assert newest is not None
        if what == "checkpoint":
            assert newest.checkpoint["channel_values"]["messages"] == messages
        else:
            assert ("task", "messages", messages) in newest.pending_writes


class Gated(ThreadPoolExecutor):
    """Threads that start their work when `may_start` is set."""

    def __init__(self) -> None:
        super().__init__(1)
        self.has_work, self.may_start = asyncio.Event(), threading.Event()

    def submit(self, work: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Any:
        self.has_work.set()
        return super().submit(lambda: [self.may_start.wait(10), work(*args, **kwargs)][1])


async def test_a_message_pruned_while_it_is_decoded_is_stored_again(store: StateStore) -> None:
    threads = Gated()
    async with store.open(kept=2) as checkpoints:
        pregel = on(checkpoints, clearing)
        await _talk_and_clear(pregel)
        found = await _longest(checkpoints.saver_for(pregel))
    async with store.open(kept=2) as checkpoints:  # whose cache is empty
        asyncio.get_running_loop().set_default_executor(threads)
        saver: Any = checkpoints.saver_for(pregel)
        async with asyncio.timeout(10):
            loading = asyncio.ensure_future(saver.aget_tuple(found.config))
            await threads.has_work.wait()
            await checkpoints.prune("t")
            threads.may_start.set()
            loaded = await loading
            await saver.aput(loaded.config, {**loaded.checkpoint, "id": LATE}, loaded.metadata, {})

            newest = await checkpoints.saver_for(pregel).aget_tuple(config())

    assert newest is not None
    assert newest.checkpoint["id"] == LATE
    assert newest.checkpoint["channel_values"] == loaded.checkpoint["channel_values"]


class Pausing(Database):
    """A file whose second read waits for something else to be done."""

    def __init__(self, database: Database, between: Callable[[], Awaitable[None]]) -> None:
        self._database = database
        self._between = between
        self._reads = 0

    async def write(self, work: Work[T]) -> T:
        return await self._database.write(work)

    async def read(self, work: Work[T], *, after_posts: bool = False) -> T:
        self._reads += 1
        if self._reads == 2:
            await self._between()
        return await self._database.read(work, after_posts=after_posts)


async def test_a_list_pruned_before_its_messages_are_read_is_looked_up_again(file: Path) -> None:
    async with opened(file) as database:
        checkpoints = SqliteCheckpoints(database, kept=2, spare=0)
        await _talk_and_clear(on(checkpoints, clearing))
        found = await _longest(checkpoints.saver_for(clearing))

        async def prune() -> None:
            await slow.prune("t")

        slow = SqliteCheckpoints(Pausing(database, prune), kept=2, spare=0)

        assert await slow.saver_for(clearing).aget_tuple(found.config) is None  # it was pruned
        assert await texts(on(slow, clearing)) == await texts(on(checkpoints, clearing))


async def _longest(saver: BaseCheckpointSaver[Any]) -> CheckpointTuple:
    found = [each async for each in saver.alist(config())]
    return max(found, key=lambda each: len(each.checkpoint["channel_values"].get("messages", [])))


async def test_graphs_that_declare_the_same_share_what_is_cached(store: StateStore) -> None:
    async with store.open() as checkpoints:
        await turn(on(checkpoints, echo()), {"messages": [HumanMessage(f"{n}") for n in range(MANY)]})

        one = await on(checkpoints, echo()).aget_state(config())
        other = await on(checkpoints, echo()).aget_state(config())

    assert one.values["messages"][0] is other.values["messages"][0]
