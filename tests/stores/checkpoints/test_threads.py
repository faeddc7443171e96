"""Threads by real graphs, in each store: nothing is lost, whatever clocks, leases and restarts do."""

import asyncio
import dataclasses
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from types import SimpleNamespace
from typing import Any

import aiosqlite
import anyio
import anyio.lowlevel
import pytest
from langchain_core.messages import AIMessage, HumanMessage
from langgraph.checkpoint.base import id as checkpoint_ids
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.checkpoint.serde.types import INTERRUPT
from langgraph.checkpoint.sqlite.aio import AsyncSqliteSaver
from langgraph.func import entrypoint
from typing_extensions import TypedDict

from seltzer.runs.execution.fence import FENCE, Fence, LeaseLost
from tests.stores.conversing import (
    agent,
    answered,
    asking,
    config,
    echo,
    graph,
    nested,
    on,
    texts,
    turn,
)
from tests.stores.state_stores import StateStore

pytestmark = pytest.mark.anyio

HOUR_NS = 3600 * 10**9


def set_clock_back(monkeypatch: pytest.MonkeyPatch) -> None:
    """Restart the process, on a machine whose clock has stepped back an hour."""
    clock = SimpleNamespace(time_ns=lambda: time.time_ns() - HOUR_NS)
    monkeypatch.setattr(checkpoint_ids, "time", clock)
    monkeypatch.setattr(checkpoint_ids, "_last_v6_timestamp", None)


@pytest.mark.parametrize("pregel", [echo(), agent(), nested(echo())], ids=["echo", "agent", "nested"])
async def test_a_thread_continues_after_a_restart(store: StateStore, pregel: Any) -> None:
    async with store.open() as checkpoints:
        before = await turn(on(checkpoints, pregel), "one")

    async with store.open() as checkpoints:
        found = await texts(on(checkpoints, pregel))
        after = await turn(on(checkpoints, pregel), "two")

    assert found == before
    assert after[: len(before) + 1] == [*before, "two"]


