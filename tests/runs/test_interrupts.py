"""Graphs that ask a person: the run pauses, the answer is a new run, nothing is lost or answered twice."""

import asyncio
from typing import Any

import anyio
import pytest
from anyio.lowlevel import checkpoint
from langchain_core.messages import AIMessage
from langgraph._internal._constants import RESUME
from langgraph.graph import START, StateGraph
from langgraph.types import interrupt

from seltzer.errors import NotInterrupted, ThreadInterrupted
from seltzer.runs.event import Event
from seltzer.runs.graph import AnyPregel
from seltzer.runs.ports import Stores
from seltzer.runs.run import OnBusy
from tests.runs.conftest import Engines
from tests.runs.scenario import (
    begin,
    kinds,
    read_all,
    read_until,
    run_spec,
    run_to_end,
    spec_answering,
    spec_without_input,
    texts,
)
from tests.runs.scripted import Messages

pytestmark = pytest.mark.anyio


def asker(*questions: str, before: asyncio.Event | None = None, behind: asyncio.Event | None = None) -> Any:
    """Return a node that asks one question after the other and returns the answers.

    It waits for an event before it asks, or after each answer.
    """

    async def approve(state: Messages) -> Any:
        if before is not None:
            await before.wait()
        answers = []
        for question in questions:
            answers.append(interrupt(question))
            if behind is not None:
                await behind.wait()
        return {"messages": [AIMessage(" ".join(map(str, answers)))]}

    return approve


def asking(*questions: str, **waits: asyncio.Event) -> AnyPregel:
    """Return a graph of one node that asks."""
    builder = StateGraph(Messages)
    builder.add_node("approve", asker(*questions, **waits))
    builder.add_edge(START, "approve")
    return builder.compile()


def the_only(events: list[Event]) -> tuple[str, object]:
    """Return the id and the value of the question a run ended with."""
    assert events[-1].kind == "interrupted"
    (question,) = events[-1].data["interrupts"]
    return question["id"], question["value"]


async def answer_stored(stores: Stores, pregel: AnyPregel) -> None:
    """Wait until the thread's state has been given the answer."""
    saver = stores.checkpoints.saver_for(pregel)
    with anyio.fail_after(5):
        while True:
            found = await saver.aget_tuple({"configurable": {"thread_id": "t", "checkpoint_ns": ""}})
            if found and any(channel == RESUME for _, channel, _ in found.pending_writes or ()):
                return
            await checkpoint()  # the port has no wake-up for it


async def test_a_graph_that_asks_ends_interrupted_with_its_question(engine_of: Engines) -> None:
    engine = await engine_of(asking("may I?"))

    events = await run_to_end(engine, run_spec())

    assert the_only(events)[1] == "may I?"
    assert kinds(events) == ["started", "interrupt", "interrupted"]
    assert (await engine.get_run("r")).status == "interrupted"
    state = await engine.threads.state("agent", "t")
    assert [each["value"] for each in state.interrupts] == ["may I?"]


async def test_the_answer_is_a_new_run_that_continues_from_there(engine_of: Engines) -> None:
    engine = await engine_of(asking("may I?"))
    question, _ = the_only(await run_to_end(engine, run_spec("please")))

    events = await run_to_end(engine, spec_answering({question: "yes"}))

    assert events[-1].kind == "finished"
    assert await texts(engine) == ["please", "yes"]
    assert (await engine.get_run("r")).status == "interrupted"


async def test_an_answer_after_a_restart_continues_from_there(engine_of: Engines) -> None:
    engine = await engine_of(asking("may I?"))
    question, _ = the_only(await run_to_end(engine, run_spec("please")))
    await engine.aclose()

    engine = await engine_of(asking("may I?"))
    await run_to_end(engine, spec_answering({question: "yes"}))

    assert await texts(engine) == ["please", "yes"]


