"""A run whose state can't be stored fails with the reason, and its thread stays as it was."""

from collections.abc import Sequence
from typing import Annotated, Any

import pytest
from langchain_core.messages import AIMessage, ToolMessage
from langgraph.graph import START, StateGraph
from langgraph.prebuilt import ToolNode, tools_condition
from langgraph.types import interrupt

from seltzer.runs.graph import AnyPregel
from tests.runs.conftest import Engines
from tests.runs.scenario import run_spec, run_to_end, texts
from tests.runs.scripted import Messages, ScriptedModel, call, double

pytestmark = pytest.mark.anyio


class State(Messages):
    notes: Any


def noting(*notes: Any) -> AnyPregel:
    """Return a graph that puts the next of the notes into its state, and answers."""
    remaining = list(notes)
    builder = StateGraph(State)
    builder.add_node("note", lambda _: {"notes": remaining.pop(0), "messages": [AIMessage("noted")]})
    builder.add_edge(START, "note")
    return builder.compile()


async def test_the_failure_names_channel_type_and_setting(engine_of: Engines) -> None:
    engine = await engine_of(noting({"lines": range(3)}, "a line"))

    failed = (await run_to_end(engine, run_spec(run_id="r1")))[-1]
    finished = (await run_to_end(engine, run_spec(run_id="r2")))[-1]

    assert (failed.kind, failed.data["code"]) == ("failed", "state_not_storable")
    assert not failed.data["retryable"]
    for part in ("'notes'", "'range'", "checkpointer.serde.pickle_fallback"):
        assert part in failed.data["message"]
    assert finished.kind == "finished"


async def test_an_artifact_that_cannot_be_stored_fails_no_run(engine_of: Engines) -> None:
    answer = [ToolMessage("4", tool_call_id="c", artifact=object())]
    engine = await engine_of(noting({"kept": answer}, "more"))

    for run_id in ("r1", "r2"):
        assert (await run_to_end(engine, run_spec(run_id=run_id)))[-1].kind == "finished"


def asking(question: Any) -> AnyPregel:
    """Return a graph that asks, and doesn't ask again in a later turn."""
    builder = StateGraph(Messages)
    builder.add_node("ask", lambda state: {"messages": [AIMessage(_ask(question, state["messages"]))]})
    return builder.add_edge(START, "ask").compile()


def _ask(question: Any, messages: Sequence[Any]) -> str:
    return str(interrupt(question)) if len(messages) == 1 else "noted"


@pytest.mark.parametrize(
    "question", [object(), {"about": range(3)}, [lambda: None]], ids=["object", "in", "list"]
)
async def test_a_question_that_cannot_be_stored_is_named_and_the_thread_continues(
    question: Any, engine_of: Engines
) -> None:
    engine = await engine_of(asking(question))

    failed = (await run_to_end(engine, run_spec(run_id="r1")))[-1]
    finished = (await run_to_end(engine, run_spec(run_id="r2")))[-1]

    assert (failed.kind, failed.data["code"]) == ("failed", "state_not_storable")
    assert "'interrupt()' contains a" in failed.data["message"]
    assert "__" not in failed.data["message"]
    assert finished.kind == "finished"


def unstorable(old: Any, new: Any) -> Any:
    return range(3)


class Reduced(Messages):
    notes: Annotated[list[Any], unstorable]


@pytest.mark.parametrize(("schema", "note"), [(State, range(3)), (Reduced, "a note")], ids=["write", "state"])
@pytest.mark.parametrize("has_tools", [False, True])
async def test_the_answer_of_a_step_that_cannot_be_stored_is_kept(
    engine_of: Engines, schema: Any, note: Any, has_tools: bool
) -> None:
    scripts: list[list[Any]] = [["The ", "answer."], ["Fine."]]
    if has_tools:
        scripts.insert(0, ["Let me see. ", call("double", '{"x": 2}')])
    model = ScriptedModel(scripts=scripts)

    async def answer(state: Any) -> Any:
        said = await model.ainvoke(state["messages"])
        is_last = model.calls == len(scripts) - 1
        return {"messages": [said], **({"notes": note} if is_last else {})}

    builder = StateGraph(schema).add_node("answer", answer).add_node("tools", ToolNode([double]))
    builder.add_edge(START, "answer").add_conditional_edges("answer", tools_condition)
    engine = await engine_of(builder.add_edge("tools", "answer").compile())

    failed = (await run_to_end(engine, run_spec("hi", run_id="r1")))[-1]

    assert failed.data["code"] == "state_not_storable"
    before = ["Let me see. ", "4"] if has_tools else []
    assert await texts(engine) == ["hi", *before, "The answer."]
    await run_to_end(engine, run_spec("again", run_id="r2"))
    assert await texts(engine) == ["hi", *before, "The answer.", "again", "Fine."]


async def test_a_text_that_a_node_did_not_return_is_not_kept_by_a_later_failure(engine_of: Engines) -> None:
    model = ScriptedModel(scripts=[["Notes to ", "self."]])

    async def think(state: Any) -> Any:
        await model.ainvoke(state["messages"])
        return {"messages": [AIMessage("Short.")]}

    builder = StateGraph(State).add_node("think", think).add_node("note", lambda _: {"notes": range(3)})
    engine = await engine_of(builder.add_edge(START, "think").add_edge("think", "note").compile())

    await run_to_end(engine, run_spec("hi", run_id="r1"))

    assert await texts(engine) == ["hi", "Short."]
