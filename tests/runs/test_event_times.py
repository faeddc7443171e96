"""When events were emitted, and what an attempt's row keeps of it."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import pytest
from langchain_core.messages import AIMessageChunk
from langchain_core.messages.ai import UsageMetadata

from seltzer.cursor import Cursor
from seltzer.runs.engine import Engine
from seltzer.runs.event import Event
from seltzer.runs.execution.limits import RunLimits
from seltzer.runs.ports import EventLog
from seltzer.runs.run import RunSearch, RunSummary
from tests.runs.conftest import Engines
from tests.runs.scenario import read_all, read_stored, read_until, run_spec, run_to_end
from tests.runs.scripted import ScriptedModel, agent

pytestmark = pytest.mark.anyio


class Clock:
    """An engine's clock, set by a test."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


class Ticking(ScriptedModel):
    """A model before each of whose parts the time of the part's position passes: 1 s, 2 s, 3 s .."""

    clock: Any

    async def _astream(self, messages: Any, *args: Any, **kwargs: Any) -> Any:
        position = 0
        async for chunk in super()._astream(messages, *args, **kwargs):
            position += 1
            self.clock.now += position
            yield chunk


async def summary(engine: Engine) -> RunSummary:
    (run,) = await engine.overview.list(RunSearch(["agent"]))
    return run


def tokens(events: Sequence[Event]) -> list[Event]:
    return [event for event in events if event.kind == "token"]


def times(events: Sequence[Event]) -> list[int]:
    """Return the events' times, all of which are known."""
    found = [event.at for event in events if event.at is not None]
    assert len(found) == len(events)
    return found


async def test_each_event_has_its_time_since_the_run_was_created(engine_of: Engines) -> None:
    clock = Clock()
    model = Ticking(scripts=[["a", "b", "c"]], clock=clock)
    engine = await engine_of(agent(model=model), clock=clock)

    events = await run_to_end(engine, run_spec())

    first, *rest = times(tokens(events))
    assert [after - before for before, after in pairwise([first, *rest])] == [2_000, 3_000]
    assert 1_000 <= first < 2_000  # the attempt began a moment after the run was created
    assert times(events) == sorted(times(events))


async def test_a_replay_and_the_log_have_the_times_of_the_live_events(engine_of: Engines) -> None:
    engine = await engine_of(agent(["a", "b"]))
    events = await run_to_end(engine, run_spec())

    assert await read_all(engine.follow("r")) == events
    assert (await engine.overview.log("r"))[1] == events
    await engine.aclose()
    again = await engine_of(agent())

    assert (await again.overview.log("r"))[1] == events
    assert (await again.get_run("r")).last == events[-1]


async def test_an_attempt_leaves_what_it_took(engine_of: Engines) -> None:
    clock, usage = Clock(), UsageMetadata(input_tokens=1, output_tokens=2, total_tokens=3)
    last = AIMessageChunk(content="", usage_metadata=usage)
    model = Ticking(scripts=[["a", "b", last]], clock=clock)
    engine = await engine_of(agent(model=model), clock=clock)

    events = await run_to_end(engine, run_spec())

    stats = (await summary(engine)).stats
    assert stats is not None
    assert (stats.first_token_ms, stats.tokens) == (1_000, len(tokens(events)))
    assert stats.duration_ms == events[-1].data["duration_ms"] == 1_000 + 2_000 + 3_000 + 4_000
    assert stats.usage == events[-1].data["usage"]


@pytest.mark.parametrize("how", ["failed", "cancelled"])
async def test_so_does_one_that_does_not_succeed(engine_of: Engines, how: str) -> None:
    gate = asyncio.Event()
    engine = await engine_of(agent(["a", "b", ValueError("no") if how == "failed" else gate]))
    await engine.start(run_spec())
    if how == "cancelled":
        await read_until(engine.follow("r"), "token")
        await engine.cancel("r")
    await read_all(engine.follow("r"))

    run = await summary(engine)

    assert run.last is not None
    assert run.last.kind == how
    assert run.stats is not None
    assert run.stats.tokens > 0
    assert run.stats.first_token_ms is not None


async def test_without_a_token_there_is_no_first_one(engine_of: Engines) -> None:
    engine = await engine_of(agent([ValueError("no")]))
    await run_to_end(engine, run_spec())

    stats = (await summary(engine)).stats

    assert stats is not None
    assert (stats.first_token_ms, stats.tokens, stats.usage) == (None, 0, None)


