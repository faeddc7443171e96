"""The ids of deleted threads' runs, inside a transaction that the caller began."""

import sqlite3
from typing import Final

from seltzer.runs.event import RunId
from seltzer.stores.submission import run_deleted

KEPT_S: Final = 86_400.0

_NOTE: Final = """
INSERT OR REPLACE INTO deleted_runs SELECT run_id, ? FROM runs WHERE thread_id = ? AND digest != ''
"""


def note_deleted(connection: sqlite3.Connection, thread_id: str, now: float) -> None:
    """Note that the thread's runs are deleted, and forget those of more than a day ago.

    Of runs without a digest nothing is noted: no client can send them again.
    """
    connection.execute("DELETE FROM deleted_runs WHERE deleted_at <= ?", (now - KEPT_S,))
    connection.execute(_NOTE, (now, thread_id))


def check_not_deleted(connection: sqlite3.Connection, run_id: RunId, now: float) -> None:
    """Raise RunDeleted if the run was deleted within the last day."""
    found = connection.execute(
        "SELECT 1 FROM deleted_runs WHERE run_id = ? AND deleted_at > ?", (run_id, now - KEPT_S)
    ).fetchone()
    if found is not None:
        raise run_deleted(run_id)
