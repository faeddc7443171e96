"""The executor: leases that are lost and found again, and stores that fail."""

import asyncio
import sqlite3
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, cast

import anyio
import pytest
from anyio.lowlevel import checkpoint
from langchain_core.messages import AIMessage
from langgraph.config import get_stream_writer
from langgraph.graph import START, StateGraph

from seltzer.cursor import Cursor
from seltzer.errors import StorageFailed
from seltzer.runs.event import Event, RunId
from seltzer.runs.ports import Checkpoints, EventLog, Runs, Stores, Wake
from seltzer.runs.run import Lease, Run
from seltzer.runs.streaming.flusher import LIMIT
from seltzer.stores.sqlite.files import FILE_NAME
from tests.runs.conftest import Engines
from tests.runs.scenario import answer, kinds, read_all, read_stored, read_until, run_spec, run_to_end, texts
from tests.runs.scripted import Messages, agent

pytestmark = pytest.mark.anyio


class FailingLog:
    """A log on a disk that is full at times."""

    def __init__(self, log: EventLog) -> None:
        self._log = log
        self.is_full = False

    async def append(self, batch: Mapping[RunId, Sequence[Event]]) -> set[RunId]:
        if self.is_full:
            raise StorageFailed("the disk is full")
        return await self._log.append(batch)

    async def read(self, after: Mapping[RunId, Cursor]) -> dict[RunId, list[Event]]:
        return await self._log.read(after)

    def wakes(self) -> AsyncIterator[Wake] | None:
        return self._log.wakes()


class FailingRuns:
    """Rows on a disk that is full when a run ends."""

    def __init__(self, runs: Runs) -> None:
        self._runs = runs
        self.is_full = False

    async def finish(self, lease: Lease, last: Event, **given: Any) -> bool:
        if self.is_full:
            raise StorageFailed("the disk is full")
        return await self._runs.finish(lease, last, **given)

    def __getattr__(self, verb: str) -> Any:
        return getattr(self._runs, verb)


def let_leases_run_out(folder: Path) -> None:
    """Make it later than the leases' deadlines, as for a process that had stalled for long."""
    connection = sqlite3.connect(folder / FILE_NAME)
    with connection:
        connection.execute("UPDATE runs SET lease_until = -9e999 WHERE status = 'running'")
    connection.close()


async def test_a_claimed_run_that_cannot_begin_does_not_keep_the_others_from_it(
    engine_of: Engines, caplog: pytest.LogCaptureFixture
) -> None:
    class Odd(FailingRuns):
        """Rows the first of which names no graph."""

        has_begun = False

        async def claim(self, worker: str, n: int, ttl_s: float, **options: Any) -> list[Lease]:
            claimed = await self._runs.claim(worker, n, ttl_s, **options)
            if not self.has_begun:
                self.has_begun = True
                odd = Run(run_spec(run_id="odd", graph=cast(str, [])), "running", 1, 0, datetime.now(UTC))
                return [Lease(odd, worker), *claimed]
            return claimed

    engine = await engine_of(
        agent(["one"], ["two"]), change=lambda stores: replace(stores, runs=cast(Runs, Odd(stores.runs)))
    )

    await engine.start(run_spec("1", run_id="r1"))
    await engine.start(run_spec("2", run_id="r2", on_busy="enqueue"))

    assert answer(await read_all(engine.follow("r2"))) == "two"
    assert "can't be acted on" in caplog.text


async def test_readers_of_a_run_whose_events_cannot_be_stored_get_an_error(
    engine_of: Engines, tmp_path: Path
) -> None:
    logs: list[FailingLog] = []

    def change(stores: Stores) -> Stores:
        logs.append(FailingLog(stores.event_log))
        return replace(stores, event_log=logs[0])

    gate = asyncio.Event()
    engine = await engine_of(
        agent(["some", gate, " more", asyncio.Event()], ["fine"], ["whole"]), change=change
    )
    await engine.start(run_spec("1"))
    readers = [engine.follow("r"), engine.follow("r")]
    for reader in readers:
        await read_until(reader, "token")
    await read_stored(logs[0], Cursor(1, 3))

    logs[0].is_full = True
    gate.set()
    for reader in readers:
        with pytest.raises(StorageFailed):
            await read_all(reader)
    logs[0].is_full = False

    assert answer(await run_to_end(engine, run_spec(thread_id="other", run_id="other"))) == "fine"
    let_leases_run_out(tmp_path / "data")
    await engine.start(run_spec("2", run_id="r2", on_busy="enqueue"))  # looks for what can be claimed, too
    events = await read_all(engine.follow("r"))
    assert (events[-1].attempt, kinds(events)[-1]) == (2, "finished")


async def test_readers_of_a_run_whose_end_cannot_be_stored_get_an_error(
    engine_of: Engines, tmp_path: Path
) -> None:
    rows: list[FailingRuns] = []

    def change(stores: Stores) -> Stores:
        rows.append(FailingRuns(stores.runs))
        return replace(stores, runs=cast(Runs, rows[0]))

    engine = await engine_of(agent(["one"], ["fine"]), change=change)
    rows[0].is_full = True

    await engine.start(run_spec("1"))
    events = engine.follow("r")
    await read_until(events, "update")
    with pytest.raises(StorageFailed):
        await read_all(events)
    rows[0].is_full = False

    assert (await engine.get_run("r")).status == "running"  # until its lease has run out
    let_leases_run_out(tmp_path / "data")
    assert answer(await run_to_end(engine, run_spec("2", run_id="r2", on_busy="enqueue"))) == "fine"
    assert kinds(await read_all(engine.follow("r")))[-1] == "finished"
    assert await texts(engine) == ["1", "one", "2", "fine"]


