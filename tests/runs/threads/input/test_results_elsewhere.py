"""Results of client-run tools for graphs that keep their messages elsewhere than in a state's key."""

from typing import Annotated, Any

import pytest
from langchain_core.messages import AIMessage, HumanMessage, ToolMessage
from langgraph.func import entrypoint
from langgraph.graph import START, StateGraph, add_messages

from seltzer.errors import InvalidInput
from seltzer.runs.engine import Engine
from seltzer.runs.event import Event
from seltzer.runs.graph import AnyPregel
from seltzer.runs.run import RunSpec
from seltzer.runs.threads.input.completion import CONTINUED
from tests.runs.conftest import Engines
from tests.runs.scenario import run_to_end, texts
from tests.runs.scripted import ScriptedModel
from tests.runs.threads.input.test_results import CALLS, result
from tests.runs.threads.repair.test_repair import RecordingModel, calls, is_valid

pytestmark = pytest.mark.anyio


def of_a_list(model: ScriptedModel) -> AnyPregel:
    async def say(state: Any) -> Any:
        return [await model.ainvoke(state)]

    state: Any = Annotated[list[Any], add_messages]
    return StateGraph(state).add_node("say", say).add_edge(START, "say").compile()


def of_a_function(model: ScriptedModel) -> AnyPregel:
    @entrypoint()
    async def talk(given: list[Any], *, previous: Any = None) -> Any:
        messages = [*(previous or ()), *given]
        answer = await model.ainvoke(messages)
        return entrypoint.final(value=answer, save=[*messages, answer])

    return talk


def of_a_function_without_saves(model: ScriptedModel) -> AnyPregel:
    @entrypoint()
    async def talk(given: list[Any], *, previous: Any = None) -> list[Any]:
        messages = [*(previous or ()), *given]
        return [*messages, await model.ainvoke(messages)]

    return talk


GRAPHS = [of_a_list, of_a_function, of_a_function_without_saves]


async def run(engine: Engine, *messages: Any, run_id: str) -> list[Event]:
    return await run_to_end(engine, RunSpec("agent", [*messages], "t", run_id))


@pytest.mark.parametrize("graph", GRAPHS)
async def test_the_calls_are_in_the_output_and_their_results_are_accepted(
    engine_of: Engines, graph: Any
) -> None:
    model = RecordingModel(scripts=[[calls("where", "when")], ["You are in Berlin."]])
    engine = await engine_of(graph(model))

    await run(engine, HumanMessage("where am I?"), run_id="r1")
    await run(engine, result("c0"), result("c1", "noon"), run_id="r2")

    assert (await engine.get_run("r1")).output == {"text": "", "tool_calls": CALLS}
    assert (await engine.get_run("r2")).output == "You are in Berlin."
    assert [each.text for each in model.asked[-1]] == ["where am I?", "", "Berlin", "noon"]
    assert await texts(engine) == ["where am I?", "", "Berlin", "noon", "You are in Berlin."]


@pytest.mark.parametrize("graph", GRAPHS)
async def test_a_result_of_no_open_call_is_refused_by_its_field(engine_of: Engines, graph: Any) -> None:
    engine = await engine_of(graph(ScriptedModel(scripts=[[calls("where")]])))
    await run(engine, HumanMessage("where am I?"), run_id="r1")

    with pytest.raises(InvalidInput) as refused:
        await run(engine, HumanMessage("so?"), result("nobody"), run_id="r2")

    assert refused.value.field == "input.1.tool_call_id"


async def test_a_list_that_is_continued_without_results_is_given_them(engine_of: Engines) -> None:
    model = RecordingModel(scripts=[[calls("where", "when")], ["Ok."]])
    engine = await engine_of(of_a_list(model))
    await run(engine, HumanMessage("where am I?"), run_id="r1")

    await run(engine, HumanMessage("never mind"), result("c0"), run_id="r2")

    assert [each.text for each in model.asked[-1]][2:] == ["Berlin", CONTINUED, "never mind"]
    assert is_valid(model.asked[-1])


async def test_a_lists_results_are_accepted_again_after_a_failure(engine_of: Engines) -> None:
    model = RecordingModel(scripts=[[calls("where")], ["Be", ConnectionError("reset")], ["Berlin."]])
    engine = await engine_of(of_a_list(model))
    await run(engine, HumanMessage("where am I?"), run_id="r1")

    assert (await run(engine, result("c0"), run_id="r2"))[-1].kind == "failed"
    await run(engine, result("c0"), run_id="r3")

    assert [each.text for each in model.asked[-1]] == ["where am I?", "", "Berlin"]


@pytest.mark.parametrize("graph", [of_a_function, of_a_function_without_saves])
async def test_a_functions_calls_stay_open_after_a_failure(engine_of: Engines, graph: Any) -> None:
    model = RecordingModel(scripts=[[calls("where")], [ConnectionError("reset")], ["Berlin."]])
    engine = await engine_of(graph(model))
    await run(engine, HumanMessage("where am I?"), run_id="r1")

    assert (await run(engine, result("c0"), run_id="r2"))[-1].kind == "failed"
    assert await texts(engine) == ["where am I?", ""]
    await run(engine, result("c0"), run_id="r3")

    assert [each.text for each in model.asked[-1]] == ["where am I?", "", "Berlin"]


async def test_a_functions_input_stays_as_it_is(engine_of: Engines) -> None:
    given_to: list[list[Any]] = []

    @entrypoint()
    async def talk(given: list[Any]) -> list[Any]:
        given_to.append(given)
        return [AIMessage("", tool_calls=[{"name": "f", "args": {}, "id": "c0"}])]

    engine = await engine_of(talk)
    await run(engine, HumanMessage("where am I?"), run_id="r1")
    await run(engine, HumanMessage("never mind"), run_id="r2")

    assert [each.text for each in given_to[1]] == ["never mind"]
    assert not any(isinstance(each, ToolMessage) for each in given_to[1])
