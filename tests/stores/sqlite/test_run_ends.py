"""A run's end: it is a success only if all of the run is stored."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from anyio.lowlevel import checkpoint
from langgraph.graph import START

from seltzer.errors import StorageFailed
from seltzer.runs.execution.fence import Fence
from seltzer.runs.graph import AnyPregel
from seltzer.runs.run import Lease
from seltzer.stores.sqlite.checkpoints.checkpoints import SqliteCheckpoints
from seltzer.stores.sqlite.database import Database
from seltzer.stores.sqlite.runs import SqliteRuns
from tests.stores.checkpoints.observed_graphs import STEP, Watch, built, chain, hi, history, run
from tests.stores.conformance import Clock
from tests.stores.conformance_runs import TTL_S, claim, end, leased, status
from tests.stores.conversing import blocked_writes, migrated, on, opened, rows

pytestmark = pytest.mark.anyio

NO_LIMIT_PAGES = 2**30


@pytest.fixture
async def file(tmp_path: Path) -> Path:
    return await migrated(tmp_path / "threads.db")


@pytest.fixture
async def database(file: Path) -> AsyncIterator[Database]:
    async with opened(file) as database:
        yield database


@pytest.fixture
def watch(file: Path) -> Watch:
    return Watch(file)


class Ending:
    """Runs of a graph, with their rows."""

    def __init__(self, database: Database) -> None:
        self.clock = Clock()
        self.runs = SqliteRuns(database, clock=self.clock)
        self.checkpoints = SqliteCheckpoints(database)

    async def first(self, pregel: AnyPregel) -> Lease:
        """Take the first attempt up to what the run's end does."""
        lease = await leased(self.runs)
        await run(pregel, hi(), fence=Fence(is_thread_new=lease.is_thread_new))
        return lease

    async def again(self) -> Lease:
        """Claim the run, whose lease has run out."""
        self.clock.now += TTL_S
        (lease,) = await claim(self.runs)
        return lease


@pytest.fixture
async def ending(database: Database) -> Ending:
    return Ending(database)


async def test_a_runs_end_and_its_last_state_are_one_transaction(
    database: Database, watch: Watch, ending: Ending
) -> None:
    statements: list[str] = []
    await database.write(lambda connection: connection.set_trace_callback(statements.append))
    pregel = on(ending.checkpoints, built(watch.node("a"), edges=[(START, "a")]).compile())
    lease = await leased(ending.runs)

    async with blocked_writes(database):
        statements.clear()
        await run(pregel, hi(), fence=Fence(is_thread_new=True))
        ended = asyncio.create_task(end(ending.runs, lease))
        await checkpoint()
    await ended

    assert statements.count("COMMIT") == 2  # the first one ends the blocking write
    assert watch.stored() == [-1, 0, 1]
    assert await status(ending.runs) == "success"


OF_WRITES = f"(SELECT {STEP} FROM checkpoints WHERE checkpoint_id = new.checkpoint_id) = 2"


@pytest.mark.parametrize(
    ("table", "which"),
    [("checkpoints", f"{STEP.replace('metadata', 'new.metadata')} = 3"), ("writes", OF_WRITES)],
    ids=["the state", "what the last node wrote"],
)
async def test_a_run_whose_last_state_is_not_stored_has_not_ended_and_is_retried(
    file: Path, database: Database, watch: Watch, ending: Ending, table: str, which: str
) -> None:
    pregel = on(ending.checkpoints, chain(watch))
    rows(
        file,
        f"CREATE TRIGGER fail BEFORE INSERT ON {table} WHEN {which} BEGIN SELECT RAISE(ABORT, 'no'); END",
    )

    lease = await ending.first(pregel)
    with pytest.raises(StorageFailed):
        await end(ending.runs, lease)
    database.check("r")  # the error was dropped
    after_it = await status(ending.runs), watch.stored()[-1]
    rows(file, "DROP TRIGGER fail")
    again = await ending.again()
    await run(pregel, None)
    await end(ending.runs, again)

    assert after_it == ("running", 2)
    assert again.run.attempt == 2
    assert await status(ending.runs) == "success"
    assert (await history(pregel))[0][2] == {"said": ["hi", "model", "tool", "model"]}
    assert watch.stored() == [-1, 0, 1, 2, 3]


async def test_a_run_on_a_full_disk_ends_when_there_is_room_again(
    database: Database, watch: Watch, ending: Ending
) -> None:
    long = {"said": ["much" * 100_000]}
    pregel = on(ending.checkpoints, built(watch.node("a", lambda _: long), edges=[(START, "a")]).compile())
    (pages,) = await database.write(lambda connection: connection.execute("PRAGMA page_count").fetchone())
    limit = "PRAGMA max_page_count = {}".format
    await database.write(lambda connection: connection.execute(limit(pages + 9)).fetchone())

    lease = await ending.first(pregel)
    with pytest.raises(StorageFailed):
        await end(ending.runs, lease)
    await database.write(lambda connection: connection.execute(limit(NO_LIMIT_PAGES)).fetchone())
    again = await ending.again()
    await run(pregel, None)
    await end(ending.runs, again)

    assert watch.names == ["a", "a"]
    assert await status(ending.runs) == "success"
    assert (await history(pregel))[0][2] == {"said": ["hi", *long["said"]]}


async def test_a_run_whose_input_is_not_stored_stops_before_its_second_node(
    file: Path, watch: Watch, ending: Ending
) -> None:
    pregel = on(ending.checkpoints, chain(watch))
    which = f"{STEP.replace('metadata', 'new.metadata')} = -1"
    rows(
        file,
        f"CREATE TRIGGER fail BEFORE INSERT ON checkpoints WHEN {which} BEGIN SELECT RAISE(ABORT, 'no'); END",
    )

    with pytest.raises(StorageFailed):
        await ending.first(pregel)

    assert watch.names == ["model"]
    assert watch.stored() == []


async def test_an_abandoned_attempt_does_not_fail_the_next_one(
    file: Path, watch: Watch, ending: Ending
) -> None:
    """Its end was never written: its events couldn't be stored, or it had lost its lease."""
    pregel = on(ending.checkpoints, chain(watch))
    rows(file, "CREATE TRIGGER fail BEFORE INSERT ON checkpoints BEGIN SELECT RAISE(ABORT, 'no'); END")

    with pytest.raises(StorageFailed):
        await ending.first(pregel)
    rows(file, "DROP TRIGGER fail")
    again = await ending.again()
    await run(pregel, hi())
    await end(ending.runs, again)

    assert watch.stored() == [-1, 0, 1, 2, 3]
    assert await status(ending.runs) == "success"
