"""Steps that can't end: what their nodes have written, the state's channels refuse."""

import asyncio
from typing import Annotated, Any

import pytest
from langchain_core.messages import AIMessage, ToolMessage
from langchain_core.tools import InjectedToolCallId, tool
from langgraph.graph import END, START, StateGraph
from langgraph.prebuilt import ToolNode
from langgraph.types import Command, interrupt

from seltzer.errors import InvalidInput
from seltzer.runs.graph import AnyPregel
from tests.runs.conftest import Engines
from tests.runs.scenario import read_all, read_until, run_spec, run_to_end, texts
from tests.runs.scripted import Messages, ScriptedModel
from tests.runs.threads.input.test_results import result, results
from tests.runs.threads.repair.test_repair import RecordingModel, calls, is_valid

pytestmark = pytest.mark.anyio


class State(Messages):
    topic: str


def failing_reducer(old: str, new: str) -> str:
    raise ValueError(new)


class Reduced(Messages):
    topic: Annotated[str, failing_reducer]


def parallel(third: Any, schema: Any = State) -> AnyPregel:
    """Return a graph of two nodes that write one key, beside a third node, which later turns have alone."""

    async def pick(state: Any) -> Any:
        return {"topic": "cats"}

    def where(state: Any) -> list[str]:
        is_first = len([each for each in state["messages"] if each.type == "human"]) == 1
        return ["one", "two", "third"] if is_first else ["third"]

    builder = StateGraph(schema).add_node("one", pick).add_node("two", pick).add_node("third", third)
    return builder.add_conditional_edges(START, where, ["one", "two", "third"]).compile()


def saying(model: ScriptedModel) -> Any:
    async def say(state: Any) -> Any:
        return {"messages": [await model.ainvoke(state["messages"])]}

    return say


@pytest.mark.parametrize("schema", [State, Reduced], ids=["one value", "a reducer that raises"])
async def test_the_answer_of_a_node_beside_them_is_kept(engine_of: Engines, schema: Any) -> None:
    model = RecordingModel(scripts=[["half an ", "ans", asyncio.Event()], ["Fine."]])
    engine = await engine_of(parallel(saying(model), schema))
    await engine.start(run_spec("hi", run_id="r1"))
    await read_until(engine.follow("r1"), "token")

    await engine.cancel("r1")
    await read_all(engine.follow("r1"))

    assert await texts(engine) == ["hi", "half an ans"]
    assert (await engine.threads.state("agent", "t")).next == ()
    await run_to_end(engine, run_spec("again", run_id="r2"))
    assert await texts(engine) == ["hi", "half an ans", "again", "Fine."]


async def test_a_step_that_fails_itself_leaves_a_thread_that_can_be_read_and_continued(
    engine_of: Engines,
) -> None:
    engine = await engine_of(parallel(saying(ScriptedModel(scripts=[["Hello."], ["Fine."]]))))

    failed = (await run_to_end(engine, run_spec("hi", run_id="r1")))[-1]

    assert failed.data["code"] == "graph_error"
    assert (await texts(engine))[0] == "hi"
    with pytest.raises(InvalidInput):
        await engine.start(results(result("nobody")))
    await run_to_end(engine, run_spec("again", run_id="r2"))
    assert (await texts(engine))[-2:] == ["again", "Fine."]


async def test_the_results_of_tools_that_write_one_key_are_kept(engine_of: Engines) -> None:
    @tool
    def where(x: int, tool_call_id: Annotated[str, InjectedToolCallId]) -> Command[Any]:
        """Find."""
        found = ToolMessage(f"place {x}", tool_call_id=tool_call_id)
        return Command(update={"topic": "places", "messages": [found]})

    model = RecordingModel(scripts=[[calls("where", "where")], ["Ok."]])

    builder = StateGraph(State).add_node("model", saying(model)).add_node("tools", ToolNode([where]))
    builder.add_edge(START, "model").add_edge("tools", "model")
    builder.add_conditional_edges("model", lambda s: "tools" if s["messages"][-1].tool_calls else END)
    engine = await engine_of(builder.compile())

    assert (await run_to_end(engine, run_spec("find", run_id="r1")))[-1].kind == "failed"
    await run_to_end(engine, run_spec("well?", run_id="r2"))

    assert is_valid(model.asked[-1])
    assert [each.text for each in model.asked[-1]] == ["find", "", "place 0", "place 1", "well?"]


async def test_a_question_beside_them_fails_and_leaves_none_behind(engine_of: Engines) -> None:
    async def ask(state: Any) -> Any:
        is_first = len(state["messages"]) == 1
        return {"messages": [AIMessage(interrupt("sure?") if is_first else "Fine.")]}

    engine = await engine_of(parallel(ask))

    assert (await run_to_end(engine, run_spec("hi", run_id="r1")))[-1].kind == "failed"

    assert (await engine.threads.get("agent", "t")).status == "error"
    await run_to_end(engine, run_spec("again", run_id="r2"))
    assert await texts(engine) == ["hi", "again", "Fine."]
