"""What is SQLite's own: what is deleted from the file, and what a restart finds."""

import sqlite3
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from seltzer.cursor import START
from seltzer.stores.sqlite.checkpoints.checkpoints import SqliteCheckpoints
from seltzer.stores.sqlite.database import Database, open_database
from seltzer.stores.sqlite.event_log import SqliteEventLog
from seltzer.stores.sqlite.retention import SWEEP_S, LogRetention
from seltzer.stores.sqlite.runs import SqliteRuns
from seltzer.stores.sqlite.threads import SqliteThreads
from tests.stores.conformance import RETENTION_S, SMALL_LIMIT, Begun, Clock, events, stored
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
    retention = LogRetention(database, retention_s=RETENTION_S, clock=clock)
    return SqliteRuns(database, clock=clock, retention=retention)


async def all_written(database: Database) -> None:
    """Wait for what was posted: a sweep."""
    await database.read(lambda connection: None, after_posts=True)


def keeping_nothing(database: Database, clock: Clock, **options: Any) -> SqliteRuns:
    """Return runs whose events expire as soon as they end."""
    retention = LogRetention(database, retention_s=0, clock=clock, **options)
    return SqliteRuns(database, clock=clock, retention=retention)


async def count_rows(database: Database, table: str) -> int:
    def work(connection: sqlite3.Connection) -> int:
        (count,) = connection.execute(f"SELECT count(*) FROM {table}").fetchone()
        return int(count)

    return await database.read(work)


async def test_a_flush_writes_one_row_a_run(
    log: SqliteEventLog, runs: SqliteRuns, database: Database
) -> None:
    await Begun(log, runs).append({"r": events(1, 50), "s": events(1, 50)})

    assert await count_rows(database, "events") == 2


async def test_events_beyond_the_limit_are_deleted(
    small_log: SqliteEventLog, runs: SqliteRuns, database: Database
) -> None:
    begun = Begun(small_log, runs)
    for seq in range(1, 101):
        await begun.append({"r": events(seq, seq), "s": events(seq, seq)})
        assert await count_rows(database, "events") <= 2 * 2 * SMALL_LIMIT

    assert await stored(small_log, events(95, 95)[0].cursor, "s") == events(96, 100)


async def test_a_shortened_log_does_not_block_the_sweep(
    small_log: SqliteEventLog, database: Database, clock: Clock
) -> None:
    runs = keeping_nothing(database, clock)
    begun = Begun(small_log, runs)
    await begun.append({"long": events(1, 1)})
    await begun.append({"short": events(1, 1)})
    for seq in range(2, 20):
        await begun.append({"long": events(seq, seq)})
    before = await count_rows(database, "events")
    clock.now += SWEEP_S

    await begun.end("short", 2)
    await all_written(database)

    assert await count_rows(database, "events") == before  # one more, and the short one's first less


async def test_expired_events_are_deleted_by_a_later_runs_end(
    log: SqliteEventLog, runs: SqliteRuns, database: Database, clock: Clock
) -> None:
    begun = Begun(log, runs)
    for run_id in "rst":
        await begun.append({run_id: events(1, 3)})
        await begun.append({run_id: events(4, 6)})
    await begun.end("r", 7)
    await begun.end("s", 7)
    clock.now += RETENTION_S + 1
    assert await count_rows(database, "logs") == 3

    last = await begun.end("t", 7)
    await all_written(database)

    assert await count_rows(database, "logs") == 1
    assert await count_rows(database, "events") == 5  # from the first of a log that is kept on
    assert await stored(log, run_id="t") == [*events(1, 6), last]


async def test_sweeps_are_paced_however_many_runs_end(
    log: SqliteEventLog, database: Database, clock: Clock
) -> None:
    runs = keeping_nothing(database, clock)
    left = []
    for run_id in "rst":
        await end(runs, await leased(runs, run_id, run_id))
        await all_written(database)
        left.append(await count_rows(database, "logs"))
    assert await log.read(dict.fromkeys("rst", START)) == {}
    clock.now += SWEEP_S

    await end(runs, await leased(runs, "u", "u"))
    await all_written(database)

    assert left == [0, 1, 2]
    assert await count_rows(database, "logs") == await count_rows(database, "events") == 0


async def test_a_clock_that_was_set_back_postpones_no_sweep(database: Database, clock: Clock) -> None:
    runs = keeping_nothing(database, clock)
    await end(runs, await leased(runs, "r", "r"))
    clock.now -= 3600

    await end(runs, await leased(runs, "s", "s"))
    await all_written(database)

    assert await count_rows(database, "logs") == 0


async def test_sweeps_follow_each_other_while_there_is_much_to_delete(
    database: Database, clock: Clock
) -> None:
    retention = LogRetention(database, retention_s=RETENTION_S, swept_at_once=2, clock=clock)
    runs = SqliteRuns(database, clock=clock, retention=retention)
    for n in range(6):
        await end(runs, await leased(runs, str(n), str(n)))
    clock.now += RETENTION_S + 1

    left = []
    for n in range(4):
        await end(runs, await leased(runs, f"later {n}", f"later {n}"))
        await all_written(database)
        left.append(await count_rows(database, "events"))

    assert left == [5, 4, 3, 4]


async def test_a_sweep_deletes_a_limited_number_of_rows(database: Database, clock: Clock) -> None:
    runs = SqliteRuns(
        database, clock=clock, retention=LogRetention(database, retention_s=60, swept_at_once=3, clock=clock)
    )
    begun = Begun(SqliteEventLog(database, clock=clock), runs)
    for seq in range(1, 6):
        await begun.append({"r": events(seq, seq)})
    await begun.end("r", 6)
    clock.now += 61

    left = []
    for n in range(3):
        await begun.end(f"other {n}", 1)
        await all_written(database)
        left.append(await count_rows(database, "events"))

    assert left == [4, 2, 3]


async def test_events_of_an_ended_run_expire_though_nothing_has_set_when(
    log: SqliteEventLog, runs: SqliteRuns, database: Database, clock: Clock
) -> None:
    """As an earlier version could leave them."""
    begun = Begun(log, runs)
    await begun.append({"ended": events(1, 1), "running": events(1, 1)})
    last = await begun.end("ended", 2)
    await database.write(lambda connection: connection.execute("UPDATE logs SET expires_at = NULL"))

    await LogRetention(database, retention_s=600, clock=clock).expire_ended()

    clock.now += 599
    assert await log.read({"ended": START}) == {"ended": [*events(1, 1), last]}
    clock.now += 2
    assert await log.read({"ended": START, "running": START}) == {"running": events(1, 1)}


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
