"""Whether a database can be written, as /ready shows it."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import psycopg
import pytest

from seltzer.errors import StorageFailed
from seltzer.stores.postgres.connections.address import parse
from seltzer.stores.postgres.connections.database import Connection, Database, pause
from seltzer.stores.postgres.migrations import migrate
from seltzer.stores.postgres.readiness import Readiness
from tests.patience import PATIENCE_S
from tests.stores.postgres.disks import SmallDisk
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


@pytest.fixture
async def small_disk(own_server: TestServer, tmp_path: Path) -> AsyncIterator[SmallDisk]:
    """A database on a disk of its own, which is small."""
    disk = await asyncio.to_thread(SmallDisk, own_server, tmp_path)
    yield disk
    await asyncio.to_thread(disk.remove)


async def test_a_full_disk_is_noticed_and_so_is_room_on_it(small_disk: SmallDisk) -> None:
    database = Database(parse(small_disk.url), pool_limit=2)
    await migrate(database.address)
    await database.open()
    readiness = Readiness(database)
    await readiness.check()

    async def write(connection: Connection) -> None:
        await connection.execute(
            "INSERT INTO seltzer.events SELECT n, 1, 1, 1, decode(repeat(md5(n::text), 60), 'hex')"
            " FROM generate_series(1, 20000) AS n"
        )

    small_disk.fill()
    with pytest.raises(StorageFailed):
        await database.transact(write)
    for _ in range(3):  # it stays so, though a page that is there already can be changed
        with pytest.raises(StorageFailed, match="database"):
            await readiness.check()

    small_disk.make_room()
    await until_ready(readiness)
    await database.execute(_nothing)
    await readiness.aclose()
    await database.aclose()


async def _nothing(connection: Connection) -> None:
    found = await connection.execute("SELECT count(*) FROM seltzer.events")
    assert await found.fetchone() == (0,)


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
