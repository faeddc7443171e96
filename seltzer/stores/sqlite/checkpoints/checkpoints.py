"""The Checkpoints port: the threads' states, in the server's SQLite file."""

import json
import sqlite3
from collections.abc import Sequence
from typing import Any

from langgraph.checkpoint.base import BaseCheckpointSaver

from seltzer.runs.event import RunId
from seltzer.runs.graph import AnyPregel
from seltzer.runs.run import Run
from seltzer.runs.tree import CheckpointRef
from seltzer.stores.checkpoints.durability import triggers_of
from seltzer.stores.checkpoints.message_cache import CACHE_LIMIT, CACHE_LIMIT_BYTES, MessageCache
from seltzer.stores.checkpoints.retention import (
    INTERRUPT,
    KEPT,
    KEPT_BESIDES,
    SPARE,
    Row,
    is_lasting,
    new_parents,
    plan_pruning,
)
from seltzer.stores.checkpoints.serializer import SafeSerializer
from seltzer.stores.checkpoints.state_classes import state_classes
from seltzer.stores.options import SerdeOptions
from seltzer.stores.sqlite.checkpoints import statements
from seltzer.stores.sqlite.checkpoints.deletions import Deletion, MessageDeletions
from seltzer.stores.sqlite.checkpoints.dropped import delete, spans_in
from seltzer.stores.sqlite.checkpoints.forks import forked_seqs, redirect_forks
from seltzer.stores.sqlite.checkpoints.saver import SqliteSaver
from seltzer.stores.sqlite.database import Database
from seltzer.stores.sqlite.sql.runs import is_running


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
        # What was left before is left for good, unless only some turns are kept.
        since = counts.pruned_to(thread_id) if self._turns is None else 0

        def work(connection: sqlite3.Connection) -> Deletion:
            which = {"thread_id": thread_id, "since": since, "interrupt": INTERRUPT}
            rows = [Row(*row) for row in connection.execute(statements.ROWS, which)]
            plan = plan_pruning(rows, self._kept, forked_seqs(connection, thread_id), turns=self._turns)
            parents = new_parents(rows, plan.superfluous)
            connection.executemany(statements.SET_PARENT, [(parent, seq) for seq, parent in parents.items()])
            unused = delete(connection, thread_id, plan.superfluous, kept=plan.nearest, settled=plan.settled)
            return Deletion(unused, pruned_to=plan.oldest)

        counts.set(thread_id, self._kept + KEPT_BESIDES)
        try:
            pruned = await self._saver.deletions.run(thread_id, work)
        except BaseException:
            counts.forget(thread_id)
            raise
        counts.set_pruned_to(thread_id, pruned.pruned_to)

    async def roll_back(self, thread_id: str, run_ids: Sequence[RunId], *, by: Run | None = None) -> None:
        """Delete what the runs wrote: the thread is as it was before them.

        An active run that begins from one of these states begins from the nearest one before it instead.
        """
        of_runs = thread_id, json.dumps(list(run_ids))

        def work(connection: sqlite3.Connection) -> Deletion:
            if by is not None and not is_running(connection, by.spec.run_id, by.attempt):
                return Deletion(())
            seqs = [seq for (seq,) in connection.execute(statements.SEQS_OF_RUNS, of_runs)]
            redirect_forks(connection, thread_id, seqs)
            written = spans_in(connection.execute(statements.LISTS_BY_RUNS, of_runs))
            connection.execute(statements.DROP_WRITES_OF_RUNS, of_runs)
            return Deletion(delete(connection, thread_id, seqs, written=written))

        self._saver.counts.forget(thread_id)  # numbers of rows may be given again
        await self._saver.deletions.run(thread_id, work)

    async def reassign(self, thread_id: str, run_id: RunId, to: RunId, *, by: Run | None = None) -> None:
        """Make what the run wrote to the thread the other run's."""

        def work(connection: sqlite3.Connection) -> Deletion:
            if by is not None and not is_running(connection, by.spec.run_id, by.attempt):
                return Deletion(())
            for statement in statements.REASSIGN:
                connection.execute(statement, {"to": to, "thread_id": thread_id, "run_id": run_id})
            return Deletion(())

        await self._saver.deletions.run(thread_id, work)

    async def lasting_namespaces(self, thread_id: str) -> Sequence[str]:
        """Return the namespaces of the subgraphs that keep a state of their own from turn to turn."""
        rows = await self._saver.read_rows(statements.NAMESPACES, (thread_id,))
        return [namespace for (namespace,) in rows if is_lasting(namespace)]
