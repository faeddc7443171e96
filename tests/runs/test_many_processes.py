"""Several processes over one store: here engines, each with a hub and connections of its own."""

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any, cast

import anyio
import pytest
from anyio.lowlevel import checkpoint

from seltzer.cursor import START, Cursor
from seltzer.errors import IdempotencyConflict, InvalidCursor, ServerDraining, ThreadBusy, UnknownRun
from seltzer.runs.engine import Engine
from seltzer.runs.event import Event
from seltzer.runs.execution.leases import TTL_S
from seltzer.runs.execution.limits import RunLimits
from seltzer.runs.graph import AnyPregel
from seltzer.runs.ports import Renewal, Runs, Stores
from seltzer.runs.run import Lease, OnBusy
from seltzer.runs.streaming.hub import TAIL_LIMIT
from seltzer.stores.memory.data import Data
from seltzer.stores.memory.store import MemoryStore
from seltzer.stores.options import DatabaseOptions, Retention
from seltzer.stores.postgres.store import open_postgres
from seltzer.stores.sqlite.checkpoints.checkpoints import SqliteCheckpoints
from seltzer.stores.sqlite.database import open_database
from seltzer.stores.sqlite.event_log import SqliteEventLog
from seltzer.stores.sqlite.runs import SqliteRuns
from seltzer.stores.sqlite.threads import SqliteThreads
from tests.runs.scenario import (
    answer,
    begin,
    kinds,
    read_all,
    read_until,
    run_spec,
    run_to_end,
    spec_answering,
    spec_without_input,
    texts,
)
from tests.runs.scripted import agent, call, named
from tests.runs.test_interrupts import asking, the_only
from tests.stores.conformance import Clock
from tests.stores.postgres.databases import empty
from tests.stores.postgres.server import create_database

pytestmark = pytest.mark.anyio


class Stalling:
    """Rows of a process that can be stopped: it renews nothing while it is."""

    def __init__(self, runs: Runs) -> None:
        self._runs = runs
        self.is_going = asyncio.Event()
        self.is_going.set()

    async def renew(self, worker: str, leases: Sequence[Lease], ttl_s: float) -> Renewal:
        await self.is_going.wait()
        return await self._runs.renew(worker, leases, ttl_s)

    def __getattr__(self, verb: str) -> Any:
        return getattr(self._runs, verb)


class Processes:
    """Opens engines over one store, and closes them at the test's end."""

    def __init__(self, url: str | None) -> None:
        self.clock = Clock()
        self.store = MemoryStore(Data(clock=self.clock))
        self._url = url
        self._opened: list[Engine] = []

    async def __call__(
        self,
        pregel: AnyPregel,
        *,
        name: str = "agent",
        stores: Callable[[], AbstractAsyncContextManager[Stores]] | None = None,
        change: Callable[[Stores], Stores] = lambda stores: stores,
        **options: Any,
    ) -> Engine:
        @asynccontextmanager
        async def changed() -> AsyncIterator[Stores]:
            async with (stores or self._open)() as found:
                yield change(found)

        engine = Engine(named(pregel, name), changed, **options)
        await engine.open()
        self._opened.append(engine)
        return engine

    def _open(self) -> AbstractAsyncContextManager[Stores]:
        if self._url is None:
            return self.store.open()
        return open_postgres(DatabaseOptions(self._url, pool_limit=4), Retention())

    async def stalling(self, pregel: AnyPregel, **options: Any) -> tuple[Engine, Stalling]:
        """Open an engine whose process can be stopped."""
        rows: list[Stalling] = []

        def change(stores: Stores) -> Stores:
            rows.append(Stalling(stores.runs))
            return replace(stores, runs=cast(Runs, rows[0]))

        return await self(pregel, change=change, **options), rows[0]

    def let_leases_run_out(self) -> None:
        """Make it later than the deadlines of those who haven't renewed since."""
        self.clock.now += TTL_S + 1
        self.store.wake_all()

    async def aclose(self) -> None:
        for engine in self._opened:
            await engine.aclose()


@asynccontextmanager
async def one_file(file: Path, clock: Clock) -> AsyncIterator[Stores]:
    """Open an SQLite file without locking it, as no server does."""
    database = await open_database(file)
    checkpoints = SqliteCheckpoints(database)
    runs, threads = SqliteRuns(database, lease_clock=clock), SqliteThreads(database, checkpoints.deletions)
    yield Stores(runs, SqliteEventLog(database), threads, checkpoints)
    await database.aclose()


