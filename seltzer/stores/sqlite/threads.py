"""The conversations in the SQLite file. clock: seconds since 1970."""

import sqlite3
import time
from builtins import list as rows_of
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import orjson

from seltzer.runs.event import Json, RunId
from seltzer.runs.jsonable import dumps
from seltzer.runs.run import Owner
from seltzer.runs.text import fold, storable, without_nul
from seltzer.runs.thread import NewThread, Thread, ThreadSearch, ThreadStorage
from seltzer.stores.sqlite.checkpoints.deletions import Deletion, MessageDeletions
from seltzer.stores.sqlite.database import Database
from seltzer.stores.sqlite.sql import erasure
from seltzer.stores.sqlite.sql.deleted_runs import note_deleted
from seltzer.stores.sqlite.sql.runs import ACTIVE, COUNTS, to_datetime, to_run
from seltzer.stores.sqlite.sql.storage import storage
from seltzer.stores.submission import thread_busy


class SqliteThreads:
    """The Threads of one process. deletions: its SqliteCheckpoints'."""

    def __init__(
        self, database: Database, deletions: MessageDeletions, *, clock: Callable[[], float] = time.time
    ) -> None:
        self._database = database
        self._deletions = deletions
        self._clock = clock

    async def create(self, new: NewThread) -> Thread | None:
        def work(connection: sqlite3.Connection) -> Thread | None:
            now = self._clock()
            row = {
                "thread_id": new.thread_id,
                "owner": new.owner,
                "graph": new.graph,
                "title": without_nul(new.title),
                "title_folded": fold(without_nul(new.title)),
                "metadata": dumps(storable(new.metadata)),
                "now": now,
            }
            is_new = connection.execute(_CREATE, row).rowcount > 0
            return _find(connection, new.thread_id) if is_new else None

        return await self._database.write(work)

    async def get(self, thread_id: str, *, owner: Owner | None = None) -> Thread | None:
        return await self._database.read(lambda connection: _find(connection, thread_id, owner))

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

    async def list(
        self, graph: str, *, query: str, limit: int, before: int | None, owner: Owner | None = None
    ) -> list[Thread]:
        given = {"graph": graph, "query": fold(query), "before": before, "limit": limit, "owner": owner}
        return await self._select(_LIST, given)

    async def search(self, search: ThreadSearch) -> Sequence[Thread]:
        order = f"{_ORDER[search.sort_by]} {'ASC' if search.is_ascending else 'DESC'}"
        statement = (
            f"{_THREADS} WHERE {_MATCHES} ORDER BY {order}, threads.thread_id LIMIT :limit OFFSET :offset"
        )
        return await self._select(statement, _given(search))

    async def count(self, search: ThreadSearch) -> int:
        def work(connection: sqlite3.Connection) -> int:
            statement = f"SELECT count(*) FROM threads LEFT JOIN runs USING (number) WHERE {_MATCHES}"
            (count,) = connection.execute(statement, _given(search)).fetchone()
            return int(count)

        return await self._database.read(work)

    async def rename(self, thread_id: str, title: str, *, owner: Owner | None = None) -> Thread | None:
        def work(connection: sqlite3.Connection) -> Thread | None:
            if _find(connection, thread_id, owner) is None:
                return None
            connection.execute(
                "UPDATE threads SET title = ?, title_folded = ? WHERE thread_id = ?",
                (without_nul(title), fold(without_nul(title)), thread_id),
            )
            return _find(connection, thread_id)

        return await self._database.write(work)

    async def add_metadata(
        self, thread_id: str, metadata: Mapping[str, Json], *, owner: Owner | None = None
    ) -> Thread | None:
        def work(connection: sqlite3.Connection) -> Thread | None:
            thread = _find(connection, thread_id, owner)
            if thread is None:
                return None
            connection.execute(
                "UPDATE threads SET metadata = ?, updated_at = ? WHERE thread_id = ?",
                (dumps({**thread.metadata, **storable(metadata)}), self._clock(), thread_id),
            )
            return _find(connection, thread_id)

        return await self._database.write(work)

    async def storage(self, thread_id: str) -> ThreadStorage:
        return await self._database.read(lambda connection: storage(connection, thread_id), after_posts=True)

    async def delete(self, thread_id: str, *, owner: Owner | None = None) -> bool:
        def work(connection: sqlite3.Connection) -> Deletion:
            thread = _find(connection, thread_id)
            if thread is not None and owner not in (None, thread.owner):
                return Deletion((), was_found=False)
            active = connection.execute(
                f"SELECT run_id FROM runs WHERE thread_id = ? AND {ACTIVE} ORDER BY number", (thread_id,)
            ).fetchone()
            if active is not None:
                raise thread_busy(active["run_id"], thread_id)
            note_deleted(connection, thread_id, self._clock())
            erasure.begin(connection, thread_id)
            deleted = connection.execute("DELETE FROM threads WHERE thread_id = ?", (thread_id,))
            has_more = erasure.erase_some(connection, thread_id)
            return Deletion(was_found=deleted.rowcount > 0, has_more=has_more)  # its runs went with it

        return (await self._deletions.run(thread_id, work)).was_found

    async def _select(self, statement: str, given: Mapping[str, Any]) -> rows_of[Thread]:
        def work(connection: sqlite3.Connection) -> rows_of[Thread]:
            return [_to_thread(row) for row in connection.execute(statement, given)]

        return await self._database.read(work)


