"""The SQLite file: transactions over two threads, and what is no file of ours."""

import asyncio
import contextlib
import sqlite3
import threading
from collections.abc import AsyncIterator, Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import anyio
import anyio.lowlevel
import pytest
from langgraph.checkpoint.sqlite.aio import AsyncSqliteSaver

from seltzer.errors import LoadError, StorageClosed, StorageFailed, ThreadBusy
from seltzer.runs.execution.fence import LeaseLost
from seltzer.stores.sqlite.database import GROUP_LIMIT, Database, open_database
from seltzer.stores.sqlite.files import APPLICATION_ID
from seltzer.stores.sqlite.migrations import all_migrations, migrate
from seltzer.stores.sqlite.transactions import Work
from tests.stores.conversing import blocked_writes

pytestmark = pytest.mark.anyio

NEWEST = all_migrations()[-1].number


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "seltzer.db"


@pytest.fixture
async def database(file: Path) -> AsyncIterator[Database]:
    database = await open_database(file)
    await database.write(lambda connection: connection.execute("CREATE TABLE numbers (n UNIQUE NOT NULL)"))
    yield database
    await database.aclose()


def add(connection: sqlite3.Connection, n: int) -> None:
    connection.execute("INSERT INTO numbers VALUES (?)", (n,))


def add_as(n: int) -> Work[None]:
    return lambda connection: add(connection, n)


def refuse(connection: sqlite3.Connection) -> None:
    add(connection, 100)
    raise ThreadBusy("no")


def raising(error: Callable[[], Exception], ran: list[str], *, after: Work[None] | None = None) -> Work[None]:
    """Return a work that does the other one, if any, then raises."""

    def work(connection: sqlite3.Connection) -> None:
        ran.append("raising")
        if after is not None:
            after(connection)
        raise error()

    return work


class Block:
    """Work that doesn't end until it is released."""

    def __init__(self, first: Work[Any] = lambda _: None) -> None:
        self._first = first
        self._has_begun, self._may_end = threading.Event(), threading.Event()

    def __call__(self, connection: sqlite3.Connection) -> None:
        self._first(connection)
        self._has_begun.set()
        assert self._may_end.wait(10)

    async def begun(self) -> None:
        assert await asyncio.to_thread(self._has_begun.wait, 10)

    def end(self) -> None:
        self._may_end.set()


async def asked(database: Database, *works: Work[Any]) -> list[asyncio.Task[Any]]:
    """Have the works wait, in this order."""
    tasks = [asyncio.create_task(database.write(work)) for work in works]
    await anyio.lowlevel.checkpoint()
    return tasks


def numbers(connection: sqlite3.Connection) -> list[int]:
    return [n for (n,) in connection.execute("SELECT n FROM numbers ORDER BY n")]


async def test_a_write_is_read(database: Database) -> None:
    await database.write(lambda connection: add(connection, 1))

    assert await database.read(numbers) == [1]


async def test_a_write_survives_a_restart(database: Database, file: Path) -> None:
    await database.write(lambda connection: add(connection, 1))
    await database.aclose()

    again = await open_database(file)

    assert await again.read(numbers) == [1]
    await again.aclose()


async def test_a_transaction_that_raises_is_undone(database: Database) -> None:
    def work(connection: sqlite3.Connection) -> None:
        add(connection, 1)
        raise ThreadBusy("no")

    with pytest.raises(ThreadBusy, match="no"):
        await database.write(work)

    assert await database.read(numbers) == []


async def test_sqlites_errors_become_storage_failed_without_details(
    database: Database, caplog: pytest.LogCaptureFixture
) -> None:
    def work(connection: sqlite3.Connection) -> None:
        add(connection, 1)
        add(connection, 1)

    with pytest.raises(StorageFailed) as failed:
        await database.write(work)

    assert "UNIQUE" not in str(failed.value)
    assert "\n" not in str(failed.value)
    assert "UNIQUE constraint failed" in caplog.text
    assert await database.read(numbers) == []


async def test_an_error_that_undid_the_transaction_itself_is_raised_too(database: Database) -> None:
    def work(connection: sqlite3.Connection) -> None:
        connection.execute("INSERT OR ROLLBACK INTO numbers VALUES (NULL)")

    with pytest.raises(StorageFailed):
        await database.write(work)

    await database.write(lambda connection: add(connection, 1))
    assert await database.read(numbers) == [1]