@pytest.fixture(scope="module")
def url() -> str:
    """Return the address of a database."""
    return create_database()


@pytest.fixture(params=["memory", "postgres"])
async def processes(request: pytest.FixtureRequest) -> AsyncIterator[Processes]:
    url = request.getfixturevalue("url") if request.param == "postgres" else None
    processes = Processes(url)
    yield processes
    await processes.aclose()
    if url is not None:
        await asyncio.to_thread(empty, url)


# These set the clock of the store.
in_memory = pytest.mark.parametrize("processes", ["memory"], indirect=True)


def numbers(count: int) -> list[str]:
    return [f"{number} " for number in range(count)]


# Watching


async def test_a_run_is_followed_live_from_another_process_and_from_any_cursor(processes: Processes) -> None:
    gates = [asyncio.Event(), asyncio.Event()]
    graph = agent([*numbers(5), gates[0], *numbers(3), gates[1], "end"])
    a, b = await processes(graph), await processes(graph)
    await a.start(run_spec())
    first = await read_until(a.follow("r", Cursor(1, 6)), "token")  # the last before the gate

    live = b.follow("r")
    before = [await anext(live) for _ in range(first[-1].seq)]  # while the run waits
    cursors = [START, *(Cursor(1, seq) for seq in range(1, first[-1].seq + 1))]
    readers = [asyncio.create_task(read_all(b.follow("r", cursor))) for cursor in cursors]
    gates[0].set()
    await read_until(live, "token")
    late = asyncio.create_task(read_all(b.follow("r", first[-1].cursor)))
    gates[1].set()
    whole = await read_all(a.follow("r"))

    assert before == whole[: len(before)]
    assert [await each for each in readers] == [[e for e in whole if e.cursor > after] for after in cursors]
    assert await late == [each for each in whole if each.cursor > first[-1].cursor]
    assert (await b.get_run("r")).last == whole[-1]
    assert await read_all(b.follow("r")) == whole


async def test_what_is_delivered_from_another_process_is_exact(processes: Processes) -> None:
    gate = asyncio.Event()
    graph = agent(["a", gate, *numbers(4 * TAIL_LIMIT)])
    a, b = await processes(graph), await processes(graph)
    await a.start(run_spec())
    read: list[Event] = []

    def deliver(events: Sequence[Event]) -> bool:
        read.extend(events)
        return True

    with anyio.fail_after(10):
        async for batch in b.follow_batches("r", deliver=deliver):
            read.extend(batch)
            gate.set()

    assert read == await read_all(a.follow("r"))


async def test_a_run_that_waits_is_followed_from_elsewhere_before_it_begins(processes: Processes) -> None:
    gate = asyncio.Event()
    a, b = await processes(agent([gate, "one"], ["two"])), await processes(agent(["two"]))
    await a.start(run_spec(run_id="r1"))
    await a.start(run_spec(run_id="r2", on_busy="enqueue"))
    readers = [asyncio.create_task(read_all(each.follow("r2"))) for each in (a, b)]
    await checkpoint()

    gate.set()

    one, two = [await each for each in readers]
    assert one == two
    assert answer(one) == "two"


async def test_a_cursor_past_what_is_stored_disturbs_no_other_reader(processes: Processes) -> None:
    gate = asyncio.Event()
    graph = agent(["a", gate, "b"])
    a, b = await processes(graph), await processes(graph)
    await a.start(run_spec())
    await read_until(b.follow("r"), "token")

    beyond = asyncio.create_task(read_all(b.follow("r", Cursor(1, 1000))))
    await checkpoint()
    reader = asyncio.create_task(read_all(b.follow("r")))
    await checkpoint()
    gate.set()

    assert answer(await reader) == "ab"
    with pytest.raises(InvalidCursor):
        await beyond


async def test_readers_of_a_process_that_drains_are_dismissed_and_the_run_continues(
    processes: Processes,
) -> None:
    gate = asyncio.Event()
    graph = agent(["a", gate, "b"])
    a, b = await processes(graph), await processes(graph)
    await a.start(run_spec())
    readers = [b.follow("r"), b.follow("r")]
    for each in readers:
        await read_until(each, "token")

    await b.aclose()

    for each in readers:
        with pytest.raises(ServerDraining):
            await anext(each)
    gate.set()
    assert answer(await read_all(a.follow("r"))) == "ab"


