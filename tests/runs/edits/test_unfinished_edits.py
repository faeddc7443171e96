"""Edits that are killed, cancelled, late or fail halfway: they are made as a whole, or not at all."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import replace
from typing import Any

import anyio
import pytest
from langchain_core.messages import AIMessage, HumanMessage
from langgraph.graph import END, START, StateGraph

from seltzer.errors import (
    IdempotencyConflict,
    NotInterrupted,
    RunFailed,
    StorageFailed,
    ThreadBusy,
    UnknownCheckpoint,
)
from seltzer.runs.edits.edits import EditId, Edits
from seltzer.runs.edits.updates import COPY, StateUpdate
from seltzer.runs.engine import Engine
from seltzer.runs.execution.reservations import Reservation
from seltzer.runs.graph import AnyPregel
from seltzer.runs.ports import Stores
from seltzer.runs.run import RunSpec
from tests.runs.conftest import Engines
from tests.runs.edits.test_edits import Steps, approving, do_steps, done, newest, steps, update
from tests.runs.scenario import read_all, run_spec, run_to_end
from tests.runs.test_many_processes import Processes

pytestmark = pytest.mark.anyio
Reserve = Callable[[RunSpec], Awaitable[Reservation]]


class Gate:
    """A place where a test has something wait, or fail."""

    def __init__(self, error: Exception | None = None) -> None:
        self.is_reached = asyncio.Event()
        self.is_open = asyncio.Event()
        self.error = error

    def close(self) -> None:
        self.is_open.clear()
        self.is_reached.clear()

    async def __call__(self) -> None:
        self.is_reached.set()
        await self.is_open.wait()
        if self.error is not None:
            raise self.error


class Gated:
    """A port, one of whose verbs has a gate before it."""

    def __init__(self, port: Any, verb: str, gate: Gate) -> None:
        self._port, self._verb, self._gate = port, verb, gate

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._port, name)
        if name != self._verb:
            return found

        async def gated(*args: Any, **kwargs: Any) -> Any:
            await self._gate()
            return await found(*args, **kwargs)

        return gated


def gated(port: str, verb: str, gate: Gate) -> Callable[[Stores], Stores]:
    def changed(stores: Stores) -> Stores:
        ports: dict[str, Any] = {port: Gated(getattr(stores, port), verb, gate)}
        return replace(stores, **ports)

    return changed


def gated_edge(gate: Gate) -> AnyPregel:
    """Return a graph whose only edge after `a` waits at the gate in all turns but the first."""

    async def where(state: Steps) -> str:
        if len(state["done"]) > 2:
            await gate()
        return END

    builder = StateGraph(Steps).add_node("a", lambda state: {"done": ["a"]}).add_edge(START, "a")
    return builder.add_conditional_edges("a", where).compile()


async def editing_run(engine: Engine) -> str:
    """Return the run of the edit that is being made."""
    run = (await engine.threads.get("agent", "t")).run
    assert run is not None
    assert run.spec.is_edit
    return run.spec.run_id


async def continued(engine_of: Engines, killed: Engine, pregel: AnyPregel) -> Engine:
    """Return the engine after the one that is killed now, once it has ended what was begun."""
    edit = await editing_run(killed)
    engine = await engine_of(pregel, folder=engine_of.killed(killed))
    await read_all(engine.follow(edit))
    return engine


async def is_untouched(engine: Engine, before: Any, status: str, run_id: str = "r1") -> None:
    thread = await engine.threads.get("agent", "t")
    assert await newest(engine) == before
    assert (thread.status, thread.run and thread.run.spec.run_id) == (status, run_id)


@pytest.mark.parametrize("as_node", ["b", COPY])
async def test_an_update_that_is_killed_is_undone(engine_of: Engines, as_node: str) -> None:
    gate = Gate()
    engine = await engine_of(steps(), change=gated("checkpoints", "reassign", gate))
    await do_steps(engine)
    before = await newest(engine)
    values = None if as_node == COPY else {"done": ["mine"]}
    task = asyncio.create_task(update(engine, values, as_node))
    await gate.is_reached.wait()
    edit = await editing_run(engine)

    after = await continued(engine_of, engine, steps())

    assert (await after.get_run(edit)).status == "cancelled"
    await is_untouched(after, before, "idle")
    await do_steps(after, "r2")
    gate.is_open.set()
    await task
    assert (await newest(engine)).parent_checkpoint_id == before.checkpoint_id


async def test_an_update_whose_process_dies_once_it_is_written_is_made(engine_of: Engines) -> None:
    gate = Gate()
    gate.is_open.set()
    engine = await engine_of(steps(), change=gated("runs", "finish", gate))
    await do_steps(engine)
    gate.close()
    task = asyncio.create_task(update(engine, {"done": ["mine"]}, "c"))
    await gate.is_reached.wait()
    edit = await editing_run(engine)

    after = await continued(engine_of, engine, steps())

    assert (await after.get_run(edit)).status == "success"
    assert await done(after) == ["0", "a", "b", "c", "mine"]
    assert ((await newest(after)).run_id, (await after.threads.get("agent", "t")).status) == ("r1", "idle")
    gate.is_open.set()
    await task


def editing(
    stores: Stores, engine: Engine, pregel: AnyPregel, reserve: Reserve, timeout_s: float = 60.0
) -> Edits:
    """Return edits of the engine's threads that reserve in another way, or have another limit."""
    saved = pregel.copy(update={"checkpointer": stores.checkpoints.saver_for(pregel)})
    return Edits(stores, {"agent": saved}, engine.threads, reserve, timeout_s)


