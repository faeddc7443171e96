"""The Checkpoints port: the threads' states, in the server's SQLite file."""

import json
import sqlite3
from collections.abc import Collection, Sequence
from typing import Any, Final

from langgraph.checkpoint.base import BaseCheckpointSaver

from seltzer.runs.event import RunId
from seltzer.runs.graph import AnyPregel
from seltzer.runs.tree import CheckpointRef
from seltzer.stores.checkpoints.durability import triggers_of
from seltzer.stores.checkpoints.message_cache import CACHE_LIMIT, CACHE_LIMIT_BYTES, MessageCache
from seltzer.stores.checkpoints.packing import distinct, packed_lists
from seltzer.stores.checkpoints.retention import (
    KEPT_BESIDES,
    ROOT,
    Row,
    is_lasting,
    new_parents,
    superfluous,
)
from seltzer.stores.checkpoints.serializer import SafeSerializer
from seltzer.stores.checkpoints.state_classes import state_classes
from seltzer.stores.options import SerdeOptions
from seltzer.stores.sqlite.checkpoints import statements
from seltzer.stores.sqlite.checkpoints.deletions import Deletion, MessageDeletions
from seltzer.stores.sqlite.checkpoints.forks import forked_seqs, redirect_forks
from seltzer.stores.sqlite.checkpoints.messages import drop
from seltzer.stores.sqlite.checkpoints.saver import SqliteSaver
from seltzer.stores.sqlite.database import Database

KEPT: Final = 20
SPARE: Final = 10


class SqliteCheckpoints:
    """The Checkpoints of one process, in its event loop.

    kept: how many of a thread's checkpoints prune() leaves; it leaves up to `spare` more as long as it is
    certain that there aren't more than that. turns: of how many of a thread's turns the first and the last
    state are kept besides; None for all of them. cache_limit, cache_limit_bytes: how many messages are kept
    in memory, and how long they may be in all, as stored.
    """

    def __init__(
        self,
        database: Database,
        *,
        kept: int = KEPT,
        spare: int = SPARE,
        turns: int | None = 1,
        cache_limit: int = CACHE_LIMIT,
        cache_limit_bytes: int = CACHE_LIMIT_BYTES,
        serde: SerdeOptions | None = None,
    ) -> None:
        cache = MessageCache(cache_limit, cache_limit_bytes)
        self._saver = SqliteSaver(database, cache, SafeSerializer(serde or SerdeOptions()))
        self.deletions: MessageDeletions = self._saver.deletions
        self._kept = kept
        self._spare = spare
        self._turns = turns

    def saver_for(self, pregel: AnyPregel) -> BaseCheckpointSaver[Any]:
        """Return a saver that also revives the classes which the graph's state declares.

        Where graphs declare the same classes, their savers share the messages that are cached.
        """
        is_declared = hasattr(pregel, "builder")  # else it was made by @entrypoint, without a schema
        return self._saver.for_graph(state_classes(pregel), triggers_of(pregel) if is_declared else None)

    async def tree(self, thread_id: str) -> Sequence[CheckpointRef]:
        """Return the checkpoints of the graph itself, in the order of writing."""
        return [CheckpointRef(*row) for row in await self._saver.read_rows(statements.TREE, (thread_id,))]

    async def prune(self, thread_id: str) -> None:
        """Delete the thread's oldest checkpoints, and the messages that only they refer to.

        The state before the newest turn is kept, as that turn may yet be rolled back, and so is what an
        active run begins from. A thread with DeltaChannels is left alone: any of its checkpoints may need
        those before it.
        """
        counts = self._saver.counts
        if not counts.may_exceed(thread_id, self._kept + self._spare):
            return

        def work(connection: sqlite3.Connection) -> Deletion:
            rows = [Row(*row) for row in connection.execute(statements.ROWS, (thread_id,))]
            forked = forked_seqs(connection, thread_id)
            doomed = set(superfluous(rows, self._kept, forked, turns=self._turns))
            if not doomed:
                return Deletion(())
            connection.executemany(
                statements.SET_PARENT, [(parent, seq) for seq, parent in new_parents(rows, doomed).items()]
            )
            return self._delete(connection, thread_id, sorted(doomed), kept=_next_kept(rows, doomed))

        counts.set(thread_id, self._kept + KEPT_BESIDES)
        try:
            await self._saver.deletions.run(thread_id, work)
        except BaseException:
            counts.forget(thread_id)
            raise

    async def roll_back(self, thread_id: str, run_ids: Sequence[RunId]) -> None:
        """Delete what the runs wrote: the thread is as it was before them.

        An active run that begins from one of these states begins from the nearest one before it instead.
        """
        of_runs = thread_id, json.dumps(list(run_ids))

        def work(connection: sqlite3.Connection) -> Deletion:
            seqs = [seq for (seq,) in connection.execute(statements.SEQS_OF_RUNS, of_runs)]
            redirect_forks(connection, thread_id, seqs)
            packed = connection.execute(statements.PACKED_BY_RUNS, of_runs).fetchall()
            connection.execute(statements.DROP_WRITES_OF_RUNS, of_runs)
            written = [refs for row in packed for refs in self._lists(*row)]
            return self._delete(connection, thread_id, seqs, written=written)

        await self._saver.deletions.run(thread_id, work)

    async def lasting_namespaces(self, thread_id: str) -> Sequence[str]:
        """Return the namespaces of the subgraphs that keep a state of their own from turn to turn."""
        rows = await self._saver.read_rows(statements.NAMESPACES, (thread_id,))
        return [namespace for (namespace,) in rows if is_lasting(namespace)]

    def _delete(
        self,
        connection: sqlite3.Connection,
        thread_id: str,
        seqs: list[int],
        *,
        kept: Collection[int] = (),
        written: Sequence[bytes] = (),
    ) -> Deletion:
        """Delete the checkpoints, the writes on them, and the messages that nothing refers to any more.

        kept: checkpoints that stay; their lists usually start with all that the others have, so that no more
        need be read. written: lists of writes that were deleted.
        """
        of, both = json.dumps(seqs), json.dumps([*seqs, *kept])
        packed = connection.execute(statements.PACKED_IN, (both, both)).fetchall()
        stay = [refs for *row, seq in packed if seq in kept for refs in self._lists(*row)]
        deleted = [refs for *row, seq in packed if seq not in kept for refs in self._lists(*row)]
        connection.execute(statements.DROP_WRITES_ON, (of,))
        connection.execute(statements.DROP, (of,))
        doubtful = [refs for refs in (*written, *deleted) if not any(each.startswith(refs) for each in stay)]
        if not doubtful:
            return Deletion(())
        packed = connection.execute(statements.PACKED_OF, (thread_id, thread_id)).fetchall()
        unused = distinct(doubtful) - distinct([refs for row in packed for refs in self._lists(*row)])
        drop(connection, thread_id, unused)
        return Deletion(unused)

    def _lists(self, kind: str, blob: bytes) -> list[bytes]:
        return packed_lists(self._saver.serde, kind, blob)


def _next_kept(rows: Sequence[Row], doomed: Collection[int]) -> set[int]:
    """Return, for each of the doomed checkpoints, the next one of the graph itself that is kept."""
    found: set[int] = set()
    nearest: int | None = None
    for row in reversed(rows):
        if row.seq in doomed:
            found.update(() if nearest is None else (nearest,))
        elif row.namespace == ROOT:
            nearest = row.seq
    return found
