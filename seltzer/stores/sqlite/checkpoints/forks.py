"""The checkpoints that active runs begin from: kept while these wait, replaced when they are rolled back."""

import sqlite3
from collections.abc import Collection
from typing import Final

from seltzer.stores.sqlite.sql.runs import ACTIVE

_FORKS: Final = f"""
SELECT DISTINCT checkpoint_id FROM runs WHERE thread_id = ? AND checkpoint_id IS NOT NULL AND {ACTIVE}
"""
_FORKED: Final = f"""
SELECT seq FROM checkpoints WHERE thread_id = ? AND checkpoint_ns = '' AND checkpoint_id IN ({_FORKS})
"""
_PARENTS: Final = """
SELECT seq, checkpoint_id, parent_checkpoint_id FROM checkpoints WHERE thread_id = ? AND checkpoint_ns = ''
"""
_REDIRECT: Final = f"UPDATE runs SET checkpoint_id = ? WHERE thread_id = ? AND checkpoint_id = ? AND {ACTIVE}"


def forked_seqs(connection: sqlite3.Connection, thread_id: str) -> list[int]:
    """Return the seqs of the checkpoints that the thread's active runs begin from."""
    return [seq for (seq,) in connection.execute(_FORKED, (thread_id, thread_id))]


def redirect_forks(connection: sqlite3.Connection, thread_id: str, deleted: Collection[int]) -> None:
    """Have the runs that begin from one of the deleted checkpoints begin from the nearest one before it.

    deleted: their seqs. If it was the thread's first state, they begin from the newest one there is. If those
    before it aren't kept, nothing is changed: such a run fails when it begins.
    """
    forks = [checkpoint_id for (checkpoint_id,) in connection.execute(_FORKS, (thread_id,))]
    if not forks:
        return
    rows = connection.execute(_PARENTS, (thread_id,)).fetchall()
    seqs = set(deleted)
    gone = {checkpoint_id: parent for seq, checkpoint_id, parent in rows if seq in seqs}
    there = {checkpoint_id for _, checkpoint_id, _ in rows}
    for fork in forks:
        nearest = fork
        while nearest in gone:
            nearest = gone[nearest]
        if fork in gone and (nearest is None or nearest in there):
            connection.execute(_REDIRECT, (nearest, thread_id, fork))