async def test_a_run_that_waited_counts_the_wait_in_its_events_but_not_in_its_attempt(
    engine_of: Engines,
) -> None:
    gate = asyncio.Event()
    engine = await engine_of(agent([gate, "a"], ["b"]), limits=RunLimits(runs=1))
    await engine.start(run_spec(run_id="first", thread_id="t1"))
    await engine.start(run_spec())
    submitted_at = time.monotonic()
    gate.set()
    await read_all(engine.follow("first"))
    waited_ms = _ms_since(submitted_at)
    events = await read_all(engine.follow("r"))

    run, _ = await engine.overview.list(RunSearch(["agent"]))

    assert run.started_at is not None
    assert run.stats is not None
    age_ms = (run.started_at - run.created_at).total_seconds() * 1000
    assert times(events)[0] >= int(age_ms) >= waited_ms - 1
    assert run.stats.duration_ms <= times(events)[-1] - int(age_ms) + 1


async def test_a_reserved_runs_times_count_from_its_reservation(engine_of: Engines) -> None:
    engine = await engine_of(agent(["a"], ["b"]))
    reservation = await engine.reserve(run_spec(attached=True))
    reserved_at = time.monotonic()
    await run_to_end(engine, run_spec(run_id="meanwhile", thread_id="u"))
    waited_ms = _ms_since(reserved_at)
    reservation.begin(input=run_spec().input)

    events = await read_all(engine.follow("r"))

    assert times(events)[0] >= waited_ms


def _ms_since(moment: float) -> int:
    return int((time.monotonic() - moment) * 1000)


async def test_the_times_of_an_attempt_that_takes_over_follow_the_earlier_ones(engine_of: Engines) -> None:
    gate = asyncio.Event()
    first = await engine_of(agent(["a", gate, "b"]))
    await first.start(run_spec())
    await read_until(first.follow("r"), "token")
    log: EventLog = engine_of.stores(first).event_log
    await read_stored(log, Cursor(1, 2))
    engine_of.move_to(engine_of.killed(first))
    second = await engine_of(agent(["c"]))

    events = await read_all(second.follow("r"))

    assert {event.attempt for event in events} == {1, 2}
    assert times(events) == sorted(times(events))
    run = await summary(second)
    assert run.attempt == 2
    assert run.stats is not None
    assert run.stats.tokens == len(tokens([event for event in events if event.attempt == 2]))
    assert run.stats.duration_ms <= times(events)[-1]


async def test_a_run_that_was_handed_back_keeps_counting(engine_of: Engines) -> None:
    gate = asyncio.Event()
    first = await engine_of(agent(["a", gate, "b"]))
    await first.start(run_spec())
    await read_until(first.follow("r"), "token")
    await first.aclose()
    second = await engine_of(agent(["c"]))

    events = await read_all(second.follow("r"))

    assert {event.attempt for event in events} == {1, 2}
    assert times(events) == sorted(times(events))


# This process now


async def test_what_a_process_does_now_is_counted(engine_of: Engines) -> None:
    gate = asyncio.Event()
    engine = await engine_of(agent(["a", gate, "b"], ["c"]), limits=RunLimits(runs=1))
    idle = engine.overview.live()

    await engine.start(run_spec())
    following = engine.follow("r")
    seen = await read_until(following, "token")
    await engine.start(run_spec(run_id="waits", thread_id="u"))
    busy = engine.overview.live()
    gate.set()
    seen += await read_all(following)
    seen += await read_all(engine.follow("waits"))
    done = engine.overview.live()

    assert idle[:4] == (0, 0, 0, 0)
    assert busy[:3] == (1, 1, 1)
    assert 1 <= busy.tokens <= done.tokens == len(tokens(seen))
    assert done[:3] == (0, 0, 0)
    assert idle.started_at == done.started_at


async def test_tokens_are_counted_of_runs_that_fail_and_once_of_those_that_end(engine_of: Engines) -> None:
    engine = await engine_of(agent(["a", ValueError("no")], ["b", "c"]))

    events = [*await run_to_end(engine, run_spec()), *await run_to_end(engine, run_spec(run_id="r2"))]

    assert engine.overview.live().tokens == len(tokens(events))
