"""Threads that are deleted in portions, by a process that dies amid it, and among others on the database."""

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress

import psycopg
import pytest

from seltzer.cursor import START
from seltzer.errors import ThreadBusy
from seltzer.runs.event import Event
from seltzer.runs.thread import NewThread, ThreadStorage
from seltzer.stores.checkpoints.packing import LONG
from seltzer.stores.postgres.connections.address import parse
from seltzer.stores.postgres.connections.database import Database, pause
from seltzer.stores.postgres.retention import LogRetention
from seltzer.stores.postgres.threads import PostgresThreads
from tests.patience import PATIENCE_S
from tests.stores.conformance_fences import config_of, put, state
from tests.stores.conformance_runs import end, leased, submit
from tests.stores.conversing import agent
from tests.stores.opened import Opened
from tests.stores.postgres.databases import shared_database

pytestmark = [pytest.mark.anyio, pytest.mark.parametrize("opened", ["postgres"], indirect=True)]

_LEFT = """
SELECT (SELECT count(*) FROM seltzer.checkpoints) + (SELECT count(*) FROM seltzer.messages)
    + (SELECT count(*) FROM seltzer.events) + (SELECT count(*) FROM seltzer.erased_threads)
"""
_WAITING = """
SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'
"""


@pytest.fixture
async def database(opened: Opened) -> AsyncIterator[Database]:
    """Another process's way to the same database."""
    database = Database(parse(shared_database()), pool_limit=4)
    await database.open()
    yield database
    await database.aclose()


async def converse(opened: Opened, run_id: str = "r", texts: int = 4) -> None:
    """Have a run on the thread, whose states and events there are then."""
    saver, lease = opened.checkpoints.saver_for(agent()), await leased(opened.runs, run_id)
    for number in range(texts):
        await put(saver, config_of(lease), f"{number}" * (LONG + 1))
        await opened.event_log.append({run_id: [Event(1, number + 1, "token", {})]})
    await end(opened.runs, lease, seq=texts + 1)


@asynccontextmanager
async def locked(rows: str) -> AsyncIterator[None]:
    """Lock the rows, as somebody in another transaction, until the block ends."""
    async with await psycopg.AsyncConnection.connect(shared_database()) as connection:
        await connection.execute(f"SELECT FROM {rows} FOR UPDATE".encode())
        yield
        await connection.rollback()


async def value(statement: str) -> int:
    async with await psycopg.AsyncConnection.connect(shared_database(), autocommit=True) as connection:
        row = await (await connection.execute(statement.encode())).fetchone()
        assert row is not None
        return int(row[0])


async def until(is_so: Callable[[], Awaitable[bool]]) -> None:
    async with asyncio.timeout(PATIENCE_S):
        while not await is_so():
            await pause(0.01)


async def until_waiting(count: int) -> None:
    """Wait until so many connections wait for others' locks."""

    async def is_so() -> bool:
        return await value(_WAITING) >= count

    await until(is_so)


@pytest.fixture
async def half_deleted(opened: Opened, database: Database) -> Opened:
    """A store with a thread that a process was deleting, row by row, when it died."""
    await converse(opened)
    threads = PostgresThreads(database, erased_at_once=1)

    async def is_gone() -> bool:
        return await opened.threads.get("t") is None

    async with locked("seltzer.messages"):
        deleting = asyncio.create_task(threads.delete("t"))
        await until(is_gone)
        deleting.cancel()
        with suppress(asyncio.CancelledError):
            await deleting
    await database.aclose()
    assert await value(_LEFT) > 1
    return opened


async def test_nobody_finds_what_is_left_of_it(half_deleted: Opened) -> None:
    saver = half_deleted.checkpoints.saver_for(agent())

    assert await state(saver) == []
    assert await saver.aget_tuple({"configurable": {"thread_id": "t", "checkpoint_ns": ""}}) is None
    assert await half_deleted.checkpoints.tree("t") == []
    assert await half_deleted.event_log.read({"r": START}) == {}
    assert await half_deleted.runs.get("r") is None
    assert not await half_deleted.threads.delete("t")