async def test_stop_iteration_leaves_no_caller_waiting(database: Database) -> None:
    def work(connection: sqlite3.Connection) -> None:
        add(connection, 1)
        next(iter(()))

    with anyio.fail_after(10):
        async with blocked_writes(database):
            alone, other = await asked(database, work, add_as(2))
        ends = await asyncio.gather(alone, other, return_exceptions=True)

    assert isinstance(ends[0], RuntimeError)
    assert ends[1] is None
    assert isinstance(ends[0].__cause__, StopIteration)
    assert await database.read(numbers) == [2]


async def test_the_next_transaction_works_after_a_failed_rollback(
    database: Database,
) -> None:
    denied = ["ROLLBACK"]

    def authorize(action: int, what: str | None, *_: str | None) -> int:
        if what not in denied:
            return sqlite3.SQLITE_OK
        denied.remove(what)
        return sqlite3.SQLITE_DENY

    def work(connection: sqlite3.Connection) -> None:
        connection.set_authorizer(authorize)
        add(connection, 1)
        raise ThreadBusy("no")

    with pytest.raises(StorageFailed):
        await database.write(work)

    await database.write(add_as(2))
    assert denied == []
    assert await database.read(numbers) == [2]


async def test_a_reader_sees_a_snapshot_without_waiting_for_a_writer(database: Database) -> None:
    has_begun, may_end = threading.Event(), threading.Event()

    def work(connection: sqlite3.Connection) -> None:
        add(connection, 1)
        has_begun.set()
        assert may_end.wait(10)

    with anyio.fail_after(10):
        writing = asyncio.create_task(database.write(work))
        await asyncio.to_thread(has_begun.wait)
        before = await database.read(numbers)
        may_end.set()
        await writing

    assert before == []
    assert await database.read(numbers) == [1]


async def test_a_read_can_not_write(database: Database) -> None:
    with pytest.raises(StorageFailed):
        await database.read(lambda connection: add(connection, 1))


async def test_concurrent_writes_are_serialized(database: Database) -> None:
    def work(connection: sqlite3.Connection) -> int:
        add(connection, len(numbers(connection)))
        return len(numbers(connection))

    assert await asyncio.gather(*(database.write(work) for _ in range(50))) == list(range(1, 51))


@pytest.mark.parametrize("is_queued", [False, True])
@pytest.mark.parametrize("fails", [False, True])
async def test_a_cancelled_callers_transaction_is_completed(
    database: Database, is_queued: bool, fails: bool
) -> None:
    has_begun, may_go_on = threading.Event(), threading.Event()

    def block(connection: sqlite3.Connection) -> None:
        has_begun.set()
        assert may_go_on.wait(10)

    def work(connection: sqlite3.Connection) -> None:
        add(connection, 1)
        if not is_queued:
            block(connection)
        add(connection, 1 if fails else 2)

    with anyio.fail_after(10):
        blocking = asyncio.create_task(database.write(block)) if is_queued else None
        writing = asyncio.create_task(database.write(work))
        await asyncio.to_thread(has_begun.wait)
        writing.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await writing
        may_go_on.set()
        if blocking is not None:
            await blocking
        after = await database.write(numbers)

    assert writing.cancelled()
    assert after == ([] if fails else [1, 2])


async def test_closing_waits_for_earlier_work_and_refuses_later_work(database: Database, file: Path) -> None:
    async with blocked_writes(database):
        tasks = await asked(database, *map(add_as, range(9)))
        closing_it = asyncio.create_task(database.aclose())
        await anyio.lowlevel.checkpoint()
        with pytest.raises(StorageClosed, match="stopping"):
            await database.write(add_as(10))
    await closing_it
    await database.aclose()

    await asyncio.gather(*tasks)
    with pytest.raises(StorageClosed, match="stopping"):
        await database.write(add_as(10))
    with closing(await asyncio.to_thread(sqlite3.connect, file, check_same_thread=False)) as connection:
        assert await asyncio.to_thread(numbers, connection) == list(range(9))


# Groups: what waits while something else is done


