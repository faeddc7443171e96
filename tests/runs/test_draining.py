"""Shutting down: nothing new begins, readers are disconnected, and active runs are ended or handed back."""

import asyncio
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from anyio.lowlevel import checkpoint
from langchain_core.messages import AIMessage
from langgraph.graph import START, StateGraph

from seltzer.cursor import Cursor
from seltzer.errors import ServerDraining
from seltzer.runs.engine import Engine
from seltzer.stores.open import open_stores
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
from tests.runs.scripted import Messages, agent, named

pytestmark = pytest.mark.anyio


async def test_nothing_new_is_started(engine_of: Engines) -> None:
    engine = await engine_of(agent(["never"]))

    engine.drain()

    for spec in (run_spec(), run_spec(attached=True)):
        with pytest.raises(ServerDraining):
            await engine.start(spec)
    with pytest.raises(ServerDraining):
        await engine.reserve(spec_without_input())


async def test_readers_of_a_background_run_are_disconnected_and_it_continues(engine_of: Engines) -> None:
    gate = asyncio.Event()
    engine = await engine_of(agent(["some", gate, " more"]))
    await engine.start(run_spec())
    before = engine.follow("r")
    await read_until(before, "token")

    engine.drain()

    with pytest.raises(ServerDraining):
        await anext(before)
    late = engine.follow("r")
    assert kinds(await read_until(late, "token")) == ["started", "message", "token"]  # what is there
    with pytest.raises(ServerDraining):
        await anext(late)
    gate.set()
    assert await engine.idle(5)
    assert answer(await read_all(engine.follow("r"))) == "some more"


async def test_a_requests_run_is_followed_to_its_end(engine_of: Engines) -> None:
    gate = asyncio.Event()
    engine = await engine_of(agent(["some", gate, " more"]))
    await engine.start(run_spec(attached=True))
    reader = asyncio.create_task(read_all(engine.follow("r")))
    await checkpoint()

    engine.drain()
    assert not await engine.idle(0)
    gate.set()

    assert answer(await reader) == "some more"
    assert await engine.idle(5)


async def test_a_request_whose_run_waits_for_its_turn_is_ended(engine_of: Engines) -> None:
    """Nothing begins any more, so it won't get its turn."""
    engine = await engine_of(agent(["some", asyncio.Event()]))
    await engine.start(run_spec(run_id="r1"))
    reservation = await engine.reserve(spec_without_input("r2", on_busy="enqueue"))
    begin(reservation)
    events = engine.follow("r2")
    waits = asyncio.ensure_future(anext(events))
    await checkpoint()

    engine.drain()

    with pytest.raises(ServerDraining):
        await asyncio.wait_for(waits, 5)
    await reservation.release()
    assert (await engine.get_run("r2")).status == "cancelled"


async def test_a_reserved_run_may_still_begin(engine_of: Engines) -> None:
    engine = await engine_of(agent(["fine"]))
    reservation = await engine.reserve(spec_without_input())

    engine.drain()
    begin(reservation)

    assert answer(await read_all(engine.follow("r"))) == "fine"


async def test_closing_hands_background_runs_to_the_next_process(engine_of: Engines) -> None:
    keeping = Retention(retention_s=0)  # of an ended run's events; this one hasn't ended
    engine = await engine_of(agent(["some", asyncio.Event()]), keeping=keeping)
    await engine.start(run_spec("1", run_id="r1"))
    await engine.start(run_spec("2", run_id="r2", on_busy="enqueue"))
    before = await read_until(engine.follow("r1"), "token")
    await engine.aclose()

    gate = asyncio.Event()
    engine = await engine_of(agent(["one", gate], ["two"]))
    run = await engine.get_run("r1")
    reader = asyncio.create_task(read_all(engine.follow("r1")))
    await checkpoint()
    gate.set()
    events = await reader

    assert (run.attempt, run.last) in [(1, None), (2, None)]
    assert events[: len(before)] == before
    assert [kind for event, kind in zip(events, kinds(events), strict=True) if event.attempt == 2][:2] == [
        "started",
        "state",
    ]
    assert answer(await read_all(engine.follow("r2"))) == "two"
    assert await texts(engine) == ["1", "one", "2", "two"]


