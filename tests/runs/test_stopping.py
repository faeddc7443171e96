"""Runs that are stopped, fail or take too long: the partial answer stays, and the next turn works."""

import asyncio
from contextlib import suppress
from typing import Annotated, Any

import anyio
import pytest
from anyio.lowlevel import checkpoint
from langchain_core.messages import AIMessage, BaseMessage, ToolMessage
from langchain_core.tools import tool
from langgraph.graph import END, START, StateGraph
from langgraph.prebuilt import ToolNode
from pydantic import Field

from seltzer.runs.engine import Engine
from seltzer.runs.execution.limits import RunLimits
from seltzer.runs.graph import AnyPregel
from tests.runs.conftest import Engines
from tests.runs.scenario import answer, kinds, read_all, read_until, run_spec, run_to_end, texts
from tests.runs.scripted import Messages, ScriptedModel, agent, call

pytestmark = pytest.mark.anyio

# Of runs that are to take too long: a busy machine, too, has got by then to what they wait for.
TIMEOUT_S = 2.0


async def stop_amid(engine: Engine, run_id: str = "r1", *, behind: str = "token") -> list[str]:
    """Cancel the run after its next event of that kind; return the kinds of the events after it."""
    events = engine.follow(run_id)
    await read_until(events, behind)
    await engine.cancel(run_id)
    return kinds(await read_all(events))


def stubborn(gate: asyncio.Event, has_begun: asyncio.Event) -> AnyPregel:
    """Return a graph whose node won't be cancelled: it ends when the gate opens, with `late`."""

    async def wait(state: Messages) -> Any:
        has_begun.set()
        while not gate.is_set():
            try:
                await gate.wait()
            except asyncio.CancelledError:
                continue
        return {"messages": [AIMessage("late")]}

    builder = StateGraph(Messages)
    builder.add_node("wait", wait)
    builder.add_edge(START, "wait")
    return builder.compile()


@pytest.mark.parametrize("by", ["cancel", "timeout"])
async def test_after_a_node_that_swallows_its_cancellation_no_other_one_begins(
    engine_of: Engines, by: str
) -> None:
    has_begun, begun_too = asyncio.Event(), list[str]()

    async def swallow(state: Messages) -> Any:
        has_begun.set()
        with suppress(asyncio.CancelledError):
            await asyncio.Event().wait()
        return {"messages": [AIMessage("never mind")]}

    async def go_on(state: Messages) -> Any:
        begun_too.append("go_on")
        return {"messages": [AIMessage("done")]}

    builder = StateGraph(Messages).add_sequence([("swallow", swallow), ("go_on", go_on)])
    graph = builder.add_edge(START, "swallow").compile()
    engine = await engine_of(graph, limits=RunLimits(timeout_s=TIMEOUT_S if by == "timeout" else 600))
    await engine.start(run_spec())
    await has_begun.wait()

    if by == "cancel":
        await engine.cancel("r")

    with anyio.fail_after(5):
        last = (await read_all(engine.follow("r")))[-1]
    assert (last.kind, last.data.get("code")) == (
        ("cancelled", None) if by == "cancel" else ("failed", "run_timeout")
    )
    assert begun_too == []


async def test_a_graph_that_swallows_its_cancellation_is_cancelled_again(engine_of: Engines) -> None:
    has_begun, never = asyncio.Event(), asyncio.Event()

    async def wait(state: Messages) -> Any:
        has_begun.set()
        with suppress(asyncio.CancelledError):
            await never.wait()
        await never.wait()

    graph = StateGraph(Messages).add_node("wait", wait).add_edge(START, "wait").compile()
    engine = await engine_of(graph, limits=RunLimits(insist_s=0.05))
    await engine.start(run_spec())
    await has_begun.wait()

    await engine.cancel("r")

    with anyio.fail_after(5):
        assert (await read_all(engine.follow("r")))[-1].kind == "cancelled"


@pytest.mark.parametrize("attached", [False, True])
async def test_cancelling_stops_the_model_and_frees_the_thread(engine_of: Engines, attached: bool) -> None:
    model = ScriptedModel(scripts=[["some", asyncio.Event()], ["two"]])
    engine = await engine_of(agent(model=model))
    await engine.start(run_spec(run_id="r1", attached=attached))

    assert await stop_amid(engine) == ["cancelled"]

    assert model.is_stopped
    assert (await engine.get_run("r1")).status == "cancelled"
    assert answer(await run_to_end(engine, run_spec(run_id="r2"))) == "two"


