"""Runs whose process was killed: the next one continues them, or fails them with the reason."""

import asyncio
from contextlib import aclosing
from dataclasses import replace
from typing import Any

import anyio
import pytest
from anyio.lowlevel import checkpoint
from langchain_core.messages import AIMessage
from langgraph.graph import START, StateGraph
from langgraph.types import interrupt

from seltzer.cursor import Cursor
from seltzer.runs.event import Event
from seltzer.runs.execution.driver.graph_input import CRASHES_LIMIT
from seltzer.runs.execution.leases import RENEW_S
from seltzer.runs.graph import AnyPregel
from seltzer.runs.run import RunSpec, Stop
from seltzer.stores.open import open_stores
from tests.runs.conftest import Engines
from tests.runs.scenario import answer, kinds, read_all, read_stored, read_until, run_spec, run_to_end, texts
from tests.runs.scripted import Messages, ScriptedModel, agent, call, named

pytestmark = pytest.mark.anyio


class TwoSteps:
    """A graph that prepares, then answers; gate delays the answer."""

    def __init__(self, gate: asyncio.Event) -> None:
        self.prepared = 0
        self.model = ScriptedModel(scripts=[["half an ", "ans", gate, "wer"]])
        builder = StateGraph(Messages)
        builder.add_node("prepare", self._prepare)
        builder.add_node("say", self._say)
        builder.add_edge(START, "prepare")
        builder.add_edge("prepare", "say")
        self.pregel: AnyPregel = builder.compile()

    async def _prepare(self, state: Messages) -> Any:
        self.prepared += 1
        return {"messages": [AIMessage("prepared")]}

    async def _say(self, state: Messages) -> Any:
        return {"messages": [await self.model.ainvoke(state["messages"])]}


def shut() -> asyncio.Event:
    return asyncio.Event()


def opened() -> asyncio.Event:
    gate = asyncio.Event()
    gate.set()
    return gate


async def test_a_run_continues_from_its_last_checkpoint_as_the_next_attempt(engine_of: Engines) -> None:
    engine = await engine_of(TwoSteps(shut()).pregel)
    await engine.start(run_spec("1"))
    before = await read_until(engine.follow("r"), "token")
    log = await read_stored(engine_of.stores(engine).event_log, before[-1].cursor)

    again = TwoSteps(opened())
    engine = await engine_of(again.pregel, folder=engine_of.killed(engine))
    events = await read_all(engine.follow("r"))

    assert events[: len(log)] == log
    second = [event for event in events if event.attempt == 2]
    assert [event.seq for event in second] == list(range(1, len(second) + 1))
    assert kinds(second)[:2] == ["started", "state"]
    assert second[0].data["attempt"] == 2
    assert [each["content"] for each in second[1].data["values"]["messages"]] == ["1", "prepared"]
    assert answer(second) == "half an answer"
    assert again.prepared == 0
    assert await texts(engine) == ["1", "prepared", "half an answer"]
    assert (await engine.get_run("r")).attempt == 2


async def test_the_input_is_used_once(engine_of: Engines) -> None:
    """The process dies amid the first node: its input's checkpoint is there."""
    engine = await engine_of(agent(["half", shut()]))
    await engine.start(run_spec("1"))
    await read_until(engine.follow("r"), "token")

    engine = await engine_of(agent(["whole"]), folder=engine_of.killed(engine))
    await read_all(engine.follow("r"))

    assert await texts(engine) == ["1", "whole"]


async def test_a_run_that_was_only_accepted_gets_its_input(engine_of: Engines) -> None:
    engine = await engine_of(agent(["one"]))
    await engine.aclose()
    folder = engine_of.killed(engine)
    async with open_stores(folder) as stores:
        await stores.runs.submit(run_spec("1", run_id="r1"), "a worker", 10, 10)
        await stores.runs.submit(run_spec("2", run_id="r2", on_busy="enqueue"), "a worker", 10, 10)

    engine = await engine_of(agent(["one"], ["two"]), folder=folder)

    first, second = await read_all(engine.follow("r1")), await read_all(engine.follow("r2"))
    assert (first[0].attempt, answer(first)) == (2, "one")
    assert (second[0].attempt, answer(second)) == (1, "two")
    assert await texts(engine) == ["1", "one", "2", "two"]