_THREADS = """
SELECT runs.*, threads.graph AS thread_graph, threads.title AS thread_title,
    threads.created_at AS thread_created_at, threads.updated_at AS thread_updated_at,
    threads.thread_id AS thread_thread_id, threads.owner AS thread_owner, threads.metadata AS thread_metadata
FROM threads LEFT JOIN runs USING (number)
"""
_LIST = f"""
{_THREADS} WHERE threads.graph = :graph AND instr(title_folded, :query)
    AND threads.number > 0 AND (:before IS NULL OR threads.number < :before)
    AND (:owner IS NULL OR threads.owner = :owner)
ORDER BY threads.number DESC LIMIT :limit
"""
_CREATE = """
INSERT INTO threads (thread_id, graph, title, title_folded, created_at, updated_at, number, owner, metadata)
VALUES (:thread_id, :graph, :title, :title_folded, :now, :now, 0, :owner, :metadata)
ON CONFLICT (thread_id) DO NOTHING
"""
_STATUS = """
CASE WHEN status IN ('pending', 'running') THEN 'busy' WHEN status IN ('interrupted', 'error') THEN status
    ELSE 'idle' END
"""
_MATCHES = f"""
(:owner IS NULL OR threads.owner = :owner) AND (:graph IS NULL OR threads.graph = :graph)
    AND (:thread_ids IS NULL OR threads.thread_id IN (SELECT value FROM json_each(:thread_ids)))
    AND (:status IS NULL OR :status = {_STATUS})
    AND (:metadata = '{{}}' OR seltzer_contains(threads.metadata, :metadata))
"""
_ORDER = {
    "created_at": "threads.created_at",
    "updated_at": "threads.updated_at",
    "thread_id": "threads.thread_id",
    "status": _STATUS,
}
_NEWEST_FIRST = f"""
SELECT run_id, status FROM runs WHERE thread_id = ? AND {COUNTS} AND NOT {ACTIVE} ORDER BY number DESC
"""


def _given(search: ThreadSearch) -> Mapping[str, Any]:
    ids = search.thread_ids
    return {
        "owner": search.owner,
        "graph": search.graph,
        "status": search.status,
        "thread_ids": None if ids is None else orjson.dumps(list(ids)).decode(),
        "metadata": dumps(storable(search.metadata)).decode(),
        "limit": search.limit,
        "offset": search.offset,
    }


def _find(connection: sqlite3.Connection, thread_id: str, owner: Owner | None = None) -> Thread | None:
    row = connection.execute(f"{_THREADS} WHERE threads.thread_id = ?", (thread_id,)).fetchone()
    return None if row is None or owner not in (None, row["thread_owner"]) else _to_thread(row)


def _to_thread(row: sqlite3.Row) -> Thread:
    return Thread(
        thread_id=row["thread_thread_id"],
        graph=row["thread_graph"],
        title=row["thread_title"],
        created_at=to_datetime(row["thread_created_at"]),
        updated_at=to_datetime(row["thread_updated_at"]),
        run=None if row["run_id"] is None else to_run(row),
        owner=row["thread_owner"],
        metadata=orjson.loads(row["thread_metadata"]),
    )
