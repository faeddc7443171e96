"""One writer a thread: what becomes of a run whose thread has one already."""

import asyncio
from dataclasses import replace
from typing import get_args, get_type_hints

import pytest
from langchain_core.messages import AIMessage

from seltzer.client.http.requests import RunOptions
from seltzer.errors import ThreadBusy
from seltzer.runs.engine import Engine
from seltzer.runs.run import ON_BUSY, OnBusy, RunSpec
from tests.runs.conftest import Engines
from tests.runs.scenario import (
    answer,
    begin,
    kinds,
    read_all,
    read_until,
    run_spec,
    spec_without_input,
    texts,
)
from tests.runs.scripted import ScriptedModel, agent

pytestmark = pytest.mark.anyio


async def start(engine: Engine, spec: RunSpec) -> None:
    """Start the run in its own way: an attached one is reserved before its input arrives."""
    if spec.attached:
        reservation = await engine.reserve(replace(spec, input=None))
        reservation.begin(input=spec.input)
    else:
        await engine.start(spec)


def test_the_client_offers_what_a_run_may_ask_for() -> None:
    """It knows the server by HTTP only, so that its type is written out there."""
    offered, _ = get_args(get_type_hints(RunOptions)["on_busy"])

    assert get_args(offered) == ON_BUSY


@pytest.mark.parametrize("attached", [False, True])
async def test_a_second_run_is_refused_and_changes_nothing(engine_of: Engines, attached: bool) -> None:
    gate = asyncio.Event()
    engine = await engine_of(agent([gate, "one"], ["two"], ["three"]))
    await start(engine, run_spec("1", run_id="r1", attached=attached))

    with pytest.raises(ThreadBusy, match="'r1'"):
        await start(engine, run_spec("2", run_id="r2", attached=attached))
    gate.set()
    await read_all(engine.follow("r1"))
    await start(
        engine, run_spec("3", run_id="r3", attached=attached)
    )  # who has seen the end finds the thread free

    assert answer(await read_all(engine.follow("r3"))) == "two"
    assert await texts(engine) == ["1", "one", "3", "two"]


@pytest.mark.parametrize("attached", [False, True])
async def test_five_at_once_lose_nothing_and_answer_in_their_order(
    engine_of: Engines, attached: bool
) -> None:
    gate = asyncio.Event()
    engine = await engine_of(agent([gate, "a1"], ["a2"], ["a3"], ["a4"], ["a5"]))

    for number in range(1, 6):
        spec = run_spec(f"q{number}", run_id=f"r{number}", on_busy="enqueue", attached=attached)
        await start(engine, spec)
    gate.set()
    answers = [answer(await read_all(engine.follow(f"r{number}"))) for number in range(1, 6)]

    assert answers == [f"a{number}" for number in range(1, 6)]
    assert await texts(engine) == [text for number in range(1, 6) for text in (f"q{number}", f"a{number}")]


async def test_five_in_the_same_moment_lose_nothing(engine_of: Engines) -> None:
    engine = await engine_of(agent(*[["ok"]] * 5))
    specs = [run_spec(f"q{number}", run_id=f"r{number}", on_busy="enqueue") for number in range(5)]

    await asyncio.gather(*(engine.start(spec) for spec in specs))
    for number in range(5):
        await read_all(engine.follow(f"r{number}"))

    found = await texts(engine)
    assert sorted(found[::2]) == [f"q{number}" for number in range(5)]
    assert found[1::2] == ["ok"] * 5


@pytest.mark.parametrize("attached", [False, True])
async def test_interrupting_keeps_the_partial_answer_and_marks_it(engine_of: Engines, attached: bool) -> None:
    model = ScriptedModel(scripts=[["half an ", "ans", asyncio.Event()], ["two"]])
    engine = await engine_of(agent(model=model))
    await start(engine, run_spec("1", run_id="r1", attached=attached))
    events = engine.follow("r1")
    await read_until(events, "token")
    await read_until(events, "token")

    await start(engine, run_spec("2", run_id="r2", on_busy="interrupt", attached=attached))

    assert kinds(await read_all(events)) == ["cancelled"]
    assert model.is_stopped
    assert answer(await read_all(engine.follow("r2"))) == "two"
    _, partial, *rest = await engine.messages("agent", "t")
    assert isinstance(partial, AIMessage)
    assert (partial.text, partial.response_metadata) == ("half an ans", {"incomplete": True})
    assert [message.text for message in rest] == ["2", "two"]


