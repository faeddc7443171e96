"""One SQLite file, and the two threads that alone touch it: one writes, one reads.

A transaction is one hop to its thread and back, however many statements it takes. aiosqlite hops for each
statement, which would cost more than the statements themselves.
"""

import asyncio
import logging
import sqlite3
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from queue import SimpleQueue
from threading import Thread
from typing import Any, Final, NamedTuple, TypeVar

from app.errors import LoadError, StorageFailed
from app.stores.migrations import all_migrations, migrate

log = logging.getLogger(__name__)

T = TypeVar("T")
Work = Callable[[sqlite3.Connection], T]

BUSY_TIMEOUT_S: Final = 30.0  # LangGraph's saver writes to the same file over its own connection
APPLICATION_ID: Final = 0x53454C54  # "SELT": tells our file from another program's


class Database:
    """A file that open_database() opened."""

    def __init__(self, writer: "_Line", reader: "_Line") -> None:
        self._writer = writer
        self._reader = reader

    async def write(self, work: Work[T]) -> T:
        """Do the work in a transaction, after those that came before; undo all of it if it raises.

        A caller that is cancelled leaves at once; its transaction is carried out all the same.
        Raises StorageFailed where SQLite does, and what the work raises.
        """
        return await self._writer.transact("BEGIN IMMEDIATE", work)

    async def read(self, work: Work[T]) -> T:
        """Do the work, which only reads and sees one moment of the file; it never waits for a writer.

        Raises as write() does.
        """
        return await self._reader.transact("BEGIN", work)

    async def aclose(self) -> None:
        """Close the file when what was asked before is done."""
        await self._writer.aclose()
        await self._reader.aclose()


async def open_database(path: Path) -> Database:
    """Open the file, made and brought up to date if need be. Its folder must be there.

    Raises LoadError if it can't be opened, is no database of ours, or was written by a later Seltzer.
    """
    writer, reader = _Line("sqlite-writer"), _Line("sqlite-reader")
    try:
        await writer.connect(path, _prepare)
        await reader.connect(path, _forbid_writes)
    except BaseException:
        await writer.aclose()
        await reader.aclose()
        raise
    return Database(writer, reader)


class _Line:
    """A connection, and the one thread that uses it.

    Departs from ThreadPoolExecutor: a queue and a future of the caller's loop take half the time of its own
    futures and locks, and a hop is what a small transaction costs most.
    """

    def __init__(self, name: str) -> None:
        self._jobs: SimpleQueue[_Job | None] = SimpleQueue()
        self._connection: sqlite3.Connection | None = None
        self._is_closed = False
        # A daemon: where nobody closes the file, it doesn't keep the process from ending.
        Thread(target=self._work, name=name, daemon=True).start()

    async def connect(self, path: Path, prepare: Callable[[sqlite3.Connection, Path], None]) -> None:
        """Open the file. Raises LoadError."""
        await self._ask(lambda: self._connect(path, prepare))

    async def transact(self, begin: str, work: Work[T]) -> T:
        result: T = await self._ask(lambda: self._transact(begin, work))
        return result

    async def aclose(self) -> None:
        """Close the connection behind all that was asked before; does nothing the second time."""
        if not self._is_closed:
            closed = self._ask(self._disconnect)
            self._is_closed = True
            self._jobs.put(None)
            await closed

    def _ask(self, act: Callable[[], Any]) -> asyncio.Future[Any]:
        if self._is_closed:
            raise StorageFailed("the server is stopping; ask again when it is back")
        loop = asyncio.get_running_loop()
        done = loop.create_future()
        self._jobs.put(_Job(act, done, loop))
        return done

    def _work(self) -> None:
        while self._work_once():  # a frame for each: the last job isn't kept while the next one is waited for
            pass

    def _work_once(self) -> bool:
        job = self._jobs.get()
        if job is not None:
            job.do()
        return job is not None

    def _connect(self, path: Path, prepare: Callable[[sqlite3.Connection, Path], None]) -> None:
        try:
            connection = sqlite3.connect(path, timeout=BUSY_TIMEOUT_S, isolation_level=None)
            self._connection = connection
            connection.row_factory = sqlite3.Row
            connection.execute("PRAGMA foreign_keys = ON")
            connection.execute("PRAGMA synchronous = NORMAL")
            prepare(connection, path)
        except sqlite3.Error as error:
            raise _refusal(path, f"SQLite says: {error}", _IF_BROKEN) from error

    def _transact(self, begin: str, work: Work[T]) -> T:
        connection = self._connection
        assert connection is not None  # connected before anyone has the Database
        try:
            connection.execute(begin)
            try:
                result = work(connection)
                connection.execute("COMMIT")
            except BaseException:
                if connection.in_transaction:  # SQLite undoes some by itself, as on a full disk
                    connection.execute("ROLLBACK")
                raise
        except sqlite3.Error as error:
            log.exception("the database failed")
            raise StorageFailed(
                "what the server keeps can't be read or written now; try again later (its log says why)"
            ) from error
        return result

    def _disconnect(self) -> None:
        if self._connection is not None:
            self._connection.close()


class _Job(NamedTuple):
    """Something to be done in a line's thread, for who waits in a loop; or waited, and has left."""

    act: Callable[[], Any]
    done: asyncio.Future[Any]
    loop: asyncio.AbstractEventLoop

    def do(self) -> None:
        error: BaseException | None = None
        result = None
        try:
            result = self.act()
        except BaseException as raised:  # noqa: BLE001  # passed on to who asked
            error = raised
        with suppress(RuntimeError):  # the loop has closed, and nobody waits
            self.loop.call_soon_threadsafe(self._settle, result, error)

    def _settle(self, result: Any, error: BaseException | None) -> None:
        if self.done.done():
            return
        if error is None:
            self.done.set_result(result)
        else:
            self.done.set_exception(error)


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
