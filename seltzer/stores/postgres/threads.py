"""The conversations in the Postgres database."""

from builtins import list as rows_of
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from psycopg.types.json import Jsonb

from seltzer.runs.event import Json, RunId
from seltzer.runs.run import Owner
from seltzer.runs.text import fold, storable
from seltzer.runs.thread import NewThread, Thread, ThreadSearch, ThreadStorage
from seltzer.stores.postgres import erasure
from seltzer.stores.postgres.connections.database import Connection, Database
from seltzer.stores.postgres.connections.queries import Row, fetch_all, fetch_one
from seltzer.stores.postgres.runs.submissions import lock_thread
from seltzer.stores.postgres.statements import threads as statements
from seltzer.stores.records import to_run
from seltzer.stores.submission import thread_busy


class _Deletion(NamedTuple):
    is_there: bool = True
    is_done: bool = False
    has_more: bool = False


class PostgresThreads:
    """The Threads of all processes on the database.

    erased_at_once: how many rows of a deleted thread a transaction erases.
    """

    def __init__(self, database: Database, *, erased_at_once: int = erasure.ROWS) -> None:
        self._database = database
        self._erased_at_once = erased_at_once

    async def create(self, new: NewThread) -> Thread | None:
        given = {
            "thread_id": new.thread_id,
            "owner": new.owner,
            "graph": new.graph,
            "title": new.title,
            "title_folded": fold(new.title),
            "metadata": Jsonb(storable(new.metadata)),
        }

        async def work(connection: Connection) -> Thread | None:
            with erasure.noticing_unfinished():
                if await fetch_one(connection, statements.CREATE, given) is None:
                    return None
            return await _find(connection, new.thread_id)

        while True:
            try:
                return await self._database.transact(work)
            except erasure.ErasureUnfinished:
                await erasure.finish(self._database, new.thread_id)

    async def get(self, thread_id: str, *, owner: Owner | None = None) -> Thread | None:
        return await self._database.execute(lambda connection: _find(connection, thread_id, owner))

    async def has_run(self, thread_id: str, graph: str) -> bool:
        return bool(await self._rows(statements.HAS_RUN, (thread_id, graph)))

    async def interrupted(self, thread_id: str) -> list[RunId]:
        rows = await self._rows(statements.INTERRUPTED, {"thread_id": thread_id})
        return [row["run_id"] for row in rows]

    async def list(
        self, graph: str, *, query: str, limit: int, before: int | None, owner: Owner | None = None
    ) -> list[Thread]:
        given = {"graph": graph, "query": fold(query), "before": before, "limit": limit, "owner": owner}
        return [_to_thread(row) for row in await self._rows(statements.LIST, given)]

    async def search(self, search: ThreadSearch) -> Sequence[Thread]:
        rows = await self._rows(statements.search(search), _given(search))
        return [_to_thread(row) for row in rows]

    async def count(self, search: ThreadSearch) -> int:
        (row,) = await self._rows(statements.count(search), _given(search))
        count: int = row["count"]
        return count

    async def rename(self, thread_id: str, title: str, *, owner: Owner | None = None) -> Thread | None:
        given = {"thread_id": thread_id, "owner": owner, "title": title, "title_folded": fold(title)}
        return await self._update(statements.RENAME, given)

    async def add_metadata(
        self, thread_id: str, metadata: Mapping[str, Json], *, owner: Owner | None = None
    ) -> Thread | None:
        given = {"thread_id": thread_id, "owner": owner, "metadata": Jsonb(storable(metadata))}
        return await self._update(statements.ADD_METADATA, given)

    async def storage(self, thread_id: str) -> ThreadStorage:
        (row,) = await self._rows(statements.STORAGE, {"thread_id": thread_id})
        return ThreadStorage(**row)

    async def delete(self, thread_id: str, *, owner: Owner | None = None) -> bool:
        async def work(connection: Connection) -> _Deletion:
            await lock_thread(connection, thread_id)
            # Whoever submits a run changes the thread's row, too, and waits from here on.
            await connection.execute(statements.LOCK, (thread_id,))
            if (thread := await _find(connection, thread_id)) is None:
                return _Deletion(is_there=False)
            if owner not in (None, thread.owner):
                return _Deletion()
            if (active := await fetch_one(connection, statements.ACTIVE_ON, (thread_id,))) is not None:
                raise thread_busy(active["run_id"], thread_id)
            has_more = await erasure.begin(connection, thread_id, rows=self._erased_at_once)
            return _Deletion(is_done=True, has_more=has_more)

        deletion = await self._database.transact(work)
        if not deletion.is_there:
            await erasure.erase_states(self._database, thread_id)  # written by others than runs
        if deletion.has_more or not deletion.is_there:
            await erasure.finish_or_leave(self._database, thread_id, rows=self._erased_at_once)
        return deletion.is_done

    async def _update(self, statement: str, given: Mapping[str, Any]) -> Thread | None:
        async def work(connection: Connection) -> Thread | None:
            await connection.execute(statement.encode(), given)
            return await _find(connection, given["thread_id"], given["owner"])

        return await self._database.transact(work)

    async def _rows(self, statement: str, given: Sequence[Any] | Mapping[str, Any]) -> rows_of[Row]:
        return await self._database.execute(lambda connection: fetch_all(connection, statement, given))


def _given(search: ThreadSearch) -> Mapping[str, Any]:
    ids = search.thread_ids
    return {
        "owner": search.owner,
        "graph": search.graph,
        "thread_ids": None if ids is None else [*ids],
        "metadata": Jsonb(storable(search.metadata)),
        "limit": search.limit,
        "offset": search.offset,
    }


async def _find(connection: Connection, thread_id: str, owner: Owner | None = None) -> Thread | None:
    row = await fetch_one(connection, statements.FIND, {"thread_id": thread_id, "owner": owner})
    return None if row is None else _to_thread(row)


def _to_thread(row: Row) -> Thread:
    return Thread(
        thread_id=row["thread_thread_id"],
        graph=row["thread_graph"],
        title=row["thread_title"],
        created_at=row["thread_created_at"],
        updated_at=row["thread_updated_at"],
        run=None if row["run_id"] is None else to_run(row, row["created_at"]),
        owner=row["thread_owner"],
        metadata=row["thread_metadata"],
    )