async def test_a_reader_that_had_seen_what_was_lost_waits_for_the_next_attempt(engine_of: Engines) -> None:
    engine = await engine_of(agent(["half", shut()]))
    await engine.start(run_spec("1"))
    seen = (await read_until(engine.follow("r"), "token"))[-1].cursor
    await read_stored(engine_of.stores(engine).event_log, seen)
    gate = shut()

    engine = await engine_of(agent([gate, "whole"]), folder=engine_of.killed(engine))
    readers = [
        asyncio.create_task(read_all(engine.follow("r", cursor)))
        for cursor in (seen, Cursor(1, seen.seq + 9))
    ]
    await checkpoint()
    gate.set()

    for reader in readers:
        events = await reader
        assert (events[0].cursor, kinds(events)[:2]) == (Cursor(2, 1), ["started", "state"])
        assert answer(events) == "whole"
    assert events == await read_all(engine.follow("r", Cursor(1, seen.seq + 99)))


async def test_a_tool_that_was_at_work_is_run_again(engine_of: Engines) -> None:
    """Nodes run at least once: the one at the crash's edge may run twice."""
    engine = await engine_of(agent([call("double", '{"x": 21}')], ["half", shut()]))
    await engine.start(run_spec("1"))
    await read_until(engine.follow("r"), "token")

    engine = await engine_of(agent(["42"]), folder=engine_of.killed(engine))
    events = await read_all(engine.follow("r"))

    assert "tool_result" not in kinds([event for event in events if event.attempt == 2])  # it had finished
    assert await texts(engine) == ["1", "", "42", "42"]


async def test_a_requests_run_fails_and_keeps_its_text(engine_of: Engines) -> None:
    engine = await engine_of(agent(["half an ", "ans", shut()], ["two"]))
    await engine.start(run_spec("1", run_id="r1", attached=True))
    await engine.start(run_spec("2", run_id="r2", attached=True, on_busy="enqueue"))
    await read_until(engine.follow("r1"), "token")
    await read_stored(engine_of.stores(engine).event_log, Cursor(1, 4), "r1")

    engine = await engine_of(agent(["three"]), folder=engine_of.killed(engine))
    lasts = [(await read_all(engine.follow(run_id)))[-1] for run_id in ("r1", "r2")]
    await engine.start(run_spec("3", run_id="r3"))
    await read_all(engine.follow("r3"))

    assert [last.data["code"] for last in lasts] == ["client_gone", "client_gone"]
    question, partial, *_ = await engine.messages("agent", "t")
    assert (question.text, partial.text) == ("1", "half an ans")
    assert partial.response_metadata == {"incomplete": True}
    assert await texts(engine) == ["1", "half an ans", "3", "three"]


async def test_what_waited_for_its_turn_begins_as_soon_as_the_thread_is_free(engine_of: Engines) -> None:
    """Not only at the next round of the leases, though this process has submitted none of it."""
    engine = await engine_of(agent(["half", shut()]))
    await engine.start(run_spec("1", run_id="r1"))
    await engine.start(run_spec("2", run_id="r2", on_busy="enqueue"))
    await engine.start(run_spec("3", run_id="r3", on_busy="enqueue"))

    engine = await engine_of(agent(["one"], ["two"], ["three"]), folder=engine_of.killed(engine))
    with anyio.fail_after(RENEW_S):
        lasts = [(await read_all(engine.follow(run_id)))[-1].kind for run_id in ("r1", "r2", "r3")]

    assert lasts == ["finished"] * 3
    assert await texts(engine) == ["1", "one", "2", "two", "3", "three"]


