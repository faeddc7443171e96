"""Erases what was deleted with its thread, in steps that are small enough for other writes to wait for.

Each step is inside a transaction that the caller began; the first one is that of the deletion itself.
"""

import sqlite3
from collections.abc import Iterable
from typing import Final

from seltzer.stores.sqlite.sql.events import delete_rows

STEP_BYTES: Final = 256 * 1024
ROW_BYTES: Final = 256  # what a row costs besides its content


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
        keys, left = _within(connection.execute(select, (thread_id,)), left)
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


def _within(rows: Iterable[tuple[int, int]], left: int) -> tuple[list[int], int]:
    """Return the keys of the first rows that have so many bytes or a little more, and how many are left."""
    keys = []
    for key, size in rows:
        if left <= 0:
            break
        keys.append(key)
        left -= size + ROW_BYTES
    return keys, left


_OF_THREAD = "run_id IN (SELECT run_id FROM runs WHERE thread_id = ?)"
_MARK_LOGS: Final = f"""
INSERT OR IGNORE INTO erased_logs SELECT last_row, ? FROM logs WHERE last_row IS NOT NULL AND {_OF_THREAD}
"""
_DELETE_LOGS: Final = f"DELETE FROM logs WHERE {_OF_THREAD}"
# Messages and states may be large, whose lengths are read without their content.
_TABLES: Final = [
    (
        f"SELECT {key}, length({content}) FROM {table} WHERE thread_id = ?",
        f"DELETE FROM {table} WHERE thread_id = ? AND {key} = ?",
    )
    for table, key, content in (
        ("checkpoint_messages", "number", "blob"),
        ("writes", "seq", "value"),
        ("checkpoints", "seq", "checkpoint"),
    )
]
