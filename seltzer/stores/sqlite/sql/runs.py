"""The runs' rows, inside a transaction that the caller began."""

import sqlite3
from collections.abc import Sequence
from datetime import UTC, datetime
from operator import itemgetter
from typing import Any, Final

from seltzer.runs.event import Event, RunId
from seltzer.runs.run import STATUS_OF_LAST, AttemptStats, Owner, Run, RunSpec, Stop
from seltzer.runs.text import fold, without_nul
from seltzer.stores import records
from seltzer.stores.sqlite.sql.events import write_events
from seltzer.stores.submission import Input, unknown_thread

ACTIVE: Final = "(status IN ('pending', 'running'))"
# A run that ended without touching its thread is never the newest one there.
COUNTS: Final = f"(has_touched OR {ACTIVE})"

_NEWEST: Final = f"""
SELECT %s FROM runs WHERE thread_id = :thread_id AND {COUNTS} ORDER BY number DESC LIMIT 1
"""
_RIVALS: Final = f"""
SELECT * FROM runs WHERE run_id = :run_id OR number IN (
    SELECT number FROM runs WHERE thread_id = :thread_id AND {ACTIVE}
) OR number = ({_NEWEST % "number"})
"""
_IS_RUNNING: Final = "SELECT 1 FROM runs WHERE run_id = ? AND attempt = ? AND status = 'running'"
_ADD_THREAD: Final = """
INSERT INTO threads (thread_id, graph, title, title_folded, created_at, updated_at, number, owner)
VALUES (:thread_id, :graph, :title, :title_folded, :now, :now, :number, :owner)
ON CONFLICT (thread_id) DO NOTHING
"""
_RENEW_THREAD: Final = """
UPDATE threads SET graph = :graph, updated_at = :now, number = :number,
    title = iif(title = '', :title, title), title_folded = iif(title = '', :title_folded, title_folded)
WHERE thread_id = :thread_id AND owner = :owner
"""
_TOUCH_THREAD: Final = "UPDATE threads SET updated_at = :now WHERE thread_id = :thread_id"
_FALL_BACK: Final = f"""
UPDATE threads SET updated_at = :now,
    number = coalesce(({_NEWEST % "number"}), number), graph = coalesce(({_NEWEST % "graph"}), graph)
WHERE thread_id = :thread_id
"""


def to_run(row: sqlite3.Row) -> Run:
    """Return the run of a row of `runs`."""
    return records.to_run(row, to_datetime(row["created_at"]))


def to_datetime(seconds: float) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)


def find(connection: sqlite3.Connection, run_id: RunId, owner: Owner | None = None) -> sqlite3.Row | None:
    """Return the run's row, if it is the owner's."""
    row: sqlite3.Row | None = connection.execute("SELECT * FROM runs WHERE run_id = ?", (run_id,)).fetchone()
    return None if row is None or owner not in (None, row["owner"]) else row


def is_running(connection: sqlite3.Connection, run_id: RunId, attempt: int) -> bool:
    """Return whether the run is running that attempt: the fence."""
    return connection.execute(_IS_RUNNING, (run_id, attempt)).fetchone() is not None


def find_rivals(connection: sqlite3.Connection, run_id: RunId, thread_id: str) -> list[sqlite3.Row]:
    """Return the rows a new run depends on, oldest first: its thread's active runs and its newest one.

    If the run itself is stored already, its row alone.
    """
    rows = connection.execute(_RIVALS, {"run_id": run_id, "thread_id": thread_id}).fetchall()
    existing = [row for row in rows if row["run_id"] == run_id]
    return existing or sorted(rows, key=itemgetter("number"))


