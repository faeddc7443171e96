"""All stores of threads' states, each empty, to be opened again and again as servers would: STATE_STORES."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from functools import cache
from pathlib import Path
from typing import Any, Final, Protocol

import psycopg

from seltzer.runs.ports import Checkpoints
from seltzer.stores.memory.checkpoints import MemoryCheckpoints
from seltzer.stores.memory.data import Data
from seltzer.stores.postgres.checkpoints.checkpoints import PostgresCheckpoints
from seltzer.stores.postgres.connections.address import parse
from seltzer.stores.postgres.connections.database import Database
from seltzer.stores.postgres.migrations import migrate
from tests.stores.conversing import counts, migrated, open_checkpoints, rows, run_ids
from tests.stores.postgres.databases import empty, shared_database

Counts = dict[str, int]

LOOSE_WRITES: Final = """
SELECT 1
FROM {schema}writes AS w LEFT JOIN {schema}checkpoints AS c USING (thread_id, checkpoint_ns, checkpoint_id)
WHERE c.seq IS NULL
"""


class StateStore(Protocol):
    """Where threads' states are."""

    def open(self, *, spare: int = 0, **options: Any) -> AbstractAsyncContextManager[Checkpoints]:
        """Open it, with the store's options; pruning happens at once."""
        ...

    async def counts(self, thread_id: str = "t") -> Counts:
        """Return how much there is of the thread."""
        ...

    async def run_ids(self) -> set[str]:
        """Return the runs that the checkpoints name."""
        ...

    async def loose_writes(self) -> int:
        """Return how many tasks' writes are on no checkpoint."""
        ...

    async def size_bytes(self) -> int:
        """Return what all of it takes."""
        ...


class InMemory:
    """The states of one process: opened again, they are there, by the first one's options."""

    def __init__(self) -> None:
        self._data = Data()
        self._checkpoints: MemoryCheckpoints | None = None

    @asynccontextmanager
    async def open(
        self, *, spare: int = 0, kept: int = 20, turns: int | None = 1, **options: Any
    ) -> AsyncIterator[Checkpoints]:
        self._checkpoints = self._checkpoints or MemoryCheckpoints(self._data, kept=kept, turns=turns)
        yield self._checkpoints

    async def counts(self, thread_id: str = "t") -> Counts:
        assert self._checkpoints is not None
        found = self._checkpoints.storage(thread_id)
        return {"checkpoints": found.checkpoints, "bytes": found.states_bytes}

    async def run_ids(self) -> set[str]:
        assert self._checkpoints is not None
        return {each.run_id for each in await self._checkpoints.tree("t")}

    async def loose_writes(self) -> int:
        return 0

    async def size_bytes(self) -> int:
        assert self._checkpoints is not None
        return self._checkpoints.storage("t").states_bytes


class InSqlite:
    """The states in a file."""

    def __init__(self, file: Path) -> None:
        self.file = file

    def open(self, *, spare: int = 0, **options: Any) -> AbstractAsyncContextManager[Checkpoints]:
        return open_checkpoints(self.file, spare=spare, **options)

    async def counts(self, thread_id: str = "t") -> Counts:
        found = counts(self.file, thread_id)
        return {**found, "messages": found.pop("checkpoint_messages")}

    async def run_ids(self) -> set[str]:
        return run_ids(self.file)

    async def loose_writes(self) -> int:
        return len(rows(self.file, LOOSE_WRITES.format(schema="")))

    async def size_bytes(self) -> int:
        ((pages, free, page_bytes),) = rows(
            self.file, "SELECT * FROM pragma_page_count, pragma_freelist_count, pragma_page_size"
        )
        return int(pages - free) * int(page_bytes)


class InPostgres:
    """The states in a migrated database. Each opening has connections of its own, as each process has."""

    def __init__(self, url: str) -> None:
        self.url = url

    @asynccontextmanager
    async def open(self, *, spare: int = 0, **options: Any) -> AsyncIterator[Checkpoints]:
        database = Database(parse(self.url), pool_limit=4)
        await database.open()
        try:
            yield PostgresCheckpoints(database, spare=spare, **options)
        finally:
            await database.aclose()

    async def counts(self, thread_id: str = "t") -> Counts:
        tables = ("checkpoints", "writes", "messages")
        asked = " UNION ALL ".join(
            f"SELECT '{each}', count(*) FROM seltzer.{each} WHERE thread_id = %(thread_id)s"
            for each in tables
        )
        return dict(await self.rows(asked, {"thread_id": thread_id}))

    async def run_ids(self) -> set[str]:
        found = await self.rows("SELECT coalesce(metadata::json ->> 'run_id', '') FROM seltzer.checkpoints")
        return {run_id for (run_id,) in found}

    async def loose_writes(self) -> int:
        return len(await self.rows(LOOSE_WRITES.format(schema="seltzer.")))

    async def size_bytes(self) -> int:
        asked = " UNION ALL ".join(
            f"SELECT sum(pg_column_size(t)) AS size FROM seltzer.{each} AS t"
            for each in ("checkpoints", "writes", "messages")
        )
        ((size,),) = await self.rows(f"SELECT sum(size)::bigint FROM ({asked}) AS sizes")
        return int(size)

    async def rows(self, statement: str, parameters: Mapping[str, Any] | None = None) -> list[Any]:
        """Return what is in the database, by another connection; or change it."""
        async with await psycopg.AsyncConnection.connect(self.url, autocommit=True) as connection:
            cursor = await connection.execute(statement.encode(), parameters)
            return await cursor.fetchall() if cursor.description else []


async def in_memory(folder: Path) -> StateStore:
    return InMemory()


async def in_sqlite(folder: Path) -> StateStore:
    return InSqlite(await migrated(folder / "threads.db"))


async def in_postgres(folder: Path) -> StateStore:
    url = await asyncio.to_thread(_migrated_database)
    await asyncio.to_thread(empty, url)
    return InPostgres(url)


@cache
def _migrated_database() -> str:
    url = shared_database()
    asyncio.run(migrate(parse(url)))
    return url


STATE_STORES: Final[dict[str, Callable[[Path], Awaitable[StateStore]]]] = {
    "memory": in_memory,
    "sqlite": in_sqlite,
    "postgres": in_postgres,
}
# Those that store each message once, and prune only now and then.
PACKING: Final = ("sqlite", "postgres")