async def test_a_question_is_answered_once(engine_of: Engines) -> None:
    gate = asyncio.Event()
    engine = await engine_of(asking("may I?", behind=gate))
    question, _ = the_only(await run_to_end(engine, run_spec("please")))

    await engine.start(spec_answering({question: "yes"}, run_id="r2"))
    with pytest.raises(NotInterrupted):
        await engine.start(spec_answering({question: "yes"}, run_id="r3"))
    gate.set()
    await read_all(engine.follow("r2"))
    with pytest.raises(NotInterrupted):
        await engine.start(spec_answering({question: "yes"}, run_id="r4"))

    assert await texts(engine) == ["please", "yes"]


async def test_an_answer_is_not_repeated_into_the_nodes_next_question(engine_of: Engines) -> None:
    engine = await engine_of(asking("delete a?", "delete b?"))
    first, _ = the_only(await run_to_end(engine, run_spec("please")))

    second, value = the_only(await run_to_end(engine, spec_answering({first: "yes"}, run_id="r2")))
    await run_to_end(engine, spec_answering({second: "no"}, run_id="r3"))

    assert value == "delete b?"
    assert await texts(engine) == ["please", "yes no"]


async def test_an_answer_whose_run_died_is_not_repeated_into_the_next_question(engine_of: Engines) -> None:
    """Two nodes ask at once; one of them is at its second question when the process dies, one in its work."""

    def two(behind: asyncio.Event) -> AnyPregel:
        builder = StateGraph(Messages)
        builder.add_node("a", asker("delete a?", "delete b?"))
        builder.add_node("c", asker("delete c?", behind=behind))
        builder.add_edge(START, "a")
        builder.add_edge(START, "c")
        return builder.compile()

    pregel, done = two(asyncio.Event()), asyncio.Event()
    done.set()
    engine = await engine_of(pregel)
    asked = (await run_to_end(engine, run_spec("please")))[-1].data["interrupts"]
    await engine.start(spec_answering({each["id"]: "yes" for each in asked}, run_id="r2"))
    await answer_stored(engine_of.stores(engine), pregel)

    engine = await engine_of(two(done), folder=engine_of.killed(engine))
    again = (await read_all(engine.follow("r2")))[-1].data["interrupts"]
    await run_to_end(
        engine, spec_answering({each["id"]: f"no {each['value']}" for each in again}, run_id="r3")
    )

    assert sorted(each["value"] for each in again) == ["delete b?", "delete c?"]
    assert (await engine.get_run("r2")).attempt == 2
    assert sorted(await texts(engine)) == ["no delete c?", "please", "yes no delete b?"]


async def test_a_question_whose_answer_died_before_the_graph_used_it_is_asked_again(
    engine_of: Engines,
) -> None:
    gate = asyncio.Event()
    gate.set()
    engine = await engine_of(asking("may I?", before=gate))
    question, _ = the_only(await run_to_end(engine, run_spec("please")))
    gate.clear()
    await engine.start(spec_answering({question: "yes"}, run_id="r2"))

    engine = await engine_of(asking("may I?"), folder=engine_of.killed(engine))
    again, value = the_only(await read_all(engine.follow("r2")))
    await run_to_end(engine, spec_answering({again: "yes"}, run_id="r3"))

    assert value == "may I?"
    assert await texts(engine) == ["please", "yes"]


@pytest.mark.parametrize("on_busy", ["reject", "enqueue", "interrupt"])
async def test_plain_input_would_lose_the_question_and_is_refused(
    engine_of: Engines, on_busy: OnBusy
) -> None:
    engine = await engine_of(asking("may I?"))
    question, _ = the_only(await run_to_end(engine, run_spec("please")))

    with pytest.raises(ThreadInterrupted):
        await engine.start(run_spec("never mind", run_id="r2", on_busy=on_busy))
    await run_to_end(engine, spec_answering({question: "yes"}, run_id="r3"))

    assert await texts(engine) == ["please", "yes"]


async def test_rolling_back_removes_the_question_from_the_thread(engine_of: Engines) -> None:
    engine = await engine_of(asking("may I?"))
    await run_to_end(engine, run_spec("please"))

    question, _ = the_only(await run_to_end(engine, run_spec("again", run_id="r2", on_busy="rollback")))
    await run_to_end(engine, spec_answering({question: "yes"}, run_id="r3"))

    assert await texts(engine) == ["again", "yes"]


