"""The engine, over graphs whose model says what a test scripts."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import anyio
import pytest
from anyio.lowlevel import checkpoint
from langchain_core.messages import HumanMessage
from langgraph.graph import END, START, StateGraph
from langgraph.types import interrupt

from app.errors import ThreadBusy, TooManyRuns, UnknownGraph, UnknownRun
from app.runs.answer import AnswerText
from app.runs.engine import Engine
from app.runs.event import Cursor, Event
from app.runs.graph import AnyPregel
from app.runs.hub import READER_LIMIT
from app.runs.run import RunSpec
from app.stores import checkpoints
from app.stores.memory import MemoryLog
from tests.runs.scripted import Messages, ScriptedModel, agent, call, named

pytestmark = pytest.mark.anyio


def engine_of(pregel: AnyPregel, **options: Any) -> Engine:
    saver = checkpoints.in_memory()
    return Engine(named(pregel), MemoryLog(), lambda _: saver, **options)


def ask(text: str = "hi", *, thread_id: str = "t", run_id: str = "r", graph: str = "agent") -> RunSpec:
    return RunSpec(graph, {"messages": [HumanMessage(text)]}, thread_id, run_id)


async def said(events: AsyncIterator[Event]) -> list[Event]:
    with anyio.fail_after(10):
        return [event async for event in events]


def answer(events: list[Event]) -> str:
    text = AnswerText()
    return "".join(chunk for event in events for chunk in text.chunks(event))


def kinds(events: list[Event]) -> list[str]:
    return [event.kind for event in events]


async def test_a_run_says_each_token_once_and_in_order() -> None:
    engine = engine_of(agent(["the ", "an", "swer"]))

    await engine.start(ask())
    events = await said(engine.follow("r"))

    assert kinds(events) == ["started", "message", "token", "token", "token", "update", "finished"]
    assert [event.seq for event in events] == list(range(1, 8))
    assert [event.data["text"] for event in events if event.kind == "token"] == ["the ", "an", "swer"]
    assert engine.run("r").status == "success"


async def test_a_late_follower_reads_what_the_first_one_read() -> None:
    engine = engine_of(agent(["a", "b", "c"]))
    await engine.start(ask())
    first = await said(engine.follow("r"))

    late = await said(engine.follow("r"))
    rest = [await said(engine.follow("r", event.cursor)) for event in first[:-1]]

    assert late == first
    assert rest == [first[index:] for index in range(1, len(first))]
    assert await said(engine.follow("r", first[-1].cursor)) == []


async def test_a_follower_from_any_point_of_a_live_run_reads_the_rest() -> None:
    gate = asyncio.Event()
    engine = engine_of(agent(["a", "b", gate, "c", "d"]))
    await engine.start(ask())

    async with asyncio.TaskGroup() as group:
        followers = [group.create_task(said(engine.follow("r", Cursor(1, seq)))) for seq in range(6)]
        await checkpoint()
        gate.set()

    whole = followers[0].result()
    assert answer(whole) == "abcd"
    assert [follower.result() for follower in followers] == [whole[seq:] for seq in range(6)]


async def test_a_reader_that_falls_behind_reads_what_it_missed_from_the_log() -> None:
    count = 2 * READER_LIMIT + 10
    engine = engine_of(agent([str(number % 10) for number in range(count)]))
    await engine.start(ask())
    events = engine.follow("r")
    first = await anext(events)

    ended = await said(engine.follow("r"))
    rest = await said(events)

    assert [first, *rest] == ended
    assert [event.seq for event in ended] == list(range(1, count + 5))


async def test_text_before_a_tool_call_is_retracted_and_the_tool_runs() -> None:
    engine = engine_of(agent(["let me ", "see", call("double", '{"x": 21}')], ["42"]))

    await engine.start(ask())
    events = await said(engine.follow("r"))

    expected = [
        "started",
        "message",
        "token",
        "token",
        "retracted",
        "tool_call",
        "update",
        "tool_result",
        "update",
    ]
    assert kinds(events) == [*expected, "message", "token", "update", "finished"]
    assert events[7].data == {"call_id": "c1", "name": "double", "content": "42", "status": "success"}
    assert answer(events) == "let me see\n\n42"


async def test_a_tool_call_without_text_before_it_leaves_no_trace_in_the_answer() -> None:
    engine = engine_of(agent([call("double", '{"x": 21}')], ["42"]))

    await engine.start(ask())

    assert answer(await said(engine.follow("r"))) == "42"


async def test_text_that_a_node_gives_back_as_a_new_message_is_said_once() -> None:
    model = ScriptedModel(scripts=[["the ", "end"]])

    async def say(state: Messages) -> Any:
        answered = await model.ainvoke(state["messages"])
        return {"messages": [{"role": "assistant", "content": answered.text}]}

    builder = StateGraph(Messages)
    builder.add_node("say", say)
    builder.add_edge(START, "say")
    engine = engine_of(builder.compile())

    await engine.start(ask())

    assert answer(await said(engine.follow("r"))) == "the end"


async def test_what_a_node_drops_is_retracted() -> None:
    model = ScriptedModel(scripts=[["a thought"], ["the answer"]])

    async def think(state: Messages) -> Any:
        await model.ainvoke(state["messages"])
        return {"messages": []}

    async def say(state: Messages) -> Any:
        return {"messages": [await model.ainvoke(state["messages"])]}

    builder = StateGraph(Messages)
    builder.add_node("think", think)
    builder.add_node("say", say)
    builder.add_edge(START, "think")
    builder.add_edge("think", "say")
    engine = engine_of(builder.compile())

    await engine.start(ask())
    events = await said(engine.follow("r"))

    assert kinds(events).count("retracted") == 1
    assert kinds(events).index("retracted") < kinds(events).index("update") + 2


async def test_a_model_that_cannot_stream_answers_in_one_token() -> None:
    class Silent(ScriptedModel):
        async def _astream(self, *args: Any, **kwargs: Any) -> AsyncIterator[Any]:
            raise NotImplementedError
            yield

    model = Silent(scripts=[["all ", "at once"]], disable_streaming=True)
    engine = engine_of(agent(model=model))

    await engine.start(ask())
    events = await said(engine.follow("r"))

    assert [event.data["text"] for event in events if event.kind == "token"] == ["all at once"]


async def test_a_thread_remembers() -> None:
    engine = engine_of(agent(["one"], ["two"]))
    await engine.start(ask("first", run_id="r1"))
    await said(engine.follow("r1"))

    await engine.start(ask("second", run_id="r2"))
    await said(engine.follow("r2"))

    assert [m.text for m in await engine.messages("agent", "t")] == ["first", "one", "second", "two"]
    assert await engine.messages("agent", "another") == []


async def test_a_second_run_on_a_busy_thread_is_refused_and_a_free_one_taken() -> None:
    gate = asyncio.Event()
    engine = engine_of(agent([gate, "one"], ["two"], ["three"]))
    await engine.start(ask(run_id="r1"))

    with pytest.raises(ThreadBusy):
        await engine.start(ask(run_id="r2"))
    gate.set()
    await said(engine.follow("r1"))
    await engine.start(ask(run_id="r3"))  # who has seen the last event finds the thread free

    assert answer(await said(engine.follow("r3"))) == "two"


async def test_cancelling_stops_the_model_and_frees_the_thread() -> None:
    model = ScriptedModel(scripts=[["some", asyncio.Event()], ["two"]])
    engine = engine_of(agent(model=model))
    await engine.start(ask(run_id="r1"))
    events = engine.follow("r1")
    while (await anext(events)).kind != "token":
        pass

    await engine.cancel("r1")
    rest = await said(events)
    await engine.start(ask(run_id="r2"))

    assert kinds(rest) == ["cancelled"]
    assert model.is_stopped
    assert engine.run("r1").status == "cancelled"
    assert answer(await said(engine.follow("r2"))) == "two"


async def test_a_run_cancelled_before_its_first_step_ends_too() -> None:
    engine = engine_of(agent(["never"]))

    await engine.start(ask())
    await engine.cancel("r")
    await engine.cancel("r")

    assert kinds(await said(engine.follow("r"))) == ["started", "cancelled"]
    await engine.cancel("r")  # an ended run is let be


async def test_closing_ends_what_runs_as_draining() -> None:
    engine = engine_of(agent(["some", asyncio.Event()]))
    await engine.start(ask())
    events = engine.follow("r")
    await anext(events)

    await engine.aclose()

    assert (await said(events))[-1].data["code"] == "server_draining"


async def test_a_failing_model_ends_the_run_with_a_code_and_without_its_text() -> None:
    engine = engine_of(agent(["some", RuntimeError("the key is sk-123")], ["fine"]))
    await engine.start(ask(run_id="r1"))

    last = (await said(engine.follow("r1")))[-1]
    await engine.start(ask(run_id="r2"))

    assert (last.kind, last.data["code"]) == ("failed", "graph_error")
    assert "sk-123" not in str(last.data)
    assert answer(await said(engine.follow("r2"))) == "fine"


@pytest.mark.parametrize("error", [BaseException("odd"), BaseExceptionGroup("odd", [BaseException("odd")])])
async def test_whatever_a_graph_raises_its_run_ends_and_its_thread_is_free(error: BaseException) -> None:
    engine = engine_of(agent([error], ["fine"]))
    await engine.start(ask(run_id="r1"))

    last = (await said(engine.follow("r1")))[-1]
    await engine.start(ask(run_id="r2"))

    assert (last.kind, last.data["code"]) == ("failed", "graph_error")
    assert answer(await said(engine.follow("r2"))) == "fine"


async def test_a_reserved_thread_is_kept_for_its_run() -> None:
    engine = engine_of(agent(["fine"]))
    engine.reserve("t", "r1")

    with pytest.raises(ThreadBusy):
        await engine.start(ask(run_id="r2"))
    await engine.start(ask(run_id="r1"))
    engine.release("t", "r1")  # it has started: nothing to release
    with pytest.raises(ThreadBusy):
        engine.reserve("t", "r3")
    await said(engine.follow("r1"))
    engine.reserve("t", "r4")
    engine.release("t", "r4")

    engine.check_free("t")


async def test_a_run_that_takes_too_long_or_too_many_steps_says_so() -> None:
    slow = engine_of(agent([asyncio.Event()]), timeout_s=0.01)
    await slow.start(ask())
    looping = engine_of(agent(*[[call("double", '{"x": 1}', f"c{n}")] for n in range(9)]))
    await looping.start(RunSpec("agent", {"messages": [HumanMessage("hi")]}, "t", "r", max_steps=3))

    assert (await said(slow.follow("r")))[-1].data["code"] == "run_timeout"
    assert (await said(looping.follow("r")))[-1].data["code"] == "step_limit"


async def test_a_graph_that_asks_ends_interrupted_with_its_question() -> None:
    def approve(state: Messages) -> Any:
        return {"messages": [interrupt("may I?")]}

    builder = StateGraph(Messages)
    builder.add_node("approve", approve)
    builder.add_edge(START, "approve")
    builder.add_edge("approve", END)
    engine = engine_of(builder.compile())
    await engine.start(ask())

    last = (await said(engine.follow("r")))[-1]

    assert last.kind == "interrupted"
    assert [each["value"] for each in last.data["interrupts"]] == ["may I?"]


async def test_unknown_graphs_and_runs_are_refused() -> None:
    engine = engine_of(agent(["hi"]))

    with pytest.raises(UnknownGraph, match="agent"):
        await engine.start(ask(graph="nope"))
    with pytest.raises(UnknownRun):
        await engine.cancel("nope")
    with pytest.raises(UnknownRun):
        await anext(engine.follow("nope"))


async def test_runs_beyond_the_limit_are_refused() -> None:
    engine = engine_of(agent([asyncio.Event()]), runs_limit=1)
    await engine.start(ask(thread_id="t1", run_id="r1"))

    with pytest.raises(TooManyRuns):
        await engine.start(ask(thread_id="t2", run_id="r2"))
    await engine.aclose()


async def test_usage_is_summed_over_the_models_calls() -> None:
    usage = {"input_tokens": 1, "output_tokens": 2, "total_tokens": 3}
    first = call("double", '{"x": 1}').model_copy(update={"usage_metadata": usage})
    second = call("double", '{"x": 1}', "c2").model_copy(update={"usage_metadata": usage})
    engine = engine_of(agent([first], [second], ["done"]))
    await engine.start(ask())

    last = (await said(engine.follow("r")))[-1]

    assert last.data["usage"] == {"input_tokens": 2, "output_tokens": 4, "total_tokens": 6}


async def test_an_ended_run_is_forgotten_after_its_retention() -> None:
    engine = engine_of(agent(["hi"]), retention_s=0)
    await engine.start(ask())
    await said(engine.follow("r"))

    loop, forgotten = asyncio.get_running_loop(), asyncio.Event()
    loop.call_soon(loop.call_later, 0, forgotten.set)  # behind the engine's own timer
    with anyio.fail_after(5):
        await forgotten.wait()
    with pytest.raises(UnknownRun):
        engine.run("r")