async def test_a_group_is_committed_at_once_and_in_order(database: Database) -> None:
    has_begun, may_end = threading.Event(), threading.Event()

    def block(connection: sqlite3.Connection) -> list[int]:
        has_begun.set()
        assert may_end.wait(10)
        return numbers(connection)

    with anyio.fail_after(10):
        async with blocked_writes(database):
            first, blocking, last = await asked(database, add_as(1), block, add_as(2))
        await asyncio.to_thread(has_begun.wait)
        before = await database.read(numbers)
        assert not first.done()
        may_end.set()
        await asyncio.gather(first, last)

    assert before == []
    assert await blocking == [1]
    assert await database.read(numbers) == [1, 2]


async def test_a_failure_in_a_group_affects_no_other(
    database: Database, caplog: pytest.LogCaptureFixture
) -> None:
    async with blocked_writes(database):
        tasks = await asked(database, add_as(1), refuse, numbers, add_as(1), add_as(2), numbers)
    ends = await asyncio.gather(*tasks, return_exceptions=True)

    assert [type(end) for end in ends] == [type(None), ThreadBusy, list, StorageFailed, type(None), list]
    assert (ends[2], ends[5]) == ([1], [1, 2])
    assert await database.read(numbers) == [1, 2]
    assert caplog.text.count("the database failed") == 1


@pytest.mark.parametrize("error", [lambda: ThreadBusy("no"), LeaseLost], ids=["refused", "lease lost"])
async def test_a_refusal_without_a_write_undoes_nothing(
    database: Database, error: Callable[[], Exception]
) -> None:
    ran: list[str] = []

    def work(connection: sqlite3.Connection) -> None:
        ran.append("first")
        add(connection, 1)

    async with blocked_writes(database):
        tasks = await asked(database, work, raising(error, ran), numbers, add_as(2))
    ends = await asyncio.gather(*tasks, return_exceptions=True)

    assert ran == ["first", "raising"]
    assert isinstance(ends[1], type(error()))
    assert [ends[0], *ends[2:]] == [None, [1], None]
    assert await database.read(numbers) == [1, 2]


def swallow(connection: sqlite3.Connection) -> None:
    with contextlib.suppress(sqlite3.Error):
        connection.execute("INSERT OR ROLLBACK INTO numbers VALUES (NULL)")


@pytest.mark.parametrize(
    ("error", "after"),
    [
        (lambda: ThreadBusy("no"), add_as(100)),
        (lambda: ThreadBusy("no"), swallow),
        (lambda: ValueError("no"), None),
    ],
    ids=["refused after it wrote", "refused after SQLite undid all", "failed"],
)
async def test_a_refusal_that_may_have_written_has_the_others_done_again(
    database: Database, error: Callable[[], Exception], after: Work[None] | None
) -> None:
    ran: list[str] = []

    async with blocked_writes(database):
        tasks = await asked(database, add_as(1), raising(error, ran, after=after), numbers)
    ends = await asyncio.gather(*tasks, return_exceptions=True)

    assert ran == ["raising", "raising"]
    assert isinstance(ends[1], type(error()))
    assert [ends[0], ends[2]] == [None, [1]]
    assert await database.read(numbers) == [1]


async def test_a_group_waits_for_a_locked_file_only_once(
    database: Database, file: Path, caplog: pytest.LogCaptureFixture
) -> None:
    statements: list[str] = []

    def revoke(connection: sqlite3.Connection) -> None:
        """Leave the lock to others, and don't wait until they give it back."""
        connection.execute("PRAGMA busy_timeout = 0")
        connection.execute("COMMIT")
        connection.execute("BEGIN")
        connection.set_trace_callback(statements.append)

    block = Block(revoke)
    with closing(await asyncio.to_thread(sqlite3.connect, file, check_same_thread=False)) as other:
        (blocking,) = await asked(database, block)
        await block.begun()
        await asyncio.to_thread(other.execute, "BEGIN IMMEDIATE")
        tasks = await asked(database, *map(add_as, range(9)))
        block.end()
        ends = await asyncio.gather(blocking, *tasks, return_exceptions=True)

    assert [type(end) for end in ends] == [type(None), *[StorageFailed] * 9]
    assert statements.count("BEGIN IMMEDIATE") == 1
    assert caplog.text.count("the database failed") == 1
    await database.write(add_as(1))
    assert await database.read(numbers) == [1]