async def test_readers_elsewhere_of_a_run_that_is_gone_get_an_error(processes: Processes) -> None:
    gate = asyncio.Event()
    a, b = await processes(agent(["a", gate, "b"])), await processes(agent())
    await a.start(run_spec())
    reader = b.follow("r")
    await read_until(reader, "token")
    gate.set()
    await read_all(a.follow("r"))
    await a.threads.delete("agent", "t")

    with pytest.raises(UnknownRun):
        await anext(b.follow("r"))


# Stopping


@pytest.mark.parametrize("attached", [False, True])
async def test_a_run_is_cancelled_from_another_process(processes: Processes, attached: bool) -> None:
    graph = agent(["half", asyncio.Event()])
    a, b = await processes(graph), await processes(graph)
    begin(await a.reserve(spec_without_input("r") if attached else run_spec()))
    await read_until(b.follow("r"), "token")

    await b.cancel("r")

    assert kinds(await read_all(b.follow("r")))[-1] == "cancelled"
    assert (await a.get_run("r")).status == "cancelled"
    assert await texts(b) == ["hi", "half"]


async def test_a_run_that_waits_is_cancelled_from_another_process(processes: Processes) -> None:
    gate = asyncio.Event()
    graph = agent([gate, "one"], ["three"])
    a, b = await processes(graph), await processes(graph)
    await a.start(run_spec(run_id="r1"))
    await a.start(run_spec(run_id="r2", on_busy="enqueue"))
    reader = asyncio.create_task(read_all(a.follow("r2")))
    await checkpoint()

    await b.cancel("r2")

    assert kinds(await reader) == ["cancelled"]
    gate.set()
    await read_all(a.follow("r1"))


# One writer a thread


async def test_a_thread_that_is_busy_in_one_process_is_busy_in_all(processes: Processes) -> None:
    graph = agent([asyncio.Event()])
    a, b = await processes(graph), await processes(graph)
    await a.start(run_spec(run_id="r1"))

    with pytest.raises(ThreadBusy, match="'r1'"):
        await b.start(run_spec(run_id="r2"))


@pytest.mark.parametrize(
    ("on_busy", "first_ends", "expected"),
    [
        ("enqueue", "finished", ["1", "one", "2", "two"]),
        ("interrupt", "cancelled", ["1", "o", "2", "two"]),
        ("rollback", "cancelled", ["2", "two"]),
    ],
)
async def test_on_busy_is_honoured_by_whichever_process_executes_the_other_run(
    processes: Processes, on_busy: OnBusy, first_ends: str, expected: list[str]
) -> None:
    gate = asyncio.Event()
    graph = agent(["o", gate, "ne"], ["two"])
    a, b = await processes(graph), await processes(graph)
    await a.start(run_spec("1", run_id="r1"))
    await read_until(b.follow("r1"), "token")

    await b.start(run_spec("2", run_id="r2", on_busy=on_busy))
    if on_busy == "enqueue":
        gate.set()

    assert answer(await read_all(b.follow("r2"))) == "two"
    assert kinds(await read_all(b.follow("r1")))[-1] == first_ends
    assert await texts(a) == await texts(b) == expected


async def test_an_attached_run_waits_for_the_process_that_has_its_request(processes: Processes) -> None:
    gate = asyncio.Event()
    a, b = await processes(agent([gate, "one"], ["wrong"])), await processes(agent(["two"]))
    await a.start(run_spec("1", run_id="r1"))
    reservation = await b.reserve(spec_without_input("r2", on_busy="enqueue"))

    gate.set()
    await read_all(b.follow("r1"))
    begin(reservation, "2")

    assert answer(await read_all(a.follow("r2"))) == "two"


async def test_a_full_process_leaves_its_run_to_one_with_room(processes: Processes) -> None:
    full, free = agent(["one", asyncio.Event()]), agent(["two"])
    a, b = await processes(full, limits=RunLimits(runs=1)), await processes(free)
    await a.start(run_spec(run_id="r1"))

    await a.start(run_spec(run_id="r2", thread_id="u"))

    assert answer(await read_all(a.follow("r2"))) == "two"
    assert await texts(b, "u") == ["hi", "two"]


