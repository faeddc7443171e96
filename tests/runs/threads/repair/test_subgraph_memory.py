"""Subgraphs that keep a conversation of their own: a tool that is stopped or fails in one wedges none."""

from collections.abc import Callable
from typing import Any

import anyio
import pytest
from langchain_core.messages import AIMessage, HumanMessage
from langchain_core.tools import BaseTool, tool
from langgraph.graph import END, START, StateGraph
from langgraph.prebuilt import ToolNode
from langgraph.types import Send

from seltzer.runs.graph import AnyPregel
from tests.runs.conftest import Engines
from tests.runs.scenario import read_all, run_spec, run_to_end
from tests.runs.scripted import Messages, ScriptedModel, call, double
from tests.runs.threads.repair.test_own_reducers import Stuck, stop
from tests.runs.threads.repair.test_repair import RecordingModel, calls, is_valid

pytestmark = pytest.mark.anyio


def remembering(model: ScriptedModel, *tools: BaseTool, each_apart: bool = False) -> AnyPregel:
    """Return an agent that keeps its own conversation. each_apart runs every call as a task of its own."""

    async def say(state: Messages) -> Any:
        return {"messages": [await model.ainvoke(state["messages"])]}

    def where_next(state: Messages) -> Any:
        found: Any = state["messages"][-1]
        if not each_apart:
            return "tools" if found.tool_calls else END
        return [Send("tools", [each]) for each in found.tool_calls] or END

    builder = StateGraph(Messages)
    builder.add_node("model", say)
    builder.add_node("tools", ToolNode(tools, handle_tool_errors=False))
    builder.add_edge(START, "model")
    builder.add_conditional_edges("model", where_next, ["tools", END])
    builder.add_edge("tools", "model")
    return builder.compile(checkpointer=True)


def as_node(inner: AnyPregel) -> AnyPregel:
    return StateGraph(Messages).add_node("expert", inner).add_edge(START, "expert").compile()


def in_a_function(inner: AnyPregel) -> AnyPregel:
    async def expert(state: Messages) -> Any:
        found = await inner.ainvoke({"messages": [HumanMessage(state["messages"][-1].text)]})
        return {"messages": [AIMessage(found["messages"][-1].text)]}

    return StateGraph(Messages).add_node("expert", expert).add_edge(START, "expert").compile()


def within_a_graph(inner: AnyPregel) -> AnyPregel:
    middle = StateGraph(Messages).add_node("team", inner).add_edge(START, "team").compile()
    return StateGraph(Messages).add_node("expert", middle).add_edge(START, "expert").compile()


def within_a_tool(inner: AnyPregel) -> AnyPregel:
    @tool
    async def ask(x: str) -> str:
        """Ask the expert."""
        found = await inner.ainvoke({"messages": [HumanMessage(x)]})
        return str(found["messages"][-1].text)

    model = ScriptedModel(
        scripts=[[call("ask", '{"x": "well?"}', "a1")], [call("ask", '{"x": "so?"}', "a2")], ["ok"]]
    )

    async def say(state: Messages) -> Any:
        return {"messages": [await model.ainvoke(state["messages"])]}

    builder = StateGraph(Messages)
    builder.add_node("model", say)
    builder.add_node("tools", ToolNode([ask], handle_tool_errors=False))
    builder.add_edge(START, "model")
    builder.add_conditional_edges("model", lambda s: "tools" if s["messages"][-1].tool_calls else END)
    builder.add_edge("tools", "model")
    return builder.compile()


