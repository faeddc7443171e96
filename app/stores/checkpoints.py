"""LangGraph's checkpoints: the threads' states, in the server's SQLite file."""

import json
import sqlite3
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Final

import aiosqlite
from langgraph._internal._serde import build_serde_allowlist
from langgraph.checkpoint.base import BaseCheckpointSaver

from app.errors import StorageFailed
from app.runs.event import RunId
from app.runs.graph import AnyPregel
from app.stores import checkpoint_tables as tables
from app.stores.known import KNOWN_LIMIT, KNOWN_LIMIT_BYTES, KnownMessages
from app.stores.message_rows import drop
from app.stores.packing import distinct, refs_in
from app.stores.pruning import ROOT, Row, superfluous
from app.stores.saver import Saver

BUSY_TIMEOUT_S: Final = 30.0  # the runs and their events are written to the same file
KEPT: Final = 20


@asynccontextmanager
async def open_checkpoints(
    file: Path,
    *,
    kept: int = KEPT,
    known_limit: int = KNOWN_LIMIT,
    known_limit_bytes: int = KNOWN_LIMIT_BYTES,
) -> AsyncIterator["SqliteCheckpoints"]:
    """Open the file, which open_database() has brought up to date, and close it at the end.

    kept: how many checkpoints prune() leaves of a thread. known_limit, known_limit_bytes: how many messages
    are kept in memory, and how long they may be in all, as stored.
    Raises StorageFailed.
    """
    try:
        connection = await aiosqlite.connect(file, timeout=BUSY_TIMEOUT_S, isolation_level=None)
    except sqlite3.Error as error:
        raise StorageFailed(f"the file {file} can't be opened: {error}") from error
    try:
        saver = Saver(connection, KnownMessages(known_limit, known_limit_bytes))
        await saver.sql("PRAGMA synchronous = NORMAL")
        yield SqliteCheckpoints(saver, kept)
    finally:
        await connection.close()


class SqliteCheckpoints:
    """The Checkpoints of one process."""

    def __init__(self, saver: Saver, kept: int) -> None:
        self._saver = saver
        self._kept = kept

    def saver_for(self, pregel: AnyPregel) -> BaseCheckpointSaver[Any]:
        """Return a saver that also revives the classes which the graph's own state declares.

        Each remembers the messages it loaded for itself: ask once a graph, not once a run.
        LangGraph does so by itself only where LANGGRAPH_STRICT_MSGPACK is set for the whole process; its
        function for it is private, hence the import from `_internal`.
        """
        builder = getattr(pregel, "builder", None)
        if builder is None:  # made by @entrypoint: no declared state
            return self._saver
        return self._saver.with_allowlist(
            build_serde_allowlist(schemas=list(builder.schemas), channels=builder.channels)
        )

    async def prune(self, thread_id: str) -> None:
        """Drop the thread's oldest checkpoints, and the messages that only they held.

        The state before the newest turn stays, as that turn may yet be rolled back. A thread with
        DeltaChannels is left alone: any of its checkpoints may need those before it.
        """
        async with self._saver.lock:  # no transaction: what is left half done is so as if it wasn't begun
            rows = [Row(*row) for row in await self._saver.sql(tables.ROWS, (thread_id,))]
            if doomed := superfluous(rows, self._kept):
                oldest = next(row.seq for row in rows if row.seq > max(doomed) and row.namespace == ROOT)
                await self._drop(thread_id, doomed, oldest_kept=oldest)

    async def roll_back(self, thread_id: str, run_ids: Sequence[RunId]) -> None:
        """Take what the runs wrote out of the thread: it is as it was before them."""
        runs = json.dumps(list(run_ids))
        async with self._saver.transaction():
            rows = await self._saver.sql(tables.SEQS_OF_RUNS, (thread_id, runs))
            packed = await self._saver.sql(tables.PACKED_BY_RUNS, (thread_id, runs))
            await self._saver.sql(tables.DROP_WRITES_OF_RUNS, (thread_id, runs))
            held = [refs for row in packed for refs in self._refs(*row)]
            await self._drop(thread_id, [seq for (seq,) in rows], also_held=held)

    async def delete(self, thread_id: str) -> None:
        """Forget the thread's state."""
        await self._saver.adelete_thread(thread_id)

    async def _drop(
        self,
        thread_id: str,
        seqs: list[int],
        *,
        oldest_kept: int | None = None,
        also_held: Sequence[bytes] = (),
    ) -> None:
        """Drop the checkpoints, what was written on them, and the messages that nothing holds any more.

        oldest_kept: one that stays; its list usually begins with all that the others held, so that no more
        need be read.
        """
        of, both = json.dumps(seqs), json.dumps([*seqs, oldest_kept])
        packed = await self._saver.sql(tables.PACKED_IN, (both, both))
        kept = [refs for *row, seq in packed if seq == oldest_kept for refs in self._refs(*row)]
        held = [refs for *row, seq in packed if seq != oldest_kept for refs in self._refs(*row)]
        await self._saver.sql(tables.DROP_WRITES_ON, (of,))
        await self._saver.sql(tables.DROP, (of,))
        going = [refs for refs in (*also_held, *held) if not any(each.startswith(refs) for each in kept)]
        if going:
            packed = await self._saver.sql(tables.PACKED_OF, (thread_id, thread_id))
            gone = distinct(going) - distinct([refs for row in packed for refs in self._refs(*row)])
            self._saver.known.forget(thread_id, gone)  # first: it mustn't be known when it is gone
            await drop(self._saver.sql, thread_id, gone)

    def _refs(self, kind: str, blob: bytes) -> list[bytes]:
        return refs_in(self._saver.serde, kind, blob)