async def test_a_run_is_started_once_whichever_process_it_is_sent_to(processes: Processes) -> None:
    gate = asyncio.Event()
    graph = agent(["o", gate, "ne"])
    a, b = await processes(graph), await processes(graph)
    spec = run_spec(digest="d")
    await a.start(spec)

    again = await b.start(spec)
    with pytest.raises(IdempotencyConflict):
        await b.start(replace(spec, digest="e"))
    gate.set()

    assert (again.spec.run_id, again.status) == ("r", "running")
    assert answer(await read_all(b.follow("r"))) == "one"
    assert (await b.start(spec)).status == "success"


async def test_an_interrupt_that_one_process_has_asked_is_answered_at_another(processes: Processes) -> None:
    graph = asking("go?")
    a, b = await processes(graph), await processes(graph)
    question, _ = the_only(await run_to_end(a, run_spec()))

    await b.start(spec_answering({question: "yes"}))

    await read_all(a.follow("r2"))
    assert await texts(a) == ["hi", "yes"]


# Takeover


@in_memory
async def test_a_process_that_is_gone_is_taken_over_from(processes: Processes) -> None:
    a, rows = await processes.stalling(agent(["half", asyncio.Event()]))
    b = await processes(agent(["whole"]))
    await a.start(run_spec())
    reader = b.follow("r")
    await read_until(reader, "token")

    rows.is_going.clear()
    processes.let_leases_run_out()
    rest = await read_all(reader)

    assert [(each.kind, each.attempt) for each in rest[:2]] == [("started", 2), ("state", 2)]
    assert answer(rest) == "whole"
    assert await texts(b) == ["hi", "whole"]
    rows.is_going.set()


@in_memory
async def test_of_a_stalled_process_that_wakes_nothing_shows(processes: Processes) -> None:
    gate = asyncio.Event()
    a, rows = await processes.stalling(agent(["half", gate, " and more", "and more"]))
    b = await processes(agent(["whole"]))
    await a.start(run_spec())
    mine = a.follow("r")
    await read_until(mine, "token")
    rows.is_going.clear()
    processes.let_leases_run_out()
    whole = await read_all(b.follow("r"))
    said = await texts(b)

    gate.set()
    assert await a.idle(10)

    assert await read_all(b.follow("r")) == whole
    assert await texts(a) == await texts(b) == said == ["hi", "whole"]
    assert (await a.get_run("r")).last == whole[-1]
    rest = await read_all(mine)
    assert [each for each in rest if each.attempt == 2] == [each for each in whole if each.attempt == 2]
    assert not any(each.is_last for each in rest if each.attempt == 1)
    rows.is_going.set()


@in_memory
@pytest.mark.parametrize("rest", [["more"], [call("double", '{"x": 1}')]], ids=["an answer", "a tool call"])
async def test_of_a_process_that_stalled_over_an_sqlite_file_nothing_shows(
    processes: Processes, tmp_path: Path, rest: list[Any]
) -> None:
    """As on a laptop whose server was stopped, while another was started over its files."""
    gate = asyncio.Event()
    at_file = partial(one_file, tmp_path / "seltzer.db", processes.clock)
    stopped, rows = await processes.stalling(agent(["half", gate, *rest], ["never"]), stores=at_file)
    await stopped.start(run_spec())
    await read_until(stopped.follow("r"), "token")
    rows.is_going.clear()
    processes.clock.now += TTL_S + 1
    b = await processes(agent(["whole"]), stores=at_file)
    whole = await read_all(b.follow("r"))

    gate.set()
    assert await stopped.idle(10)

    assert await read_all(b.follow("r")) == whole
    assert await texts(b) == ["hi", "whole"]
    assert (await b.get_run("r")).last == whole[-1]
    rows.is_going.set()


async def test_what_a_process_hands_back_another_continues(processes: Processes) -> None:
    a, b = await processes(agent(["half", asyncio.Event()])), await processes(agent(["whole"]))
    await a.start(run_spec())
    reader = b.follow("r")
    await read_until(reader, "token")

    await a.aclose()

    rest = await read_all(reader)
    assert answer(rest) == "whole"
    assert rest[-1].attempt == 2


async def test_a_process_without_its_graph_leaves_a_run_to_one_that_has_it(processes: Processes) -> None:
    """As while a version with another graph is rolled out."""
    new = await processes(agent(["half", asyncio.Event()]))
    old = await processes(agent(["never"]), name="another")
    await new.start(run_spec())
    reader = old.follow("r")
    await read_until(reader, "token")

    await new.aclose()
    await processes(agent(["whole"]))

    rest = await read_all(reader)
    assert (answer(rest), rest[-1].attempt) == ("whole", 2)