async def test_a_job_done_alone_is_resolved_before_the_next_starts(database: Database) -> None:
    block = Block()
    try:
        with anyio.fail_after(10):
            async with blocked_writes(database):
                refused, added, last = await asked(database, refuse, add_as(1), block)
            await block.begun()
            with pytest.raises(ThreadBusy):
                await refused
            await added
            assert not last.done()
    finally:
        block.end()
    await last


async def test_a_read_is_resolved_before_a_slow_one_after_it_ends(database: Database) -> None:
    first, slow = Block(), Block()
    try:
        with anyio.fail_after(10):
            blocking, fast, last = (
                asyncio.create_task(database.read(work)) for work in (first, numbers, slow)
            )
            await first.begun()
            first.end()
            await slow.begun()
            assert await fast == []
            assert not last.done()
    finally:
        first.end()
        slow.end()
    await asyncio.gather(blocking, last)


async def test_more_jobs_than_a_group_are_done_in_order(database: Database) -> None:
    async with blocked_writes(database):
        tasks = await asked(database, *(lambda connection: len(numbers(connection)), *map(add_as, range(99))))
        tasks += await asked(database, lambda connection: len(numbers(connection)))

    assert len(tasks) > GROUP_LIMIT
    assert [await tasks[0], await tasks[-1]] == [0, 99]


@pytest.mark.parametrize("others", [[], [refuse]], ids=["together", "each alone"])
async def test_a_cancelled_callers_work_in_a_group_is_done(
    database: Database, others: list[Work[None]]
) -> None:
    async with blocked_writes(database):
        first, last, *rest = await asked(database, add_as(1), add_as(2), *others)
        first.cancel()
        await asyncio.wait([first])
    await asyncio.gather(last, *rest, return_exceptions=True)

    assert first.cancelled()
    assert last.result() is None
    assert await database.read(numbers) == [1, 2]


async def test_reads_do_not_share_a_transaction(database: Database) -> None:
    await database.write(add_as(1))

    def unreadable(connection: sqlite3.Connection) -> None:
        connection.execute("SELECT * FROM nothing")

    reads: list[Work[Any]] = [numbers, unreadable, numbers]
    ends = await asyncio.gather(*map(database.read, reads), return_exceptions=True)

    assert [type(end) for end in ends] == [list, StorageFailed, list]


def test_a_closed_event_loop_affects_no_other(file: Path) -> None:
    has_begun, may_end = threading.Event(), threading.Event()

    def work(connection: sqlite3.Connection) -> None:
        has_begun.set()
        assert may_end.wait(10)

    async def leave() -> Database:
        database = await open_database(file)
        writing = asyncio.create_task(database.write(work))
        await asyncio.to_thread(has_begun.wait)
        writing.cancel()
        return database

    async def come_back(database: Database) -> int:
        try:
            return await database.write(lambda connection: 1)
        finally:
            await database.aclose()

    database = asyncio.run(leave())
    may_end.set()

    assert asyncio.run(come_back(database)) == 1


# Files


def make(file: Path, *statements: str) -> None:
    with closing(sqlite3.connect(file)) as connection:
        for statement in statements:
            connection.execute(statement)
        connection.commit()


def query(file: Path, statement: str) -> list[object]:
    with closing(sqlite3.connect(file)) as connection:
        return [row[0] for row in connection.execute(statement)]


async def opened_and_closed(file: Path) -> None:
    await (await open_database(file)).aclose()


async def refusal(file: Path) -> str:
    with pytest.raises(LoadError) as refused:
        await open_database(file)
    first, why, todo = str(refused.value).splitlines()
    assert str(file) in first
    assert todo.startswith("  do:  ")
    return why


async def test_a_new_file_is_migrated_once(file: Path) -> None:
    await opened_and_closed(file)
    before = await asyncio.to_thread(query, file, "SELECT sql FROM sqlite_schema")

    await opened_and_closed(file)

    assert await asyncio.to_thread(query, file, "SELECT sql FROM sqlite_schema") == before
    assert await asyncio.to_thread(query, file, "PRAGMA user_version") == [NEWEST]
    assert await asyncio.to_thread(query, file, "PRAGMA journal_mode") == ["wal"]


