"""The log's rows, inside a transaction that the caller began: the log's own, or that of a run's end.

Rows are only ever appended at the table's end, whatever run they belong to, and a run's rows are a chain:
each points to the one before. With an index by run, a flush would write a page for each run, not just a few.
"""

import sqlite3
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final, NamedTuple

import orjson

from seltzer.cursor import START, Cursor
from seltzer.errors import StreamGap
from seltzer.runs.event import Event, RunId
from seltzer.stores.records import pack_line, unpack_line
from seltzer.stores.sqlite.sql.bulk import insert

SWEPT_AT_ONCE: Final = 2_000  # rows erased in one transaction: the next flush waits for it


class _Head(NamedTuple):
    """Where a run's log ends. upto counts its events, all that ever were."""

    last_row: int | None = None
    attempt: int = 0
    last_seq: int = 0
    upto: int = 0


class _Row(NamedTuple):
    """A row of `events`."""

    row_id: int
    previous: int | None
    attempt: int
    last_seq: int
    upto: int
    body: bytes


def append_events(
    connection: sqlite3.Connection, batch: Mapping[RunId, Sequence[Event]], now: float, events_limit: int
) -> set[RunId]:
    """Store the events of the attempts that are running, and return the runs that are fenced.

    As EventLog.append does.
    """
    (found,) = connection.execute(_RUNNING, (orjson.dumps(list(batch)),)).fetchone()
    running = orjson.loads(found)
    fenced = {
        run_id for run_id, events in batch.items() if events and events[-1].attempt != running.get(run_id)
    }
    fresh = {
        run_id: [event for event in events if event.attempt == running[run_id]]
        for run_id, events in batch.items()
        if run_id in running
    }
    write_events(connection, fresh, now, events_limit=events_limit)
    return fenced


def write_events(
    connection: sqlite3.Connection,
    batch: Mapping[RunId, Sequence[Event]],
    now: float,
    *,
    events_limit: int | None = None,
    expires_at: float | None = None,
) -> None:
    """Store the events that aren't stored yet; the caller has checked that their attempts may write.

    With a limit, the file has at most about twice as many events of a run. expires_at: when the runs' events
    expire, unless sooner.
    """
    heads, expired, last_row = _heads(connection, batch, now)
    delete_logs(connection, expired)
    rows: list[_Row] = []
    grown: list[tuple[Any, ...]] = []
    too_long: list[tuple[RunId, int, int]] = []
    for run_id, events in batch.items():
        next_row, head = last_row + len(rows) + 1, heads.get(run_id, _Head())
        if added := _pack(head, events, next_row):
            rows += added
            row_id, _, attempt, last_seq, upto, _ = added[-1]
            grown.append((run_id, next_row, row_id, attempt, last_seq, upto, expires_at))
            if events_limit is not None and head.upto // events_limit < upto // events_limit:
                too_long.append((run_id, row_id, upto - events_limit))
    insert(connection, "INSERT INTO events VALUES %s", rows)
    insert(connection, _GROW, grown)
    for each in too_long:
        _cut(connection, *each)


def read_events(
    connection: sqlite3.Connection, run_id: RunId, after: Cursor, now: float, events_limit: int
) -> list[Event] | None:
    """Return the run's events after the cursor; None if the log has no such run. Raises StreamGap."""
    heads, _, _ = _heads(connection, (run_id,), now)
    head = heads.get(run_id)
    if head is None:
        return None
    dropped = max(0, head.upto - events_limit)  # the last of these is in a row that is kept
    rows = list(_chain(connection, "SELECT * FROM chain", head.last_row, after=after, ordinal=dropped))
    if not rows:
        return []
    rows.reverse()
    _, _, attempt, _, upto, body = rows[0]
    first = [unpack_line(attempt, line) for line in body.split(b"\n")]
    place = dropped - 1 - (upto - len(first))  # where the last of the dropped is, if not before this row
    if place >= 0 and after < first[place].cursor:
        raise StreamGap(f"the events of run {run_id!r} after {after} are no longer kept")
    events = [event for event in first if event.cursor > after]
    for _, _, attempt, _, _, body in rows[1:]:
        events += [unpack_line(attempt, line) for line in body.split(b"\n")]
    return events


def delete_logs(connection: sqlite3.Connection, log_ids: Iterable[int]) -> None:
    """Delete the logs with all their events."""
    for log_id in log_ids:
        (last_row,) = connection.execute(
            "DELETE FROM logs WHERE log_id = ? RETURNING last_row", (log_id,)
        ).fetchone()
        _chain(connection, _DELETE_CHAIN, last_row)


def delete_rows(connection: sqlite3.Connection, last_row: int) -> int:
    """Delete the row and those it follows, of a run without a log, and return how many bytes they had."""
    (size_bytes,) = _chain(
        connection, "SELECT coalesce(sum(length(body)), 0) FROM chain", last_row
    ).fetchone()
    _chain(connection, _DELETE_CHAIN, last_row)
    return int(size_bytes)


