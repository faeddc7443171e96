"""The store that graphs share, in the database: items that any process has put are found by all."""

import asyncio
import logging
from collections.abc import Sequence
from contextlib import suppress
from contextvars import Context
from math import ceil
from typing import Final

import psycopg
from langgraph.store.base import Op, PutOp, Result

from seltzer.errors import RunFailed, StorageClosed, StorageFailed
from seltzer.stores.items.configuration import embeddings_of
from seltzer.stores.items.loop_items import LoopItems
from seltzer.stores.options import StoreOptions
from seltzer.stores.postgres.connections.database import Connection, Database, pause
from seltzer.stores.postgres.items.lent_store import LentStore, lent
from seltzer.stores.postgres.items.tables import set_up, use
from seltzer.stores.postgres.items.vectors import Vectors, made

log = logging.getLogger(__name__)

SWEEP_MINUTES: Final = 5


class PostgresItems(LoopItems):
    """The items in a database, from open() to aclose()."""

    def __init__(self, database: Database, options: StoreOptions, vectors: Vectors | None) -> None:
        super().__init__(options)
        self._database = database
        self._options = options
        self._vectors = vectors
        self._store = LentStore(options.index, vectors, self.ttl_config)
        self._path = ""
        self._sweeping: asyncio.Task[None] | None = None
        self._is_closed = False

    async def open(self) -> None:
        """Set up the tables, and delete what has expired. Raises LoadError, StorageFailed."""
        self._path = await set_up(self._database, self._store, self._options.index)
        if self._options.ttl is not None:
            await self.sweep()
            minutes = self._options.ttl.sweep_interval_minutes or SWEEP_MINUTES
            self._sweeping = self._loop.create_task(
                self._sweep_regularly(minutes * 60.0), name="sweep items", context=Context()
            )

    async def execute(self, ops: Sequence[Op]) -> list[Result]:
        """Do what is asked, in one transaction. Raises StorageFailed where the database fails."""
        if self._is_closed:
            raise StorageClosed("the server is stopping; try again when it is back")
        asked = [_in_whole_minutes(op) for op in ops]
        vectors = await self._vectors.of(asked) if self._vectors is not None else {}

        async def work(connection: Connection) -> list[Result]:
            await use(connection, self._path)
            with lent(connection), made(vectors):
                return await self._store.abatch(asked)

        try:
            return await self._database.transact(work)
        except StorageFailed as error:
            if isinstance(error.__cause__, psycopg.DataError):  # it will never be otherwise
                raise RunFailed(
                    "graph_error",
                    "The graph's store can't be used like this: the database refuses a value (see the log).",
                ) from error
            raise

    async def sweep(self) -> int:
        """Delete what has expired, and return how much. Raises StorageFailed."""

        async def work(connection: Connection) -> int:
            await use(connection, self._path)
            with lent(connection):
                return await self._store.sweep_ttl()

        return await self._database.transact(work)

    async def aclose(self) -> None:
        """End the sweeping; does nothing the second time. The database stays open."""
        self._is_closed = True
        if self._sweeping is not None:
            self._sweeping.cancel()
            await asyncio.wait([self._sweeping])

    async def _sweep_regularly(self, interval_s: float) -> None:
        while True:
            await pause(interval_s)
            with suppress(StorageFailed):  # it is logged, and tried again the next time
                await self.sweep()


async def open_items(database: Database, options: StoreOptions | None) -> PostgresItems:
    """Return the store in the migrated database. Raises LoadError, StorageFailed."""
    options = options or StoreOptions()
    vectors = None
    if options.index is not None:
        vectors = Vectors(await asyncio.to_thread(embeddings_of, options.index), options.index)
    items = PostgresItems(database, options, vectors)
    await items.open()
    return items


def _in_whole_minutes(op: Op) -> Op:
    """Return the operation with what its table can have as time to live: of a part of a minute, the whole."""
    return op._replace(ttl=ceil(op.ttl)) if isinstance(op, PutOp) and op.ttl is not None else op
