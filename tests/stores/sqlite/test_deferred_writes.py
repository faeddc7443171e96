"""What is posted: done in its turn though nobody waits for it, and who owns it learns if it can't be."""

import asyncio
import sqlite3
import threading
from collections.abc import AsyncIterator
from contextlib import closing
from pathlib import Path
from typing import Any

import anyio
import pytest
from anyio.lowlevel import checkpoint

from seltzer.errors import StorageClosed, StorageFailed, ThreadBusy
from seltzer.runs.execution.fence import LeaseLost
from seltzer.stores.sqlite.database import GROUP_LIMIT, Database
from seltzer.stores.sqlite.transactions import Work
from tests.stores.conversing import blocked_writes, rows
from tests.stores.sqlite.numbers import (
    NUMBERS,
    adding,
    break_off,
    lose,
    nothing,
    numbers,
    owned,
    refuse,
    refuse_late,
    twice,
    undo_all,
    with_numbers,
)

pytestmark = pytest.mark.anyio


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "seltzer.db"


@pytest.fixture
async def database(file: Path) -> AsyncIterator[Database]:
    database = await with_numbers(file)
    yield database
    await database.aclose()


def committed(file: Path) -> list[int]:
    """Return what is in the file after a transaction that may be open."""
    with closing(sqlite3.connect(file, isolation_level=None, timeout=10)) as connection:
        connection.execute("BEGIN IMMEDIATE")
        return numbers(connection)


async def traced(database: Database) -> list[str]:
    """Return a list that grows by what the writer does."""
    statements: list[str] = []
    await database.write(lambda connection: connection.set_trace_callback(statements.append))
    statements.clear()
    return statements


async def asked(database: Database, *works: Work[Any]) -> list[asyncio.Task[Any]]:
    """Have the works wait, in this order."""
    tasks = [asyncio.create_task(database.write(work)) for work in works]
    await checkpoint()
    return tasks


@pytest.mark.parametrize("can_wait", [False, True])
async def test_a_post_shares_the_next_jobs_transaction_and_comes_first(
    database: Database, can_wait: bool
) -> None:
    async with blocked_writes(database):
        statements: list[str] = []
        (before,) = await asked(database, lambda connection: connection.set_trace_callback(statements.append))
        database.post("a", adding(1), can_wait=can_wait)
        database.post("b", adding(2), can_wait=can_wait)
        (seen,) = await asked(database, numbers)
        database.post("a", adding(3), can_wait=can_wait)
        (last,) = await asked(database, numbers)
    await before

    assert [await seen, await last] == [[1, 2], [1, 2, 3]]
    assert [each for each in statements if each in ("BEGIN IMMEDIATE", "COMMIT")] == ["COMMIT"]


async def test_a_post_that_can_wait_is_not_queued_at_once(database: Database, file: Path) -> None:
    statements = await traced(database)

    database.post("a", adding(1), can_wait=True)
    found = committed(file)  # which gives the writer's thread the time to begin
    begun = list(statements)

    assert (found, begun) == ([], [])
    assert await database.write(numbers) == [1]


async def test_a_post_that_can_not_wait_is_queued_at_once_after_those_that_did(
    database: Database, file: Path
) -> None:
    has_begun = threading.Event()

    database.post("a", adding(1), can_wait=True)
    database.post("a", lambda connection: has_begun.set())
    is_begun = has_begun.wait(10)  # the loop is blocked meanwhile

    assert is_begun
    assert committed(file) == [1]


async def test_a_post_that_can_wait_is_done_without_a_next_job(database: Database, file: Path) -> None:
    loop, begun = asyncio.get_running_loop(), asyncio.Event()

    for n in (1, 2):
        database.post("a", adding(n), can_wait=True)
        database.post("a", lambda _: (loop.call_soon_threadsafe(begun.set), None)[1], can_wait=True)
        with anyio.fail_after(10):
            await begun.wait()
        begun.clear()

        assert committed(file) == [1, 2][:n]


@pytest.mark.parametrize("can_wait", [False, True])
async def test_a_read_after_posts_sees_all_that_was_posted(database: Database, can_wait: bool) -> None:
    for n in range(50):
        database.post("a", adding(n), can_wait=can_wait)

        assert await database.read(numbers, after_posts=True) == list(range(n + 1))


