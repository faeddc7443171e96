"""What is SQLite's own: what is deleted from the file, and what a restart finds."""

import sqlite3
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from seltzer.cursor import START
from seltzer.runs.event import Event
from seltzer.stores.sqlite.checkpoints.checkpoints import SqliteCheckpoints
from seltzer.stores.sqlite.database import Database, open_database
from seltzer.stores.sqlite.event_log import SWEEP_S, SqliteEventLog
from seltzer.stores.sqlite.runs import SqliteRuns
from seltzer.stores.sqlite.threads import SqliteThreads
from tests.stores.conformance import SMALL_LIMIT, Clock, events, stored
from tests.stores.conformance_runs import TTL_S, claim, end, ids, leased, waiting

pytestmark = pytest.mark.anyio


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
async def database(tmp_path: Path) -> AsyncIterator[Database]:
    database = await open_database(tmp_path / "seltzer.db")
    yield database
    await database.aclose()


@pytest.fixture
def log(database: Database, clock: Clock) -> SqliteEventLog:
    return SqliteEventLog(database, clock=clock)


@pytest.fixture
def small_log(database: Database, clock: Clock) -> SqliteEventLog:
    return SqliteEventLog(database, clock=clock, events_limit=SMALL_LIMIT)


@pytest.fixture
def runs(database: Database, clock: Clock) -> SqliteRuns:
    return SqliteRuns(database, clock=clock)


async def count_rows(database: Database, table: str) -> int:
    def work(connection: sqlite3.Connection) -> int:
        (count,) = connection.execute(f"SELECT count(*) FROM {table}").fetchone()
        return int(count)

    return await database.read(work)


async def test_a_flush_writes_one_row_a_run(log: SqliteEventLog, database: Database) -> None:
    await log.append({"r": events(1, 50), "s": events(1, 50)})

    assert await count_rows(database, "events") == 2


async def test_events_beyond_the_limit_are_deleted(small_log: SqliteEventLog, database: Database) -> None:
    for seq in range(1, 101):
        await small_log.append({"r": events(seq, seq), "s": events(seq, seq)})
        assert await count_rows(database, "events") <= 2 * 2 * SMALL_LIMIT

    assert await stored(small_log, events(95, 95)[0].cursor, "s") == events(96, 100)


async def test_a_shortened_log_does_not_block_the_sweep(
    small_log: SqliteEventLog, database: Database
) -> None:
    await small_log.append({"long": events(1, 1)})
    await small_log.append({"short": events(1, 1)})
    for seq in range(2, 20):
        await small_log.append({"long": events(seq, seq)})
    before = await count_rows(database, "events")

    await small_log.expire("short", 0)

    assert await count_rows(database, "events") == before - 1


async def test_expired_events_are_deleted_by_the_next_expire(
    log: SqliteEventLog, database: Database, clock: Clock
) -> None:
    for run_id in "rst":
        await log.append({run_id: events(1, 3)})
        await log.append({run_id: events(4, 6)})
    await log.expire("r", 60)
    await log.expire("s", 60)
    clock.now += 61
    assert await count_rows(database, "logs") == 3

    await log.expire("t", 60)

    assert await count_rows(database, "logs") == 1
    assert await count_rows(database, "events") == 2
    assert await stored(log, run_id="t") == events(1, 6)


async def test_sweeps_are_paced_however_often_they_are_requested(
    log: SqliteEventLog, runs: SqliteRuns, database: Database, clock: Clock
) -> None:
    left = []
    for run_id in "rst":
        await end(runs, await leased(runs, run_id, run_id), retention_s=0)
        await log.sweep()
        left.append(await count_rows(database, "logs"))
    assert await log.read(dict.fromkeys("rst", START)) == {}
    clock.now += SWEEP_S

    await log.sweep()

    assert left == [0, 1, 2]
    assert await count_rows(database, "logs") == await count_rows(database, "events") == 0


async def test_a_clock_that_was_set_back_does_not_postpone_the_sweep(
    log: SqliteEventLog, runs: SqliteRuns, database: Database, clock: Clock
) -> None:
    await log.sweep()
    clock.now -= 3600
    await end(runs, await leased(runs, "r", "r"), retention_s=0)

    await log.sweep()

    assert await count_rows(database, "logs") == 0


async def test_sweeps_follow_each_other_while_there_is_much_to_delete(
    runs: SqliteRuns, database: Database, clock: Clock
) -> None:
    log = SqliteEventLog(database, clock=clock, swept_at_once=2)
    for n in range(6):
        await end(runs, await leased(runs, str(n), str(n)), retention_s=0)

    left = []
    for _ in range(4):
        await log.sweep()
        left.append(await count_rows(database, "events"))

    assert left == [4, 2, 0, 0]


async def test_a_sweep_deletes_a_limited_number_of_rows(database: Database, clock: Clock) -> None:
    log = SqliteEventLog(database, clock=clock, swept_at_once=3)
    for seq in range(1, 6):
        await log.append({"r": events(seq, seq)})
    await log.expire("r", 60)
    clock.now += 61

    left = []
    for _ in range(3):
        await log.sweep()
        left.append(await count_rows(database, "events"))

    assert left == [2, 0, 0]


async def test_events_of_an_ended_run_expire_though_its_process_died_before_expire(
    log: SqliteEventLog, runs: SqliteRuns, clock: Clock
) -> None:
    last = await end(runs, await leased(runs, "ended", "t"))
    lease = await leased(runs, "running", "u")
    token = Event(lease.run.attempt, 1, "token", {})
    await log.append({"running": [token]})
    await log.expire("ended", 60)
    await end(runs, await leased(runs, "unasked", "t"))

    await log.expire_ended(600)

    clock.now += 61
    assert await log.read({"ended": START, "unasked": START}) == {"unasked": [last]}
    clock.now += 600
    assert await log.read({"unasked": START, "running": START}) == {"running": [token]}


async def test_a_deleted_threads_events_are_not_in_the_file(
    log: SqliteEventLog, runs: SqliteRuns, database: Database
) -> None:
    for run_id, thread_id in (("1", "t"), ("2", "u"), ("3", "t")):
        await end(runs, await leased(runs, run_id, thread_id), unwritten=events(1, 3), seq=4)

    await SqliteThreads(database, SqliteCheckpoints(database).deletions).delete("t")

    assert [await count_rows(database, table) for table in ("threads", "runs", "logs", "events")] == [1] * 4
    assert len(await stored(log, run_id="2")) == 4


async def test_after_a_restart_every_running_run_is_claimed_at_once(runs: SqliteRuns) -> None:
    for n in range(3):
        await leased(runs, str(n), f"t{n}")
    await waiting(runs, "waiting", "u")

    assert await runs.expire_all_leases() == 3

    leases = await claim(runs, "b")
    assert ids(leases) == ["0", "1", "2", "waiting"]
    assert [each.run.attempt for each in leases] == [2, 2, 2, 1]


async def test_deadlines_may_use_a_clock_of_their_own(database: Database, clock: Clock) -> None:
    deadlines = Clock(5.0)
    runs = SqliteRuns(database, clock=clock, lease_clock=deadlines)
    await leased(runs)

    clock.now += 100 * TTL_S
    assert await claim(runs, "b") == []
    deadlines.now += TTL_S
    assert ids(await claim(runs, "b")) == ["r"]
