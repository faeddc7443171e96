"""Tools that the client runs: a run ends on their calls, and the next input has the results."""

import asyncio
from typing import Annotated, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from langchain_core.messages import AIMessage, HumanMessage, ToolMessage
from langgraph.graph import START, StateGraph

from seltzer.errors import IdempotencyConflict, InvalidInput
from seltzer.runs.engine import Engine
from seltzer.runs.event import Event
from seltzer.runs.graph import AnyPregel
from seltzer.runs.run import RunSpec
from seltzer.runs.threads.input.completion import CONTINUED
from seltzer.runs.threads.repair.open_calls import open_calls, unanswered_calls
from tests.runs.conftest import Engines
from tests.runs.scenario import answer, read_all, read_until, run_spec, run_to_end
from tests.runs.scripted import Messages, ScriptedModel, agent, call, double
from tests.runs.threads.repair.test_own_reducers import REDUCERS, state_of
from tests.runs.threads.repair.test_repair import RecordingModel, calls, is_valid

pytestmark = pytest.mark.anyio

CALLS = [{"name": "where", "args": {"x": 0}, "id": "c0"}, {"name": "when", "args": {"x": 1}, "id": "c1"}]


def talker(model: ScriptedModel, schema: Any = Messages) -> AnyPregel:
    """Return a graph of a model whose tools nobody here runs."""

    async def say(state: Any) -> Any:
        return {"messages": [await model.ainvoke(state["messages"])]}

    return StateGraph(schema).add_node("say", say).add_edge(START, "say").compile()


def result(call_id: str, text: str = "Berlin") -> ToolMessage:
    return ToolMessage(text, tool_call_id=call_id)


def results(*messages: Any, run_id: str = "r2", **options: Any) -> RunSpec:
    return RunSpec("agent", {"messages": [*messages]}, "t", run_id, **options)


async def asked(engine: Engine) -> list[Event]:
    """Run to the tools' calls."""
    return await run_to_end(engine, run_spec("where am I?", run_id="r1"))


async def test_a_run_that_ends_on_calls_is_finished_and_its_output_has_them(engine_of: Engines) -> None:
    engine = await engine_of(talker(ScriptedModel(scripts=[[calls("where", "when")]])))

    events = await asked(engine)

    assert events[-1].kind == "finished"
    assert (await engine.get_run("r1")).output == {"text": "", "tool_calls": CALLS}
    assert (await engine.threads.get("agent", "t")).status == "idle"


async def test_text_beside_the_calls_is_in_the_output_too(engine_of: Engines) -> None:
    chunk = calls("where")
    chunk.content = "Let me look."
    engine = await engine_of(talker(ScriptedModel(scripts=[[chunk]])))

    await asked(engine)

    output = (await engine.get_run("r1")).output
    assert (output["text"], len(output["tool_calls"])) == ("Let me look.", 1)


async def test_the_next_input_may_be_all_results(engine_of: Engines) -> None:
    model = RecordingModel(scripts=[[calls("where", "when")], ["You are in Berlin."]])
    engine = await engine_of(talker(model))
    await asked(engine)

    events = await run_to_end(engine, results(result("c1", "noon"), result("c0")))

    assert answer(events) == "You are in Berlin."
    assert (await engine.get_run("r2")).output == "You are in Berlin."
    assert [m.text for m in model.asked[-1]] == ["where am I?", "", "noon", "Berlin"]
    assert is_valid(model.asked[-1])


async def test_the_other_calls_get_an_error_if_the_input_has_one_result(engine_of: Engines) -> None:
    model = RecordingModel(scripts=[[calls("where", "when")], ["You are in Berlin."]])
    engine = await engine_of(talker(model))
    await asked(engine)

    await run_to_end(engine, results(result("c0")))

    assert [m.text for m in model.asked[-1]][2:] == ["Berlin", CONTINUED]
    assert is_valid(model.asked[-1])
    with pytest.raises(InvalidInput):
        await engine.start(results(result("c1"), run_id="r3"))