@pytest.mark.parametrize("pause", ["question", "breakpoint"])
async def test_a_withdrawal_that_is_killed_is_no_answer(engine_of: Engines, pause: str) -> None:
    gate, pregel = Gate(), approving() if pause == "question" else steps(interrupt_before=["b"])
    engine = await engine_of(pregel, change=gated("checkpoints", "lasting_namespaces", gate))
    input = {"messages": [HumanMessage("send")]} if pause == "question" else {"done": ["0"]}
    await run_to_end(engine, RunSpec("agent", input, "t", "r1"))
    before = await newest(engine)
    task = asyncio.create_task(engine.edits.withdraw(await engine.get_run("r1")))
    await gate.is_reached.wait()
    edit = await editing_run(engine)

    after = await continued(engine_of, engine, pregel)

    assert (await after.get_run(edit)).status == "cancelled"
    await is_untouched(after, before, "interrupted")
    await after.edits.withdraw(await after.get_run("r1"))
    assert (await newest(after)).next == ()
    gate.is_open.set()
    await task


async def test_a_withdrawal_that_fails_halfway_leaves_the_question_standing(engine_of: Engines) -> None:
    gate = Gate(StorageFailed("the disk is full"))
    engine = await engine_of(approving(), change=gated("checkpoints", "lasting_namespaces", gate))
    await run_to_end(engine, run_spec("send", run_id="r1"))
    before = await newest(engine)
    gate.is_open.set()

    with pytest.raises(StorageFailed):
        await engine.edits.withdraw(await engine.get_run("r1"))

    await is_untouched(engine, before, "interrupted")
    gate.error = None
    await engine.edits.withdraw(await engine.get_run("r1"))
    assert ((await newest(engine)).next, (await engine.threads.get("agent", "t")).status) == ((), "idle")


async def test_an_edit_is_cancelled_by_its_run(engine_of: Engines) -> None:
    gate = Gate()
    engine = await engine_of(gated_edge(gate))
    await do_steps(engine)
    before = await newest(engine)
    task = asyncio.create_task(update(engine, {"done": ["x"]}, "a"))
    await gate.is_reached.wait()

    await engine.cancel(await editing_run(engine))

    with pytest.raises(RunFailed) as cancelled:
        await task
    assert cancelled.value.code == "run_cancelled"
    await is_untouched(engine, before, "idle")


@pytest.mark.parametrize("on_busy", ["interrupt", "rollback"])
async def test_an_edit_gives_way_to_a_run_that_asks_for_it(engine_of: Engines, on_busy: Any) -> None:
    gate = Gate()
    engine = await engine_of(gated_edge(gate))
    await do_steps(engine)
    task = asyncio.create_task(update(engine, {"done": ["x"]}, "a"))
    await gate.is_reached.wait()

    await engine.start(RunSpec("agent", {"done": ["1"]}, "t", "r2", on_busy=on_busy))
    with pytest.raises(RunFailed):
        await task
    gate.is_open.set()
    await read_all(engine.follow("r2"))

    assert await done(engine) == ["0", "a", "1", "a"]