async def test_a_run_queued_after_an_interrupted_one_fails_and_the_question_can_be_answered(
    engine_of: Engines,
) -> None:
    gate = asyncio.Event()
    engine = await engine_of(asking("may I?", before=gate))
    await engine.start(run_spec("please", run_id="r1"))
    await engine.start(run_spec("and then?", run_id="r2", on_busy="enqueue"))

    gate.set()
    question, _ = the_only(await read_all(engine.follow("r1")))
    events = await read_all(engine.follow("r2"))
    await run_to_end(engine, spec_answering({question: "yes"}, run_id="r3"))

    assert (kinds(events), events[-1].data["code"]) == (["started", "failed"], "thread_interrupted")
    assert await texts(engine) == ["please", "yes"]


async def test_a_request_whose_turn_precedes_its_input_leaves_the_question_to_be_answered(
    engine_of: Engines,
) -> None:
    gate = asyncio.Event()
    engine = await engine_of(asking("may I?", before=gate))
    await engine.start(run_spec("please", run_id="r1"))
    reservation = await engine.reserve(spec_without_input("r2", on_busy="enqueue"))
    gate.set()
    question, _ = the_only(await read_all(engine.follow("r1")))
    with anyio.fail_after(5):
        while (await engine.get_run("r2")).status != "running":
            await checkpoint()

    begin(reservation, "and then?")
    events = await read_all(engine.follow("r2"))
    await run_to_end(engine, spec_answering({question: "yes"}, run_id="r3"))

    assert (kinds(events), events[-1].data["code"]) == (["started", "failed"], "thread_interrupted")
    assert await texts(engine) == ["please", "yes"]


async def test_a_request_that_died_queued_after_an_interrupted_one_leaves_the_question_to_be_answered(
    engine_of: Engines,
) -> None:
    engine = await engine_of(asking("may I?", before=asyncio.Event()))
    await engine.start(run_spec("please", run_id="r1"))
    await engine.start(run_spec("and then?", run_id="r2", on_busy="enqueue", attached=True))

    engine = await engine_of(asking("may I?"), folder=engine_of.killed(engine))
    question, _ = the_only(await read_all(engine.follow("r1")))
    events = await read_all(engine.follow("r2"))
    await run_to_end(engine, spec_answering({question: "yes"}, run_id="r3"))

    assert (kinds(events), events[-1].data["code"]) == (["failed"], "client_gone")
    assert await texts(engine) == ["please", "yes"]


async def test_a_run_that_waited_to_roll_back_removes_the_question_from_the_thread(
    engine_of: Engines,
) -> None:
    """The run that it stopped had asked before it noticed."""

    def stubborn(gate: asyncio.Event, has_begun: asyncio.Event) -> Any:
        async def approve(state: Messages) -> Any:
            has_begun.set()
            while not gate.is_set():
                try:
                    await gate.wait()
                except asyncio.CancelledError:
                    continue
            return {"messages": [AIMessage(interrupt("may I?"))]}

        return approve

    gate, has_begun = asyncio.Event(), asyncio.Event()
    builder = StateGraph(Messages)
    builder.add_node("approve", stubborn(gate, has_begun))
    builder.add_edge(START, "approve")
    engine = await engine_of(builder.compile())
    await engine.start(run_spec("please", run_id="r1"))
    await has_begun.wait()

    await engine.start(run_spec("again", run_id="r2", on_busy="rollback"))
    gate.set()

    assert kinds(await read_all(engine.follow("r1")))[-1] == "cancelled"
    assert the_only(await read_all(engine.follow("r2")))[1] == "may I?"
    assert await texts(engine) == ["again"]


def fussy(*, in_subgraph: bool = False, gate: asyncio.Event | None = None) -> AnyPregel:
    """Return a graph whose node accepts nothing but an object with `ok`, and may wait after the answer."""

    async def approve(state: Messages) -> Any:
        answer = interrupt("may I?")
        if gate is not None:
            await gate.wait()
        return {"messages": [AIMessage(f"ok: {answer['ok']}")]}

    async def before(state: Messages) -> Any:
        return {"messages": [AIMessage("before")]}

    async def after(state: Messages) -> Any:
        if "fail" in state["messages"][-1].text:
            raise ValueError("asked to")
        return {}

    builder = StateGraph(Messages).add_node("before", before).add_node("approve", approve)
    builder.add_node("after", after).add_edge(START, "before").add_edge("before", "approve")
    inner = builder.add_edge("approve", "after").compile()
    if not in_subgraph:
        return inner
    return StateGraph(Messages).add_node("inner", inner).add_edge(START, "inner").compile()


