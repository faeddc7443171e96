"""A Postgres database of the test's own, and connections to it."""

import asyncio
from collections.abc import AsyncIterator, Iterator

import pytest

from seltzer.stores.postgres.connections.address import parse
from seltzer.stores.postgres.connections.database import Database
from tests.stores.postgres.pgbouncer import PgBouncer
from tests.stores.postgres.server import TestServer, create_database


@pytest.fixture
async def url() -> str:
    return await asyncio.to_thread(create_database)


@pytest.fixture
async def database(url: str) -> AsyncIterator[Database]:
    database = Database(parse(url), pool_limit=4)
    await database.open()
    try:
        yield database
    finally:
        await database.aclose()


@pytest.fixture
async def pooled_url(url: str) -> AsyncIterator[str]:
    """The database of `url`, through a PgBouncer in transaction mode."""
    pgbouncer = await asyncio.to_thread(PgBouncer, url)
    yield pgbouncer.url
    await asyncio.to_thread(pgbouncer.stop)


@pytest.fixture(scope="module")
def own_server() -> Iterator[TestServer]:
    """A server that the module's tests may stop."""
    server = TestServer()
    try:
        yield server
    finally:
        server.remove()
