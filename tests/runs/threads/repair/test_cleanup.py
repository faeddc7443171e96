"""What remains of a run that ends without being executed: nothing, once its events have had their time."""

import asyncio
import gc
import weakref
from collections.abc import Awaitable, Callable
from pathlib import Path

import anyio
import pytest
from anyio.lowlevel import checkpoint

from seltzer.runs.engine import Engine
from seltzer.runs.event import Event, Json
from seltzer.runs.execution.limits import RunLimits
from seltzer.stores.sqlite.files import FILE_NAME
from tests.runs.conftest import Engines
from tests.runs.execution.test_executor import let_leases_run_out
from tests.runs.scenario import begin, kinds, read_all, read_stored, read_until, run_spec, spec_without_input
from tests.runs.scripted import agent, named
from tests.stores.conversing import rows

pytestmark = pytest.mark.anyio


class Given(dict[str, Json]):
    """What a run is given, by a class whose instances can be referred to weakly."""


async def every_log_expires(folder: Path) -> None:
    """Wait until each log in the file has its time. One that never expires would block all later ones."""
    with anyio.fail_after(10):
        while rows(folder / FILE_NAME, "SELECT 1 FROM logs WHERE expires_at IS NULL"):
            await checkpoint()


async def cancel(engine: Engine, given: Given) -> None:
    await engine.start(run_spec(run_id="r2", on_busy="enqueue", configurable=given))
    await engine.cancel("r2")


async def cancel_attached(engine: Engine, given: Given) -> None:
    await engine.reserve(spec_without_input("r2", on_busy="enqueue", configurable=given))
    await engine.cancel("r2")


async def release(engine: Engine, given: Given) -> None:
    reservation = await engine.reserve(spec_without_input("r2", on_busy="enqueue", configurable=given))
    await reservation.release()


async def interrupt(engine: Engine, given: Given) -> None:
    await engine.start(run_spec(run_id="r2", on_busy="enqueue", configurable=given))
    await engine.start(run_spec(run_id="r3", on_busy="interrupt"))


async def roll_back(engine: Engine, given: Given) -> None:
    await engine.reserve(spec_without_input("r2", on_busy="enqueue", configurable=given))
    await engine.start(run_spec(run_id="r3", on_busy="rollback"))


async def begin_too_late(engine: Engine, given: Given) -> None:
    reservation = await engine.reserve(spec_without_input("r2", on_busy="enqueue", configurable=given))
    await engine.start(run_spec(run_id="r3", on_busy="interrupt"))
    begin(reservation)


@pytest.mark.parametrize("end", [cancel, cancel_attached, release, interrupt, roll_back, begin_too_late])
async def test_a_run_that_ended_while_it_waited_blocks_nothing(
    engine_of: Engines, tmp_path: Path, end: Callable[[Engine, Given], Awaitable[None]]
) -> None:
    gate = asyncio.Event()
    engine = await engine_of(agent(["one", gate], ["two"]))
    await engine.start(run_spec(run_id="r1"))
    first = engine.follow("r1")
    await read_until(first, "token")

    given = Given()
    kept = weakref.ref(given)
    await end(engine, given)
    del given
    gate.set()
    await read_all(first)
    with anyio.fail_after(10):
        while (await engine_of.stores(engine).runs.get("r3") or await engine.get_run("r1")).is_active:
            await checkpoint()

    assert (await engine.get_run("r2")).status == "cancelled"
    await every_log_expires(tmp_path / "data")
    gc.collect()
    assert kept() is None  # nothing stays in the process either


async def test_a_run_that_is_released_in_its_turn_blocks_nothing(engine_of: Engines, tmp_path: Path) -> None:
    engine = await engine_of(agent(["two"]))
    reservation = await engine.reserve(spec_without_input("r1"))

    await reservation.release()
    await engine.start(run_spec(run_id="r2"))

    assert await engine.idle(10)
    await every_log_expires(tmp_path / "data")


async def test_a_run_that_cannot_begin_blocks_nothing(engine_of: Engines) -> None:
    engine = await engine_of(agent(["half", asyncio.Event()]))
    await engine.start(run_spec())
    token = (await read_until(engine.follow("r"), "token"))[-1]
    await read_stored(engine_of.stores(engine).event_log, token.cursor)
    folder = engine_of.killed(engine)

    engine = await engine_of(named(agent(["hi"]), "another"), folder=folder)

    await every_log_expires(folder)
    assert (await engine.get_run("r")).status == "error"


async def test_a_run_that_another_has_claimed_is_not_tidied_away(engine_of: Engines, tmp_path: Path) -> None:
    engine = await engine_of(agent(), limits=RunLimits(runs=1))  # no room to claim it itself
    stores = engine_of.stores(engine)
    reservation = await engine.reserve(spec_without_input("r"))
    let_leases_run_out(tmp_path / "data")
    (lease,) = await stores.runs.claim("another", 1, 60)
    await stores.event_log.append({"r": [Event(2, 1, "started", {})]})

    await reservation.release()
    await checkpoint()

    assert await stores.runs.finish(lease, Event(2, 2, "cancelled", {}))
    assert kinds(await read_all(engine.follow("r"))) == ["started", "cancelled"]
