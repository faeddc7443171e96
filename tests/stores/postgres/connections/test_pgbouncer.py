"""Transactions and migrations through a PgBouncer in transaction mode."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from seltzer.stores.postgres.connections.address import parse
from seltzer.stores.postgres.connections.database import Connection, Database
from seltzer.stores.postgres.migrations import all_migrations, migrate, schema_version

pytestmark = pytest.mark.anyio


@pytest.fixture
async def pooled(pooled_url: str) -> AsyncIterator[Database]:
    database = Database(parse(pooled_url), pool_limit=4, is_pooled=True)
    await database.open()
    yield database
    await database.aclose()


async def test_the_same_statement_is_executed_many_times_on_shared_connections(pooled: Database) -> None:
    """A prepared statement would be on one of the server's connections alone."""

    async def add(connection: Connection) -> int:
        found = await connection.execute("INSERT INTO numbers VALUES (%s) RETURNING n", (1,))
        row = await found.fetchone()
        assert row is not None
        return int(row[0])

    async def create(connection: Connection) -> None:
        await connection.execute("CREATE TABLE numbers (n integer)")

    await pooled.execute(create)

    results = await asyncio.gather(*(pooled.transact(add) for _ in range(60)))

    assert sum(results) == 60


async def test_many_processes_migrate_through_it_at_once(pooled: Database, pooled_url: str) -> None:
    versions = await asyncio.gather(*(migrate(parse(pooled_url)) for _ in range(4)))

    newest = (await asyncio.to_thread(all_migrations))[-1].number
    assert {after for _, after in versions} == {newest}
    assert await pooled.execute(schema_version) == newest
