"""The checkpoints that active runs begin from: kept while these wait, replaced when they are rolled back."""

from collections.abc import Collection
from typing import Final

from seltzer.stores.postgres.connections.database import Connection
from seltzer.stores.postgres.connections.queries import fetch_all
from seltzer.stores.postgres.statements.runs import ACTIVE

_FORKS: Final = f"""
SELECT DISTINCT checkpoint_id FROM seltzer.runs
WHERE thread_id = %s AND checkpoint_id IS NOT NULL AND {ACTIVE}
"""
_FORKED: Final = f"""
SELECT seq FROM seltzer.checkpoints
WHERE thread_id = %s AND checkpoint_ns = '' AND checkpoint_id IN ({_FORKS})
"""
_PARENTS: Final = """
SELECT seq, checkpoint_id, parent_checkpoint_id FROM seltzer.checkpoints
WHERE thread_id = %s AND checkpoint_ns = ''
"""
_REDIRECT: Final = f"""
UPDATE seltzer.runs SET checkpoint_id = %s WHERE thread_id = %s AND checkpoint_id = %s AND {ACTIVE}
"""


async def forked_seqs(connection: Connection, thread_id: str) -> list[int]:
    """Return the seqs of the checkpoints that the thread's active runs begin from."""
    return [row["seq"] for row in await fetch_all(connection, _FORKED, (thread_id, thread_id))]


async def redirect_forks(connection: Connection, thread_id: str, deleted: Collection[int]) -> None:
    """Have the runs that begin from one of the deleted checkpoints begin from the nearest one before it.

    deleted: their seqs. If it was the thread's first state, they begin from the newest one there is. If those
    before it aren't kept, nothing is changed: such a run fails when it begins.
    """
    forks = [row["checkpoint_id"] for row in await fetch_all(connection, _FORKS, (thread_id,))]
    if not forks:
        return
    rows = await fetch_all(connection, _PARENTS, (thread_id,))
    seqs = set(deleted)
    gone = {row["checkpoint_id"]: row["parent_checkpoint_id"] for row in rows if row["seq"] in seqs}
    there = {row["checkpoint_id"] for row in rows}
    for fork in forks:
        nearest = fork
        while nearest in gone:
            nearest = gone[nearest]
        if fork in gone and (nearest is None or nearest in there):
            await connection.execute(_REDIRECT.encode(), (nearest, thread_id, fork))