async def test_a_thread_of_that_id_begins_with_nothing(half_deleted: Opened) -> None:
    saver = half_deleted.checkpoints.saver_for(agent())

    lease = await leased(half_deleted.runs, "new")
    await put(saver, config_of(lease), text := "hello" * LONG)

    (only,) = await state(saver)
    assert [each.text for each in only.checkpoint["channel_values"]["messages"]] == [text]
    assert (await half_deleted.threads.storage("t")).messages == 1


@pytest.mark.parametrize("on_busy", ["enqueue", "rollback"])
async def test_so_does_a_run_that_waits(half_deleted: Opened, on_busy: str) -> None:
    await submit(half_deleted.runs, "new", has_room=False, on_busy=on_busy)

    assert await half_deleted.checkpoints.tree("t") == []
    assert (await half_deleted.threads.storage("t")).messages == 0


async def test_so_does_a_thread_that_is_created(half_deleted: Opened) -> None:
    assert await half_deleted.threads.create(NewThread("t", "agent")) is not None

    assert await half_deleted.threads.storage("t") == ThreadStorage()


async def test_the_next_sweep_erases_what_is_left(half_deleted: Opened) -> None:
    database = Database(parse(shared_database()), pool_limit=1)
    await database.open()
    retention = LogRetention(database)

    retention.sweep()
    await retention.aclose()

    await database.aclose()
    assert await value(_LEFT) == 0


async def test_one_that_is_deleted_among_others_takes_only_its_own(
    opened: Opened, database: Database
) -> None:
    await converse(opened)
    other = await leased(opened.runs, "other", "other")
    saver = opened.checkpoints.saver_for(agent())
    await put(saver, config_of(other), "hello")
    before, size = await state(saver, "other"), await opened.threads.storage("other")

    assert await PostgresThreads(database, erased_at_once=2).delete("t")

    assert await opened.threads.storage("t") == ThreadStorage()
    assert (await state(saver, "other"), await opened.threads.storage("other")) == (before, size)


async def test_a_run_that_is_submitted_meanwhile_begins_with_nothing_or_keeps_the_thread(
    opened: Opened, database: Database
) -> None:
    """Its statement waits for the deletion's, and has looked at the database before that."""
    await converse(opened)
    async with locked("seltzer.messages"):
        deleting = asyncio.create_task(opened.threads.delete("t"))
        await until_waiting(1)
        submitting = asyncio.create_task(leased(opened.runs, "new"))
        await until_waiting(2)

    assert await deleting
    lease = await submitting
    saver = opened.checkpoints.saver_for(agent())
    assert await state(saver) == []
    await put(saver, config_of(lease), "hello")
    assert len(await state(saver)) == 1
    with pytest.raises(ThreadBusy):
        await opened.threads.delete("t")


async def test_a_sweep_and_a_deletion_do_not_wait_for_each_other(
    opened: Opened, database: Database, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    await converse(opened)
    retention = LogRetention(database)
    async with locked("seltzer.events"):
        opened.clock.now += 100_000
        deleting = asyncio.create_task(opened.threads.delete("t"))
        await until_waiting(1)
        retention.sweep()
        await pause(0)
        sweeping = asyncio.create_task(retention.aclose())
        swept = asyncio.create_task(until_waiting(2))
        await asyncio.wait([sweeping, swept], return_when=asyncio.FIRST_COMPLETED)
        swept.cancel()

    assert await deleting
    await sweeping
    assert await value(_LEFT) == 0
    assert "Deadlock" not in caplog.text


async def test_a_run_from_a_checkpoint_waits_for_who_may_be_deleting_that(opened: Opened) -> None:
    """Else it would be accepted, and its checkpoint deleted by who hasn't seen it."""
    await converse(opened)
    (ref, *_) = await opened.checkpoints.tree("t")
    async with locked("seltzer.messages"):
        rolling_back = asyncio.create_task(opened.checkpoints.roll_back("t", ["r"]))
        await until_waiting(1)
        submitting = asyncio.create_task(submit(opened.runs, "fork", checkpoint_id=ref.checkpoint_id))
        await until_waiting(2)
        assert not submitting.done()

    await rolling_back
    assert (await submitting).lease is not None
