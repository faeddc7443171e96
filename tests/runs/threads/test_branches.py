"""Branches of threads whose messages are anywhere: a key, the state itself, or what a function returns."""

from dataclasses import replace
from typing import Annotated, Any

import pytest
from langchain_core.messages import AIMessage, AnyMessage, HumanMessage
from langgraph.func import entrypoint
from langgraph.graph import START, StateGraph, add_messages
from typing_extensions import TypedDict

from seltzer.runs.execution.driver.run_config import executable
from seltzer.runs.graph import AnyPregel
from seltzer.runs.run import RunSpec
from seltzer.runs.threads.turns import turn_of
from seltzer.runs.tree import INPUT
from tests.runs.conftest import Engines
from tests.runs.scenario import run_to_end
from tests.runs.scripted import Messages

pytestmark = pytest.mark.anyio


def echo(text: str) -> AIMessage:
    return AIMessage(f"you wrote {text}")


def with_a_key() -> AnyPregel:
    builder = StateGraph(Messages)
    builder.add_node("echo", lambda state: {"messages": [echo(state["messages"][-1].text)]})
    return builder.add_edge(START, "echo").compile()


def of_a_list() -> AnyPregel:
    schema: Any = Annotated[list[AnyMessage], add_messages]
    builder: StateGraph[Any] = StateGraph(schema)
    builder.add_node("echo", lambda state: [echo(state[-1].text)])
    return builder.add_edge(START, "echo").compile()


@entrypoint()
async def function(messages: list[Any], *, previous: Any = None) -> Any:
    return [*(previous or []), *messages, echo(messages[-1].text)]


@entrypoint()
async def saving(messages: list[Any], *, previous: Any = None) -> Any:
    whole = [*(previous or {"messages": []})["messages"], *messages, echo(messages[-1].text)]
    return entrypoint.final(value=whole[-1].text, save={"messages": whole})


class Count(TypedDict):
    count: int


def without_messages() -> AnyPregel:
    builder = StateGraph(Count).add_node("add", lambda state: {"count": state["count"] + 1})
    return builder.add_edge(START, "add").compile()


def message(text: str) -> list[HumanMessage]:
    return [HumanMessage(text, id=f"of {text}")]


@pytest.mark.parametrize("graph", [with_a_key, of_a_list, lambda: function, lambda: saving])
async def test_a_branch_is_shown_by_its_last_message_and_a_turn_is_found_by_its_own(
    engine_of: Engines, graph: Any
) -> None:
    pregel = graph()
    engine = await engine_of(pregel)
    for name in ("one", "two"):
        input = {"messages": message(name)} if graph is with_a_key else message(name)
        await run_to_end(engine, RunSpec("agent", input, "t", name))

    [branch] = await engine.threads.branches("agent", "t", limit=5)
    places = [await engine.threads.turn_of("agent", "t", f"of {name}") for name in ("one", "two")]

    assert branch.text == "you wrote two"
    runs = [(await engine.threads.state("agent", "t", place)).run_id for place in places]
    assert runs == ["one", "two"]


async def test_a_turn_whose_end_was_pruned_is_found_by_what_it_has_added(engine_of: Engines) -> None:
    engine = await engine_of(with_a_key())
    for name in ("one", "two", "three"):
        await run_to_end(engine, RunSpec("agent", {"messages": message(name)}, "t", name))
    stores = engine_of.stores(engine)
    pregel = executable(engine.graphs["agent"].pregel, stores.checkpoints.saver_for(with_a_key()))
    refs = await stores.checkpoints.tree("t")
    starts = [ref for ref in refs if ref.source == INPUT]
    pruned = [
        starts[0],
        replace(starts[1], parent_id=starts[0].checkpoint_id),
        *refs[refs.index(starts[1]) + 1 :],
    ]

    found = [await turn_of(pregel, "t", pruned, f"of {name}") for name in ("one", "two", "three")]

    assert found == [start.checkpoint_id for start in starts]


async def test_a_branch_without_messages_has_no_text(engine_of: Engines) -> None:
    engine = await engine_of(without_messages())
    await run_to_end(engine, RunSpec("agent", {"count": 1}, "t", "r1"))

    [branch] = await engine.threads.branches("agent", "t", limit=5)

    assert (branch.text, branch.run_id) == ("", "r1")
