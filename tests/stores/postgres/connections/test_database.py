"""Transactions on a database that is restarted, cut off or full of others, and how it is migrated."""

import asyncio
import gc
import logging
from collections.abc import AsyncIterator
from typing import Any

import psycopg
import pytest
from psycopg.conninfo import make_conninfo

from seltzer.errors import LoadError, StorageClosed, StorageFailed
from seltzer.stores.postgres.connections import database as database_module
from seltzer.stores.postgres.connections.address import parse
from seltzer.stores.postgres.connections.database import Connection, Database, pause
from seltzer.stores.postgres.connections.unlimited import WAIT_S
from seltzer.stores.postgres.migrations import LOCK, all_migrations, migrate, schema_version
from tests.patience import PATIENCE_S
from tests.stores.postgres.server import TestServer

pytestmark = pytest.mark.anyio


async def add(connection: Connection) -> None:
    await connection.execute("INSERT INTO numbers VALUES (1)")


async def count(connection: Connection) -> int:
    row = await (await connection.execute("SELECT count(*) FROM numbers")).fetchone()
    assert row is not None
    return int(row[0])


@pytest.fixture
async def numbers(database: Database) -> Database:
    async def create(connection: Connection) -> None:
        await connection.execute("CREATE TABLE numbers (n integer)")

    await database.execute(create)
    return database


async def test_what_raises_leaves_nothing(numbers: Database) -> None:
    async def work(connection: Connection) -> None:
        await add(connection)
        raise ValueError("mine")

    with pytest.raises(ValueError, match="mine"):
        await numbers.transact(work)

    assert await numbers.execute(count) == 0


async def test_a_cancelled_callers_work_is_done_all_the_same(numbers: Database) -> None:
    may_go_on, is_in = asyncio.Event(), asyncio.Event()

    async def work(connection: Connection) -> None:
        await add(connection)
        is_in.set()
        await may_go_on.wait()

    caller = asyncio.create_task(numbers.transact(work))
    await is_in.wait()
    caller.cancel()
    with pytest.raises(asyncio.CancelledError):
        await caller
    may_go_on.set()
    await numbers.aclose()

    reopened = Database(numbers.address)
    await reopened.open()
    assert await reopened.execute(count) == 1
    await reopened.aclose()


async def test_nobody_complains_of_an_error_whose_caller_was_cancelled(numbers: Database) -> None:
    complaints: list[dict[str, Any]] = []
    asyncio.get_running_loop().set_exception_handler(lambda _loop, context: complaints.append(context))
    may_fail, is_in = asyncio.Event(), asyncio.Event()

    async def work(connection: Connection) -> None:
        is_in.set()
        await may_fail.wait()
        await connection.execute("SELECT 1 / 0")

    caller = asyncio.create_task(numbers.transact(work))
    await is_in.wait()
    caller.cancel()
    with pytest.raises(asyncio.CancelledError):
        await caller
    may_fail.set()
    await numbers.aclose()
    gc.collect()

    assert complaints == []


async def test_a_killed_connection_is_not_noticed_by_callers(numbers: Database) -> None:
    async def kill_others(connection: Connection) -> None:
        await connection.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
            " WHERE datname = current_database() AND pid <> pg_backend_pid()"
        )

    await asyncio.gather(*(numbers.transact(add) for _ in range(8)))  # all connections of the pool
    await numbers.execute(kill_others)

    await asyncio.gather(*(numbers.transact(add) for _ in range(8)))

    assert await numbers.execute(count) == 16


async def test_a_connection_that_dies_amid_a_transaction_has_it_done_again(numbers: Database) -> None:
    tries = 0

    async def work(connection: Connection) -> None:
        nonlocal tries
        tries += 1
        await add(connection)
        if tries == 1:
            await connection.execute("SELECT pg_terminate_backend(pg_backend_pid())")

    await numbers.transact(work)

    assert (tries, await numbers.execute(count)) == (2, 1)


class Raising:
    """Work that has the server raise an error the first time, after it has written."""

    def __init__(self, sqlstate: str) -> None:
        self.sqlstate = sqlstate
        self.pids: list[int] = []

    async def __call__(self, connection: Connection) -> None:
        row = await (await connection.execute("SELECT pg_backend_pid()")).fetchone()
        assert row is not None
        self.pids.append(row[0])
        await add(connection)
        if len(self.pids) == 1:
            await connection.execute(f"DO $$ BEGIN RAISE SQLSTATE '{self.sqlstate}'; END $$".encode())


@pytest.fixture
async def only(numbers: Database) -> AsyncIterator[Database]:
    """A database with one connection."""
    database = Database(numbers.address, pool_limit=1)
    await database.open()
    yield database
    await database.aclose()


@pytest.mark.parametrize("sqlstate", ["40001", "40P01", "23505"])
async def test_what_met_another_transaction_is_done_again_by_the_same_connection(
    only: Database, sqlstate: str
) -> None:
    work = Raising(sqlstate)

    await only.transact(work)

    assert (len(work.pids), len(set(work.pids)), await only.execute(count)) == (2, 1, 1)


@pytest.mark.parametrize("sqlstate", ["08000", "08006", "57P01", "57P02", "57P03", "57P05", "25006"])
async def test_what_broke_its_connection_is_done_again_by_another(only: Database, sqlstate: str) -> None:
    work = Raising(sqlstate)

    await only.transact(work)

    assert (len(set(work.pids)), await only.execute(count)) == (2, 1)


