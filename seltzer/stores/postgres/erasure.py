"""Erases what was deleted with its thread, in portions: a long thread is more than one transaction may do.

A thread is deleted by one transaction, which removes its row and those of its runs, and marks what is left:
nobody finds that any more. A thread of the same id can't begin before all of it is erased. What a process has
left when it died, another one erases.
"""

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final

import psycopg

from seltzer.errors import StorageFailed
from seltzer.stores.postgres.connections.database import Connection, Database
from seltzer.stores.postgres.connections.queries import fetch_all, fetch_one
from seltzer.stores.postgres.statements import erasure as statements

log = logging.getLogger(__name__)

ROWS: Final = 500  # of each portion, at most
BYTES: Final = 8 * 1024 * 1024


class ErasureUnfinished(Exception):
    """An earlier thread of that id isn't erased yet: finish() does it."""


async def begin(connection: Connection, thread_id: str, *, rows: int = ROWS) -> bool:
    """Delete the thread and erase some of it, in a transaction; return whether there is more to erase."""
    given = {"thread_id": thread_id}
    for statement in (statements.NOTE_RUNS, statements.MARK, statements.DELETE_THREAD):
        await connection.execute(statement.encode(), given)
    return await _erase_some(connection, thread_id, rows)


@contextmanager
def noticing_unfinished() -> Iterator[None]:
    """Raise ErasureUnfinished where a thread was to be inserted whose id has something to be erased."""
    try:
        yield
    except psycopg.Error as error:
        if error.sqlstate == statements.UNFINISHED:
            raise ErasureUnfinished from None
        raise


async def finish(database: Database, thread_id: str, *, rows: int = ROWS) -> None:
    """Erase all that is marked of the thread. Raises StorageFailed."""

    async def portion(connection: Connection) -> bool:
        return await _erase_some(connection, thread_id, rows)

    while await database.transact(portion):
        pass


async def finish_or_leave(database: Database, thread_id: str, *, rows: int = ROWS) -> None:
    """Erase what is marked of the thread; what can't be erased now is left to a sweep."""
    try:
        await finish(database, thread_id, rows=rows)
    except StorageFailed:
        log.warning("what is left of the deleted thread %s is erased later", thread_id)


async def erase_states(database: Database, thread_id: str, *, rows: int = ROWS) -> None:
    """Erase the states of a thread whose row isn't there, or stays. Raises StorageFailed."""

    async def portion(connection: Connection) -> bool:
        return await _erase(connection, statements.ERASE_STATES, {"thread_id": thread_id, "rows": rows})

    while await database.transact(portion):
        pass


async def sweep(database: Database, *, rows: int = ROWS) -> None:
    """Erase what other processes have left, and what is no longer to be known. Raises StorageFailed."""

    async def forget(connection: Connection) -> int:
        return (await connection.execute(statements.SWEEP_DELETED_RUNS, (rows,))).rowcount

    marked = await database.execute(lambda connection: fetch_all(connection, statements.MARKED, ()))
    for row in marked:
        await finish(database, row["thread_id"], rows=rows)
    while await database.execute(forget) == rows:
        pass


async def _erase_some(connection: Connection, thread_id: str, rows: int) -> bool:
    marked = await fetch_one(connection, statements.LOCK, (thread_id,))
    if marked is None:
        return False
    given = {"thread_id": thread_id, "runs": marked["runs"], "rows": rows}
    if await _erase(connection, (*statements.ERASE_STATES, statements.ERASE_EVENTS), given):
        return True
    await connection.execute(statements.UNMARK, (thread_id,))
    return False


async def _erase(connection: Connection, statements: tuple[str, ...], given: dict[str, Any]) -> bool:
    """Execute the statements until there was enough for a transaction; return whether there may be more."""
    rows, size = given["rows"], BYTES
    for statement in statements:
        erased = await fetch_all(connection, statement, given | {"rows": rows, "bytes": size})
        rows -= len(erased)
        size -= sum(row["size"] for row in erased)
        if rows <= 0 or size <= 0:
            return True
    return False
