"""Runs that begin from an earlier state of their thread: which one, when that is gone as their turn comes."""

import asyncio
from dataclasses import replace
from typing import Any

import anyio
import pytest
from langchain_core.messages import AIMessage
from langgraph.graph import START, StateGraph
from langgraph.types import interrupt

from seltzer.errors import IdempotencyConflict, UnknownCheckpoint
from seltzer.runs.edits.updates import COPY, StateUpdate
from seltzer.runs.engine import Engine
from seltzer.runs.graph import AnyPregel
from seltzer.runs.run import RunSpec
from seltzer.stores.options import Retention
from tests.runs.conftest import Engines
from tests.runs.scenario import answer, read_all, read_until, run_spec, run_to_end, texts
from tests.runs.scripted import Messages, agent, call

pytestmark = pytest.mark.anyio


async def newest(engine: Engine) -> str:
    """Return the id of the thread's newest state."""
    state = await engine.threads.state("agent", "t")
    assert state.checkpoint_id is not None
    return state.checkpoint_id


async def history(engine: Engine) -> list[tuple[str, list[str]]]:
    """Return the ids of the thread's states, and the texts of their messages, newest first."""
    states = (await engine.threads.history("agent", "t", limit=100)).states
    return [
        (str(state.checkpoint_id), [each["content"] for each in state.values.get("messages", [])])
        for state in states
    ]


def asking() -> AnyPregel:
    """Return a graph that asks, unless the last message is `no question`."""

    async def approve(state: Messages) -> Any:
        text = state["messages"][-1].text
        return {"messages": [AIMessage("ok" if text == "no question" else str(interrupt("may I?")))]}

    return StateGraph(Messages).add_node("approve", approve).add_edge(START, "approve").compile()


@pytest.mark.parametrize("attached", [False, True])
async def test_rolling_back_the_run_whose_state_is_forked_leaves_the_nearest_one(
    engine_of: Engines, attached: bool
) -> None:
    engine = await engine_of(agent(["zero"], ["half an ", "ans", asyncio.Event()], ["two"]))
    await run_to_end(engine, run_spec("0", run_id="r0"))
    await engine.start(run_spec("1", run_id="r1"))
    await read_until(engine.follow("r1"), "token")
    forked = await newest(engine)

    spec = run_spec("2", run_id="r2", on_busy="rollback", checkpoint_id=forked, attached=attached)

    assert answer(await run_to_end(engine, spec)) == "two"
    assert await texts(engine) == ["0", "zero", "2", "two"]


async def test_the_nearest_state_is_of_the_branch_that_was_forked(engine_of: Engines) -> None:
    engine = await engine_of(agent(["a"], ["b"], ["half", asyncio.Event()], ["d"]))
    await run_to_end(engine, run_spec("1", run_id="r1"))
    early = await newest(engine)
    await run_to_end(engine, run_spec("2", run_id="r2"))
    await engine.start(run_spec("3", run_id="r3", checkpoint_id=early))
    await read_until(engine.follow("r3"), "token")
    forked = await newest(engine)

    await run_to_end(engine, run_spec("4", run_id="r4", on_busy="rollback", checkpoint_id=forked))

    assert await texts(engine) == ["1", "a", "4", "d"]


async def test_rolling_back_the_threads_first_run_leaves_what_was_before_it(engine_of: Engines) -> None:
    engine = await engine_of(agent(["half", asyncio.Event()], ["two"]))
    await engine.start(run_spec("1", run_id="r1"))
    await read_until(engine.follow("r1"), "token")

    spec = run_spec("2", run_id="r2", on_busy="rollback", checkpoint_id=await newest(engine))

    assert answer(await run_to_end(engine, spec)) == "two"
    assert await texts(engine) == ["2", "two"]


async def test_withdrawing_the_question_whose_state_is_forked_leaves_the_nearest_one(
    engine_of: Engines,
) -> None:
    engine = await engine_of(asking())
    await run_to_end(engine, run_spec("no question", run_id="r0"))
    await run_to_end(engine, run_spec("please", run_id="r1"))
    forked = await newest(engine)

    spec = run_spec("no question", run_id="r2", on_busy="rollback", checkpoint_id=forked)

    assert (await run_to_end(engine, spec))[-1].kind == "finished"
    assert await texts(engine) == ["no question", "ok", "no question", "ok"]


async def test_a_state_is_kept_for_the_run_that_waits_to_begin_from_it(engine_of: Engines) -> None:
    gate = asyncio.Event()
    pregel = agent(["zero"], [gate, "one"], *[["more"]] * 15, ["fork"])
    engine = await engine_of(pregel, keeping=Retention(checkpoints=1))
    await run_to_end(engine, run_spec("0", run_id="r0"))
    forked = await newest(engine)
    await engine.start(run_spec("1", run_id="r1"))
    for number in range(15):
        await engine.start(run_spec(f"q{number}", run_id=f"q{number}", on_busy="enqueue"))
    await engine.start(run_spec("2", run_id="r2", on_busy="enqueue", checkpoint_id=forked))

    gate.set()

    assert answer(await read_all(engine.follow("r2"))) == "fork"
    assert await texts(engine) == ["0", "zero", "2", "fork"]