def sweep(connection: sqlite3.Connection, now: float, *, at_once: int = SWEPT_AT_ONCE) -> bool:
    """Delete the expired logs. Their rows are deleted with all rows before them: in bulk, that is cheap.

    Returns whether to sweep again: so many were deleted that there may be more.
    """
    connection.execute("DELETE FROM logs WHERE expires_at <= ?", (now,))
    return connection.execute(_SWEEP, (at_once,)).rowcount > at_once // 2


_GROW: Final = """
INSERT INTO logs (run_id, first_row, last_row, attempt, last_seq, upto, expires_at) VALUES %s
ON CONFLICT (run_id) DO UPDATE SET
    last_row = excluded.last_row, attempt = excluded.attempt,
    last_seq = excluded.last_seq, upto = excluded.upto,
    expires_at = coalesce(min(expires_at, excluded.expires_at), expires_at, excluded.expires_at)
"""
_DELETE_CHAIN: Final = "DELETE FROM events WHERE row_id IN (SELECT row_id FROM chain)"
_SWEEP: Final = """
DELETE FROM events WHERE row_id < min(
    (SELECT coalesce(min(first_row), 9223372036854775807) FROM logs), (SELECT min(row_id) + ? FROM events)
)
"""
_RUNNING: Final = """
SELECT json_group_object(run_id, attempt) FROM json_each(?) AS asked JOIN runs ON run_id = asked.value
WHERE status = 'running'
"""
# One row, however many runs are requested.
_HEADS: Final = """
SELECT (SELECT coalesce(max(row_id), 0) FROM events), json_group_array(json_array(
    run_id, iif(expires_at <= ?, log_id, NULL), last_row, attempt, last_seq, upto
)) FROM json_each(?) AS asked JOIN logs ON run_id = asked.value
"""
_CHAIN: Final = """
WITH RECURSIVE chain AS (
    SELECT * FROM events WHERE row_id = :last AND (attempt, last_seq) > (:attempt, :seq)
    UNION ALL
    SELECT events.* FROM chain JOIN events ON events.row_id = chain.previous
    WHERE (events.attempt, events.last_seq) > (:attempt, :seq) AND events.upto >= :ordinal
)
"""


def _chain(
    connection: sqlite3.Connection,
    statement: str,
    last: int | None,
    *,
    after: Cursor = START,
    ordinal: int = 0,
) -> sqlite3.Cursor:
    """Execute the statement on a run's rows, last one first, that end after the cursor, from the ordinal."""
    parameters = {"last": last, "attempt": after.attempt, "seq": after.seq, "ordinal": ordinal}
    return connection.execute(_CHAIN + statement, parameters)


def _heads(
    connection: sqlite3.Connection, run_ids: Iterable[RunId], now: float
) -> tuple[dict[RunId, _Head], list[int], int]:
    """Return where the runs' logs end, the ids of logs that have expired, and the last row of all."""
    last_row, found = connection.execute(_HEADS, (now, orjson.dumps(list(run_ids)))).fetchone()
    heads, expired = {}, []
    for run_id, expired_id, *head in orjson.loads(found):
        if expired_id is None:
            heads[run_id] = _Head(*head)
        else:
            expired.append(expired_id)
    return heads, expired, last_row


def _pack(head: _Head, events: Iterable[Event], next_row: int) -> list[_Row]:
    """Return rows for the events after the head, one an attempt."""
    previous, attempt, last_seq, upto = head
    rows: list[_Row] = []
    lines: list[bytes] = []

    def close_row() -> None:
        row_id = next_row + len(rows)
        before = rows[-1].row_id if rows else previous
        rows.append(_Row(row_id, before, attempt, last_seq, upto, b"\n".join(lines)))

    for event in events:
        if event[:2] > (attempt, last_seq):  # its cursor is an object more
            if event.attempt > attempt and lines:
                close_row()
                lines = []
            attempt, last_seq, upto = event.attempt, event.seq, upto + 1
            lines.append(pack_line(event))
    if lines:
        close_row()
    return rows


def _cut(connection: sqlite3.Connection, run_id: RunId, last_row: int, ordinal: int) -> None:
    """Delete a run's rows before the one that has the ordinal."""
    rest = _chain(connection, "SELECT min(row_id) FROM chain", last_row, ordinal=ordinal).fetchone()[0]
    (previous,) = connection.execute("SELECT previous FROM events WHERE row_id = ?", (rest,)).fetchone()
    if previous is not None:
        _chain(connection, "DELETE FROM events WHERE row_id IN (SELECT row_id FROM chain)", previous)
        connection.execute("UPDATE events SET previous = NULL WHERE row_id = ?", (rest,))
        connection.execute("UPDATE logs SET first_row = ? WHERE run_id = ?", (rest, run_id))
