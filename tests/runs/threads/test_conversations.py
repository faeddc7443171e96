"""Conversations, over the real stores and graphs whose model a test scripts."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import anyio
import anyio.lowlevel
import pytest
from langchain_core.messages import HumanMessage
from langgraph.graph import START, StateGraph
from langgraph.types import interrupt

from seltzer.errors import ThreadBusy, UnknownThread
from seltzer.runs.engine import Engine
from seltzer.runs.event import Event
from seltzer.runs.graph import Graph
from seltzer.runs.run import RunSpec
from seltzer.runs.threads.conversations import Conversations
from seltzer.stores.open import open_stores
from tests.runs.conftest import Engines
from tests.runs.scripted import Messages, agent, named

pytestmark = pytest.mark.anyio
Open = Callable[..., Any]


@pytest.fixture
async def open_engine(tmp_path: Path) -> AsyncIterator[Open]:
    """Return a function that opens an engine of these graphs, over a folder of its own."""
    async with AsyncExitStack() as stack:

        async def opened(graphs: dict[str, Graph]) -> Engine:
            engine = Engine(graphs, partial(open_stores, tmp_path))
            stack.push_async_callback(engine.aclose)
            await engine.open()
            return engine

        yield opened


def ask(text: str = "hi", *, thread_id: str = "t", run_id: str = "r", graph: str = "agent") -> RunSpec:
    message = HumanMessage(text, id=f"human of {run_id}")
    return RunSpec(graph, {"messages": [message]}, thread_id, run_id, title=text)


async def run(engine: Engine, spec: RunSpec) -> list[Event]:
    with anyio.fail_after(10):
        await engine.start(spec)
        return [event async for event in engine.follow(spec.run_id)]


def asking() -> dict[str, Graph]:
    builder = StateGraph(Messages)
    builder.add_node("ask", lambda state: {"messages": [("ai", interrupt({"sure": "?"}))]})
    builder.add_edge(START, "ask")
    return named(builder.compile(), "asking")


def texts(values: Any) -> list[str]:
    return [message["content"] for message in values["messages"]]


async def listed(conversations: Conversations, graph: str, **asked: Any) -> list[str]:
    return [each.thread_id for each in await conversations.list(graph, **{"limit": 10, **asked})]


async def test_the_thread_with_the_newest_run_is_listed_first(open_engine: Open) -> None:
    engine = await open_engine(named(agent(*[["ok"]] * 4)) | named(agent(["ok"]), "other"))
    for number, thread_id in enumerate(["a", "b", "c", "a"]):
        await run(engine, ask(thread_id=thread_id, run_id=f"r{number}"))
    await run(engine, ask(thread_id="x", run_id="rx", graph="other"))

    threads = await engine.threads.list("agent", limit=10)

    assert [(each.thread_id, each.status) for each in threads] == [
        ("a", "idle"),
        ("c", "idle"),
        ("b", "idle"),
    ]
    assert await listed(engine.threads, "agent", limit=2) == ["a", "c"]
    assert threads[1].run is not None
    assert await listed(engine.threads, "agent", before=threads[1].run.number) == ["b"]
    assert await listed(engine.threads, "other") == ["x"]
    assert await listed(engine.threads, "none") == []


async def test_threads_are_found_by_their_titles(open_engine: Open) -> None:
    engine = await open_engine(named(agent(["ok"], ["ok"])))
    await run(engine, ask("Über Straßen", thread_id="a", run_id="r1"))
    await run(engine, ask("100 % of _it", thread_id="b", run_id="r2"))

    found = {query: await listed(engine.threads, "agent", query=query) for query in ("über", "%", "_", "x")}

    assert found == {"über": ["a"], "%": ["b"], "_": ["b"], "x": []}


async def test_a_state_is_json_with_its_run_and_checkpoint(open_engine: Open) -> None:
    engine = await open_engine(named(agent(["hel", "lo"])))
    await run(engine, ask("hi there"))

    state = await engine.threads.state("agent", "t")

    assert texts(state.values) == ["hi there", "hello"]
    assert [message["type"] for message in state.values["messages"]] == ["human", "ai"]
    assert (state.run_id, state.next, state.interrupts) == ("r", (), [])
    assert state.step is not None
    assert state.checkpoint_id is not None
    assert state.created_at is not None


async def test_an_interrupted_state_has_its_questions(open_engine: Open) -> None:
    engine = await open_engine(asking())
    last = (await run(engine, ask(graph="asking")))[-1]

    state = await engine.threads.state("asking", "t")

    assert last.kind == "interrupted"
    assert state.next == ("ask",)
    assert state.interrupts == last.data["interrupts"]
    assert [each["value"] for each in state.interrupts] == [{"sure": "?"}]
    assert (await engine.threads.get("asking", "t")).status == "interrupted"


async def test_history_is_newest_first_and_continues_before_a_checkpoint(open_engine: Open) -> None:
    engine = await open_engine(named(agent(["one"], ["two"])))
    await run(engine, ask("first", run_id="r1"))
    await run(engine, ask("second", run_id="r2"))

    history, next_before = await engine.threads.history("agent", "t", limit=100)

    assert texts(history[0].values) == ["first", "one", "second", "two"]
    assert history[0] == await engine.threads.state("agent", "t")
    assert [each.parent_checkpoint_id for each in history[:-1]] == [
        each.checkpoint_id for each in history[1:]
    ]
    assert history[-1].parent_checkpoint_id is None
    assert sorted({each.run_id for each in history}, key=str) == ["r1", "r2"]
    page = await engine.threads.history("agent", "t", limit=2, before=history[1].checkpoint_id)
    assert page.states == history[2:4]
    assert (page.next_before, next_before) == (history[3].checkpoint_id, None)


async def test_a_thread_whose_run_failed_before_its_first_checkpoint_has_an_empty_state(
    open_engine: Open,
) -> None:
    waiting = asyncio.Event()
    engine = await open_engine(named(agent([waiting, "never"])))
    await engine.start(ask(run_id="r1"))
    await engine.cancel("r1")

    assert (await engine.threads.get("agent", "t")).run is not None
    assert (await engine.threads.state("agent", "t")).values is not None


async def test_a_thread_can_be_called_anything(open_engine: Open) -> None:
    engine = await open_engine(named(agent(["ok"], ["ok"])))
    await run(engine, ask("hi", run_id="r1"))

    renamed = await engine.threads.rename("agent", "t", "漢字 👩‍👩‍👧")
    await run(engine, ask("more", run_id="r2"))

    assert renamed.title == "漢字 👩‍👩‍👧"
    assert (await engine.threads.get("agent", "t")).title == "漢字 👩‍👩‍👧"


async def test_a_deleted_thread_leaves_nothing_to_the_next_with_its_id(open_engine: Open) -> None:
    engine = await open_engine(named(agent(["one"], ["two"])))
    await run(engine, ask("first", run_id="r1"))

    await engine.threads.delete("agent", "t")

    with pytest.raises(UnknownThread):
        await engine.threads.state("agent", "t")
    assert await listed(engine.threads, "agent") == []
    await run(engine, ask("second", run_id="r2"))
    assert texts((await engine.threads.state("agent", "t")).values) == ["second", "two"]


async def test_a_busy_thread_is_not_deleted(open_engine: Open) -> None:
    goes_on = asyncio.Event()
    engine = await open_engine(named(agent(["one ", goes_on, "two"])))
    await engine.start(ask())

    with pytest.raises(ThreadBusy):
        await engine.threads.delete("agent", "t")
    goes_on.set()

    with anyio.fail_after(10):
        assert [event async for event in engine.follow("r")][-1].kind == "finished"
    assert texts((await engine.threads.state("agent", "t")).values) == ["hi", "one two"]


@pytest.mark.parametrize("steps", range(6))
async def test_a_deletion_that_is_killed_has_deleted_all_or_nothing(engine_of: Engines, steps: int) -> None:
    engine = await engine_of(agent(["one"], ["two"]))
    await run(engine, ask("first", run_id="r1"))
    deleting = asyncio.ensure_future(engine.threads.delete("agent", "t"))
    for _ in range(steps):
        await anyio.lowlevel.checkpoint()
    folder = engine_of.killed(engine)
    await deleting
    await engine.aclose()

    engine = await engine_of(agent(["two"]), folder=folder)
    listed = await engine.threads.list("agent", limit=9)
    await run(engine, ask("second", run_id="r2"))

    before = ["first", "one"] if listed else []
    assert texts((await engine.threads.state("agent", "t")).values) == [*before, "second", "two"]


@pytest.mark.parametrize("verb", ["get", "state", "history", "rename", "delete"])
async def test_a_thread_that_is_unknown_or_another_graphs_is_unknown(open_engine: Open, verb: str) -> None:
    engine = await open_engine(named(agent(["ok"])) | named(agent(["ok"]), "other"))
    await run(engine, ask())
    needed: dict[str, dict[str, Any]] = {"rename": {"title": "x"}, "history": {"limit": 1}}

    for graph, thread_id in (("agent", "none"), ("other", "t"), ("other", "none")):
        with pytest.raises(UnknownThread, match=f"graph '{graph}' has no thread '{thread_id}'"):
            await getattr(engine.threads, verb)(graph, thread_id, **needed.get(verb, {}))

    assert texts((await engine.threads.state("agent", "t")).values) == ["hi", "ok"]


async def test_a_thread_that_another_graph_has_continued_is_each_ones(open_engine: Open) -> None:
    engine = await open_engine(named(agent(["one"])) | named(agent(["two"]), "other"))
    await run(engine, ask("first", run_id="r1"))
    await run(engine, replace(ask("second", run_id="r2"), graph="other"))

    for graph in ("agent", "other"):
        assert texts((await engine.threads.state(graph, "t")).values) == ["first", "one", "second", "two"]
        assert (await engine.threads.get(graph, "t")).graph == "other"
        assert (await engine.threads.history(graph, "t", limit=1)).states
    assert (await engine.threads.rename("agent", "t", "both")).title == "both"
    assert [each.thread_id for each in await engine.threads.list("other", limit=9)] == ["t"]
    assert await engine.threads.list("agent", limit=9) == []
    await engine.threads.delete("agent", "t")
    with pytest.raises(UnknownThread):
        await engine.threads.get("other", "t")
