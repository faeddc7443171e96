"""A transaction that may take as long as it takes: for a change of tables, which may be large or locked."""

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import Final

import psycopg

from seltzer.stores.postgres.connections.address import Address
from seltzer.stores.postgres.connections.database import Connection, pause
from seltzer.stores.postgres.connections.queries import fetch_all, fetch_one, there

log = logging.getLogger(__name__)

WAIT_S: Final = 1.0  # between two looks at what it waits for

_UNLIMITED: Final = """
SELECT set_config(name, '0', true) FROM pg_settings WHERE name IN
    ('statement_timeout', 'lock_timeout', 'transaction_timeout', 'idle_in_transaction_session_timeout')
"""
_BLOCKING: Final = """
SELECT format('%%s (%%s, %%s)', pid, application_name, state) AS who FROM pg_stat_activity
WHERE pid = ANY(pg_blocking_pids(%s)) ORDER BY pid
"""


@asynccontextmanager
async def connected(address: Address) -> AsyncIterator[Connection]:
    """Yield a connection of its own. Raises psycopg.Error."""
    connection = await psycopg.AsyncConnection.connect(
        address.conninfo, autocommit=True, prepare_threshold=None
    )
    async with connection:
        yield connection


@asynccontextmanager
async def unlimited(address: Address, connection: Connection) -> AsyncIterator[None]:
    """Have the connection in a transaction without any limit; log whose locks it waits for.

    address: where the connection leads, for another one that looks. Raises psycopg.Error.
    """
    async with connection.transaction():
        row = there(await fetch_one(connection, "SELECT pg_backend_pid() AS pid", ()))
        watching = asyncio.create_task(_log_waits(address, row["pid"]), name="watch a migration")
        try:
            await connection.execute(_UNLIMITED)
            yield
        finally:
            watching.cancel()
            await asyncio.wait([watching])


async def _log_waits(address: Address, pid: int) -> None:
    """Log whose locks the connection waits for, as long as it does."""
    shown: list[str] = []
    await pause(WAIT_S)
    with suppress(psycopg.Error):
        async with connected(address) as connection:
            while True:
                blocking = [row["who"] for row in await fetch_all(connection, _BLOCKING, (pid,))]
                if blocking and blocking != shown:
                    log.warning(
                        "the migration of the database waits for these connections to it: %s",
                        ", ".join(blocking),
                    )
                shown = blocking
                await pause(WAIT_S)