def test_the_migrations_are_numbered_without_gaps() -> None:
    migrations = all_migrations()

    assert [each.number for each in migrations] == list(range(1, len(migrations) + 1))
    assert migrations[0].name == "0001_runs.sql"


def migrated_to(file: Path, version: int) -> None:
    with closing(sqlite3.connect(file, isolation_level=None)) as connection:
        connection.execute(f"PRAGMA application_id = {APPLICATION_ID}")
        migrate(connection, to=version)


async def test_a_file_at_version_1_with_checkpoints_keeps_them(file: Path) -> None:
    await asyncio.to_thread(migrated_to, file, 2)
    state = "INSERT INTO checkpoints VALUES (1, 't', '', 'c', NULL, '{}', 'json', 'state')"
    await asyncio.to_thread(make, file, "PRAGMA user_version = 1", state)

    await opened_and_closed(file)

    assert await asyncio.to_thread(query, file, "SELECT checkpoint FROM checkpoints") == ["state"]
    assert await asyncio.to_thread(query, file, "PRAGMA user_version") == [NEWEST]


async def test_a_title_of_an_earlier_version_is_found_as_one_of_today(file: Path) -> None:
    await asyncio.to_thread(migrated_to, file, 3)
    thread = "INSERT INTO threads VALUES ('t', 'agent', 'ＡＢＣ', 'ａｂｃ', 0, 0, 1)"
    await asyncio.to_thread(make, file, thread)

    await opened_and_closed(file)

    assert await asyncio.to_thread(query, file, "SELECT title_folded FROM threads") == ["abc"]


async def test_a_file_of_langgraphs_saver_is_refused_and_left_alone(file: Path) -> None:
    async with AsyncSqliteSaver.from_conn_string(str(file)) as saver:
        await saver.setup()
    before = await asyncio.to_thread(file.read_bytes)

    assert "another program" in await refusal(file)

    assert await asyncio.to_thread(file.read_bytes) == before


async def test_a_file_of_another_kind_is_refused_and_left_alone(file: Path) -> None:
    await asyncio.to_thread(file.write_bytes, b"dear diary" * 1000)

    assert "not a database" in await refusal(file)

    assert await asyncio.to_thread(file.read_bytes) == b"dear diary" * 1000


async def test_a_damaged_file_is_refused(file: Path) -> None:
    await opened_and_closed(file)
    await asyncio.to_thread(damage, file)

    assert "malformed" in await refusal(file)


def damage(file: Path) -> None:
    with file.open("r+b") as opened:
        opened.seek(100)
        opened.write(b"\xff" * 3000)


@pytest.mark.parametrize(
    "statement", ["CREATE TABLE theirs (a)", "PRAGMA user_version = 1", "PRAGMA application_id = 7"]
)
async def test_another_programs_database_is_refused_and_left_alone(file: Path, statement: str) -> None:
    await asyncio.to_thread(make, file, statement)
    before = await asyncio.to_thread(file.read_bytes)

    assert "another program" in await refusal(file)

    assert await asyncio.to_thread(file.read_bytes) == before


async def test_a_later_seltzers_file_is_refused(file: Path) -> None:
    await opened_and_closed(file)
    await asyncio.to_thread(make, file, "PRAGMA user_version = 9999")

    assert "later Seltzer" in await refusal(file)


async def test_a_cancelled_opening_leaves_no_thread(file: Path) -> None:
    before = set(threading.enumerate())
    opening = asyncio.create_task(open_database(file))
    await anyio.lowlevel.checkpoint()

    opening.cancel()

    with pytest.raises(asyncio.CancelledError):
        await opening
    for thread in set(threading.enumerate()) - before:
        if thread.name.startswith("sqlite-"):
            await asyncio.to_thread(thread.join, 5)
            assert not thread.is_alive()


async def test_an_unreadable_file_is_refused(file: Path) -> None:
    await asyncio.to_thread(file.mkdir)

    assert "unable to open" in await refusal(file)
    assert "unable to open" in await refusal(file / "nowhere" / "seltzer.db")


async def test_a_file_system_without_wal_is_refused() -> None:
    assert "WAL" in await refusal(Path(":memory:"))