@pytest.mark.parametrize("in_subgraph", [False, True])
@pytest.mark.parametrize("wrong", ["approve", None, [], {}, 7])
async def test_a_question_stays_open_until_its_node_can_use_the_answer(
    engine_of: Engines, wrong: object, in_subgraph: bool
) -> None:
    engine = await engine_of(fussy(in_subgraph=in_subgraph))
    question, _ = the_only(await run_to_end(engine, run_spec("please")))

    for attempt in range(2):
        failed = (await run_to_end(engine, spec_answering({question: wrong}, run_id=f"wrong{attempt}")))[-1]
        assert (failed.kind, failed.data["code"]) == ("failed", "graph_error")
        state = await engine.threads.state("agent", "t")
        assert [each["id"] for each in state.interrupts] == [question]
        with pytest.raises(ThreadInterrupted):
            await engine.start(run_spec("something else", run_id=f"plain{attempt}"))

    last = (await run_to_end(engine, spec_answering({question: {"ok": 1}}, run_id="right")))[-1]
    assert last.kind == "finished"
    assert await texts(engine) == ["please", "before", "ok: 1"]


@pytest.mark.parametrize("in_subgraph", [False, True])
async def test_a_question_stays_open_when_the_run_that_answers_is_cancelled(
    engine_of: Engines, in_subgraph: bool
) -> None:
    gate = asyncio.Event()
    graph = fussy(in_subgraph=in_subgraph, gate=gate)
    engine = await engine_of(graph)
    question, _ = the_only(await run_to_end(engine, run_spec("please")))
    await engine.start(spec_answering({question: {"ok": 1}}))
    await read_until(engine.follow("r2"), "started")

    await engine.cancel("r2")
    assert (await read_all(engine.follow("r2")))[-1].kind == "cancelled"
    gate.set()

    assert (await run_to_end(engine, spec_answering({question: {"ok": 2}}, run_id="r3")))[
        -1
    ].kind == "finished"
    assert (await texts(engine))[-1] == "ok: 2"


@pytest.mark.parametrize("in_subgraph", [False, True])
async def test_a_question_is_gone_once_its_node_has_used_the_answer(
    engine_of: Engines, in_subgraph: bool
) -> None:
    engine = await engine_of(fussy(in_subgraph=in_subgraph))
    question, _ = the_only(await run_to_end(engine, run_spec("please")))

    failed = (await run_to_end(engine, spec_answering({question: {"ok": "fail"}})))[-1]

    assert failed.kind == "failed"
    with pytest.raises(NotInterrupted):
        await engine.start(spec_answering({question: {"ok": 1}}, run_id="r3"))
    assert "ok: fail" in await texts(engine) or in_subgraph


@pytest.mark.parametrize("outcome", ["fails", "ends"])
async def test_a_run_at_a_breakpoint_continues_without_an_answer(engine_of: Engines, outcome: str) -> None:
    async def act(state: Messages) -> Any:
        if outcome == "fails" and not calls:
            calls.append("failed")
            raise ValueError("once")
        return {"messages": [AIMessage("done")]}

    calls: list[str] = []
    builder = StateGraph(Messages).add_node("act", act).add_edge(START, "act")
    engine = await engine_of(builder.compile(interrupt_before=["act"]))

    paused = (await run_to_end(engine, run_spec("please")))[-1]
    assert (paused.kind, paused.data) == ("interrupted", {"interrupts": []})
    assert (await engine.threads.state("agent", "t")).next == ("act",)
    if outcome == "fails":
        assert (await run_to_end(engine, spec_answering({}, run_id="wrong")))[-1].kind == "failed"

    assert (await run_to_end(engine, spec_answering({}, run_id="right")))[-1].kind == "finished"
    assert await texts(engine) == ["please", "done"]
