"""A run whose state can't be stored fails with the reason, and its thread stays as it was."""

from collections.abc import Sequence
from typing import Any

import pytest
from langchain_core.messages import AIMessage, ToolMessage
from langgraph.graph import START, StateGraph
from langgraph.types import interrupt

from seltzer.runs.graph import AnyPregel
from tests.runs.conftest import Engines
from tests.runs.scenario import run_spec, run_to_end
from tests.runs.scripted import Messages

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
