"""The event log in the SQLite file."""

import time
from collections.abc import Callable, Mapping, Sequence
from typing import Final

from seltzer.cursor import Cursor
from seltzer.runs.event import Event, RunId
from seltzer.stores.sqlite.database import Database
from seltzer.stores.sqlite.sql.events import append_events, read_events

EVENTS_LIMIT: Final = 10_000  # kept for each run; the oldest go first


class SqliteEventLog:
    """An EventLog that keeps the last events_limit events of each run. clock: seconds since 1970."""

    def __init__(
        self,
        database: Database,
        *,
        events_limit: int = EVENTS_LIMIT,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._database = database
        self._events_limit = events_limit
        self._clock = clock

    async def append(self, batch: Mapping[RunId, Sequence[Event]]) -> set[RunId]:
        now = self._clock()
        return await self._database.write(
            lambda connection: append_events(connection, batch, now, self._events_limit)
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

    def wakes(self) -> None:
        """Return None: one process alone uses the file."""
