"""The event log in the Postgres database."""

from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from itertools import groupby
from typing import Any, Final

from seltzer.cursor import Cursor
from seltzer.errors import StreamGap
from seltzer.runs.event import Event, RunId
from seltzer.runs.ports import Wake
from seltzer.stores.postgres.connections.database import Connection, Database
from seltzer.stores.postgres.connections.queries import Row, fetch_all
from seltzer.stores.postgres.processes.presence import CHANNEL, Presence
from seltzer.stores.postgres.statements import events as statements
from seltzer.stores.records import pack_line, unpack_line

EVENTS_LIMIT: Final = 10_000  # kept for each run; the oldest go first
APPEND_PATIENCE_S: Final = 8.0  # less than a lease: what can't be stored until then is another attempt's


class PostgresEventLog:
    """An EventLog that keeps the last events_limit events of each run."""

    def __init__(self, database: Database, presence: Presence, *, events_limit: int = EVENTS_LIMIT) -> None:
        self._database = database
        self._presence = presence
        self._events_limit = events_limit

    async def append(self, batch: Mapping[RunId, Sequence[Event]]) -> set[RunId]:
        if not any(batch.values()):
            return set()
        given = columns(batch) | {
            "distinct": list(batch),
            "limit": self._events_limit,
            "channel": CHANNEL,
            "hint": self._presence.payload(Wake(list(batch))),
        }

        async def work(connection: Connection) -> list[Row]:
            return await fetch_all(connection, statements.APPEND, given)

        rows = await self._database.execute(work, patience_s=APPEND_PATIENCE_S)
        running = {row["run_id"]: row["attempt"] for row in rows}
        return {
            run_id for run_id, events in batch.items() if events and events[-1].attempt != running.get(run_id)
        }

    async def read(self, after: Mapping[RunId, Cursor]) -> dict[RunId, list[Event]]:
        if not after:
            return {}
        cursors = after.values()
        asked = (
            list(after),
            [_clamped(each.attempt) for each in cursors],
            [_clamped(each.seq) for each in cursors],
        )
        rows = await self._database.execute(lambda connection: fetch_all(connection, statements.READ, asked))
        return {
            run_id: self._unpack(run_id, after[run_id], list(of_run))
            for run_id, of_run in groupby(rows, key=lambda row: row["run_id"])
        }

    def wakes(self) -> AsyncIterator[Wake]:
        return self._presence.wakes()

    def _unpack(self, run_id: RunId, after: Cursor, rows: Sequence[Row]) -> list[Event]:
        """Return the events of the rows, which end after the cursor, as far as they are after it.

        Raises StreamGap.
        """
        if rows[0]["attempt"] is None:
            return []
        first = _events(rows[0])
        dropped = max(0, rows[0]["total"] - self._events_limit)
        place = dropped - 1 - (rows[0]["upto"] - len(first))  # where the last of the dropped is
        if place >= 0 and after < first[min(place, len(first) - 1)].cursor:
            raise StreamGap(f"the events of run {run_id!r} after {after} are no longer kept")
        found = [event for event in first if event.cursor > after]
        for row in rows[1:]:
            found += _events(row)
        return found


def columns(batch: Mapping[RunId, Iterable[Event]]) -> dict[str, Any]:
    """Return the parameters of a statement that inserts the events: of each run, only what rises.

    An event is a line of its attempt's body: many values cost the driver more than long ones.
    """
    given = [
        _body(run_id, attempt, rising)
        for run_id, events in batch.items()
        for attempt, rising in _rising(events).items()
    ]
    names = "run_ids", "attempts", "first_seqs", "last_seqs", "counts", "bodies"
    return {name: [row[at] for row in given] for at, name in enumerate(names)}


def _body(run_id: RunId, attempt: int, events: Sequence[Event]) -> tuple[Any, ...]:
    body = b"\n".join(map(pack_line, events))
    return run_id, attempt, events[0].seq, events[-1].seq, len(events), body


def _rising(events: Iterable[Event]) -> dict[int, list[Event]]:
    """Return each attempt's events, but for those that don't come after all before them."""
    found: dict[int, list[Event]] = {}
    for event in events:
        of_attempt = found.setdefault(event.attempt, [])
        if not of_attempt or event.seq > of_attempt[-1].seq:
            of_attempt.append(event)
    return found


def _clamped(number: int) -> int:
    """Return the number if its column can have it; no event is after the highest of those."""
    return min(number, 2**31 - 1)


def _events(row: Row) -> list[Event]:
    attempt: int = row["attempt"]
    return [unpack_line(attempt, line) for line in row["body"].split(b"\n")]
