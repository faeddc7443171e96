"""Whether a connection pooler is between: one that gives each transaction another connection."""

import psycopg

from seltzer.stores.postgres.connections.address import Address


async def is_pooled(address: Address) -> bool:
    """Return whether what answers at the address isn't Postgres itself. Raises psycopg.Error.

    A pooler shows clients a process id of its own making, not that of the connection behind it.
    """
    async with await psycopg.AsyncConnection.connect(
        address.conninfo, autocommit=True, prepare_threshold=None
    ) as connection:
        shown = connection.info.backend_pid
        row = await (await connection.execute("SELECT pg_backend_pid()")).fetchone()
        return row is not None and row[0] != shown
