"""One SQLite file, and the two threads that alone touch it: one writes, one reads."""

import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Final, TypeVar

from seltzer.errors import LoadError
from seltzer.stores.sqlite.connection import ThreadedConnection, Work
from seltzer.stores.sqlite.migrations import all_migrations, migrate

T = TypeVar("T")

BUSY_TIMEOUT_S: Final = 30.0  # somebody may look into the file with a tool of their own
GROUP_LIMIT: Final = 64  # writes in one transaction; a read gains nothing from sharing one
APPLICATION_ID: Final = 0x53454C54  # "SELT": tells our file from another program's


class Database:
    """A file that open_database() opened."""

    def __init__(self, writer: ThreadedConnection, reader: ThreadedConnection) -> None:
        self._writer = writer
        self._reader = reader
        self._failed: dict[str, BaseException] = {}  # by owner

    async def write(self, work: Work[T]) -> T:
        """Do the work in a transaction, after all that came before; undo all of it if it raises.

        The work must bear to be done twice, with nothing left of the first time: it shares a transaction with
        others that wait, and one of them may fail. So it changes nothing but the file, and of that only rows:
        by these is told whether it wrote before it raised. A caller that is cancelled leaves at once; its
        work is done all the same.
        Raises StorageFailed where SQLite does, and what the work raises; RuntimeError for StopIteration.
        """
        return await self._writer.transact(work)

    def post(self, owner: str, work: Work[None], *, can_wait: bool = False) -> None:
        """Do the work as write() does, without anyone waiting for it.

        can_wait: for a moment, so that it may go with others. If it can't be done, check(owner) raises why.
        """

        def failed(error: BaseException) -> None:
            self._failed.setdefault(owner, error)

        self._writer.post(work, failed, can_wait=can_wait)

    def check(self, owner: str) -> None:
        """Raise what a work raised that was posted for the owner: to be asked in the owner's later works."""
        if self._failed and (error := self._failed.get(owner)) is not None:
            raise error

    def forget(self, owner: str) -> None:
        """Take note that nothing more comes of the owner."""
        self._failed.pop(owner, None)

    async def read(self, work: Work[T], *, behind_posts: bool = False) -> T:
        """Do the work, which only reads and sees one moment of the file; it never waits for a writer.

        All that was written before it was asked is seen. behind_posts: so is what was posted, which is waited
        for. Reads are done one after the other, each once. Raises as write() does.
        """
        if behind_posts:
            await self._writer.settled()
        return await self._reader.transact(work)

    async def aclose(self) -> None:
        """Close the file when what was asked before is done."""
        await self._writer.aclose()
        await self._reader.aclose()


async def open_database(path: Path) -> Database:
    """Open the file, made and brought up to date if need be. Its folder must be there.

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
            connection.execute("PRAGMA foreign_keys = ON")
            connection.execute("PRAGMA synchronous = NORMAL")
            prepare(connection, path)
        except BaseException:
            connection.close()
            raise
    except sqlite3.Error as error:
        raise _refusal(path, f"SQLite says: {error}", _IF_BROKEN) from error
    return connection


def _prepare(connection: sqlite3.Connection, path: Path) -> None:
    """Make the file ours and up to date. Raises LoadError, sqlite3.Error."""
    (application_id,) = connection.execute("PRAGMA application_id").fetchone()
    (version,) = connection.execute("PRAGMA user_version").fetchone()
    (tables,) = connection.execute("SELECT count(*) FROM sqlite_schema WHERE type = 'table'").fetchone()
    is_new = application_id == version == tables == 0
    if not is_new and application_id != APPLICATION_ID:
        raise _refusal(path, "it is another program's database", _IF_FOREIGN)
    newest = all_migrations()[-1].number
    if version > newest:
        why = f"a later Seltzer wrote it (its version is {version}, this Seltzer knows up to {newest})"
        raise _refusal(path, why, _IF_LATER)
    (mode,) = connection.execute("PRAGMA journal_mode = WAL").fetchone()
    if mode != "wal":
        raise _refusal(path, f"SQLite's WAL can't be had there, only {mode!r}", _IF_NO_WAL)
    connection.execute(f"PRAGMA application_id = {APPLICATION_ID}")
    migrate(connection)


def _forbid_writes(connection: sqlite3.Connection, path: Path) -> None:
    connection.execute("PRAGMA query_only = ON")


_IF_BROKEN: Final = (
    "make the file and its folder writable, and room on the disk; if it is damaged, move it away"
)
_IF_FOREIGN: Final = "move it away, or choose another folder by SELTZER_DATA"
_IF_LATER: Final = "run that Seltzer, or choose another folder by SELTZER_DATA"
_IF_NO_WAL: Final = "choose a folder on a local disk by SELTZER_DATA"


def _refusal(path: Path, why: str, todo: str) -> LoadError:
    return LoadError(f"the database {path} can't be used", why, todo)
