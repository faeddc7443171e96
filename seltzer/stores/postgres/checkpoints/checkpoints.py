"""The Checkpoints port: the threads' states, in the Postgres database."""

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
    Plan,
    Row,
    is_lasting,
    new_parents,
    plan_pruning,
)
from seltzer.stores.checkpoints.serializer import SafeSerializer
from seltzer.stores.checkpoints.state_classes import state_classes
from seltzer.stores.options import SerdeOptions
from seltzer.stores.postgres.checkpoints import statements
from seltzer.stores.postgres.checkpoints.behind import Behind
from seltzer.stores.postgres.checkpoints.dropped import delete, spans_in
from seltzer.stores.postgres.checkpoints.forks import forked_seqs, redirect_forks
from seltzer.stores.postgres.checkpoints.saver import PostgresSaver
from seltzer.stores.postgres.connections.database import Connection, Database
from seltzer.stores.postgres.connections.queries import fetch_all
from seltzer.stores.postgres.runs.submissions import lock_thread


class PostgresCheckpoints:
    """The Checkpoints of all processes on the database, in the event loop of one of them.

    kept: how many of a thread's checkpoints prune() leaves; it leaves up to `spare` more as long as this
    process hasn't written more than that. turns: of how many of a thread's turns the first and the last state
    are kept besides; None for all of them. cache_limit, cache_limit_bytes: how many messages are kept in
    memory, and how long they may be in all, as stored.
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
        self._database = database
        self._cache = MessageCache(cache_limit, cache_limit_bytes)
        self.behind = Behind(database)
        serializer = SafeSerializer(serde or SerdeOptions())
        self._saver = PostgresSaver(database, self._cache, serializer, self.behind)
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
        await self.behind.flush(thread_id)
        rows = await self._saver.reader.read_rows(statements.TREE, (thread_id,))
        return [CheckpointRef(*row.values()) for row in rows]

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

        async def work(connection: Connection) -> tuple[Plan, list[int]]:
            await lock_thread(connection, thread_id)
            which = {"thread_id": thread_id, "since": since, "interrupt": INTERRUPT}
            rows = [Row(*row.values()) for row in await fetch_all(connection, statements.ROWS, which)]
            forked = await forked_seqs(connection, thread_id)
            plan = plan_pruning(rows, self._kept, forked, turns=self._turns)
            parents = new_parents(rows, plan.superfluous)
            await connection.execute(statements.SET_PARENTS.encode(), ([*parents], [*parents.values()]))
            seqs, kept = plan.superfluous, plan.nearest
            return plan, await delete(connection, thread_id, seqs, kept=kept, settled=plan.settled)

        await self.behind.flush(thread_id)
        counts.set(thread_id, self._kept + KEPT_BESIDES)
        try:
            plan, unused = await self._database.transact(work)
        except BaseException:
            counts.forget(thread_id)
            raise
        if unused:
            self._cache.evict(thread_id, unused)
        counts.set_pruned_to(thread_id, plan.oldest)

    async def roll_back(self, thread_id: str, run_ids: Sequence[RunId], *, by: Run | None = None) -> None:
        """Delete what the runs wrote: the thread is as it was before them.

        An active run that begins from one of these states begins from the nearest one before it instead.
        """
        of_runs = thread_id, [*run_ids]

        async def work(connection: Connection) -> list[int]:
            await lock_thread(connection, thread_id)
            if by is not None and not await _is_running(connection, by):
                return []
            seqs = [row["seq"] for row in await fetch_all(connection, statements.SEQS_OF_RUNS, of_runs)]
            await redirect_forks(connection, thread_id, seqs)
            written = spans_in(await fetch_all(connection, statements.LISTS_BY_RUNS, of_runs))
            await connection.execute(statements.DROP_WRITES_OF_RUNS.encode(), of_runs)
            return await delete(connection, thread_id, seqs, written=written)

        await self.behind.flush(thread_id)
        if unused := await self._database.transact(work):
            self._cache.evict(thread_id, unused)

    async def reassign(self, thread_id: str, run_id: RunId, to: RunId, *, by: Run | None = None) -> None:
        """Make what the run wrote to the thread the other run's."""
        given = {"thread_id": thread_id, "run_id": run_id, "to": to}

        async def work(connection: Connection) -> None:
            await lock_thread(connection, thread_id)
            if by is not None and not await _is_running(connection, by):
                return
            for statement in statements.REASSIGN:
                await connection.execute(statement.encode(), given)

        await self.behind.flush(thread_id)
        await self._database.transact(work)

    async def lasting_namespaces(self, thread_id: str) -> Sequence[str]:
        """Return the namespaces of the subgraphs that keep a state of their own from turn to turn."""
        await self.behind.flush(thread_id)
        rows = await self._saver.reader.read_rows(statements.NAMESPACES, (thread_id,))
        return [row["checkpoint_ns"] for row in rows if is_lasting(row["checkpoint_ns"])]


async def _is_running(connection: Connection, run: Run) -> bool:
    """Return whether the run's row is running this attempt, which it is until the transaction has ended."""
    fence = {"run_id": run.spec.run_id, "attempt": run.attempt}
    return bool(await fetch_all(connection, statements.IS_RUNNING, fence))