def insert_run(
    connection: sqlite3.Connection,
    spec: RunSpec,
    packed: Input,
    now: float,
    *,
    lease: tuple[str, float] | None,
    requested: tuple[str, float] | None,
) -> tuple[int, bool]:
    """Write the run's row, and its thread's; return its number, and whether the thread is new.

    lease: the worker that starts the first attempt at once, and until when it has the lease; None for a
    pending run. requested: the same of the worker that has the request of an attached run that waits.
    Raises UnknownThread if the thread is another owner's.
    """
    added = connection.execute(
        "INSERT INTO runs (run_id, thread_id, graph, status, attempt, has_touched, worker, lease_until,"
        " created_at, attached, max_steps, configurable, on_busy, answers, checkpoint_id, digest, title,"
        " input_type, input, owner, requested_by, requested_until, started_at)"
        " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        (
            *(spec.run_id, spec.thread_id, spec.graph),
            *(("running", 1, 1, *lease) if lease else ("pending", 0, 0, None, None)),
            *(now, spec.attached, spec.max_steps),
            *(records.pack_config(spec), spec.on_busy, records.pack(spec.answers), spec.checkpoint_id),
            *(spec.digest, spec.title, *packed),
            *(spec.owner, *(requested or (None, None)), now if lease else None),
        ),
    )
    number = added.lastrowid or 0
    text = without_nul(spec.title)
    title = {"title": text, "title_folded": fold(text)}
    place = {"thread_id": spec.thread_id, "graph": spec.graph, "owner": spec.owner}
    thread = {**place, "now": now, "number": number, **title}
    is_new = connection.execute(_ADD_THREAD, thread).rowcount > 0
    if not is_new and connection.execute(_RENEW_THREAD, thread).rowcount == 0:
        raise unknown_thread(spec.thread_id)
    return number, is_new


def start_attempt(
    connection: sqlite3.Connection, number: int, worker: str, until: float, now: float
) -> sqlite3.Row:
    """Start the run's next attempt, and return its row."""
    row: sqlite3.Row = connection.execute(
        "UPDATE runs SET crashes = crashes + (status = 'running'), status = 'running',"
        " attempt = attempt + 1, has_touched = 1, worker = ?,"
        " lease_until = ?, started_at = ? WHERE number = ? RETURNING *",
        (worker, until, now, number),
    ).fetchone()
    return row


def end(
    connection: sqlite3.Connection,
    which: tuple[str, Sequence[Any]],
    last: Event,
    now: float,
    *,
    output: bytes | None = None,
    touched: bool = True,
    stats: AttemptStats | None = None,
) -> bool:
    """End the run with the event; touched and stats are Runs.finish's.

    which: the condition on the run's row, and its parameters; False if there is no such run.
    """
    condition, values = which
    ended = connection.execute(
        "UPDATE runs SET status = ?, attempt = ?, last = ?, output = ?, worker = NULL, lease_until = NULL,"
        " stop = NULL, input_type = NULL, input = NULL, has_touched = has_touched AND ?,"
        " ended_at = ?, stats = ?"
        f" WHERE {condition} RETURNING thread_id, has_touched",
        (
            *(STATUS_OF_LAST[last.kind], last.attempt),
            *(records.pack_last(last), output, touched, now, records.pack_stats(stats), *values),
        ),
    ).fetchone()
    if ended is None:
        return False
    # The thread's newest run is then the newest one that counts.
    statement = _TOUCH_THREAD if ended["has_touched"] else _FALL_BACK
    connection.execute(statement, {"now": now, "thread_id": ended["thread_id"]})
    return True


def stop_run(
    connection: sqlite3.Connection, row: sqlite3.Row, how: Stop, now: float, *, retention_s: float
) -> Run | None:
    """Stop a run, as Runs.stop does, and return it if that has ended it."""
    if row["status"] == "pending":
        last = Event(row["attempt"] + 1, 1, "cancelled", {})
        end(connection, ("number = ?", (row["number"],)), last, now)
        write_events(connection, {row["run_id"]: [last]}, now, expires_at=now + retention_s)
        ended = find(connection, row["run_id"])
        return None if ended is None else to_run(ended)
    if row["status"] == "running":
        connection.execute(
            "UPDATE runs SET stop = iif(stop = 'rollback', stop, ?) WHERE number = ?", (how, row["number"])
        )
    return None
