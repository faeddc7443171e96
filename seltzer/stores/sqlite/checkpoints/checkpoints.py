"""LangGraph's checkpoints: the threads' states, in the server's SQLite file."""

import json
import sqlite3
from collections.abc import Sequence
from typing import Any, Final

from langgraph.checkpoint.base import BaseCheckpointSaver

from seltzer.runs.event import RunId
from seltzer.runs.graph import AnyPregel
from seltzer.stores.checkpoints.durability import triggers_of
from seltzer.stores.checkpoints.message_cache import KNOWN_LIMIT, KNOWN_LIMIT_BYTES, MessageCache
from seltzer.stores.checkpoints.packing import distinct, refs_in
from seltzer.stores.checkpoints.retention import LEFT_BESIDES, ROOT, Row, superfluous
from seltzer.stores.checkpoints.serializer import SafeSerializer
from seltzer.stores.checkpoints.state_classes import state_classes
from seltzer.stores.options import SerdeOptions
from seltzer.stores.sqlite.checkpoints import statements
from seltzer.stores.sqlite.checkpoints.messages import drop
from seltzer.stores.sqlite.checkpoints.saver import SqliteSaver
from seltzer.stores.sqlite.database import Database

KEPT: Final = 20
SPARE: Final = 10


class SqliteCheckpoints:
    """The Checkpoints of one process, in its event loop.

    kept: how many of a thread's checkpoints prune() leaves; it leaves up to `spare` more, as long as it knows
    that there aren't more than that. known_limit, known_limit_bytes: how many messages are kept in memory,
    and how long they may be in all, as stored.
    """

    def __init__(
        self,
        database: Database,
        *,
        kept: int = KEPT,
        spare: int = SPARE,
        known_limit: int = KNOWN_LIMIT,
        known_limit_bytes: int = KNOWN_LIMIT_BYTES,
        serde: SerdeOptions | None = None,
    ) -> None:
        self._saver = SqliteSaver(
            database, MessageCache(known_limit, known_limit_bytes), SafeSerializer(serde or SerdeOptions())
        )
        self._kept = kept
        self._spare = spare

    def saver_for(self, pregel: AnyPregel) -> BaseCheckpointSaver[Any]:
        """Return a saver that also revives the classes which the graph's own state declares.

        Each caches the messages it loaded for itself: ask once a graph, not once a run.
        """
        is_declared = hasattr(pregel, "builder")  # else it was made by @entrypoint, without a schema
        return self._saver.for_graph(state_classes(pregel), triggers_of(pregel) if is_declared else None)

    async def prune(self, thread_id: str) -> None:
        """Drop the thread's oldest checkpoints, and the messages that only they held.

        The state before the newest turn stays, as that turn may yet be rolled back. A thread with
        DeltaChannels is left alone: any of its checkpoints may need those before it.
        """
        written = self._saver.written
        if not written.may_exceed(thread_id, self._kept + self._spare):
            return

        def work(connection: sqlite3.Connection) -> set[bytes]:
            rows = [Row(*row) for row in connection.execute(statements.ROWS, (thread_id,))]
            doomed = superfluous(rows, self._kept)
            if not doomed:
                return set()
            oldest = next(row.seq for row in rows if row.seq > max(doomed) and row.namespace == ROOT)
            return self._drop(connection, thread_id, doomed, oldest_kept=oldest)

        written.set(thread_id, self._kept + LEFT_BESIDES)
        try:
            await self._saver.drops.do(thread_id, work)
        except BaseException:
            written.forget(thread_id)
            raise

    async def roll_back(self, thread_id: str, run_ids: Sequence[RunId]) -> None:
        """Take what the runs wrote out of the thread: it is as it was before them."""
        of_runs = thread_id, json.dumps(list(run_ids))

        def work(connection: sqlite3.Connection) -> set[bytes]:
            seqs = [seq for (seq,) in connection.execute(statements.SEQS_OF_RUNS, of_runs)]
            packed = connection.execute(statements.PACKED_BY_RUNS, of_runs).fetchall()
            connection.execute(statements.DROP_WRITES_OF_RUNS, of_runs)
            held = [refs for row in packed for refs in self._refs(*row)]
            return self._drop(connection, thread_id, seqs, also_held=held)

        await self._saver.drops.do(thread_id, work)

    async def delete(self, thread_id: str) -> None:
        """Forget the thread's state."""
        await self._saver.adelete_thread(thread_id)

    def _drop(
        self,
        connection: sqlite3.Connection,
        thread_id: str,
        seqs: list[int],
        *,
        oldest_kept: int | None = None,
        also_held: Sequence[bytes] = (),
    ) -> set[bytes]:
        """Drop the checkpoints, what was written on them, and the messages that nothing holds any more.

        oldest_kept: one that stays; its list usually begins with all that the others held, so that no more
        need be read. Returns the messages that have gone.
        """
        of, both = json.dumps(seqs), json.dumps([*seqs, oldest_kept])
        packed = connection.execute(statements.PACKED_IN, (both, both)).fetchall()
        kept = [refs for *row, seq in packed if seq == oldest_kept for refs in self._refs(*row)]
        held = [refs for *row, seq in packed if seq != oldest_kept for refs in self._refs(*row)]
        connection.execute(statements.DROP_WRITES_ON, (of,))
        connection.execute(statements.DROP, (of,))
        going = [refs for refs in (*also_held, *held) if not any(each.startswith(refs) for each in kept)]
        if not going:
            return set()
        packed = connection.execute(statements.PACKED_OF, (thread_id, thread_id)).fetchall()
        gone = distinct(going) - distinct([refs for row in packed for refs in self._refs(*row)])
        drop(connection, thread_id, gone)
        return gone

    def _refs(self, kind: str, blob: bytes) -> list[bytes]:
        return refs_in(self._saver.serde, kind, blob)
