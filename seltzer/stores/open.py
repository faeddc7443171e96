"""Settings -> stores: SQLite files in a folder that one process locks, or a Postgres database of many."""

import asyncio
import logging
import time
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from pathlib import Path

from langgraph.store.base import BaseStore

from seltzer.runs.ports import Stores
from seltzer.stores.checkpoints.serializer import log_blocked_classes
from seltzer.stores.items.missing import without_items
from seltzer.stores.options import DatabaseOptions, Retention, SerdeOptions, StoreOptions
from seltzer.stores.sqlite.checkpoints.checkpoints import SqliteCheckpoints
from seltzer.stores.sqlite.database import open_database
from seltzer.stores.sqlite.event_log import SqliteEventLog
from seltzer.stores.sqlite.files import FILE_NAME, ITEMS_FILE_NAME
from seltzer.stores.sqlite.lock import acquire
from seltzer.stores.sqlite.readiness import Readiness
from seltzer.stores.sqlite.retention import LogRetention
from seltzer.stores.sqlite.runs import SqliteRuns
from seltzer.stores.sqlite.threads import SqliteThreads
from seltzer.stores.sqlite.upkeep import Upkeep

log = logging.getLogger(__name__)


def open_stores(
    folder: Path,
    retention: Retention | None = None,
    *,
    serde: SerdeOptions | None = None,
    store: StoreOptions | None = None,
    database: DatabaseOptions | None = None,
) -> AbstractAsyncContextManager[Stores]:
    """Open the stores, until the block ends: in the database if there is one, else in the folder.

    serde, store: what langgraph.json sets.
    Raises DataInUse if another process has locked the folder, LoadError if it or a file in it can't be used,
    or the database can't be reached, written or migrated.
    """
    retention = retention or Retention()
    if database is None:
        return _open_files(folder, retention, serde, store)
    from seltzer.stores.postgres.store import open_postgres  # noqa: PLC0415  # an optional driver

    return open_postgres(database, retention, serde=serde, store=store)


@asynccontextmanager
async def _open_files(
    folder: Path, retention: Retention, serde: SerdeOptions | None, store: StoreOptions | None
) -> AsyncIterator[Stores]:
    """Lock the folder, and yield the stores in it.

    Runs that a dead process was executing can be claimed at once: no other process can be alive.
    """
    async with AsyncExitStack() as opened:
        lock = await asyncio.to_thread(acquire, folder)
        opened.callback(lock.close)
        database = await open_database(folder / FILE_NAME)
        opened.push_async_callback(database.aclose)
        # A laptop that wakes from sleep must not find its own leases expired: not by the wall's clock.
        logs = LogRetention(database, retention_s=retention.retention_s)
        runs = SqliteRuns(database, retention=logs, lease_clock=time.monotonic)
        event_log = SqliteEventLog(database, events_limit=retention.events)
        await runs.expire_all_leases()
        await logs.expire_ended()
        opened.callback(log_blocked_classes())
        checkpoints = SqliteCheckpoints(
            database, kept=retention.checkpoints, turns=retention.turns or None, serde=serde
        )
        upkeep = Upkeep(database, folder / FILE_NAME, logs.sweep_all)
        checkpoints.deletions.on_erased = upkeep.wake
        await checkpoints.deletions.resume()
        await opened.enter_async_context(upkeep.running())
        items = await _open_items(folder / ITEMS_FILE_NAME, store, opened)
        threads = SqliteThreads(database, checkpoints.deletions)
        yield Stores(runs, event_log, threads, checkpoints, items, check_ready=Readiness(database).check)


async def _open_items(file: Path, options: StoreOptions | None, opened: AsyncExitStack) -> BaseStore | None:
    """Return the graphs' store; None if its optional package is missing. Raises LoadError."""
    try:
        from seltzer.stores.sqlite.items import open_items  # noqa: PLC0415  # an optional driver
    except ImportError as error:
        without_items(error, options, "langgraph-checkpoint-sqlite")
        return None
    items = await open_items(file, options)
    opened.push_async_callback(items.aclose)
    return items
