"""Runs without an input: the graph runs again from an earlier state, and what it did before is kept."""

import asyncio
from typing import Any

import pytest
from langchain_core.messages import AIMessage
from langgraph.graph import START, StateGraph
from langgraph.types import interrupt

from seltzer.errors import InvalidInput, UnknownCheckpoint, UnknownThread
from seltzer.runs.engine import Engine
from seltzer.runs.event import Event
from seltzer.runs.graph import AnyPregel
from seltzer.runs.run import RunSpec
from tests.runs.conftest import Engines
from tests.runs.scenario import answer, read_all, read_until, run_spec, run_to_end, texts
from tests.runs.scripted import Messages, agent, call

pytestmark = pytest.mark.anyio


async def again(engine: Engine, run_id: str, checkpoint_id: str | None = None, **options: Any) -> list[Event]:
    """Run again from the checkpoint, or from the thread's last question."""
    place = checkpoint_id or await engine.threads.newest_turn("agent", "t")
    return await run_to_end(engine, RunSpec("agent", None, "t", run_id, checkpoint_id=place, **options))


async def texts_at(engine: Engine, checkpoint_id: str | None) -> list[str]:
    state = await engine.threads.state("agent", "t", checkpoint_id)
    return [each["content"] for each in state.values["messages"]]


async def newest(engine: Engine) -> str | None:
    return (await engine.threads.state("agent", "t")).checkpoint_id


def asking() -> AnyPregel:
    async def approve(state: Messages) -> Any:
        return {"messages": [AIMessage(str(interrupt("may I?")))]}

    return StateGraph(Messages).add_node("approve", approve).add_edge(START, "approve").compile()


def asking_in_a_subgraph() -> AnyPregel:
    return StateGraph(Messages).add_node("inner", asking()).add_edge(START, "inner").compile()


async def test_the_last_question_is_answered_again_and_the_first_answer_stays_reachable(
    engine_of: Engines,
) -> None:
    engine = await engine_of(agent(["zero"], ["one"], ["another"], ["next"]))
    await run_to_end(engine, run_spec("0", run_id="r0"))
    await run_to_end(engine, run_spec("1", run_id="r1"))
    before = await newest(engine)

    events = await again(engine, "r2")

    assert answer(events) == "another"
    assert await texts(engine) == ["0", "zero", "1", "another"]
    assert await texts_at(engine, before) == ["0", "zero", "1", "one"]
    await run_to_end(engine, run_spec("2", run_id="r3"))
    assert await texts(engine) == ["0", "zero", "1", "another", "2", "next"]


async def test_it_can_be_answered_any_number_of_times(engine_of: Engines) -> None:
    engine = await engine_of(agent(["a"], ["b"], ["c"], ["d"]))
    await run_to_end(engine, run_spec("1", run_id="r1"))

    answers = [answer(await again(engine, f"r{n}")) for n in (2, 3, 4)]

    assert answers == ["b", "c", "d"]
    assert await texts(engine) == ["1", "d"]


async def test_a_turn_with_tool_calls_is_run_again_as_a_whole(engine_of: Engines) -> None:
    scripts: list[list[Any]] = [
        [call("double", '{"x": 2}')],
        ["4"],
        [call("double", '{"x": 3}', "c2")],
        ["6"],
    ]
    engine = await engine_of(agent(*scripts))
    await run_to_end(engine, run_spec("1", run_id="r1"))

    assert answer(await again(engine, "r2")) == "6"

    assert await texts(engine) == ["1", "", "6", "6"]


@pytest.mark.parametrize("ending", ["fails", "is cancelled"])
async def test_the_question_of_a_run_without_an_answer_is_answered_again(
    engine_of: Engines, ending: str
) -> None:
    blocked = ValueError("no") if ending == "fails" else asyncio.Event()
    engine = await engine_of(agent(["half", blocked], ["whole"]))
    await engine.start(run_spec("1", run_id="r1"))
    await read_until(engine.follow("r1"), "token")
    if ending == "is cancelled":
        await engine.cancel("r1")
    await read_all(engine.follow("r1"))

    await again(engine, "r2")

    assert await texts(engine) == ["1", "whole"]


async def test_a_run_again_that_is_rolled_back_leaves_the_answer_before_it(engine_of: Engines) -> None:
    engine = await engine_of(agent(["one"], ["ano", asyncio.Event()], ["two"]))
    await run_to_end(engine, run_spec("1", run_id="r1"))
    place = await engine.threads.newest_turn("agent", "t")
    await engine.start(RunSpec("agent", None, "t", "r2", checkpoint_id=place))
    await read_until(engine.follow("r2"), "token")

    await run_to_end(engine, run_spec("2", run_id="r3", on_busy="rollback"))

    assert await texts(engine) == ["1", "one", "2", "two"]


async def test_a_run_again_whose_process_is_killed_is_run_again(engine_of: Engines) -> None:
    engine = await engine_of(agent(["one"], ["ano", asyncio.Event()]))
    await run_to_end(engine, run_spec("1", run_id="r1"))
    place = await engine.threads.newest_turn("agent", "t")
    await engine.start(RunSpec("agent", None, "t", "r2", checkpoint_id=place))
    await read_until(engine.follow("r2"), "token")

    engine = await engine_of(agent(["another"]), folder=engine_of.killed(engine))
    await read_all(engine.follow("r2"))

    assert await texts(engine) == ["1", "another"]