async def test_the_turn_that_a_run_waits_to_begin_amid_can_be_run_again_and_taken_back(
    engine_of: Engines,
) -> None:
    """Though only the newest turn is kept, and the ones before that turn were pruned meanwhile."""
    gate = asyncio.Event()
    asked: list[list[Any]] = [["zero"], [call("double", '{"x": 2}')], [gate, "four"]]
    pregel = agent(*asked, *[["more"]] * 6, ["four again"], ["new four"])
    engine = await engine_of(pregel, keeping=Retention(checkpoints=1, turns=1))
    await run_to_end(engine, run_spec("0", run_id="r0"))
    await engine.start(run_spec("1", run_id="r1"))
    await read_until(engine.follow("r1"), "tool_result")
    amid = await newest(engine)
    for number in range(6):
        await engine.start(run_spec(f"q{number}", run_id=f"q{number}", on_busy="enqueue"))
    await engine.start(RunSpec("agent", None, "t", "r2", on_busy="enqueue", checkpoint_id=amid))
    gate.set()
    await read_all(engine.follow("r2"))
    assert await texts(engine) == ["0", "zero", "1", "", "4", "four again"]

    await run_to_end(engine, RunSpec("agent", None, "t", "r3", from_message=""))
    assert await texts(engine) == ["0", "zero", "1", "new four"]

    question = (await engine.messages("agent", "t"))[2].id
    await engine.edits.update("agent", "t", StateUpdate(None, COPY, from_message=question))
    assert await texts(engine) == ["0", "zero"]


async def test_a_state_that_is_gone_fails_the_run_and_leaves_the_thread_as_it_is(engine_of: Engines) -> None:
    """Between the request's check and its row the state may be pruned: no lock spans the two."""
    gate = asyncio.Event()
    engine = await engine_of(agent(["zero"], [gate, "one"], ["two"]))
    await run_to_end(engine, run_spec("0", run_id="r0"))
    forked = await newest(engine)
    await engine.start(run_spec("1", run_id="r1"))
    await engine.start(run_spec("2", run_id="r2", on_busy="enqueue", checkpoint_id=forked))
    await engine_of.drop_states(engine)

    gate.set()
    last = (await read_all(engine.follow("r2")))[-1]

    assert (last.kind, last.data["code"]) == ("failed", "unknown_checkpoint")
    assert (await engine.threads.get("agent", "t")).run == await engine.get_run("r1")


async def test_a_fork_of_an_unknown_state_is_refused_and_changes_nothing(engine_of: Engines) -> None:
    engine = await engine_of(agent(["zero"], ["one"]))
    await run_to_end(engine, run_spec("0", run_id="r0"))
    await run_to_end(engine, run_spec("0", run_id="other", thread_id="other"))
    foreign = (await engine.threads.state("agent", "other")).checkpoint_id

    for checkpoint_id in ("nothing", foreign):
        with pytest.raises(UnknownCheckpoint):
            await engine.start(run_spec("1", run_id="r1", checkpoint_id=checkpoint_id))

    assert await texts(engine) == ["0", "zero"]


async def test_a_fork_that_is_sent_again_by_its_key_is_the_same_run_though_its_state_is_gone(
    engine_of: Engines,
) -> None:
    engine = await engine_of(agent(["zero"], ["one"]))
    await run_to_end(engine, run_spec("0", run_id="r0"))
    spec = run_spec("1", run_id="r1", checkpoint_id=await newest(engine), digest="d")
    await run_to_end(engine, spec)
    await engine_of.drop_states(engine)
    with pytest.raises(UnknownCheckpoint):
        await engine.start(replace(spec, run_id="other"))

    again = await engine.start(spec)

    assert (again.output, again.status) == ("one", "success")
    with pytest.raises(IdempotencyConflict):
        await engine.start(replace(spec, checkpoint_id="none", digest="e"))


async def test_a_fork_whose_process_is_killed_begins_there_again(engine_of: Engines) -> None:
    engine = await engine_of(agent(["a"], ["b"], [asyncio.Event()]))
    await run_to_end(engine, run_spec("1", run_id="r1"))
    early = await newest(engine)
    await run_to_end(engine, run_spec("2", run_id="r2"))
    await engine.start(run_spec("3", run_id="r3", checkpoint_id=early))
    with anyio.fail_after(10):
        await read_until(engine.follow("r3"), "started")

    engine = await engine_of(agent(["c"]), folder=engine_of.killed(engine))
    await read_all(engine.follow("r3"))

    assert await texts(engine) == ["1", "a", "3", "c"]
    assert ["1", "a", "2", "b"] in [shown for _, shown in await history(engine)]