async def test_a_run_handed_back_before_its_first_step_is_started_again(engine_of: Engines) -> None:
    engine = await engine_of(agent(["never"]))
    await engine.start(run_spec("1"))
    await engine.aclose()

    engine = await engine_of(agent(["one"]))
    events = await read_all(engine.follow("r", Cursor(1, 99)))

    assert (events[0].attempt, answer(events)) == (2, "one")
    assert await texts(engine) == ["1", "one"]


async def test_closing_ends_a_requests_run_and_keeps_its_text(engine_of: Engines) -> None:
    engine = await engine_of(agent(["half an ", "ans", asyncio.Event()]))
    await engine.start(run_spec("1", attached=True))
    events = engine.follow("r")
    await read_until(events, "token")
    await read_until(events, "token")

    await engine.aclose()

    (last,) = await read_all(events)
    assert (last.kind, last.data["code"], last.data["retryable"]) == ("failed", "server_draining", True)
    engine = await engine_of(agent(["two"]))
    await run_to_end(engine, run_spec("2", run_id="r2"))
    assert await texts(engine) == ["1", "half an ans", "2", "two"]


async def test_a_run_that_was_cancelled_ends_and_is_not_handed_back(engine_of: Engines) -> None:
    engine = await engine_of(agent(["half", asyncio.Event()]))
    await engine.start(run_spec("1"))
    events = engine.follow("r")
    await read_until(events, "token")

    await engine.cancel("r")
    await engine.aclose()

    assert kinds(await read_all(events)) == ["cancelled"]


async def test_closing_does_not_wait_for_a_node_that_will_not_end(engine_of: Engines) -> None:
    gate, has_begun = asyncio.Event(), asyncio.Event()

    async def wait(state: Messages) -> Any:
        has_begun.set()
        while not gate.is_set():
            try:
                await gate.wait()
            except asyncio.CancelledError:
                continue
        return {"messages": [AIMessage("late")]}

    builder = StateGraph(Messages)
    builder.add_node("model", wait)
    builder.add_edge(START, "model")
    engine = await engine_of(builder.compile())
    await engine.start(run_spec("1"))
    await has_begun.wait()

    async with asyncio.timeout(10):
        await engine.aclose()
    engine = await engine_of(agent(["one"]))
    events = await read_all(engine.follow("r", Cursor(1, 99)))
    gate.set()
    await checkpoint()

    assert answer(events) == "one"
    assert await texts(engine) == ["1", "one"]


async def test_closing_twice_or_before_opening_does_nothing(engine_of: Engines, tmp_path: Path) -> None:
    engine = await engine_of(agent(["never"]))

    await engine.aclose()
    await engine.aclose()
    await Engine(named(agent(["never"])), partial(open_stores, tmp_path / "other")).aclose()

    assert not (tmp_path / "other").exists()


async def test_a_request_after_closing_gets_server_draining(engine_of: Engines) -> None:
    engine = await engine_of(agent(["fine"]))
    await run_to_end(engine, run_spec())

    await engine.aclose()

    with pytest.raises(ServerDraining):
        await engine.check_cursor("r", Cursor(1, 1))
    with pytest.raises(ServerDraining):
        await read_all(engine.follow("r"))


async def test_opening_twice_opens_once(engine_of: Engines) -> None:
    engine = await engine_of(agent(["fine"]))

    await engine.open()

    assert answer(await run_to_end(engine, run_spec())) == "fine"


async def test_what_runs_when_its_loop_is_closed_is_handed_back_or_fails(engine_of: Engines) -> None:
    before, script = asyncio.all_tasks(), ["some", asyncio.Event(), " more"]
    engine = await engine_of(agent(script, script))
    for spec in (run_spec(), run_spec(thread_id="other", run_id="attached", attached=True)):
        await engine.start(spec)
        await read_until(engine.follow(spec.run_id), "token")

    closing = asyncio.all_tasks() - before
    for task in closing:  # as asyncio.run() does
        task.cancel()
    await asyncio.wait(closing)

    runs = engine_of.stores(engine).runs
    background, attached = await runs.get("r"), await runs.get("attached")
    assert background is not None
    assert attached is not None
    assert (background.status, background.last) == ("pending", None)
    assert attached.last is not None
    assert (attached.last.kind, attached.last.data["code"]) == ("failed", "server_draining")
