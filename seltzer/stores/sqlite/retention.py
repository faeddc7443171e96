"""How long the log of an ended run is kept in the SQLite file, and when what has expired is deleted."""

import sqlite3
import time
from collections.abc import Callable
from typing import Final

from seltzer.stores.sqlite.database import Database
from seltzer.stores.sqlite.sql.events import SWEPT_AT_ONCE, sweep

RETENTION_S: Final = 3600.0
SWEEP_S: Final = 1.0  # between two sweeps, unless there may be more to delete at once


class LogRetention:
    """The retention of one file's logs.

    retention_s: how long an ended run's events are kept. swept_at_once: the most rows that a sweep deletes.
    clock: seconds since 1970.
    """

    def __init__(
        self,
        database: Database,
        *,
        retention_s: float = RETENTION_S,
        swept_at_once: int = SWEPT_AT_ONCE,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self.retention_s = retention_s
        self._database = database
        self._swept_at_once = swept_at_once
        self._clock = clock
        self._next_sweep = clock()

    def sweep(self) -> None:
        """Delete some of what has expired, now and then: a moment later, with what else is written then."""
        now = self._clock()
        if now < self._next_sweep <= now + SWEEP_S:  # a clock that was set back doesn't postpone it
            return
        self._next_sweep = now + SWEEP_S

        def work(connection: sqlite3.Connection) -> None:
            if sweep(connection, now, at_once=self._swept_at_once):
                self._next_sweep = now

        self._database.post(_OWNER, work, can_wait=True)

    async def sweep_all(self) -> None:
        """Delete all that has expired, in steps between which others may write."""
        now = self._clock()

        def work(connection: sqlite3.Connection) -> bool:
            return sweep(connection, now, at_once=self._swept_at_once)

        while await self._database.write(work):
            pass

    async def expire_ended(self) -> None:
        """Have the events of ended runs expire, where nothing says yet when.

        For the opening of the file: an earlier version may have died between a run's end and that.
        """
        until = self._clock() + self.retention_s
        await self._database.write(lambda connection: connection.execute(_EXPIRE_ENDED, (until,)))


_OWNER: Final = "retention"
_EXPIRE_ENDED: Final = """
UPDATE logs SET expires_at = ? WHERE expires_at IS NULL AND run_id NOT IN (
    SELECT run_id FROM runs WHERE status IN ('pending', 'running')
)
"""