async def test_an_edit_that_takes_too_long_is_undone(engine_of: Engines) -> None:
    pregel = gated_edge(Gate())
    engine = await engine_of(pregel)
    await do_steps(engine)
    before = await newest(engine)

    edits = editing(engine_of.stores(engine), engine, pregel, engine.reserve, timeout_s=0.0)
    with pytest.raises(RunFailed) as late:
        await edits.update("agent", "t", StateUpdate({"done": ["x"]}, "a"))

    assert late.value.code == "run_timeout"
    await is_untouched(engine, before, "idle")


async def test_an_edit_is_made_though_its_client_has_left(engine_of: Engines) -> None:
    gate = Gate()
    engine = await engine_of(gated_edge(gate))
    await do_steps(engine)
    task = asyncio.create_task(update(engine, {"done": ["x"]}, "a"))
    await gate.is_reached.wait()
    edit = await editing_run(engine)

    task.cancel()
    await asyncio.wait([task])
    gate.is_open.set()
    await read_all(engine.follow(edit))

    assert (await engine.get_run(edit)).status == "success"
    assert await done(engine) == ["0", "a", "x"]


async def test_an_edit_ends_with_its_engine(engine_of: Engines) -> None:
    gate = Gate()
    engine = await engine_of(gated_edge(gate))
    await do_steps(engine)
    before = await newest(engine)
    task = asyncio.create_task(update(engine, {"done": ["x"]}, "a"))
    await gate.is_reached.wait()

    with anyio.fail_after(30):
        await engine.aclose()

    with pytest.raises(RunFailed):
        await task
    await is_untouched(await engine_of(steps()), before, "idle")


@pytest.fixture
async def processes() -> AsyncIterator[Processes]:
    processes = Processes(url=None)
    yield processes
    await processes.aclose()


@pytest.mark.parametrize(
    ("what", "verb"),
    [("update", "reassign"), ("update", "lasting_namespaces"), ("withdrawal", "lasting_namespaces")],
)
async def test_an_edit_that_another_process_has_claimed_is_undone_and_its_client_gets_an_error(
    processes: Processes, what: str, verb: str
) -> None:
    gate, renewing, pregel = Gate(), Gate(StorageFailed("the store can't be reached")), approving()
    renewing.is_open.set()

    def changed(stores: Stores) -> Stores:
        return gated("runs", "renew", renewing)(gated("checkpoints", verb, gate)(stores))

    engine = await processes(pregel, change=changed)
    await run_to_end(engine, run_spec("send" if what == "withdrawal" else "hello", run_id="r1"))
    before, status = await newest(engine), "interrupted" if what == "withdrawal" else "idle"
    message = {"messages": [AIMessage("mine")]}
    edit = (
        engine.edits.withdraw(await engine.get_run("r1"))
        if what == "withdrawal"
        else update(engine, message, "plan", before.checkpoint_id)
    )
    task = asyncio.create_task(edit)
    await gate.is_reached.wait()
    run_id = await editing_run(engine)
    claiming = await processes(pregel)

    processes.let_leases_run_out()
    await read_all(claiming.follow(run_id))
    gate.is_open.set()

    with pytest.raises(RunFailed) as lost:
        await task
    assert lost.value.code == "run_cancelled"
    await is_untouched(claiming, before, status)


async def test_an_edit_whose_lease_has_run_out_is_made_if_nobody_else_claims_it(processes: Processes) -> None:
    gate, renewing, pregel = Gate(), Gate(StorageFailed("the store can't be reached")), steps()
    renewing.is_open.set()

    def changed(stores: Stores) -> Stores:
        return gated("runs", "renew", renewing)(gated("checkpoints", "reassign", gate)(stores))

    engine = await processes(pregel, change=changed)
    await do_steps(engine)
    task = asyncio.create_task(update(engine, {"done": ["mine"]}, "b"))
    await gate.is_reached.wait()

    renewing.is_reached.clear()
    processes.let_leases_run_out()
    await renewing.is_reached.wait()
    renewing.error = None
    renewing.is_reached.clear()
    await renewing.is_reached.wait()
    gate.is_open.set()

    await task
    assert "mine" in (await newest(engine)).values["done"]


async def test_an_edit_is_undone_though_its_graph_is_not_served_any_more(engine_of: Engines) -> None:
    gate = Gate()
    engine = await engine_of(steps(), change=gated("checkpoints", "reassign", gate))
    await do_steps(engine)
    before = await newest(engine)
    task = asyncio.create_task(update(engine, {"done": ["mine"]}, "c"))
    await gate.is_reached.wait()
    edit, folder = await editing_run(engine), engine_of.killed(engine)

    without = await engine_of({}, folder=folder)
    await read_all(without.follow(edit))
    await without.aclose()

    await is_untouched(await engine_of(steps(), folder=folder), before, "idle")
    gate.is_open.set()
    await task