async def test_so_do_all_if_it_has_none(engine_of: Engines) -> None:
    model = RecordingModel(scripts=[[calls("where", "when")], ["Well then."]])
    engine = await engine_of(talker(model))
    await asked(engine)

    await run_to_end(engine, run_spec("never mind", run_id="r2"))

    assert [m.text for m in model.asked[-1]][2:] == [CONTINUED, CONTINUED, "never mind"]
    assert is_valid(model.asked[-1])


async def test_results_come_before_what_else_the_input_has(engine_of: Engines) -> None:
    model = RecordingModel(scripts=[[calls("where", "when")], ["Ok."]])
    engine = await engine_of(talker(model))
    await asked(engine)

    await run_to_end(engine, results(HumanMessage("and now?"), result("c0")))

    assert [m.text for m in model.asked[-1]][2:] == ["Berlin", CONTINUED, "and now?"]


@pytest.mark.parametrize("reducer", REDUCERS, ids=lambda reducer: reducer.__name__)
async def test_whatever_the_reducer_the_next_turn_works(engine_of: Engines, reducer: Any) -> None:
    model = RecordingModel(scripts=[[calls("where")], ["Ok."]])
    engine = await engine_of(talker(model, state_of(messages=Annotated[list[Any], reducer])))
    await asked(engine)

    await run_to_end(engine, run_spec("never mind", run_id="r2"))

    assert (await engine.get_run("r2")).status == "success"
    if reducer.__name__ not in ("cut_to_two", "without_errors", "strict"):  # these cut what is added
        assert is_valid(model.asked[-1])


def reducer_of(reducer: Any) -> Any:

    return Annotated[list[Any], reducer]


@pytest.mark.parametrize(
    ("messages", "place"),
    [
        ([result("nobody")], "0"),
        ([result("c0"), result("c0")], "1"),
        ([HumanMessage("hi"), result("c0"), result("")], "2"),
    ],
)
async def test_a_result_of_a_call_that_is_not_open_is_refused_by_its_field(
    engine_of: Engines, messages: Any, place: str
) -> None:
    engine = await engine_of(talker(ScriptedModel(scripts=[[calls("where", "when")]])))
    await asked(engine)

    with pytest.raises(InvalidInput) as refused:
        await engine.start(results(*messages))

    assert refused.value.field == f"input.messages.{place}.tool_call_id"
    assert len(await engine.messages("agent", "t")) == 2


async def test_a_result_is_refused_where_there_is_no_thread(engine_of: Engines) -> None:
    engine = await engine_of(talker(ScriptedModel(scripts=[])))

    with pytest.raises(InvalidInput):
        await engine.start(results(result("c0")))


async def test_a_result_is_accepted_once(engine_of: Engines) -> None:
    engine = await engine_of(talker(ScriptedModel(scripts=[[calls("where")], ["Ok."]])))
    await asked(engine)
    await run_to_end(engine, results(result("c0")))

    with pytest.raises(InvalidInput):
        await engine.start(results(result("c0"), run_id="r3"))


@pytest.mark.parametrize("is_retried_at_once", [True, False])
async def test_a_run_with_results_that_is_sent_again_by_its_key_is_the_same_run(
    engine_of: Engines, is_retried_at_once: bool
) -> None:
    gate = asyncio.Event()
    engine = await engine_of(talker(ScriptedModel(scripts=[[calls("where")], [gate, "Ok."]])))
    await asked(engine)
    spec = results(result("c0"), digest="d")
    await engine.start(spec)
    if is_retried_at_once:
        assert (await engine.start(spec)).status == "running"

    gate.set()
    await read_all(engine.follow("r2"))

    assert (await engine.start(spec)).output == "Ok."
    assert [m.text for m in await engine.messages("agent", "t")] == ["where am I?", "", "Berlin", "Ok."]
    for other in (results(result("c0"), digest="e"), results(result("nobody"), digest="e")):
        with pytest.raises(IdempotencyConflict):
            await engine.start(other)


async def test_a_result_that_waits_for_the_run_that_makes_its_call_is_accepted(engine_of: Engines) -> None:
    gate = asyncio.Event()
    engine = await engine_of(talker(ScriptedModel(scripts=[[gate, calls("where")], ["Ok."]])))
    await engine.start(run_spec("where am I?", run_id="r1"))
    await engine.start(results(result("c0"), on_busy="enqueue"))

    gate.set()

    assert answer(await read_all(engine.follow("r2"))) == "Ok."