async def test_a_run_waits_between_its_steps_while_the_log_is_full(engine_of: Engines) -> None:
    gate = asyncio.Event()
    begun: list[str] = []

    class Slow(FailingLog):
        async def append(self, batch: Mapping[RunId, Sequence[Event]]) -> set[RunId]:
            await gate.wait()
            return await super().append(batch)

    async def much(state: Messages) -> Any:
        writer = get_stream_writer()
        for number in range(LIMIT):
            writer(number)
        return {"messages": [AIMessage("much")]}

    async def more(state: Messages) -> Any:
        begun.append("more")
        return {"messages": [AIMessage("more")]}

    builder = StateGraph(Messages).add_sequence([("much", much), ("more", more)])
    graph = builder.add_edge(START, "much").compile()
    engine = await engine_of(graph, change=lambda stores: replace(stores, event_log=Slow(stores.event_log)))
    await engine.start(run_spec())
    with anyio.fail_after(10):
        while len(await texts(engine)) < 2:  # the first step isn't stored yet
            await checkpoint()
    for _ in range(100):
        await checkpoint()

    assert begun == []
    gate.set()
    with anyio.fail_after(10):
        *_, last = [event async for event in engine.follow("r", Cursor(1, LIMIT))]
    assert (last.kind, begun) == ("finished", ["more"])


async def test_a_thread_that_cannot_be_pruned_ends_no_run(
    engine_of: Engines, caplog: pytest.LogCaptureFixture
) -> None:
    class Untidy:
        def __init__(self, checkpoints: Checkpoints) -> None:
            self._checkpoints = checkpoints

        async def prune(self, thread_id: str) -> None:
            raise StorageFailed("the disk is full")

        def __getattr__(self, verb: str) -> Any:
            return getattr(self._checkpoints, verb)

    def change(stores: Stores) -> Stores:
        return replace(stores, checkpoints=cast(Checkpoints, Untidy(stores.checkpoints)))

    engine = await engine_of(agent(["one"], ["two"]), change=change)

    assert answer(await run_to_end(engine, run_spec(run_id="r1"))) == "one"
    assert answer(await run_to_end(engine, run_spec(run_id="r2"))) == "two"
    assert "can't be kept in order" in caplog.text


async def test_a_process_whose_own_lease_has_expired_continues_with_the_next_attempt(
    engine_of: Engines, tmp_path: Path
) -> None:
    """Only one of the two executions may write and speak, though both are this process's."""
    gate, has_begun = asyncio.Event(), asyncio.Event()
    calls = 0

    async def wait(state: Messages) -> Any:
        nonlocal calls
        calls += 1
        if calls > 1:
            return {"messages": [AIMessage("two")]}
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
    reader = asyncio.create_task(read_all(engine.follow("r")))
    await read_stored(engine_of.stores(engine).event_log, Cursor(1, 1))

    let_leases_run_out(tmp_path / "data")
    await engine.start(run_spec("2", run_id="r2", on_busy="enqueue"))  # has it look for what can be claimed
    events = await reader
    gate.set()
    await read_all(engine.follow("r2"))

    assert [(event.attempt, event.kind) for event in events[:3]] == [
        (1, "started"),
        (2, "started"),
        (2, "state"),
    ]
    assert [event.seq for event in events[1:]] == list(range(1, len(events)))
    assert kinds(events)[-1] == "finished"
    assert await texts(engine) == ["1", "two", "2", "two"]
    assert await read_all(engine.follow("r")) == events


async def test_an_attempt_that_was_overtaken_ends_without_a_word(engine_of: Engines, tmp_path: Path) -> None:
    """Another worker has it now; the log refuses the next flush."""
    gate = asyncio.Event()
    engine = await engine_of(agent(["half", gate, " more", asyncio.Event()]))
    await engine.start(run_spec("1"))
    events = engine.follow("r")
    await read_until(events, "token")
    stores = engine_of.stores(engine)
    await read_stored(stores.event_log, Cursor(1, 3))
    let_leases_run_out(tmp_path / "data")
    (lease,) = await stores.runs.claim("another", 1, 60)
    await stores.event_log.append({"r": [Event(2, 1, "started", {})]})

    gate.set()
    with anyio.fail_after(5):
        while await engine.idle(0) is False:
            await checkpoint()

    assert await stores.runs.finish(lease, Event(2, 2, "cancelled", {}))
    run = await engine.get_run("r")
    assert (run.attempt, run.status) == (2, "cancelled")
    assert kinds(await read_all(engine.follow("r", Cursor(2, 0)))) == ["started", "cancelled"]
    assert await texts(engine) == ["1"]


async def test_an_end_that_comes_too_late_is_dropped(engine_of: Engines, tmp_path: Path) -> None:
    gate = asyncio.Event()
    engine = await engine_of(agent([gate, "one"]))
    await engine.start(run_spec("1"))
    stores = engine_of.stores(engine)
    await read_stored(stores.event_log, Cursor(1, 1))
    let_leases_run_out(tmp_path / "data")
    (lease,) = await stores.runs.claim("another", 1, 60)

    gate.set()
    assert await engine.idle(5)

    assert (await engine.get_run("r")).status == "running"
    assert await stores.runs.finish(lease, Event(2, 1, "cancelled", {}))
    assert (await engine.get_run("r")).status == "cancelled"
