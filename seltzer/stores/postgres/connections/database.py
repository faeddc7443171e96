"""The connections of one process to a Postgres database, and what becomes of their errors.

The work of a transaction may be done twice: where the database was restarted, or two transactions met, it is
tried again for a while. So it changes nothing but the database, and finds what it has written itself.
"""

import asyncio
import logging
import os
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from contextvars import Context
from typing import Any, Final, TypeAlias, TypeVar

import psycopg
from psycopg.rows import TupleRow
from psycopg_pool import AsyncConnectionPool, PoolClosed

from seltzer.errors import StorageClosed, StorageFailed
from seltzer.stores.postgres.connections.address import Address
from seltzer.stores.postgres.connections.sqlstates import (
    is_lasting,
    is_unconnected,
    kind_of,
    verdict_on,
    without_values,
)
from seltzer.stores.postgres.connections.texts import CONTEXT

log = logging.getLogger(__name__)

T = TypeVar("T")
Connection: TypeAlias = psycopg.AsyncConnection[TupleRow]
Work: TypeAlias = Callable[[Connection], Awaitable[T]]

# A machine that loses its power says nothing: its locks must not outlast its leases.
VANISHED: Final = (
    "SET idle_in_transaction_session_timeout = '5s';"
    " SET tcp_keepalives_idle = 5; SET tcp_keepalives_interval = 2; SET tcp_keepalives_count = 3"
)
POOL_LIMIT: Final = 10
OPERATION_S: Final = 10.0  # one try of a transaction, before its connection is cut
PATIENCE_S: Final = 4.0  # how long a transaction is tried again; a lease is longer
RETRY_S: Final = 0.05  # before the second try; twice as long before each further one
RETRY_LIMIT_S: Final = 0.5

# The database's own words are for the log alone.
_FAILED: Final = "the database can't be read or written now; try again later (see the log)"


async def _configure(connection: Connection) -> None:
    """Have the server free what a process that vanished amid a transaction has locked."""
    await connection.execute(VANISHED)


class Database:
    """A database, from open() to aclose().

    has_refused: it has refused a write for a reason that lasts, as a full disk; whoever sees it write again
    resets this.
    is_pooled: a pooler such as PgBouncer in transaction mode is between: no statement can be prepared there.
    """

    def __init__(self, address: Address, *, pool_limit: int = POOL_LIMIT, is_pooled: bool = False) -> None:
        self.address = address
        self._pool = AsyncConnectionPool(
            # Not to what was the primary before a failover.
            address.conninfo_with(target_session_attrs="read-write"),
            min_size=1,
            max_size=pool_limit,
            open=False,
            timeout=PATIENCE_S,
            # A process without a database tries to reach it for as long as it lives.
            reconnect_timeout=PATIENCE_S,
            kwargs={
                "autocommit": True,
                "prepare_threshold": None if is_pooled else 5,
                "context": CONTEXT,
            },
            configure=None if is_pooled else _configure,
            name="seltzer",
        )
        self._tasks: set[asyncio.Task[Any]] = set()
        self.has_refused = False

    async def open(self) -> None:
        """Open the pool; its connections are made when they are needed."""
        await self._pool.open()

    async def aclose(self) -> None:
        """Close the connections after all work before."""
        while self._tasks:
            await asyncio.wait(self._tasks)
        await self._pool.close()

    async def transact(self, work: Work[T], *, patience_s: float = PATIENCE_S) -> T:
        """Do the work in a transaction, and return its result; undo all of it if it raises.

        A cancelled caller returns at once; its work is done all the same. Raises StorageFailed where the
        database does, also after it was tried again for patience_s; and what the work raises.
        """

        async def in_transaction(connection: Connection) -> T:
            async with connection.transaction():
                return await work(connection)

        return await self._do(in_transaction, patience_s)

    async def execute(self, work: Work[T], *, patience_s: float = PATIENCE_S) -> T:
        """Do the work as transact() does, where it is one statement: that needs no transaction of its own."""
        return await self._do(work, patience_s)

    async def _do(self, work: Work[T], patience_s: float) -> T:
        # It outlives its caller, so it gets nothing of the caller's context.
        task = asyncio.get_running_loop().create_task(self._persist(work, patience_s), context=Context())
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        task.add_done_callback(drop_error)
        return await asyncio.shield(task)

    async def _persist(self, work: Work[T], patience_s: float) -> T:
        """Do the work, again and again until it can't be expected to succeed."""
        loop = asyncio.get_running_loop()
        until, pause_s, broken = loop.time() + patience_s, RETRY_S, 0
        while True:
            try:
                return await self._try(work, max(until - loop.time(), RETRY_S))
            except PoolClosed as error:
                raise StorageClosed("the server is shutting down; try again in a moment") from error
            except psycopg.Error as error:
                verdict = verdict_on(error)
                if verdict == "final" or loop.time() + pause_s > until:
                    if is_lasting(error):
                        self.has_refused = True
                    shown = without_values(error)
                    log.error("the database failed: %s", kind_of(error), exc_info=shown)
                    raise StorageFailed(_FAILED) from shown
                log.info("the database refuses for the moment, and is asked again: %s", kind_of(error))
                if verdict == "broken" and not is_unconnected(error):
                    broken += 1
            if 0 < broken <= self._pool.max_size:  # after a restart each connection of the pool may be
                continue
            await pause(pause_s)
            pause_s = min(2 * pause_s, RETRY_LIMIT_S)

    async def _try(self, work: Work[T], timeout_s: float) -> T:
        async with self._pool.connection(timeout_s) as connection, limited(connection):
            try:
                return await work(connection)
            except psycopg.Error as error:
                if verdict_on(error) == "broken":  # not every error of these ends it by itself
                    await connection.close()
                raise


def drop_error(task: asyncio.Task[Any]) -> None:
    """Count the task's error, which is logged, as seen: its caller may have left."""
    if not task.cancelled():
        task.exception()


@asynccontextmanager
async def limited(connection: Connection) -> AsyncIterator[None]:
    """End the connection if the block takes longer than OPERATION_S.

    Not by cancelling: to cancel a statement, its server must be reached.
    """
    cut = asyncio.get_running_loop().call_later(OPERATION_S, _cut, connection)
    try:
        yield
    finally:
        cut.cancel()


def _cut(connection: Connection) -> None:
    """End the connection, whatever it waits for: whoever waits gets an OperationalError."""
    log.warning("the database hasn't answered for %g s: a connection to it is cut", OPERATION_S)
    with suppress(OSError, psycopg.Error), socket.socket(fileno=os.dup(connection.fileno())) as same:
        same.shutdown(socket.SHUT_RDWR)


async def pause(seconds: float) -> None:
    with suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            await asyncio.get_running_loop().create_future()
