"""One SQLite file, and the two threads that alone use it: one writes, one reads."""

import logging
import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Final, TypeVar

from seltzer.errors import LoadError
from seltzer.stores.sqlite.connection import ThreadedConnection
from seltzer.stores.sqlite.files import APPLICATION_ID
from seltzer.stores.sqlite.migrations import all_migrations, migrate
from seltzer.stores.sqlite.sql.functions import contains_json
from seltzer.stores.sqlite.transactions import Work

log = logging.getLogger(__name__)

T = TypeVar("T")

BUSY_TIMEOUT_S: Final = 30.0  # people may open the file with a tool of their own
GROUP_LIMIT: Final = 64  # writes in one transaction; a read gains nothing from sharing one


class Database:
    """A file that open_database() opened."""

    def __init__(self, writer: ThreadedConnection, reader: ThreadedConnection) -> None:
        self._writer = writer
        self._reader = reader
        self._failed: dict[str, BaseException] = {}  # by owner

    async def write(self, work: Work[T]) -> T:
        """Do the work in a transaction, after all work before it; undo all of it if it raises.

        The work may be done twice, the first time undone: it shares a transaction with other work that waits,
        which may fail. So it changes nothing but the file, and of that only rows: SQLite's count of changed
        rows shows whether it wrote before it raised. A cancelled caller returns at once; its work is done all
        the same.
        Raises StorageFailed where SQLite does, and what the work raises; RuntimeError for StopIteration.
        """
        return await self._writer.transact(work)

    def post(self, owner: str, work: Work[None], *, can_wait: bool = False) -> None:
        """Do the work as write() does, without waiting for it. If it fails, check(owner) raises why.

        can_wait: for a moment, so that it may share a transaction.
        """

        def note_error(error: BaseException) -> None:
            self._failed.setdefault(owner, error)

        self._writer.post(work, note_error, can_wait=can_wait)

    def check(self, owner: str) -> None:
        """Raise what work posted for the owner has raised. To be called in the owner's later work."""
        if self._failed and (error := self._failed.get(owner)) is not None:
            raise error

    def forget(self, owner: str) -> None:
        """Drop the owner's error: no work of the owner follows."""
        self._failed.pop(owner, None)

    async def read(self, work: Work[T], *, after_posts: bool = False) -> T:
        """Do the work, which only reads, in one snapshot of the file; it never waits for a writer.

        It sees all that was written before. after_posts: it also sees what was posted before, and waits for
        that. Reads are done one after the other, each once. Raises as write() does.
        """
        if after_posts:
            await self._writer.wait_posted()
        return await self._reader.transact(work)

    async def aclose(self) -> None:
        """Close the file after all work before."""
        await self._writer.aclose()
        await self._reader.aclose()


async def open_database(path: Path) -> Database:
    """Open the file; create and migrate it if need be. Its folder must exist.

    Raises LoadError if it can't be opened, is no database of ours, or was written by a later Seltzer.
    """
    writer = ThreadedConnection("sqlite-writer", "BEGIN IMMEDIATE", group_limit=GROUP_LIMIT)
    reader = ThreadedConnection("sqlite-reader", "BEGIN", group_limit=1)
    try:
        await writer.connect(lambda: _connected(path, _prepare))
        await reader.connect(lambda: _connected(path, _forbid_writes))
    except BaseException:
        await writer.aclose()
        await reader.aclose()
        raise
    return Database(writer, reader)


def _connected(path: Path, prepare: Callable[[sqlite3.Connection, Path], None]) -> sqlite3.Connection:
    """Open the file. Raises LoadError."""
    try:
        connection = sqlite3.connect(path, timeout=BUSY_TIMEOUT_S, isolation_level=None)
        try:
            connection.row_factory = sqlite3.Row
            connection.create_function("seltzer_contains", 2, contains_json, deterministic=True)
            connection.execute("PRAGMA foreign_keys = ON")
            connection.execute("PRAGMA synchronous = NORMAL")
            connection.execute("PRAGMA secure_delete = ON")  # what was deleted is nowhere in the file
            prepare(connection, path)
        except BaseException:
            connection.close()
            raise
    except sqlite3.Error as error:
        raise _unusable(path, f"SQLite: {error}", _IF_BROKEN) from error
    return connection


def _prepare(connection: sqlite3.Connection, path: Path) -> None:
    """Mark the file as ours and migrate it. Raises LoadError, sqlite3.Error."""
    (application_id,) = connection.execute("PRAGMA application_id").fetchone()
    (version,) = connection.execute("PRAGMA user_version").fetchone()
    (tables,) = connection.execute("SELECT count(*) FROM sqlite_schema WHERE type = 'table'").fetchone()
    is_new = application_id == version == tables == 0
    if not is_new and application_id != APPLICATION_ID:
        raise _unusable(path, "it is another program's database", _IF_FOREIGN)
    newest = all_migrations()[-1].number
    if version > newest:
        why = f"a later Seltzer wrote it (its version is {version}, this Seltzer reads up to {newest})"
        raise _unusable(path, why, _IF_LATER)
    connection.execute("PRAGMA auto_vacuum = INCREMENTAL")  # of a new file, before anything is in it
    (mode,) = connection.execute("PRAGMA journal_mode = WAL").fetchone()
    if mode != "wal":
        raise _unusable(path, f"SQLite has no WAL there, only {mode!r}", _IF_NO_WAL)
    connection.execute(f"PRAGMA application_id = {APPLICATION_ID}")
    migrate(connection)
    (auto_vacuum,) = connection.execute("PRAGMA auto_vacuum").fetchone()
    if not auto_vacuum:
        _rewrite(connection, path)


def _rewrite(connection: sqlite3.Connection, path: Path) -> None:
    """Write a file of an earlier version anew, so that it can shrink; it is used as it is if that fails."""
    log.info("writing %s anew, once, so that it can shrink; this may take a while", path)
    try:
        connection.execute("PRAGMA auto_vacuum = INCREMENTAL")
        connection.execute("VACUUM")
    except sqlite3.Error as error:
        log.warning(
            "%s can't be written anew: the file won't shrink. The next start tries again",
            path,
            exc_info=error,
        )


def _forbid_writes(connection: sqlite3.Connection, path: Path) -> None:
    connection.execute("PRAGMA query_only = ON")


_IF_BROKEN: Final = (
    "make the file and its folder writable, and room on the disk; if it is damaged, move it away"
)
_IF_FOREIGN: Final = "move it away, or choose another folder by SELTZER_DATA"
_IF_LATER: Final = "run that Seltzer, or choose another folder by SELTZER_DATA"
_IF_NO_WAL: Final = "choose a folder on a local disk by SELTZER_DATA"


def _unusable(path: Path, why: str, todo: str) -> LoadError:
    return LoadError(f"the database {path} can't be used", why, todo)