async def test_a_run_that_kills_its_process_each_time_is_abandoned(engine_of: Engines) -> None:
    engine = await engine_of(agent(["half", shut()]))
    await engine.start(run_spec("1", run_id="r1"))
    for attempt in range(1, CRASHES_LIMIT + 1):
        async with aclosing(engine.follow("r1")) as events:
            while (await read_until(events, "token"))[-1].attempt < attempt:
                pass
        await read_stored(engine_of.stores(engine).event_log, Cursor(attempt, 3), "r1")
        engine = await engine_of(agent(["half", shut()]), folder=engine_of.killed(engine))

    last = (await read_all(engine.follow("r1")))[-1]

    assert (last.attempt, last.kind, last.data["code"]) == (CRASHES_LIMIT + 1, "failed", "run_crashed")
    assert await texts(engine) == ["1", "half"]
    await engine.check_thread_free("t")


async def test_a_run_that_is_handed_back_each_time_does_not_count_as_crashing(
    engine_of: Engines,
) -> None:
    engine = await engine_of(agent(["half", shut()]))
    await engine.start(run_spec("1", run_id="r1"))
    for attempt in range(1, CRASHES_LIMIT + 2):
        async with aclosing(engine.follow("r1", Cursor(attempt - 1, 0))) as events:
            while (await read_until(events, "token"))[-1].attempt < attempt:
                pass
        await engine.aclose()
        scripts = ["whole"] if attempt > CRASHES_LIMIT else ["half", shut()]
        engine = await engine_of(agent(scripts))

    last = (await read_all(engine.follow("r1")))[-1]

    assert (last.attempt, last.kind) == (CRASHES_LIMIT + 2, "finished")
    assert await texts(engine) == ["1", "whole"]


async def test_a_run_whose_graph_is_gone_fails_with_that_reason(engine_of: Engines) -> None:
    engine = await engine_of(agent(["half", shut()]))
    await engine.start(run_spec())
    await read_until(engine.follow("r"), "token")

    engine = await engine_of(named(agent(["hi"]), "another"), folder=engine_of.killed(engine))

    last = (await read_all(engine.follow("r")))[-1]
    assert (last.kind, last.data["code"]) == ("failed", "graph_gone")
    await engine.check_thread_free("t")


@pytest.mark.parametrize(
    ("how", "left"), [("cancel", ["0", "zero", "1", "half"]), ("rollback", ["0", "zero"])]
)
async def test_a_stop_requested_before_is_honoured(engine_of: Engines, how: Stop, left: list[str]) -> None:
    engine = await engine_of(agent(["zero"], ["half", shut()]))
    await engine.start(run_spec("0", run_id="r0"))
    await read_all(engine.follow("r0"))
    await engine.start(run_spec("1"))
    token = (await read_until(engine.follow("r"), "token"))[-1]
    await read_stored(engine_of.stores(engine).event_log, token.cursor)
    await engine_of.stores(engine).runs.stop("r", how)  # as any process may
    model = ScriptedModel(scripts=[["never"]])

    engine = await engine_of(agent(model=model), folder=engine_of.killed(engine))
    events = await read_all(engine.follow("r", Cursor(1, 99)))

    assert kinds(events) == ["started", "cancelled"]
    assert model.calls == 0
    assert await texts(engine) == left


async def test_the_runs_that_waited_are_begun_in_their_order(engine_of: Engines) -> None:
    engine = await engine_of(agent(["half", shut()]))
    for number in (1, 2, 3):
        await engine.start(run_spec(str(number), run_id=f"r{number}", on_busy="enqueue"))
    await read_until(engine.follow("r1"), "token")

    engine = await engine_of(agent(["one"], ["two"], ["three"]), folder=engine_of.killed(engine))
    answers = [answer(await read_all(engine.follow(run_id, Cursor(1, 99)))) for run_id in ("r1",)]
    answers += [answer(await read_all(engine.follow(run_id))) for run_id in ("r2", "r3")]

    assert answers == ["one", "two", "three"]
    assert await texts(engine) == ["1", "one", "2", "two", "3", "three"]