@pytest.mark.parametrize("pregel", [echo(), agent(), nested(echo())], ids=["echo", "agent", "nested"])
async def test_turns_after_the_clock_stepped_back_are_not_lost(
    store: StateStore, pregel: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with store.open() as checkpoints:
        first = await turn(on(checkpoints, pregel), "one")

    set_clock_back(monkeypatch)
    async with store.open() as checkpoints:
        second = await turn(on(checkpoints, pregel), "two")
    async with store.open() as checkpoints:
        third = await turn(on(checkpoints, pregel), "three")
        ids = [each.checkpoint_id for each in await checkpoints.tree("t")]

    assert ids != sorted(ids)  # the clock did go back
    assert second[: len(first) + 1] == [*first, "two"]
    assert third[: len(second) + 1] == [*second, "three"]


async def test_an_interrupt_is_answered_after_the_clock_stepped_back(
    store: StateStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    for pregel in (asking("sure?"), nested(asking("sure?"))):
        thread_id = str(id(pregel))
        async with store.open() as checkpoints:
            await turn(on(checkpoints, pregel), "do it", thread_id)

        set_clock_back(monkeypatch)
        async with store.open() as checkpoints:
            after = await turn(on(checkpoints, pregel), answered("yes"), thread_id)
        monkeypatch.undo()

        assert after == ["do it", "answered yes"]


async def test_the_history_is_in_the_order_of_writing(
    store: StateStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with store.open() as checkpoints:
        pregel = on(checkpoints, echo())
        await turn(pregel, "one")
        set_clock_back(monkeypatch)
        await turn(pregel, "two")

        history = [state async for state in pregel.aget_state_history(config())]
        lengths = [len(state.values.get("messages", [])) for state in history]
        before = [state async for state in pregel.aget_state_history(config(), before=history[2].config)]
        one = [state async for state in pregel.aget_state_history(config(), limit=1)]

    assert lengths == [4, 3, 2, 2, 1, 0]
    assert before == history[3:]
    assert one == history[:1]


async def test_all_threads_are_listed_or_a_selection(store: StateStore) -> None:
    async with store.open() as checkpoints:
        pregel = on(checkpoints, echo())
        saver = checkpoints.saver_for(pregel)
        for number, thread_id in enumerate(("t", "other", "t")):
            await turn(pregel, "one", thread_id, run_id=f"r{number}")

        everything = [found.config["configurable"]["thread_id"] async for found in saver.alist(None)]
        of_a_run = [found.metadata["step"] async for found in saver.alist(None, filter={"run_id": "r1"})]
        first_steps = [
            found.metadata["source"]
            async for found in saver.alist(config(), filter={"step": -1, "nothing": None}, limit=1)
        ]
        of_both = [found async for found in saver.alist(config(), filter={"run_id": "r1"})]

    assert everything == ["t"] * 3 + ["other"] * 3 + ["t"] * 3
    assert of_a_run == [1, 0, -1]
    assert first_steps == ["input"]
    assert of_both == []


async def test_a_thread_deleted_while_it_is_listed_ends_the_list(store: StateStore) -> None:
    async with store.open() as checkpoints:
        pregel = on(checkpoints, echo())
        await turn(pregel, "one")
        found = checkpoints.saver_for(pregel).alist(config())

        assert (await anext(found)).metadata["step"] == 1
        await checkpoints.saver_for(pregel).adelete_thread("t")
        assert [each async for each in found] == []


async def test_an_entrypoint_gets_a_saver_too(store: StateStore) -> None:
    async with store.open() as checkpoints:

        @entrypoint()
        async def count(text: str, *, previous: int | None) -> int:
            return (previous or 0) + 1

        pregel = on(checkpoints, count)
        counted = [await pregel.ainvoke("hi", config()) for _ in range(3)]

    assert counted == [1, 2, 3]


async def test_a_checkpoint_written_again_keeps_its_place(store: StateStore) -> None:
    async with store.open() as checkpoints:
        pregel = on(checkpoints, echo())
        saver = checkpoints.saver_for(pregel)
        await turn(pregel, "one")
        *_, first = [found async for found in saver.alist(config())]
        newest = await turn(pregel, "two")

        where = first.parent_config or config(checkpoint_ns="")
        await saver.aput(where, first.checkpoint, first.metadata, {})

        assert await texts(pregel) == newest


async def test_a_run_can_start_from_an_older_checkpoint_and_its_end_is_the_newest(store: StateStore) -> None:
    async with store.open() as checkpoints:
        pregel = on(checkpoints, echo())
        await turn(pregel, "one")
        fork = (await pregel.aget_state(config())).config["configurable"]["checkpoint_id"]
        await turn(pregel, "two")

        forked = await turn(pregel, "other", checkpoint_id=fork)

        assert forked == ["one", "you said one", "other", "you said other"]
        assert await texts(pregel) == forked


@pytest.mark.parametrize("keeps_its_state", [True, None], ids=["lasting", "passing"])
async def test_a_replay_with_a_subgraph_does_not_depend_on_the_clock(
    store: StateStore, monkeypatch: pytest.MonkeyPatch, keeps_its_state: bool | None
) -> None:
    """LangGraph asks what the subgraph wrote before its parent's checkpoint, and tells them apart by id."""
    inner = echo()
    inner.checkpointer = keeps_its_state

    async def replays(pregel: Any, *, between: Callable[[], None]) -> list[list[str]]:
        await turn(pregel, "one")
        between()
        await turn(pregel, "two")
        history = [state async for state in pregel.aget_state_history(config())]
        return [
            await turn(pregel, None, checkpoint_id=state.config["configurable"]["checkpoint_id"])
            for state in history
            if state.next
        ]

    honest = await replays(nested(inner).copy({"checkpointer": InMemorySaver()}), between=lambda: None)
    async with store.open() as checkpoints:
        mine = await replays(on(checkpoints, nested(inner)), between=lambda: set_clock_back(monkeypatch))

    assert mine == honest


@pytest.mark.parametrize("wrap", [lambda pregel: pregel, nested], ids=["root", "nested"])
async def test_a_writer_whose_fence_is_revoked_writes_nothing(store: StateStore, wrap: Any) -> None:
    fence = Fence()

    def node(state: Any) -> Any:
        fence.revoke()
        return {"messages": [AIMessage("too late")]}

    async with store.open() as checkpoints:
        pregel = on(checkpoints, wrap(graph(node)))

        with pytest.raises(LeaseLost):
            await turn(pregel, "one", **{FENCE: fence})

        assert await texts(pregel) == ["one"]
        written = [found.pending_writes async for found in checkpoints.saver_for(pregel).alist(config())]
        assert "too late" not in str(written)


@dataclasses.dataclass
class Mood:
    """A class that a state declares."""

    name: str


async def test_a_declared_class_is_revived_for_its_graph_alone(store: StateStore) -> None:
    class Moody(TypedDict):
        mood: Mood

    async with store.open() as checkpoints:
        pregel = on(checkpoints, graph(lambda state: {"mood": Mood(state["mood"].name * 2)}, Moody))
        await turn(pregel, {"mood": Mood("ha")})

        mine = await checkpoints.saver_for(pregel).aget_tuple(config())
        others = await checkpoints.saver_for(echo()).aget_tuple(config())

    assert mine is not None
    assert others is not None
    assert mine.checkpoint["channel_values"]["mood"] == Mood("haha")
    assert not isinstance(others.checkpoint["channel_values"]["mood"], Mood)


async def test_repeated_writes_count_as_with_langgraphs_own_saver(store: StateStore) -> None:
    """Of plain writes the first, of LangGraph's special ones the last; whoever made them."""
    pairs = [("messages", "first"), (INTERRUPT, "first")], [("messages", "second")], [(INTERRUPT, "second")]
    async with store.open() as checkpoints, aiosqlite.connect(":memory:") as connection:
        pending = []
        for saver in (checkpoints.saver_for(echo()), AsyncSqliteSaver(connection)):
            pregel = echo().copy({"checkpointer": saver})
            await turn(pregel, "one")
            found = await saver.aget_tuple(config())
            assert found is not None
            for number, writes in enumerate(pairs):
                where = config(run_id=f"r{number}", **found.config["configurable"])
                await saver.aput_writes(where, writes, "task")
            found = await saver.aget_tuple(config())
            assert found is not None
            pending.append(found.pending_writes or [])

    assert sorted(pending[0]) == sorted(pending[1])
    assert {value for _, _, value in pending[0]} == {"first", "second"}


async def test_a_deleted_threads_state_is_deleted_and_no_others(store: StateStore) -> None:
    async with store.open() as checkpoints:
        pregel = on(checkpoints, agent())
        for text in ("one", "two", "three"):
            await turn(pregel, text, "t")
            kept = await turn(pregel, text, "other")

        await checkpoints.saver_for(pregel).adelete_thread("t")

        assert await texts(pregel, "t") == []
        assert set((await store.counts("t")).values()) == {0}
        assert await texts(pregel, "other") == kept
        assert (await turn(pregel, "anew", "t"))[0] == "anew"


async def test_threads_run_at_once_without_mixing(store: StateStore) -> None:
    async with store.open() as checkpoints:
        pregel = on(checkpoints, agent())

        async def talk(thread_id: str) -> list[str]:
            for number in range(4):
                talked = await turn(pregel, f"{thread_id} says {number}", thread_id)
                await checkpoints.prune(thread_id)
            return talked

        names = [f"thread-{number}" for number in range(20)]
        with anyio.fail_after(60):
            talks = await asyncio.gather(*map(talk, names))

    for name, talked in zip(names, talks, strict=True):
        assert talked == [text for n in range(4) for text in (f"{name} says {n}", "", "4", "it is 4")]


async def test_the_sync_methods_work_from_other_threads(store: StateStore) -> None:
    async with store.open() as checkpoints:
        pregel = on(checkpoints, echo())
        saver = checkpoints.saver_for(pregel)

        def talk() -> Any:
            pregel.invoke({"messages": [HumanMessage("one")]}, config())
            state = pregel.get_state(config())
            history = list(pregel.get_state_history(config()))
            assert saver.get_delta_channel_history(config=config(), channels=[]) == {}
            saver.delete_thread("t")
            return state, history, saver.get_tuple(config())

        with ThreadPoolExecutor(1) as thread:
            state, history, deleted = await asyncio.get_running_loop().run_in_executor(thread, talk)

        with pytest.raises(asyncio.InvalidStateError):
            saver.get_tuple(config())

    assert [message.content for message in state.values["messages"]] == ["one", "you said one"]
    assert history[0].config == state.config
    assert deleted is None
