"""Settings -> stores: one SQLite file in a folder that one process holds."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from seltzer.runs.ports import Stores
from seltzer.stores.sqlite.checkpoints.checkpoints import KEPT, SqliteCheckpoints
from seltzer.stores.sqlite.database import open_database
from seltzer.stores.sqlite.event_log import EVENTS_LIMIT, SqliteEventLog
from seltzer.stores.sqlite.lock import acquire
from seltzer.stores.sqlite.runs import SqliteRuns
from seltzer.stores.sqlite.threads import SqliteThreads

FILE_NAME: Final = "seltzer.db"


@dataclass(frozen=True, slots=True)
class Retention:
    """How much is kept: events of a run, states of a thread, and for how long an ended run's events."""

    events: int = EVENTS_LIMIT
    checkpoints: int = KEPT
    retention_s: float = 3600.0


@asynccontextmanager
async def open_stores(folder: Path, keeping: Retention | None = None) -> AsyncIterator[Stores]:
    """Fence the folder, and give what is kept in it, until the block ends.

    Runs that a dead process was executing can be claimed at once: nobody else can be alive.
    Raises DataInUse if another process holds the folder, LoadError if it or its file can't be used.
    """
    keeping = keeping or Retention()
    async with AsyncExitStack() as opened:
        lock = await asyncio.to_thread(acquire, folder)
        opened.callback(lock.close)
        database = await open_database(folder / FILE_NAME)
        opened.push_async_callback(database.aclose)
        # A laptop that wakes from sleep must not find its own leases run out: not by the wall's clock.
        runs = SqliteRuns(database, lease_clock=time.monotonic)
        event_log = SqliteEventLog(database, events_limit=keeping.events)
        await runs.orphan_all()
        await event_log.expire_ended(keeping.retention_s)
        checkpoints = SqliteCheckpoints(database, kept=keeping.checkpoints)
        yield Stores(runs, event_log, SqliteThreads(database), checkpoints)