@pytest.mark.parametrize(
    "sqlstate",
    [
        *("22P05", "23502", "23503", "25001", "40002", "42501", "42P01", "53100", "53200"),
        *("53400", "54000", "55P03", "57014", "58030", "P0001", "XX000", "XX001"),
    ],
)
async def test_nothing_else_is_tried_again(only: Database, sqlstate: str) -> None:
    work = Raising(sqlstate)

    with pytest.raises(StorageFailed):
        await only.transact(work)

    assert (len(work.pids), await only.execute(count)) == (1, 0)


async def test_a_session_that_became_read_only_is_replaced(only: Database) -> None:
    async def become_read_only(connection: Connection) -> None:
        await connection.execute("SET default_transaction_read_only = on")

    await only.execute(become_read_only)

    await only.transact(add)

    assert await only.execute(count) == 1
    assert not only.has_refused


@pytest.mark.parametrize(
    "mistake",
    [
        "INSERT INTO notes VALUES ('top secret')",
        "INSERT INTO notes VALUES ('top secret', 1)",
        "SELECT 'top secret'::integer",
        """SELECT '{"top secret'::json""",
        "DO $$ BEGIN RAISE 'top secret'; END $$",
        "DO $$ BEGIN RAISE division_by_zero USING MESSAGE = 'top secret', DETAIL = 'top secret'; END $$",
    ],
)
async def test_the_log_names_the_error_and_shows_no_value(
    only: Database, mistake: str, caplog: pytest.LogCaptureFixture
) -> None:
    async def create(connection: Connection) -> None:
        await connection.execute(
            "CREATE TABLE notes (note text CHECK (note <> 'top secret'), n int NOT NULL)"
        )

    async def work(connection: Connection) -> None:
        await connection.execute(mistake.encode())

    await only.execute(create)

    with pytest.raises(StorageFailed) as failed:
        await only.execute(work)
    logging.getLogger(__name__).error("at a boundary", exc_info=failed.value)

    assert "the database failed: " in caplog.text
    assert ", in work" in caplog.text  # where it was
    assert "top secret" not in caplog.text + str(failed.value)


async def test_a_mistake_is_not_tried_again(numbers: Database, caplog: Any) -> None:
    tries = 0

    async def work(connection: Connection) -> None:
        nonlocal tries
        tries += 1
        await connection.execute("SELECT * FROM nothing_of_the_kind")

    with pytest.raises(StorageFailed, match="see the log") as failed:
        await numbers.transact(work)

    assert tries == 1
    assert "nothing_of_the_kind" not in str(failed.value)
    assert "UndefinedTable" in caplog.text


async def test_a_server_that_is_gone_fails_in_time_and_comes_back(
    own_server: TestServer,
) -> None:
    database = Database(parse(own_server.url()))
    await database.open()
    assert await database.execute(one) == 1
    await asyncio.to_thread(own_server.stop, "immediate")

    with pytest.raises(StorageFailed):
        await database.transact(one, patience_s=0.2)

    await asyncio.to_thread(own_server.start)
    assert await database.transact(one) == 1
    await database.aclose()


async def test_a_pool_without_a_free_connection_fails_in_time_and_serves_again(url: str) -> None:
    database = Database(parse(url), pool_limit=1)
    await database.open()
    is_in, may_end = asyncio.Event(), asyncio.Event()

    async def occupy(connection: Connection) -> int:
        is_in.set()
        await may_end.wait()
        return await one(connection)

    occupying = asyncio.create_task(database.execute(occupy))
    await is_in.wait()

    with pytest.raises(StorageFailed):
        await database.execute(one, patience_s=0.2)
    waiting = asyncio.create_task(database.execute(one))
    may_end.set()

    assert (await occupying, await waiting) == (1, 1)
    await database.aclose()


async def one(connection: Connection) -> int:
    row = await (await connection.execute("SELECT 1")).fetchone()
    assert row is not None
    return int(row[0])


async def test_a_closed_one_says_so(database: Database) -> None:
    await database.aclose()

    with pytest.raises(StorageClosed):
        await database.execute(one)


async def test_many_processes_migrate_at_once(url: str) -> None:
    versions = await asyncio.gather(*(migrate(parse(url)) for _ in range(5)))

    newest = (await asyncio.to_thread(all_migrations))[-1].number
    assert {after for _, after in versions} == {newest}
    assert await migrate(parse(url)) == (newest, newest)


async def test_a_later_seltzers_database_is_refused(database: Database) -> None:
    await migrate(database.address)

    async def be_later(connection: Connection) -> None:
        await connection.execute("UPDATE seltzer.version SET number = 999")

    await database.execute(be_later)

    with pytest.raises(LoadError, match="a later Seltzer has migrated it"):
        await migrate(database.address)
    assert await database.execute(schema_version) == 999


async def test_a_migration_waits_for_another_without_a_limit_and_says_for_whom(
    url: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(database_module, "OPERATION_S", WAIT_S / 4)
    impatient = parse(make_conninfo(url, options="-c statement_timeout=50 -c lock_timeout=50"))
    async with await psycopg.AsyncConnection.connect(url, application_name="another one") as other:
        await other.execute("SELECT pg_advisory_xact_lock(%s)", (LOCK,))
        migrating = asyncio.create_task(migrate(impatient))
        async with asyncio.timeout(PATIENCE_S):
            while "another one, idle in transaction" not in caplog.text:
                await pause(0.05)
        await other.commit()

    before, after = await migrating

    assert before == 0 < after