async def test_one_that_waited_in_vain_fails_and_changes_nothing(engine_of: Engines) -> None:
    gate = asyncio.Event()
    engine = await engine_of(talker(ScriptedModel(scripts=[[gate, "Nothing to do."]])))
    await engine.start(run_spec("hi", run_id="r1"))
    await engine.start(results(result("c0"), on_busy="enqueue"))

    gate.set()
    last = (await read_all(engine.follow("r2")))[-1]

    assert (last.kind, last.data["code"]) == ("failed", "unknown_tool_call")
    assert [m.text for m in await engine.messages("agent", "t")] == ["hi", "Nothing to do."]


async def test_a_fork_answers_the_calls_of_the_state_it_begins_from(engine_of: Engines) -> None:
    model = RecordingModel(scripts=[[calls("where")], ["You are in Berlin."], ["You are in Rome."]])
    engine = await engine_of(talker(model))
    await asked(engine)
    forked = (await engine.threads.state("agent", "t")).checkpoint_id
    await run_to_end(engine, results(result("c0")))

    events = await run_to_end(engine, results(result("c0", "Rome"), run_id="r3", checkpoint_id=forked))

    assert answer(events) == "You are in Rome."
    assert [m.text for m in model.asked[-1]] == ["where am I?", "", "Rome"]


async def test_a_fork_of_a_state_amid_a_turn_gives_its_open_calls_a_result(engine_of: Engines) -> None:

    model = RecordingModel(scripts=[[call("double", '{"x": 1}')], ["2"], ["Ok."]])
    engine = await engine_of(agent(model=model, tools=[double]))
    await run_to_end(engine, run_spec("double 1", run_id="r1"))
    states = (await engine.threads.history("agent", "t", limit=10)).states
    [amid] = [each.checkpoint_id for each in states if each.next == ("tools",)]

    await run_to_end(engine, run_spec("stop", run_id="r2", checkpoint_id=amid))

    assert [m.type for m in model.asked[-1]] == ["human", "ai", "tool", "human"]
    assert is_valid(model.asked[-1])


async def test_an_attached_runs_output_is_a_text(engine_of: Engines) -> None:
    engine = await engine_of(talker(ScriptedModel(scripts=[[calls("where")]])))

    await run_to_end(engine, run_spec("where am I?", run_id="r1", attached=True))

    assert (await engine.get_run("r1")).output == ""


async def test_results_survive_the_death_of_their_run(engine_of: Engines) -> None:
    gate = asyncio.Event()
    engine = await engine_of(talker(ScriptedModel(scripts=[[calls("where")], [gate]])))
    await asked(engine)
    await engine.start(results(result("c0")))
    await read_until(engine.follow("r2"), "started")

    model = RecordingModel(scripts=[["You are in Berlin."]])
    engine = await engine_of(talker(model), folder=engine_of.killed(engine))
    await read_all(engine.follow("r2"))

    assert [m.text for m in model.asked[-1]] == ["where am I?", "", "Berlin"]


@given(st.lists(st.booleans(), max_size=5))
def test_open_calls_are_those_without_a_result_in_either_form(answered: list[bool]) -> None:
    functions = [
        {"id": f"c{i}", "function": {"name": "f", "arguments": "{}"}} for i, _ in enumerate(answered)
    ]
    as_dicts: list[Any] = [{"role": "assistant", "content": "", "tool_calls": functions}]
    as_messages: list[Any] = [
        AIMessage("", tool_calls=[{"name": "f", "args": {}, "id": f"c{i}"} for i, _ in enumerate(answered)])
    ]
    for index, is_answered in enumerate(answered):
        if is_answered:
            as_dicts.append({"role": "tool", "tool_call_id": f"c{index}", "content": "x"})
            as_messages.append(ToolMessage("x", tool_call_id=f"c{index}"))

    expected = [f"c{i}" for i, is_answered in enumerate(answered) if not is_answered]

    assert [each["id"] for each in open_calls(as_messages)] == expected
    assert [each["id"] for each in open_calls(as_dicts)] == expected
    assert open_calls([*as_dicts, *unanswered_calls(as_dicts)]) == []
