"""The engine, over graphs whose model a test scripts."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import anyio
import pytest
from langchain_core.callbacks import AsyncCallbackHandler
from langchain_core.messages import HumanMessage
from langgraph.graph import START, StateGraph
from typing_extensions import TypedDict

from seltzer.errors import (
    IdempotencyConflict,
    StreamGap,
    ThreadBusy,
    TooManyRuns,
    UnknownCheckpoint,
    UnknownGraph,
    UnknownRun,
)
from seltzer.runs.execution.limits import RunLimits
from seltzer.runs.graph import Graph
from seltzer.runs.run import RunSpec
from seltzer.stores.options import Retention
from tests.runs.conftest import Engines
from tests.runs.scenario import (
    answer,
    begin,
    kinds,
    read_all,
    read_until,
    run_spec,
    run_to_end,
    spec_without_input,
    texts,
)
from tests.runs.scripted import Messages, ScriptedModel, agent, call

pytestmark = pytest.mark.anyio


async def test_a_run_emits_each_token_once_and_in_order(engine_of: Engines) -> None:
    engine = await engine_of(agent(["the ", "an", "swer"]))

    events = await run_to_end(engine, run_spec())

    assert kinds(events) == ["started", "message", "token", "token", "token", "update", "finished"]
    assert [event.cursor for event in events] == [(1, seq) for seq in range(1, 8)]
    assert [event.data["text"] for event in events if event.kind == "token"] == ["the ", "an", "swer"]


async def test_an_ended_run_has_its_last_event_and_its_answer(engine_of: Engines) -> None:
    engine = await engine_of(agent(["the ", "end"]))

    begun = await engine.start(run_spec())
    events = await read_all(engine.follow("r"))
    run = await engine.get_run("r")

    assert (begun.status, begun.attempt) == ("running", 1)
    assert (run.status, run.attempt, run.output, run.last) == ("success", 1, "the end", events[-1])


async def test_a_graph_without_messages_has_its_values_as_output(engine_of: Engines) -> None:
    class Count(TypedDict):
        count: int

    async def add(state: Count) -> Any:
        return {"count": state["count"] + 1}

    builder = StateGraph(Count)
    builder.add_node("add", add)
    builder.add_edge(START, "add")
    pregel = builder.compile()
    counter = Graph("agent", pregel, pregel, takes_messages=False, file=Path("count.py"), line=1)
    engine = await engine_of({"agent": counter})

    events = await run_to_end(engine, RunSpec("agent", {"count": 41}, "t", "r"))

    assert kinds(events) == ["started", "update", "finished"]
    assert (await engine.get_run("r")).output == {"count": 42}


async def test_half_a_character_is_replaced_in_all_that_is_emitted_and_stored(engine_of: Engines) -> None:
    engine = await engine_of(agent(["one \ud83d", " \ude00 two"], ["three"]))

    events = await run_to_end(engine, run_spec())
    again = await run_to_end(engine, run_spec(run_id="r2"))

    assert [event.data["text"] for event in events if event.kind == "token"] == ["one ?", " ? two"]
    assert (await engine.get_run("r")).output == "one ? ? two"
    assert (kinds(events)[-1], kinds(again)[-1]) == ("finished", "finished")
    assert "retracted" not in kinds(events)


async def test_text_before_a_tool_call_is_retracted_and_the_tool_runs(engine_of: Engines) -> None:
    engine = await engine_of(agent(["let me ", "see", call("double", '{"x": 21}')], ["42"]))

    events = await run_to_end(engine, run_spec())

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


async def test_a_tool_call_without_text_before_it_leaves_no_trace_in_the_answer(engine_of: Engines) -> None:
    engine = await engine_of(agent([call("double", '{"x": 21}')], ["42"]))

    assert answer(await run_to_end(engine, run_spec())) == "42"


async def test_text_that_a_node_returns_as_a_new_message_is_emitted_once(engine_of: Engines) -> None:
    model = ScriptedModel(scripts=[["the ", "end"]])

    async def say(state: Messages) -> Any:
        answered = await model.ainvoke(state["messages"])
        return {"messages": [{"role": "assistant", "content": answered.text}]}

    builder = StateGraph(Messages)
    builder.add_node("say", say)
    builder.add_edge(START, "say")
    engine = await engine_of(builder.compile())

    assert answer(await run_to_end(engine, run_spec())) == "the end"


async def test_what_a_node_drops_is_retracted(engine_of: Engines) -> None:
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
    engine = await engine_of(builder.compile())

    events = await run_to_end(engine, run_spec())

    assert kinds(events).count("retracted") == 1
    assert kinds(events).index("retracted") < kinds(events).index("update") + 2


async def test_a_model_that_cannot_stream_answers_in_one_token(engine_of: Engines) -> None:
    class Silent(ScriptedModel):
        async def _astream(self, *args: Any, **kwargs: Any) -> AsyncIterator[Any]:
            raise NotImplementedError
            yield

    model = Silent(scripts=[["all ", "at once"]], disable_streaming=True)
    engine = await engine_of(agent(model=model))

    events = await run_to_end(engine, run_spec())

    assert [event.data["text"] for event in events if event.kind == "token"] == ["all at once"]


async def test_a_thread_remembers(engine_of: Engines) -> None:
    engine = await engine_of(agent(["one"], ["two"]))

    await run_to_end(engine, run_spec("first", run_id="r1"))
    await run_to_end(engine, run_spec("second", run_id="r2"))

    assert await texts(engine) == ["first", "one", "second", "two"]
    assert await texts(engine, "another") == []


async def test_a_thread_remembers_after_a_restart(engine_of: Engines) -> None:
    engine = await engine_of(agent(["one"]))
    before = await run_to_end(engine, run_spec("first", run_id="r1"))
    await engine.aclose()

    engine = await engine_of(agent(["two"]))
    await run_to_end(engine, run_spec("second", run_id="r2"))

    assert await texts(engine) == ["first", "one", "second", "two"]
    assert await read_all(engine.follow("r1")) == before


async def test_who_has_seen_the_last_event_finds_the_result_and_the_thread_free(engine_of: Engines) -> None:
    engine = await engine_of(agent(*[["ok"]] * 50))

    for number in range(50):
        await engine.start(run_spec(run_id=f"r{number}"))  # at once after the last event of the one before
        last = (await read_all(engine.follow(f"r{number}")))[-1]
        run = await engine.get_run(f"r{number}")

        assert (run.status, run.output, run.last) == ("success", "ok", last)
        await engine.check_thread_free("t")


async def test_a_failing_model_ends_the_run_with_a_code_and_without_its_text(engine_of: Engines) -> None:
    engine = await engine_of(agent(["some", RuntimeError("the key is sk-123")], ["fine"]))

    last = (await run_to_end(engine, run_spec(run_id="r1")))[-1]

    assert (last.kind, last.data["code"]) == ("failed", "graph_error")
    assert "sk-123" not in str(last.data)
    assert (await engine.get_run("r1")).status == "error"
    assert answer(await run_to_end(engine, run_spec(run_id="r2"))) == "fine"


async def test_a_run_that_takes_too_many_steps_fails_with_that_reason(engine_of: Engines) -> None:
    engine = await engine_of(agent(*[[call("double", '{"x": 1}', f"c{n}")] for n in range(9)]))

    last = (await run_to_end(engine, run_spec(max_steps=3)))[-1]

    assert last.data["code"] == "step_limit"


async def test_unknown_graphs_runs_and_checkpoints_are_refused(engine_of: Engines) -> None:
    engine = await engine_of(agent(["hi"]))

    with pytest.raises(UnknownGraph, match="agent"):
        await engine.start(run_spec(graph="nope"))
    with pytest.raises(UnknownCheckpoint, match="'nope'"):
        await engine.start(run_spec(checkpoint_id="nope"))
    with pytest.raises(UnknownRun):
        await engine.get_run("nope")
    with pytest.raises(UnknownRun):
        await engine.cancel("nope")
    with pytest.raises(UnknownRun):
        await anext(engine.follow("nope"))


async def test_a_run_from_a_checkpoint_continues_from_there(engine_of: Engines) -> None:
    engine = await engine_of(agent(["one"], ["two"], ["another two"]))
    await run_to_end(engine, run_spec("first", run_id="r1"))
    state = await engine.threads.state("agent", "t")
    await run_to_end(engine, run_spec("second", run_id="r2"))

    await run_to_end(engine, run_spec("other", run_id="r3", checkpoint_id=state.checkpoint_id))

    assert await texts(engine) == ["first", "one", "other", "another two"]


async def test_a_run_started_twice_runs_once(engine_of: Engines) -> None:
    gate = asyncio.Event()
    model = ScriptedModel(scripts=[[gate, "once"]])
    engine = await engine_of(agent(model=model))

    first = await engine.start(run_spec(digest="d"))
    again = await engine.start(run_spec(digest="d"))
    with pytest.raises(IdempotencyConflict):
        await engine.start(run_spec("something else", digest="e"))
    gate.set()
    events = await read_all(engine.follow("r"))

    assert (again.number, again.status) == (first.number, "running")
    assert answer(events) == "once"
    assert (await engine.start(run_spec(digest="d"))).status == "success"
    assert model.calls == 1


async def test_a_refused_request_does_not_affect_the_run_with_its_id(engine_of: Engines) -> None:
    gate = asyncio.Event()
    engine = await engine_of(agent([gate, "one"], ["two"]))
    await engine.start(run_spec(run_id="r1"))
    await engine.start(run_spec(run_id="r2", on_busy="enqueue"))

    with pytest.raises(IdempotencyConflict):
        await engine.reserve(run_spec(run_id="r2", digest="another", attached=True))
    gate.set()

    assert answer(await read_all(engine.follow("r2"))) == "two"


async def test_runs_beyond_the_limit_wait_and_beyond_the_queue_are_refused(engine_of: Engines) -> None:
    gate = asyncio.Event()
    engine = await engine_of(agent(["one", gate], ["two"]), limits=RunLimits(runs=1, queue=1))
    await engine.start(run_spec(thread_id="t1", run_id="r1"))
    await read_until(engine.follow("r1"), "token")

    waiting = await engine.start(run_spec(thread_id="t2", run_id="r2"))
    with pytest.raises(TooManyRuns):
        await engine.start(run_spec(thread_id="t3", run_id="r3"))
    gate.set()

    assert waiting.status == "pending"
    assert answer(await read_all(engine.follow("r2"))) == "two"


async def test_of_many_runs_at_once_no_more_begin_than_the_limit(engine_of: Engines) -> None:
    gate = asyncio.Event()
    engine = await engine_of(agent(*[[gate, "ok"]] * 5), limits=RunLimits(runs=2))

    begun = await asyncio.gather(
        *(engine.start(run_spec(thread_id=f"t{number}", run_id=f"r{number}")) for number in range(5))
    )
    gate.set()

    assert [run.status for run in begun].count("running") == 2
    for number in range(5):
        assert answer(await read_all(engine.follow(f"r{number}"))) == "ok"


async def test_usage_is_summed_over_the_models_calls(engine_of: Engines) -> None:
    usage = {"input_tokens": 1, "output_tokens": 2, "total_tokens": 3}
    first = call("double", '{"x": 1}').model_copy(update={"usage_metadata": usage})
    second = call("double", '{"x": 1}', "c2").model_copy(update={"usage_metadata": usage})
    engine = await engine_of(agent([first], [second], ["done"]))

    last = (await run_to_end(engine, run_spec()))[-1]

    assert last.data["usage"] == {"input_tokens": 2, "output_tokens": 4, "total_tokens": 6}


async def test_the_events_of_an_ended_run_are_deleted_after_their_retention(engine_of: Engines) -> None:
    engine = await engine_of(agent(["hi"]), keeping=Retention(retention_s=0))
    await run_to_end(engine, run_spec())

    with anyio.fail_after(5):
        while True:  # the log is tidied after the last event
            try:
                await read_all(engine.follow("r"))
            except StreamGap:
                break
    assert (await engine.get_run("r")).output == "hi"


async def test_a_reserved_run_has_its_thread_before_it_has_its_input(engine_of: Engines) -> None:
    engine = await engine_of(agent(["fine"]))
    reservation = await engine.reserve(spec_without_input("r1"))

    with pytest.raises(ThreadBusy):
        await engine.start(run_spec(run_id="r2"))
    with pytest.raises(ThreadBusy):
        await engine.check_thread_free("t")
    begin(reservation, "hello")

    assert answer(await read_all(engine.follow("r1"))) == "fine"
    await reservation.release()  # it has begun: nothing to release
    assert (await engine.get_run("r1")).status == "success"
    assert await texts(engine) == ["hello", "fine"]


async def test_a_reserved_run_that_is_released_ends_and_frees_the_thread(engine_of: Engines) -> None:
    engine = await engine_of(agent(["fine"]))
    reservation = await engine.reserve(spec_without_input("r1"))

    await reservation.release()
    await reservation.release()
    begin(reservation)  # too late

    await engine.check_thread_free("t")
    assert kinds(await read_all(engine.follow("r1"))) == ["cancelled"]
    assert answer(await run_to_end(engine, run_spec(run_id="r2"))) == "fine"


async def test_callbacks_see_the_graphs_inner_steps(engine_of: Engines) -> None:
    class Seen(AsyncCallbackHandler):
        names: list[str]

        def __init__(self) -> None:
            self.names = []

        async def on_chat_model_start(self, serialized: Any, messages: Any, **kwargs: Any) -> None:
            self.names.append(messages[0][0].text)

    seen = Seen()
    engine = await engine_of(agent(["fine"]))

    await engine.start(run_spec("look", attached=True), callbacks=[seen])
    await read_all(engine.follow("r"))

    assert seen.names == ["look"]


async def test_the_input_may_be_any_of_the_graphs(engine_of: Engines) -> None:
    """A background run's input is stored with its row, and read back if another process has to begin it."""
    engine = await engine_of(agent(["fine"]))

    await run_to_end(engine, RunSpec("agent", {"messages": [HumanMessage("😀 \u2028", id="h")]}, "t", "r"))

    assert await texts(engine) == ["😀 \u2028", "fine"]