async def test_the_partial_answer_stays_in_the_thread_marked_incomplete(engine_of: Engines) -> None:
    engine = await engine_of(agent(["half an ", "ans", asyncio.Event()], ["two"]))
    await engine.start(run_spec("1", run_id="r1"))
    await read_until(engine.follow("r1"), "token")

    await stop_amid(engine)

    (question, partial) = await engine.messages("agent", "t")
    assert (question.text, partial.text) == ("1", "half an ans")
    assert partial.response_metadata == {"incomplete": True}
    await run_to_end(engine, run_spec("2", run_id="r2"))
    assert await texts(engine) == ["1", "half an ans", "2", "two"]


@pytest.mark.parametrize("attached", [False, True])
async def test_a_run_cancelled_as_soon_as_it_was_started_ends_too(engine_of: Engines, attached: bool) -> None:
    """An attached one is cancelled before its task's first step, a background one by its row."""
    engine = await engine_of(agent([asyncio.Event(), "never"]))

    await engine.start(run_spec(attached=attached))
    await asyncio.gather(engine.cancel("r"), engine.cancel("r"))

    assert kinds(await read_all(engine.follow("r")))[-1] == "cancelled"


@pytest.mark.parametrize("attached", [False, True])
async def test_a_run_that_waits_for_its_turn_is_cancelled_at_once(engine_of: Engines, attached: bool) -> None:
    gate = asyncio.Event()
    engine = await engine_of(agent([gate, "one"], ["three"]))
    await engine.start(run_spec("1", run_id="r1"))
    await engine.start(run_spec("2", run_id="r2", on_busy="enqueue", attached=attached))
    reader = asyncio.create_task(read_all(engine.follow("r2")))
    await checkpoint()

    cancelled = await engine.cancel("r2")
    gate.set()

    assert cancelled.status == "cancelled"
    assert kinds(await reader) == ["cancelled"]
    await read_all(engine.follow("r1"))
    await run_to_end(engine, run_spec("3", run_id="r3"))
    assert await texts(engine) == ["1", "one", "3", "three"]


async def test_cancelling_an_ended_run_does_nothing(engine_of: Engines) -> None:
    engine = await engine_of(agent(["one"]))
    events = await run_to_end(engine, run_spec())

    run = await engine.cancel("r")

    assert run.status == "success"
    assert await read_all(engine.follow("r")) == events


async def test_an_error_that_a_cancelled_node_raises_is_no_failure(engine_of: Engines) -> None:
    async def give_up(state: Messages) -> Any:
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            raise RuntimeError("the connection was closed") from None

    builder = StateGraph(Messages)
    builder.add_node("give_up", give_up)
    builder.add_edge(START, "give_up")
    engine = await engine_of(builder.compile())
    await engine.start(run_spec(run_id="r1"))

    assert await stop_amid(engine, behind="started") == ["cancelled"]


async def test_a_run_that_takes_too_long_fails_with_that_reason_and_keeps_its_text(
    engine_of: Engines,
) -> None:
    engine = await engine_of(agent(["half", asyncio.Event()]), limits=RunLimits(timeout_s=TIMEOUT_S))

    last = (await run_to_end(engine, run_spec("1")))[-1]

    assert (last.kind, last.data["code"], last.data["retryable"]) == ("failed", "run_timeout", True)
    assert await texts(engine) == ["1", "half"]


async def test_a_failure_in_mid_answer_keeps_the_partial_answer(engine_of: Engines) -> None:
    engine = await engine_of(agent(["half an ", "ans", RuntimeError("broken")], ["two"]))

    last = (await run_to_end(engine, run_spec("1", run_id="r1")))[-1]
    await run_to_end(engine, run_spec("2", run_id="r2"))

    assert last.kind == "failed"
    assert await texts(engine) == ["1", "half an ans", "2", "two"]


async def test_a_run_ends_though_its_state_refuses_what_a_node_has_returned(engine_of: Engines) -> None:
    """It is put into the state then, by reducers that may raise anything."""
    has_begun = asyncio.Event()

    def broken(before: int, added: int) -> int:
        raise ValueError("no such number")

    class Counted(Messages):
        count: Annotated[int, broken]

    async def count(state: Counted) -> Any:
        return {"count": 1}

    async def wait(state: Counted) -> Any:
        has_begun.set()
        await asyncio.Event().wait()

    builder = StateGraph(Counted)
    builder.add_node("count", count)
    builder.add_node("wait", wait)
    builder.add_edge(START, "count")
    builder.add_edge(START, "wait")
    engine = await engine_of(builder.compile())
    await engine.start(run_spec())
    events = engine.follow("r")
    await read_until(events, "update")
    await has_begun.wait()

    await engine.cancel("r")

    assert kinds(await read_all(events)) == ["cancelled"]
    await engine.check_thread_free("t")
    assert (await engine.threads.state("agent", "t")).values["count"] == 0