async def test_a_run_that_died_after_a_question_does_not_answer_it(engine_of: Engines) -> None:
    """It was its turn, after a run that ended with a question, when the process died."""
    engine = await engine_of(agent(["half", shut()]))
    await engine.start(run_spec("1", run_id="r1"))
    await read_until(engine.follow("r1"), "token")
    await engine.start(run_spec("2", run_id="r2", on_busy="enqueue"))
    folder = engine_of.killed(engine)
    async with open_stores(folder) as stores:
        (lease,) = await stores.runs.claim("a worker", 1, 10)
        await stores.runs.finish(
            lease, Event(2, 1, "interrupted", {"interrupts": [{"id": "i", "value": "?"}]})
        )
        assert [lease.run.spec.run_id for lease in await stores.runs.claim("a worker", 1, 10)] == ["r2"]
    model = ScriptedModel(scripts=[["never"]])

    engine = await engine_of(agent(model=model), folder=folder)

    last = (await read_all(engine.follow("r2")))[-1]
    assert (last.attempt, last.kind, last.data["code"]) == (2, "failed", "thread_interrupted")
    assert model.calls == 0


async def test_a_run_that_died_before_it_wrote_anything_leaves_the_question_that_it_finds(
    engine_of: Engines,
) -> None:
    async def approve(state: Messages) -> Any:
        answer = interrupt("may I?")
        if answer == "wait":
            await shut().wait()
        return {"messages": [AIMessage(answer)]}

    pregel: AnyPregel = StateGraph(Messages).add_node("approve", approve).add_edge(START, "approve").compile()
    engine = await engine_of(pregel)
    [question] = (await run_to_end(engine, run_spec("please", run_id="r1")))[-1].data["interrupts"]
    answer_later = RunSpec("agent", None, "t", "r2", answers={question["id"]: "wait"}, answered="r1")
    await engine.start(answer_later)
    await engine.start(run_spec("more", run_id="r3", on_busy="enqueue"))
    folder = engine_of.killed(engine)
    async with open_stores(folder) as stores:
        (lease,) = await stores.runs.claim("a worker", 1, 10)
        await stores.runs.finish(lease, Event(2, 1, "cancelled", {}), touched=False)
        assert [lease.run.spec.run_id for lease in await stores.runs.claim("a worker", 1, 10)] == ["r3"]

    engine = await engine_of(pregel, folder=folder)

    last = (await read_all(engine.follow("r3")))[-1]
    assert (last.attempt, last.data["code"]) == (2, "thread_interrupted")
    assert (await engine.threads.get("agent", "t")).status == "interrupted"
    await run_to_end(engine, replace(answer_later, run_id="r4", answers={question["id"]: "yes"}))
    assert await texts(engine) == ["please", "yes"]


async def test_a_fork_that_died_at_once_is_begun_at_its_checkpoint(engine_of: Engines) -> None:
    engine = await engine_of(agent(["one"], ["two"]))
    await engine.start(run_spec("1", run_id="r1"))
    await read_all(engine.follow("r1"))
    state = await engine.threads.state("agent", "t")
    await engine.start(run_spec("2", run_id="r2"))
    await read_all(engine.follow("r2"))
    await engine.aclose()
    folder = engine_of.killed(engine)
    spec: RunSpec = run_spec("other", run_id="r3", checkpoint_id=state.checkpoint_id)
    async with open_stores(folder) as stores:
        await stores.runs.submit(spec, "a worker", 10, 10)

    engine = await engine_of(agent(["another two"]), folder=folder)
    await read_all(engine.follow("r3"))

    assert await texts(engine) == ["1", "one", "other", "another two"]