@pytest.mark.parametrize("second", ["an update", "a withdrawal"])
async def test_a_second_edit_at_a_breakpoint_finds_the_thread_busy(engine_of: Engines, second: str) -> None:
    gate = Gate()
    pregel = steps(interrupt_before=["b"])
    engine = await engine_of(pregel, change=gated("checkpoints", "reassign", gate))
    await do_steps(engine)
    thread = await engine.threads.get("agent", "t")
    task = asyncio.create_task(update(engine, {"done": ["mine"]}, "a"))
    await gate.is_reached.wait()

    assert thread.run is not None
    is_update = second == "an update"
    too = update(engine, {"done": ["too"]}, "a") if is_update else engine.edits.withdraw(thread.run)
    with pytest.raises(ThreadBusy):
        await too

    gate.is_open.set()
    await task
    assert await done(engine) == ["0", "a", "mine"]
    await run_to_end(engine, RunSpec("agent", None, "t", "r2", answers={}, answered="r1"))
    with pytest.raises(NotInterrupted):
        await engine.edits.withdraw(thread.run)


async def test_the_state_that_an_edit_begins_from_is_looked_for_again(engine_of: Engines) -> None:
    pregel = steps()
    engine = await engine_of(pregel)
    await do_steps(engine)
    states = (await engine.threads.history("agent", "t", limit=10)).states
    stores = engine_of.stores(engine)

    async def too_late(spec: RunSpec) -> Reservation:
        await stores.checkpoints.roll_back("t", ["r1"])
        return await engine.reserve(spec)

    with pytest.raises(UnknownCheckpoint):
        await editing(stores, engine, pregel, too_late).update(
            "agent", "t", StateUpdate(None, END, states[1].checkpoint_id)
        )

    assert not (await newest(engine)).values


async def test_an_edit_that_is_requested_again_is_made_once(engine_of: Engines) -> None:
    engine = await engine_of(steps())
    await do_steps(engine)
    mine = StateUpdate({"done": ["mine"]}, "c")

    first = await engine.edits.update("agent", "t", mine, EditId("e1", "d"))
    again = await engine.edits.repeated(EditId("e1", "d"))

    assert again is not None
    assert again.output["checkpoint_id"] == first.checkpoint_id
    assert await engine.edits.repeated(EditId("e2", "d")) is None
    assert (await engine.edits.update("agent", "t", mine, EditId("e1", "d"))) == first
    assert await done(engine) == ["0", "a", "b", "c", "mine"]


async def test_an_edit_that_is_requested_several_times_at_once_is_made_once(engine_of: Engines) -> None:
    engine = await engine_of(steps())
    await do_steps(engine)
    mine = StateUpdate({"done": ["mine"]}, "c")

    states = await asyncio.gather(
        *(engine.edits.update("agent", "t", mine, EditId("e1", "d")) for _ in range(3))
    )

    assert states[0] == states[1] == states[2] == await newest(engine)
    assert await done(engine) == ["0", "a", "b", "c", "mine"]
    other = [engine.edits.update("agent", "t", mine, EditId("e2", digest)) for digest in ("d", "e")]
    _, refused = await asyncio.gather(*other, return_exceptions=True)
    assert isinstance(refused, IdempotencyConflict)


async def test_an_edit_that_was_refused_is_refused_again(engine_of: Engines) -> None:
    engine = await engine_of(approving())
    await run_to_end(engine, run_spec("hello", run_id="r1"))
    wrong = StateUpdate({"messages": AIMessage("x"), "nothing": 1}, "nobody")
    with pytest.raises(Exception, match="as_node"):
        await engine.edits.update("agent", "t", wrong, EditId("e0", "d"))

    assert await engine.edits.repeated(EditId("e0", "d")) is None  # it was refused before it began
    bad = StateUpdate({"messages": object()}, "plan")
    with pytest.raises(Exception, match="values") as refused:
        await engine.edits.update("agent", "t", bad, EditId("e1", "d"))
    with pytest.raises(RunFailed) as again:
        await engine.edits.repeated(EditId("e1", "d"))

    assert (again.value.code, str(again.value)) == ("invalid_input", str(refused.value))
