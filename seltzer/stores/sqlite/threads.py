"""The conversations in the SQLite file. clock: seconds since 1970."""

import sqlite3
import time
from collections.abc import Callable

from seltzer.errors import ThreadBusy
from seltzer.runs.event import RunId
from seltzer.runs.text import fold
from seltzer.runs.thread import Thread
from seltzer.stores.sqlite.checkpoints.deletions import Deletion, MessageDeletions, delete_thread
from seltzer.stores.sqlite.database import Database
from seltzer.stores.sqlite.sql.deleted_runs import note_deleted
from seltzer.stores.sqlite.sql.events import delete_logs
from seltzer.stores.sqlite.sql.runs import ACTIVE, COUNTS, to_datetime, to_run


class SqliteThreads:
    """The Threads of one process. deletions: its SqliteCheckpoints'."""

    def __init__(
        self, database: Database, deletions: MessageDeletions, *, clock: Callable[[], float] = time.time
    ) -> None:
        self._database = database
        self._deletions = deletions
        self._clock = clock

    async def get(self, thread_id: str) -> Thread | None:
        return await self._database.read(lambda connection: _find(connection, thread_id))

    async def has_run(self, thread_id: str, graph: str) -> bool:
        def work(connection: sqlite3.Connection) -> bool:
            found = connection.execute(
                "SELECT 1 FROM runs WHERE thread_id = ? AND graph = ? LIMIT 1", (thread_id, graph)
            )
            return found.fetchone() is not None

        return await self._database.read(work)

    async def interrupted(self, thread_id: str) -> list[RunId]:
        def work(connection: sqlite3.Connection) -> list[RunId]:
            found = []
            for row in connection.execute(_NEWEST_FIRST, (thread_id,)):
                if row["status"] != "interrupted":
                    break
                found.append(row["run_id"])
            return found

        return await self._database.read(work)

    async def list(self, graph: str, *, query: str, limit: int, before: int | None) -> list[Thread]:
        def work(connection: sqlite3.Connection) -> list[Thread]:
            rows = connection.execute(
                f"{_THREADS} WHERE threads.graph = ? AND instr(title_folded, ?) AND (? IS NULL OR"
                " threads.number < ?) ORDER BY threads.number DESC LIMIT ?",
                (graph, fold(query), before, before, limit),
            )
            return [_to_thread(row) for row in rows]

        return await self._database.read(work)

    async def rename(self, thread_id: str, title: str) -> Thread | None:
        def work(connection: sqlite3.Connection) -> Thread | None:
            connection.execute(
                "UPDATE threads SET title = ?, title_folded = ? WHERE thread_id = ?",
                (title, fold(title), thread_id),
            )
            return _find(connection, thread_id)

        return await self._database.write(work)

    async def delete(self, thread_id: str) -> bool:
        def work(connection: sqlite3.Connection) -> Deletion:
            active = connection.execute(
                f"SELECT run_id FROM runs WHERE thread_id = ? AND {ACTIVE} ORDER BY number", (thread_id,)
            ).fetchone()
            if active is not None:
                raise ThreadBusy(
                    f"run {active['run_id']!r} is active on thread {thread_id!r}; wait, or cancel it"
                )
            note_deleted(connection, thread_id, self._clock())
            delete_logs(connection, [log_id for (log_id,) in connection.execute(_LOGS, (thread_id,))])
            delete_thread(connection, thread_id)
            deleted = connection.execute("DELETE FROM threads WHERE thread_id = ?", (thread_id,))
            return Deletion(was_found=deleted.rowcount > 0)  # its runs went with it

        return await self._deletions.run(thread_id, work)


_THREADS = """
SELECT runs.*, threads.graph AS thread_graph, threads.title AS thread_title,
    threads.created_at AS thread_created_at, threads.updated_at AS thread_updated_at
FROM threads JOIN runs USING (number)
"""
_NEWEST_FIRST = f"""
SELECT run_id, status FROM runs WHERE thread_id = ? AND {COUNTS} AND NOT {ACTIVE} ORDER BY number DESC
"""
_LOGS = "SELECT log_id FROM logs JOIN runs USING (run_id) WHERE thread_id = ?"


def _find(connection: sqlite3.Connection, thread_id: str) -> Thread | None:
    row = connection.execute(f"{_THREADS} WHERE threads.thread_id = ?", (thread_id,)).fetchone()
    return None if row is None else _to_thread(row)


def _to_thread(row: sqlite3.Row) -> Thread:
    return Thread(
        thread_id=row["thread_id"],
        graph=row["thread_graph"],
        title=row["thread_title"],
        created_at=to_datetime(row["thread_created_at"]),
        updated_at=to_datetime(row["thread_updated_at"]),
        run=to_run(row),
    )
