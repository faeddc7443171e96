"""All stores, each opened in an empty folder: a new one is added to STORES, and sits the exams."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Protocol

from seltzer.runs.ports import Checkpoints, EventLog, Runs, Threads
from seltzer.stores.memory.data import Data
from seltzer.stores.memory.event_log import MemoryEventLog
from seltzer.stores.memory.store import MemoryStore
from seltzer.stores.postgres.checkpoints.checkpoints import PostgresCheckpoints
from seltzer.stores.postgres.connections.address import parse
from seltzer.stores.postgres.connections.database import Database
from seltzer.stores.postgres.event_log import PostgresEventLog
from seltzer.stores.postgres.migrations import migrate
from seltzer.stores.postgres.processes.hints import Hints
from seltzer.stores.postgres.processes.presence import GRACE_S, Presence
from seltzer.stores.postgres.retention import LogRetention as LogsInPostgres
from seltzer.stores.postgres.runs.runs import PostgresRuns
from seltzer.stores.postgres.threads import PostgresThreads
from seltzer.stores.sqlite.checkpoints.checkpoints import SqliteCheckpoints
from seltzer.stores.sqlite.database import open_database
from seltzer.stores.sqlite.event_log import SqliteEventLog
from seltzer.stores.sqlite.retention import LogRetention
from seltzer.stores.sqlite.runs import SqliteRuns
from seltzer.stores.sqlite.threads import SqliteThreads
from tests.stores.conformance import RETENTION_S, SMALL_LIMIT, Clock
from tests.stores.postgres.databases import DatabaseClock, empty, shared_database


@dataclass(frozen=True)
class Opened:
    """A store's ports, by one clock. small_log keeps less of a run."""

    runs: Runs
    event_log: EventLog
    small_log: EventLog
    threads: Threads
    checkpoints: Checkpoints
    clock: Clock


class Open(Protocol):
    def __call__(
        self, folder: Path, *, small_limit: int = SMALL_LIMIT
    ) -> AbstractAsyncContextManager[Opened]: ...


@asynccontextmanager
async def open_sqlite(folder: Path, *, small_limit: int = SMALL_LIMIT) -> AsyncIterator[Opened]:
    clock = Clock()
    database = await open_database(folder / "seltzer.db")
    checkpoints = SqliteCheckpoints(database)
    try:
        yield Opened(
            SqliteRuns(
                database, clock=clock, retention=LogRetention(database, retention_s=RETENTION_S, clock=clock)
            ),
            SqliteEventLog(database, clock=clock),
            SqliteEventLog(database, clock=clock, events_limit=small_limit),
            SqliteThreads(database, checkpoints.deletions, clock=clock),
            checkpoints,
            clock,
        )
    finally:
        await database.aclose()


@asynccontextmanager
async def open_memory(folder: Path, *, small_limit: int = SMALL_LIMIT) -> AsyncIterator[Opened]:
    clock = Clock()
    store = MemoryStore(Data(clock=clock, retention_s=RETENTION_S))
    runs, log, threads, checkpoints = (
        store.stores.runs,
        store.stores.event_log,
        store.stores.threads,
        store.stores.checkpoints,
    )
    small_log = MemoryEventLog(store.data, events_limit=small_limit)
    yield Opened(runs, log, small_log, threads, checkpoints, clock)


@asynccontextmanager
async def open_postgres(folder: Path, *, small_limit: int = SMALL_LIMIT) -> AsyncIterator[Opened]:
    url = await asyncio.to_thread(shared_database)
    await migrate(parse(url))
    await asyncio.to_thread(empty, url)
    clock = Clock()
    presence = Presence(None, time=clock)
    clock.now += GRACE_S
    async with one_process(url, presence, small_limit=small_limit) as opened:
        yield opened


@asynccontextmanager
async def one_process(
    url: str, presence: Presence, *, small_limit: int = SMALL_LIMIT
) -> AsyncIterator[Opened]:
    """Open a migrated database as one of its processes."""
    database = Database(parse(url), pool_limit=4)
    await database.open()
    hints, retention = Hints(database, presence), LogsInPostgres(database, retention_s=RETENTION_S)
    try:
        checkpoints = PostgresCheckpoints(database)
        yield Opened(
            PostgresRuns(database, database, presence, hints, retention, checkpoints.behind),
            PostgresEventLog(database, presence),
            PostgresEventLog(database, presence, events_limit=small_limit),
            PostgresThreads(database),
            checkpoints,
            DatabaseClock(url),
        )
        await checkpoints.behind.flush_all()
        await hints.aclose()
        await retention.aclose()
    finally:
        await database.aclose()


STORES: Final[dict[str, Open]] = {"memory": open_memory, "sqlite": open_sqlite, "postgres": open_postgres}