@pytest.mark.parametrize("how", ["cancelled", "failed"])
@pytest.mark.parametrize("around", [as_node, in_a_function, within_a_graph, within_a_tool])
async def test_its_next_turn_works(
    engine_of: Engines, around: Callable[[AnyPregel], AnyPregel], how: str
) -> None:
    model, stuck = RecordingModel(scripts=[[call("stuck", '{"x": 1}')], ["hello"]]), Stuck()
    engine = await engine_of(around(remembering(model, stuck.tool())))
    await engine.start(run_spec("1", run_id="r1"))
    await stop(engine, stuck, how)

    last = (await run_to_end(engine, run_spec("2", run_id="r2")))[-1]

    assert last.kind == "finished"
    assert [m.type for m in model.asked[-1]] == ["human", "ai", "tool", "human"]
    assert is_valid(model.asked[-1])
    assert is_valid(await engine.messages("agent", "t"))


async def test_of_two_calls_the_one_that_had_finished_keeps_its_result(engine_of: Engines) -> None:
    chunk = calls("stuck", "double")
    model, stuck = RecordingModel(scripts=[[chunk], ["hello"]]), Stuck()
    engine = await engine_of(as_node(remembering(model, stuck.tool(), double, each_apart=True)))
    await engine.start(run_spec("1", run_id="r1"))
    events = engine.follow("r1")
    with anyio.fail_after(10):
        while (await anext(events)).kind != "tool_result":
            pass
    await stop(engine, stuck, "cancelled")

    await run_to_end(engine, run_spec("2", run_id="r2"))

    results = {m.tool_call_id: m.text for m in model.asked[-1] if m.type == "tool"}  # type: ignore[attr-defined]  # a result
    assert results["c1"] == "2"
    assert is_valid(model.asked[-1])


async def test_so_does_the_next_turn_after_an_error_that_the_graph_caught(engine_of: Engines) -> None:
    model, stuck = RecordingModel(scripts=[[call("stuck", '{"x": 1}')], ["hello"]]), Stuck()
    inner = remembering(model, stuck.tool())
    stuck.gate.set()

    async def expert(state: Messages) -> Any:
        try:
            found = await inner.ainvoke({"messages": [HumanMessage(state["messages"][-1].text)]})
        except RuntimeError:
            return {"messages": [AIMessage("sorry")]}
        return {"messages": [AIMessage(found["messages"][-1].text)]}

    engine = await engine_of(
        StateGraph(Messages).add_node("expert", expert).add_edge(START, "expert").compile()
    )
    await run_to_end(engine, run_spec("1", run_id="r1"))

    await run_to_end(engine, run_spec("2", run_id="r2"))

    assert [m.text for m in await engine.messages("agent", "t")] == ["1", "sorry", "2", "hello"]
    assert is_valid(model.asked[-1])


async def test_rolling_the_run_back_takes_the_results_with_it(engine_of: Engines) -> None:
    model, stuck = RecordingModel(scripts=[["zero"], [call("stuck", '{"x": 1}')], ["two"]]), Stuck()
    engine = await engine_of(as_node(remembering(model, stuck.tool())))
    await run_to_end(engine, run_spec("0", run_id="r0"))
    await engine.start(run_spec("1", run_id="r1"))
    with anyio.fail_after(10):
        await stuck.begun.wait()

    await run_to_end(engine, run_spec("2", run_id="r2", on_busy="rollback"))

    assert [m.text for m in model.asked[-1]] == ["0", "zero", "2"]


async def test_a_killed_runs_subgraph_continues_where_it_was(engine_of: Engines) -> None:
    model, stuck = RecordingModel(scripts=[[call("stuck", '{"x": 1}')]]), Stuck()
    engine = await engine_of(as_node(remembering(model, stuck.tool())))
    await engine.start(run_spec("1", run_id="r1"))
    with anyio.fail_after(10):
        await stuck.begun.wait()

    @tool("stuck")
    async def mended(x: int) -> str:
        """Answer."""
        return "7"

    after = RecordingModel(scripts=[["hello"]])
    engine = await engine_of(as_node(remembering(after, mended)), folder=engine_of.killed(engine))
    await read_all(engine.follow("r1"))

    assert [m.text for m in after.asked[-1]] == ["1", "", "7"]