@pytest.mark.parametrize("attached", [False, True])
async def test_rolling_back_removes_the_runs_work_from_the_thread(engine_of: Engines, attached: bool) -> None:
    engine = await engine_of(agent(["zero"], ["half an ", "ans", asyncio.Event()], ["two"]))
    await start(engine, run_spec("0", run_id="r0", attached=attached))
    await read_all(engine.follow("r0"))
    await start(engine, run_spec("1", run_id="r1", attached=attached))
    events = engine.follow("r1")
    await read_until(events, "token")

    await start(engine, run_spec("2", run_id="r2", on_busy="rollback", attached=attached))

    assert kinds(await read_all(events))[-1] == "cancelled"
    assert answer(await read_all(engine.follow("r2"))) == "two"
    assert await texts(engine) == ["0", "zero", "2", "two"]


@pytest.mark.parametrize("on_busy", ["interrupt", "rollback"])
async def test_the_runs_that_waited_end_as_well(engine_of: Engines, on_busy: OnBusy) -> None:
    engine = await engine_of(agent(["half", asyncio.Event()], ["last"]))
    await start(engine, run_spec("1", run_id="r1"))
    await read_until(engine.follow("r1"), "token")
    await start(engine, run_spec("2", run_id="r2", on_busy="enqueue"))
    await start(engine, run_spec("3", run_id="r3", on_busy="enqueue", attached=True))
    readers = [asyncio.create_task(read_all(engine.follow(run_id))) for run_id in ("r1", "r2", "r3")]

    await start(engine, run_spec("4", run_id="r4", on_busy=on_busy))

    assert [kinds(await reader)[-1] for reader in readers] == ["cancelled"] * 3
    assert answer(await read_all(engine.follow("r4"))) == "last"
    assert (await texts(engine))[-2:] == ["4", "last"]


async def test_many_that_interrupt_one_another_leave_the_last(engine_of: Engines) -> None:
    engine = await engine_of(agent(["half", asyncio.Event()], *[["ok"]] * 5))
    await start(engine, run_spec("0", run_id="r0"))
    await read_until(engine.follow("r0"), "token")

    await asyncio.gather(
        *(
            engine.start(run_spec(str(number), run_id=f"r{number}", on_busy="interrupt"))
            for number in range(1, 6)
        )
    )
    lasts = [kinds(await read_all(engine.follow(f"r{number}")))[-1] for number in range(6)]

    assert lasts[-1] == "finished"
    assert set(lasts) == {"finished", "cancelled"}
    assert (await texts(engine))[-2:] == ["5", "ok"]


async def test_an_attached_run_that_waits_for_its_turn_and_its_input_needs_both(engine_of: Engines) -> None:
    gate = asyncio.Event()
    engine = await engine_of(agent([gate, "one"], ["two"]))
    await engine.start(run_spec("1", run_id="r1"))
    reservation = await engine.reserve(spec_without_input("r2", on_busy="enqueue"))
    gate.set()
    await read_all(engine.follow("r1"))
    reader = asyncio.create_task(read_all(engine.follow("r2")))

    begin(reservation, "2")

    assert answer(await reader) == "two"
    assert await texts(engine) == ["1", "one", "2", "two"]


async def test_a_waiting_attached_run_that_is_released_makes_way(engine_of: Engines) -> None:
    gate = asyncio.Event()
    engine = await engine_of(agent([gate, "one"], ["three"]))
    await engine.start(run_spec("1", run_id="r1"))
    reservation = await engine.reserve(spec_without_input("r2", on_busy="enqueue"))
    await engine.start(run_spec("3", run_id="r3", on_busy="enqueue"))
    reader = asyncio.create_task(read_all(engine.follow("r2")))

    await reservation.release()
    gate.set()

    assert kinds(await reader) == ["cancelled"]
    assert answer(await read_all(engine.follow("r3"))) == "three"
    assert await texts(engine) == ["1", "one", "3", "three"]


async def test_a_reserved_run_is_interrupted_before_its_input_arrives(engine_of: Engines) -> None:
    engine = await engine_of(agent(["two"]))
    reservation = await engine.reserve(spec_without_input("r1"))
    await engine.start(run_spec("2", run_id="r2", on_busy="interrupt"))

    begin(reservation)

    assert kinds(await read_all(engine.follow("r1"))) == ["started", "cancelled"]
    assert answer(await read_all(engine.follow("r2"))) == "two"