async def test_a_graph_that_swallows_its_cancellation_ends_as_cancelled(engine_of: Engines) -> None:
    gate, has_begun = asyncio.Event(), asyncio.Event()
    engine = await engine_of(stubborn(gate, has_begun))
    await engine.start(run_spec())
    await has_begun.wait()

    await engine.cancel("r")
    await checkpoint()
    gate.set()

    assert kinds(await read_all(engine.follow("r")))[-1] == "cancelled"


async def test_what_a_node_writes_after_its_run_ended_does_not_reach_the_thread(engine_of: Engines) -> None:
    """A node in a thread can't be stopped, and continues when the next turn has its thread."""
    gate, has_begun, has_ended = asyncio.Event(), asyncio.Event(), asyncio.Event()
    loop = asyncio.get_running_loop()

    def work(state: Messages) -> Any:
        if len(state["messages"]) == 1:
            loop.call_soon_threadsafe(has_begun.set)
            asyncio.run_coroutine_threadsafe(gate.wait(), loop).result()
            loop.call_soon_threadsafe(has_ended.set)
            return {"messages": [AIMessage("late")]}
        return {"messages": [AIMessage("two")]}

    builder = StateGraph(Messages)
    builder.add_node("work", work)
    builder.add_edge(START, "work")
    engine = await engine_of(builder.compile())
    await engine.start(run_spec("1", run_id="r1"))
    with anyio.fail_after(5):
        await has_begun.wait()

    await engine.cancel("r1")
    assert kinds(await read_all(engine.follow("r1")))[-1] == "cancelled"
    await run_to_end(engine, run_spec("2", run_id="r2"))
    gate.set()
    with anyio.fail_after(5):
        await has_ended.wait()
    await run_to_end(engine, run_spec("3", run_id="r3"))

    assert await texts(engine) == ["1", "2", "two", "3", "two"]


class Recording(ScriptedModel):
    """Also keeps what it was asked, as a provider would see it."""

    asked: list[list[BaseMessage]] = Field(default_factory=list)

    async def _astream(self, messages: list[BaseMessage], *args: Any, **kwargs: Any) -> Any:
        self.asked.append(messages)
        async for chunk in super()._astream(messages, *args, **kwargs):
            yield chunk


@pytest.mark.parametrize("how", ["cancel", "fail", "time out"])
async def test_a_stopped_tool_leaves_no_wedge(engine_of: Engines, how: str) -> None:
    """A call without a result in the thread: providers refuse every turn after it."""
    has_begun = asyncio.Event()

    @tool
    async def slow(x: int) -> str:
        """Deliver for ever, or fail."""
        has_begun.set()
        if how == "fail":
            raise RuntimeError("broken")
        await asyncio.Event().wait()
        return ""

    model = Recording(scripts=[[call("slow", '{"x": 1}', "c1")], ["fine"]])

    async def say(state: Messages) -> Any:
        return {"messages": [await model.ainvoke(state["messages"])]}

    builder = StateGraph(Messages)
    builder.add_node("model", say)
    builder.add_node("tools", ToolNode([slow], handle_tool_errors=False))
    builder.add_edge(START, "model")
    builder.add_conditional_edges("model", lambda s: "tools" if s["messages"][-1].tool_calls else END)
    builder.add_edge("tools", "model")
    timeout_s = TIMEOUT_S if how == "time out" else 60.0
    engine = await engine_of(builder.compile(), limits=RunLimits(timeout_s=timeout_s))
    await engine.start(run_spec("1", run_id="r1"))
    with anyio.fail_after(5):
        await has_begun.wait()
    if how == "cancel":
        await engine.cancel("r1")
    await read_all(engine.follow("r1"))

    events = await run_to_end(engine, run_spec("2", run_id="r2"))

    assert answer(events) == "fine"
    said_by_model, result, question = model.asked[-1][-3:]
    assert isinstance(said_by_model, AIMessage)
    assert isinstance(result, ToolMessage)
    assert (result.tool_call_id, result.status, question.text) == ("c1", "error", "2")
