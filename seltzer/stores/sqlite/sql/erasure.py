"""Erases what was deleted with its thread, in steps that are small enough for other writes to wait for.

Each step is inside a transaction that the caller began; the first one is that of the deletion itself.
"""

import sqlite3
from collections.abc import Iterable
from itertools import accumulate, takewhile
from typing import Final

from seltzer.stores.sqlite.sql.events import delete_rows

STEP_BYTES: Final = 512 * 1024
ROW_BYTES: Final = 256  # what a row costs besides its content
ROWS: Final = STEP_BYTES // ROW_BYTES


def mark(connection: sqlite3.Connection, thread_id: str) -> None:
    """Mark the thread's states as deleted. Until they are erased, MessageDeletions hides them."""
    connection.execute("INSERT OR IGNORE INTO erased_threads VALUES (?)", (thread_id,))


def begin(connection: sqlite3.Connection, thread_id: str) -> None:
    """Mark the thread's states and the events of its runs as deleted, which must still be there."""
    mark(connection, thread_id)
    connection.execute(_MARK_LOGS, (thread_id, thread_id))
    connection.execute(_DELETE_LOGS, (thread_id,))


def erase_some(connection: sqlite3.Connection, thread_id: str) -> bool:
    """Erase some of what is marked, and return whether there is more."""
    left = _erase_logs(connection, thread_id, STEP_BYTES)
    for select, delete in _TABLES:
        if left <= 0:
            return True
        rows = connection.execute(select, (thread_id, ROWS)).fetchall()
        keys, left = _within(rows, left)
        connection.executemany(delete, [(thread_id, key) for key in keys])
    if left <= 0:
        return True
    connection.execute("DELETE FROM erased_threads WHERE thread_id = ?", (thread_id,))
    return False


def unfinished(connection: sqlite3.Connection) -> list[str]:
    """Return the threads of which there is more to erase."""
    return [thread_id for (thread_id,) in connection.execute("SELECT thread_id FROM erased_threads")]


def _erase_logs(connection: sqlite3.Connection, thread_id: str, left: int) -> int:
    """Erase events of at most about so many bytes, and return how many of these are left."""
    logs = connection.execute("SELECT last_row FROM erased_logs WHERE thread_id = ?", (thread_id,)).fetchall()
    for (last_row,) in logs:
        if left <= 0:
            break
        left -= delete_rows(connection, last_row)
        connection.execute("DELETE FROM erased_logs WHERE last_row = ?", (last_row,))
    return left


def _within(rows: Iterable[tuple[int, int]], limit: int) -> tuple[list[int], int]:
    """Return the keys of the first rows up to the limit and a little beyond, and what is left of it."""
    sizes = list(rows)
    before = accumulate((size + ROW_BYTES for _, size in sizes), initial=0)
    keys = [key for (key, _), _ in takewhile(lambda each: each[1] < limit, zip(sizes, before, strict=False))]
    used = sum(size + ROW_BYTES for _, size in sizes[: len(keys)])
    return keys, limit - used


_OF_THREAD = "run_id IN (SELECT run_id FROM runs WHERE thread_id = ?)"
_MARK_LOGS: Final = f"""
INSERT OR IGNORE INTO erased_logs SELECT last_row, ? FROM logs WHERE last_row IS NOT NULL AND {_OF_THREAD}
"""
_DELETE_LOGS: Final = f"DELETE FROM logs WHERE {_OF_THREAD}"
# Messages and states may be large, whose lengths are read without their content.
_TABLES: Final = [
    (
        f"SELECT {key}, length({content}) FROM {table} WHERE thread_id = ? LIMIT ?",
        f"DELETE FROM {table} WHERE thread_id = ? AND {key} = ?",
    )
    for table, key, content in (
        ("checkpoint_messages", "number", "blob"),
        ("writes", "seq", "value"),
        ("checkpoints", "seq", "checkpoint"),
    )
]
