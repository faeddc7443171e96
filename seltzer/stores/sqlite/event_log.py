"""The event log in the SQLite file."""

import sqlite3
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Final

from seltzer.cursor import Cursor
from seltzer.runs.event import Event, RunId
from seltzer.stores.sqlite.database import Database
from seltzer.stores.sqlite.sql.events import SWEPT_AT_ONCE, read_events, sweep, write_events

EVENTS_LIMIT: Final = 10_000  # kept for each run; the oldest go first
SWEEP_S: Final = 1.0  # between two sweeps, unless there may be more to delete at once


class SqliteEventLog:
    """An EventLog that keeps the last events_limit events of each run.

    swept_at_once: the most rows that a sweep deletes. clock: seconds since 1970.
    """

    def __init__(
        self,
        database: Database,
        *,
        events_limit: int = EVENTS_LIMIT,
        swept_at_once: int = SWEPT_AT_ONCE,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._database = database
        self._events_limit = events_limit
        self._swept_at_once = swept_at_once
        self._clock = clock
        self._next_sweep = clock()

    async def append(self, batch: Mapping[RunId, Sequence[Event]]) -> set[RunId]:
        now = self._clock()
        return await self._database.write(
            lambda connection: write_events(connection, batch, now, events_limit=self._events_limit)
        )

    async def read(self, after: Mapping[RunId, Cursor]) -> dict[RunId, list[Event]]:
        now = self._clock()
        found = await self._database.read(
            lambda connection: {
                run_id: read_events(connection, run_id, cursor, now, self._events_limit)
                for run_id, cursor in after.items()
            }
        )
        return {run_id: events for run_id, events in found.items() if events is not None}

    async def expire(self, run_id: RunId, ttl_s: float) -> None:
        """Do what EventLog.expire describes; some events that have expired are deleted now."""
        now = self._clock()

        def work(connection: sqlite3.Connection) -> None:
            connection.execute(_EXPIRE, {"run_id": run_id, "until": now + ttl_s})
            sweep(connection, now)

        await self._database.write(work)

    async def sweep(self) -> None:
        now = self._clock()
        if now < self._next_sweep <= now + SWEEP_S:  # a clock that was set back doesn't postpone it
            return
        self._next_sweep = now + SWEEP_S
        at_once = self._swept_at_once
        if await self._database.write(lambda connection: sweep(connection, now, at_once=at_once)):
            self._next_sweep = now

    async def expire_ended(self, ttl_s: float) -> None:
        """Have the events of ended runs expire in ttl_s seconds, where expire() was never called for them.

        For the opening of the file: a process may have died between a run's end and its expire().
        """
        until = self._clock() + ttl_s
        await self._database.write(lambda connection: connection.execute(_EXPIRE_ENDED, (until,)))


_EXPIRE: Final = """
UPDATE logs SET expires_at = min(coalesce(expires_at, :until), :until) WHERE run_id = :run_id
"""
_EXPIRE_ENDED: Final = """
UPDATE logs SET expires_at = ? WHERE expires_at IS NULL AND run_id NOT IN (
    SELECT run_id FROM runs WHERE status IN ('pending', 'running')
)
"""
