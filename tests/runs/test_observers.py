"""Observers: what they see of a process's runs, and that they disturb none."""

import asyncio
from typing import Any

import pytest

from seltzer.runs.event import Event
from seltzer.runs.execution.limits import RunLimits
from seltzer.runs.observer import Stored
from seltzer.runs.run import Run
from tests.runs.conftest import Engines
from tests.runs.scenario import answer, read_all, read_until, run_spec, run_to_end
from tests.runs.scripted import agent

pytestmark = pytest.mark.anyio


class Seen:
    """An observer that keeps what it is called with."""

    def __init__(self) -> None:
        self.runs: list[tuple[str, ...]] = []
        self.stored: list[Stored] = []

    def run_began(self, run: Run) -> None:
        self.runs.append(("began", run.spec.run_id, str(run.attempt)))

    def run_ended(self, run: Run, last: Event | None) -> None:
        self.runs.append(("ended", run.spec.run_id, last.kind if last else "left"))

    def batch_stored(self, stored: Stored) -> None:
        self.stored.append(stored)


class Failing:
    """An observer that raises."""

    def __getattr__(self, name: str) -> Any:
        raise ValueError(name)


async def test_runs_are_observed_from_their_beginning_to_their_end(engine_of: Engines) -> None:
    seen, gate = Seen(), asyncio.Event()
    engine = await engine_of(agent(["a", gate, "b"], [ValueError("no")]), observers=[seen])
    await engine.start(run_spec(run_id="r1"))
    await read_until(engine.follow("r1"), "token")
    gate.set()
    await read_all(engine.follow("r1"))
    await run_to_end(engine, run_spec(run_id="r2"))
    await engine.aclose()

    assert seen.runs == [
        ("began", "r1", "1"),
        ("ended", "r1", "finished"),
        ("began", "r2", "1"),
        ("ended", "r2", "failed"),
    ]


async def test_runs_that_never_begin_and_attempts_that_are_left_are_observed(engine_of: Engines) -> None:
    seen = Seen()
    engine = await engine_of(agent(["a", asyncio.Event()]), limits=RunLimits(runs=1), observers=[seen])
    await engine.start(run_spec(run_id="r1"))
    for run_id in ("r2", "r3"):
        await engine.start(run_spec(run_id=run_id, on_busy="enqueue"))
    await engine.cancel("r2")
    await engine.cancel("r2")
    await engine.start(run_spec(run_id="r4", thread_id="u"))
    await engine.start(run_spec(run_id="r5", thread_id="u", on_busy="interrupt"))
    await engine.aclose()

    assert seen.runs == [
        ("began", "r1", "1"),
        ("ended", "r2", "cancelled"),
        ("ended", "r4", "cancelled"),
        ("ended", "r1", "left"),
    ]


async def test_what_is_stored_is_observed_batch_by_batch(engine_of: Engines) -> None:
    seen, gate = Seen(), asyncio.Event()
    engine = await engine_of(agent(["a", gate, "b"]), observers=[seen])
    await engine.start(run_spec())
    while not seen.stored:
        await asyncio.wait([asyncio.create_task(engine.idle(0.001))])
    gate.set()
    events = await read_all(engine.follow("r"))

    assert all(each.runs == 1 and each.duration_s >= 0 for each in seen.stored)
    assert 0 < sum(each.events for each in seen.stored) < len(events)  # the last ones come with the end


async def test_an_observer_that_raises_disturbs_no_run(
    engine_of: Engines, caplog: pytest.LogCaptureFixture
) -> None:
    seen = Seen()
    engine = await engine_of(agent(["a"]), observers=[Failing(), seen])

    assert answer(await run_to_end(engine, run_spec())) == "a"

    assert len(seen.runs) == 2
    assert "an observer failed" in caplog.text