async def test_a_read_after_posts_waits_for_nothing_else(
    database: Database,
) -> None:
    with anyio.fail_after(10):
        async with blocked_writes(database):
            (writing,) = await asked(database, adding(1))
            before = await database.read(numbers, after_posts=True)
            database.post("a", adding(2), can_wait=True)
            meanwhile = await database.read(numbers)
            reading = asyncio.create_task(database.read(numbers, after_posts=True))
            for _ in range(50):
                await checkpoint()
            assert not reading.done()
        await writing

    assert before == meanwhile == []
    assert await reading == [1, 2]


async def test_a_cancelled_read_after_posts_hides_nothing_from_the_next(
    database: Database,
) -> None:
    async with blocked_writes(database):
        database.post("a", adding(1), can_wait=True)
        left = asyncio.create_task(database.read(numbers, after_posts=True))
        await checkpoint()
        left.cancel()
        await asyncio.wait([left])
        reading = asyncio.create_task(database.read(numbers, after_posts=True))
        await checkpoint()

    assert left.cancelled()
    assert await reading == [1]


async def test_closing_does_what_was_posted_and_refuses_later_posts(database: Database, file: Path) -> None:
    for n in range(GROUP_LIMIT + 9):
        database.post("a", adding(n), can_wait=True)
    closing_it = asyncio.create_task(database.aclose())
    await checkpoint()

    with pytest.raises(StorageClosed, match="stopping"):
        database.post("a", adding(1000))
    await closing_it

    with pytest.raises(StorageClosed, match="stopping"):
        database.post("a", adding(1000), can_wait=True)
    assert rows(file, NUMBERS) == [(n,) for n in range(GROUP_LIMIT + 9)]


FAILURES = {
    "SQLite fails": (twice, StorageFailed),
    "SQLite undoes all": (undo_all, StorageFailed),
    "it breaks off": (break_off, ValueError),
    "it is refused": (refuse, ThreadBusy),
    "it is refused after it wrote": (refuse_late, ThreadBusy),
    "the lease is lost": (lose, LeaseLost),
}
failures = pytest.mark.parametrize(("work", "error"), FAILURES.values(), ids=list(FAILURES))


@failures
async def test_a_failed_post_affects_its_owner_alone(
    database: Database, work: Work[None], error: type[Exception]
) -> None:
    async with blocked_writes(database):
        before = await asked(database, adding(1))
        database.post("other", adding(2))
        database.post("owner", work, can_wait=True)
        database.post("other", adding(3), can_wait=True)
        after = await asked(database, adding(4))
    await asyncio.gather(*before, *after)

    assert await database.read(numbers) == [1, 2, 3, 4]
    database.check("other")
    for _ in range(2):
        with pytest.raises(error):
            database.check("owner")
    database.forget("owner")
    database.check("owner")
    database.forget("nobody")


@failures
async def test_an_owners_later_work_sees_its_failure_even_in_the_same_group(
    database: Database, work: Work[None], error: type[Exception]
) -> None:
    async with blocked_writes(database):
        database.post("owner", work, can_wait=True)
        database.post("owner", owned(database, "owner", adding(1)), can_wait=True)
        database.post("other", owned(database, "other", adding(2)), can_wait=True)
        ends = await asked(database, owned(database, "owner", adding(3)), owned(database, "other", adding(4)))
    failed, done = await asyncio.gather(*ends, return_exceptions=True)

    assert isinstance(failed, error)
    assert done is None
    assert await database.read(numbers) == [2, 4]


async def test_an_owners_first_failure_is_the_one_raised(database: Database) -> None:
    for work in (refuse, break_off, twice):
        database.post("owner", work)
    await database.write(nothing)

    with pytest.raises(ThreadBusy):
        database.check("owner")


async def test_a_post_fails_while_the_file_is_locked(
    database: Database, file: Path, caplog: pytest.LogCaptureFixture
) -> None:
    await database.write(lambda connection: connection.execute("PRAGMA busy_timeout = 0"))
    with closing(sqlite3.connect(file, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        for owner in "ab":
            database.post(owner, adding(1), can_wait=True)
        with pytest.raises(StorageFailed):
            await database.write(adding(2))

    for owner in "ab":
        with pytest.raises(StorageFailed):
            database.check(owner)
    assert await database.read(numbers) == []
    assert "locked" in caplog.text
