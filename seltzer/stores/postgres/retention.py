"""How long the log of an ended run is kept in the Postgres database, and when what has expired is deleted.

So is what processes that died have left of deleted threads.
"""

import asyncio
import logging
from contextvars import Context
from typing import Final

from seltzer.errors import StorageFailed
from seltzer.stores.postgres import erasure
from seltzer.stores.postgres.connections.database import Connection, Database
from seltzer.stores.postgres.connections.queries import fetch_all
from seltzer.stores.postgres.statements.events import SWEEP

log = logging.getLogger(__name__)

RETENTION_S: Final = 3600.0
SWEEP_S: Final = 1.0  # between two sweeps, unless there may be more to delete at once
SWEPT_AT_ONCE: Final = 100  # runs whose events one transaction deletes


class LogRetention:
    """The retention of the database's logs, as one of its processes sees to it.

    retention_s: how long an ended run's events are kept.
    """

    def __init__(self, database: Database, *, retention_s: float = RETENTION_S) -> None:
        self.retention_s = retention_s
        self._database = database
        self._next_sweep = 0.0
        self._sweeping: asyncio.Task[None] | None = None

    def sweep(self) -> None:
        """Delete some of what has expired, now and then, in the background."""
        loop = asyncio.get_running_loop()
        if loop.time() >= self._next_sweep and (self._sweeping is None or self._sweeping.done()):
            self._next_sweep = loop.time() + SWEEP_S
            self._sweeping = loop.create_task(self._sweep(), name="sweep the log", context=Context())

    async def aclose(self) -> None:
        """Wait for what is being deleted."""
        if self._sweeping is not None:
            await asyncio.wait([self._sweeping])

    async def _sweep(self) -> None:
        async def work(connection: Connection) -> int:
            return len(await fetch_all(connection, SWEEP, (SWEPT_AT_ONCE,)))

        try:
            while await self._database.execute(work, patience_s=0) == SWEPT_AT_ONCE:
                pass
            await erasure.sweep(self._database)
        except StorageFailed:
            log.info("what has expired in the log, or was deleted, is erased later")
