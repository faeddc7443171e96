"""Whether a database can be written, as /ready shows it."""

import asyncio
from collections.abc import AsyncIterator

import psycopg
import pytest

from seltzer.errors import StorageFailed
from seltzer.stores.postgres.address import parse
from seltzer.stores.postgres.database import Connection, Database, pause
from seltzer.stores.postgres.migrations import migrate
from seltzer.stores.postgres.readiness import Readiness
from tests.patience import PATIENCE_S
from tests.stores.postgres.server import TestServer

pytestmark = pytest.mark.anyio


@pytest.fixture
async def served(own_server: TestServer) -> AsyncIterator[Database]:
    database = Database(parse(own_server.url()), pool_limit=2)
    await database.open()
    await migrate(database.address)
    yield database
    await database.aclose()


async def test_a_database_that_is_gone_is_noticed_and_so_is_its_return(
    served: Database, own_server: TestServer
) -> None:
    readiness = Readiness(served)
    await readiness.check()

    await asyncio.to_thread(own_server.stop, "immediate")
    await until_refused(readiness)

    await asyncio.to_thread(own_server.start)
    await until_ready(readiness)
    await readiness.aclose()


async def test_a_database_that_became_read_only_is_noticed(served: Database, own_server: TestServer) -> None:
    async def set_read_only(value: str) -> None:
        async with await psycopg.AsyncConnection.connect(own_server.url(), autocommit=True) as connection:
            await connection.execute(f"ALTER SYSTEM SET default_transaction_read_only = {value}".encode())
            await connection.execute("SELECT pg_reload_conf()")

    readiness = Readiness(served)
    await readiness.check()

    await set_read_only("on")
    await until_refused(readiness)

    await set_read_only("off")
    await until_ready(readiness)
    await readiness.aclose()


async def test_a_full_disk_is_noticed_by_those_who_write(served: Database) -> None:
    async def write(connection: Connection) -> None:
        raise psycopg.errors.DiskFull

    readiness = Readiness(served)
    with pytest.raises(StorageFailed):
        await served.execute(write)

    with pytest.raises(StorageFailed, match="its disk may be full"):
        await readiness.check()


async def test_however_many_ask_the_database_is_asked_once(served: Database) -> None:
    async def watch(connection: Connection) -> None:
        await connection.execute("CREATE TABLE looks (n integer)")
        await connection.execute(
            "CREATE FUNCTION note() RETURNS trigger LANGUAGE plpgsql AS"
            " 'BEGIN INSERT INTO public.looks VALUES (1); RETURN NULL; END'"
        )
        await connection.execute(
            "CREATE TRIGGER note AFTER UPDATE ON seltzer.version EXECUTE FUNCTION note()"
        )

    async def looks(connection: Connection) -> int:
        row = await (await connection.execute("SELECT count(*) FROM looks")).fetchone()
        assert row is not None
        return int(row[0])

    await served.transact(watch)
    readiness = Readiness(served)
    await asyncio.gather(*(readiness.check() for _ in range(50)))

    assert await served.execute(looks) == 1


async def until_refused(readiness: Readiness) -> None:
    async with asyncio.timeout(PATIENCE_S):
        while True:
            try:
                await readiness.check()
            except StorageFailed:
                return


async def until_ready(readiness: Readiness) -> None:
    async with asyncio.timeout(PATIENCE_S):
        while True:
            try:
                return await readiness.check()
            except StorageFailed:
                await pause(0.05)
