"""Writes of a run's state that nothing waits for, on their way to the database.

Each statement is a round trip, and its commit waits for the disk. A write before which no node would run
(seltzer/stores/checkpoints/durability.py decides that) waits here: for the next one that is waited for, for
the run's end, for somebody who reads the thread, or for a moment. Then all go as one statement, in their
order. So a crash loses at most the last moment of what may be lost, and never what came before something that
is stored.
"""

import asyncio
import logging
from collections.abc import Iterable, Sequence
from contextvars import Context
from dataclasses import dataclass, field
from itertools import groupby
from typing import Any, Final, Literal, NamedTuple

from seltzer.runs.event import RunId
from seltzer.runs.execution.fence import LeaseLost
from seltzer.stores.checkpoints.packing import Packed
from seltzer.stores.checkpoints.partial_lists import StoredLists, stored_lists
from seltzer.stores.postgres.checkpoints import statements
from seltzer.stores.postgres.checkpoints.messages import store
from seltzer.stores.postgres.connections.database import Connection, Database
from seltzer.stores.postgres.connections.queries import Row as Result
from seltzer.stores.postgres.connections.queries import fetch_all
from seltzer.stores.postgres.event_log import APPEND_PATIENCE_S

log = logging.getLogger(__name__)

MOMENT_S: Final = 0.02


class Writer(NamedTuple):
    """Whose write it is: an attempt's, or nobody's (an empty run_id)."""

    run_id: RunId = ""
    attempt: int = 0


class Row(NamedTuple):
    """A row to write: its columns but for the lists of messages, which it has as they were packed.

    key: which row of the table it is. Of a task's results the first one counts, of other rows the last.
    """

    writer: Writer
    table: Literal["state", "result", "note"]
    key: tuple[Any, ...]
    columns: dict[str, Any]
    packed: Packed


@dataclass(slots=True)
class _Thread:
    """What waits to be written to a thread, who waits for that, and the task that writes it."""

    rows: list[Row] = field(default_factory=list)
    waiters: list[tuple[Writer, "asyncio.Future[None]"]] = field(default_factory=list)
    timer: asyncio.TimerHandle | None = None
    writing: "asyncio.Task[None] | None" = None


class Behind:
    """The writes of one process that wait."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._threads: dict[str, _Thread] = {}
        self._failed: dict[Writer, Exception] = {}

    async def write(self, thread_id: str, rows: Sequence[Row]) -> None:
        """Write the rows of one writer, after all that waits for the thread.

        A cancelled caller returns at once; the rows are written all the same. Raises LeaseLost if the writer
        may not write any more, StorageFailed, and what check() raises.
        """
        writer = rows[0].writer
        self.check(writer)
        self.post(thread_id, rows)
        written = asyncio.get_running_loop().create_future()
        self._threads[thread_id].waiters.append((writer, written))
        self._start(thread_id)
        await written

    def post(self, thread_id: str, rows: Sequence[Row]) -> None:
        """Have the rows written in a moment, or sooner. If that fails, check() raises why."""
        thread = self._threads.setdefault(thread_id, _Thread())
        thread.rows += rows
        if thread.timer is None and thread.writing is None:
            loop = asyncio.get_running_loop()
            thread.timer = loop.call_later(MOMENT_S, self._start, thread_id, context=Context())

    async def flush(self, thread_id: str) -> None:
        """Write what waits for the thread. Raises nothing: check() does, for a run whose rows these are."""
        while thread_id in self._threads:
            self._start(thread_id)
            if (writing := self._threads[thread_id].writing) is not None:
                await asyncio.wait([writing])

    async def flush_all(self) -> None:
        """Write all that waits."""
        for thread_id in [*self._threads]:
            await self.flush(thread_id)

    def check(self, writer: Writer) -> None:
        """Raise what a write of the attempt has raised."""
        if (error := self._failed.get(writer)) is not None:
            raise error

    def forget(self, writer: Writer) -> None:
        """Drop the attempt's error: nothing of it follows."""
        self._failed.pop(writer, None)

    def _start(self, thread_id: str) -> None:
        thread = self._threads[thread_id]
        if thread.timer is not None:
            thread.timer.cancel()
            thread.timer = None
        if thread.writing is None:
            writing = self._write_all(thread_id, thread)
            loop = asyncio.get_running_loop()
            thread.writing = loop.create_task(writing, name="write states", context=Context())

    async def _write_all(self, thread_id: str, thread: _Thread) -> None:
        while thread.rows:
            rows, thread.rows = thread.rows, []
            waiters, thread.waiters = thread.waiters, []
            failed = {
                writer: error
                for writer, of_writer in groupby(rows, key=_writer)
                if (error := await self._try(thread_id, writer, list(of_writer))) is not None
            }
            self._failed |= {writer: error for writer, error in failed.items() if writer.run_id}
            for writer, waiter in waiters:
                if waiter.done():  # its caller was cancelled
                    continue
                if (error := failed.get(writer)) is None:
                    waiter.set_result(None)
                else:
                    waiter.set_exception(error)
        del self._threads[thread_id]

    async def _try(self, thread_id: str, writer: Writer, rows: Sequence[Row]) -> Exception | None:
        """Write the rows, and return what that raises: whoever waits for them is to raise it."""
        try:
            await self._write(thread_id, writer, rows)
        except Exception as error:  # noqa: BLE001  # nobody would be told otherwise, and wait for ever
            log.info("what run %s wrote to its thread isn't stored: %r", writer.run_id, error)
            return error
        return None

    async def _write(self, thread_id: str, writer: Writer, rows: Sequence[Row]) -> None:
        distinct: dict[tuple[Any, ...], Row] = {}
        for row in rows:
            key = row.table, *row.key
            distinct[key] = distinct.get(key, row) if row.table == "result" else row
        rows = [*distinct.values()]
        statement = statements.put(frozenset(row.table for row in rows), is_fenced=bool(writer.run_id))
        given = {"fence_run": writer.run_id, "fence_attempt": writer.attempt, "thread_id": thread_id}
        while True:
            numbers = await store(self._database, thread_id, [row.packed for row in rows], *writer)
            columns = _columns((row, stored_lists(row.packed, numbers)) for row in rows)
            referred = {"numbers": [*numbers.values()], "digests": [*numbers]}
            result = await self._execute(statement, given | columns | referred)
            if not result["may_pass"]:
                raise LeaseLost
            if result["has_written"]:
                break

    async def _execute(self, statement: str, given: dict[str, Any]) -> Result:
        async def work(connection: Connection) -> Result:
            (row,) = await fetch_all(connection, statement, given)
            return row

        return await self._database.execute(work, patience_s=APPEND_PATIENCE_S)


def _writer(row: Row) -> Writer:
    return row.writer


def _columns(rows: Iterable[tuple[Row, StoredLists]]) -> dict[str, Any]:
    """Return the parameters of statements.put(): an array for each column of each table."""
    columns: dict[str, list[Any]] = {}
    for row, lists in rows:
        packed = {"type": row.packed.kind, "blob": row.packed.blob, "lists": lists.lists, "top": lists.top}
        for name, value in (row.columns | packed).items():
            columns.setdefault(f"{row.table}_{name}", []).append(value)
    return columns