@pytest.mark.parametrize("graph", [asking, asking_in_a_subgraph])
async def test_a_question_that_was_answered_is_asked_again_where_it_was_asked(
    engine_of: Engines, graph: Any
) -> None:
    engine = await engine_of(graph())
    asked = await run_to_end(engine, run_spec("please", run_id="r1"))
    [question] = asked[-1].data["interrupts"]
    place = await newest(engine)
    await run_to_end(
        engine, RunSpec("agent", None, "t", "r2", answers={question["id"]: "yes"}, answered="r1")
    )
    answered = await newest(engine)
    assert await texts(engine) == ["please", "yes"]

    last = (await again(engine, "r3", place))[-1]
    state = await engine.threads.state("agent", "t")

    assert last.kind == "interrupted"
    assert last.data["interrupts"] == state.interrupts
    [asked_again] = last.data["interrupts"]
    assert asked_again["value"] == "may I?"
    answers = {asked_again["id"]: "no"}
    await run_to_end(engine, RunSpec("agent", None, "t", "r4", answers=answers, answered="r3"))
    assert await texts(engine) == ["please", "no"]
    assert await texts_at(engine, answered) == ["please", "yes"]


async def test_nothing_runs_from_the_end_of_a_turn(engine_of: Engines) -> None:
    engine = await engine_of(agent(["one"]))
    await run_to_end(engine, run_spec("1", run_id="r1"))

    with pytest.raises(InvalidInput, match="from_checkpoint: is the end of a turn"):
        await engine.start(RunSpec("agent", None, "t", "r2", checkpoint_id=await newest(engine)))

    assert await texts(engine) == ["1", "one"]


async def test_a_question_that_was_rolled_back_meanwhile_fails_the_run(engine_of: Engines) -> None:
    engine = await engine_of(agent(["zero"], ["half", asyncio.Event()], ["one"]))
    await run_to_end(engine, run_spec("0", run_id="r0"))
    await engine.start(run_spec("1", run_id="r1"))
    await read_until(engine.follow("r1"), "token")
    place = await engine.threads.newest_turn("agent", "t")

    spec = RunSpec("agent", None, "t", "r2", checkpoint_id=place, on_busy="rollback")
    last = (await run_to_end(engine, spec))[-1]

    assert (last.kind, last.data["code"]) == ("failed", "unknown_checkpoint")
    assert await texts(engine) == ["0", "zero"]


async def test_a_thread_without_a_question_has_none_to_answer_again(engine_of: Engines) -> None:
    engine = await engine_of(agent(["one"]))
    with pytest.raises(UnknownThread):
        await engine.threads.newest_turn("agent", "t")
    await run_to_end(engine, run_spec("1", run_id="r1"))
    await engine_of.drop_states(engine)

    with pytest.raises(UnknownCheckpoint):
        await engine.threads.newest_turn("agent", "t")


@pytest.mark.parametrize("turn", [0, 1, 4])
@pytest.mark.parametrize("whose", [0, 1], ids=["question", "answer"])
async def test_the_turn_that_a_message_came_with_is_found(engine_of: Engines, turn: int, whose: int) -> None:
    engine = await engine_of(agent(*[[f"a{n}"] for n in range(5)], ["edited"]))
    for n in range(5):
        await run_to_end(engine, run_spec(f"q{n}", run_id=f"r{n}"))
    message = (await engine.messages("agent", "t"))[2 * turn + whose]

    place = await engine.threads.turn_of("agent", "t", str(message.id))
    await run_to_end(engine, run_spec("other", run_id="edit", checkpoint_id=place))

    before = [text for n in range(turn) for text in (f"q{n}", f"a{n}")]
    assert await texts(engine) == [*before, "other", "edited"]


async def test_a_message_of_another_branch_has_no_turn_on_this_one(engine_of: Engines) -> None:
    engine = await engine_of(agent(["a"], ["b"]))
    await run_to_end(engine, run_spec("1", run_id="r1"))
    gone = (await engine.messages("agent", "t"))[-1].id
    await again(engine, "r2")

    assert await engine.threads.turn_of("agent", "t", str(gone)) is None
    assert await engine.threads.turn_of("agent", "t", "nothing") is None


async def test_a_run_that_waits_answers_the_question_that_is_the_last_when_its_turn_comes(
    engine_of: Engines,
) -> None:
    gate = asyncio.Event()
    engine = await engine_of(agent(["zero"], [gate, "one"], ["another"]))
    await run_to_end(engine, run_spec("0", run_id="r0"))
    await engine.start(run_spec("1", run_id="r1"))
    await engine.start(RunSpec("agent", None, "t", "r2", from_message="", on_busy="enqueue"))

    gate.set()
    await read_all(engine.follow("r2"))

    assert await texts(engine) == ["0", "zero", "1", "another"]


@pytest.mark.parametrize("how", ["enqueue", "interrupt", "rollback"])
async def test_a_run_from_a_message_begins_where_its_turn_does_when_its_own_turn_comes(
    engine_of: Engines, how: Any
) -> None:
    gate = asyncio.Event()
    engine = await engine_of(agent(["zero"], ["half", gate], ["edited"]))
    await run_to_end(engine, run_spec("0", run_id="r0"))
    await engine.start(run_spec("1", run_id="r1"))
    await read_until(engine.follow("r1"), "token")
    message = str((await engine.messages("agent", "t"))[-1].id)

    await engine.start(run_spec("other", run_id="r2", from_message=message, on_busy=how))
    gate.set()
    await read_all(engine.follow("r2"))

    assert await texts(engine) == ["0", "zero", "other", "edited"]
