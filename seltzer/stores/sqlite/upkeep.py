"""Keeps the SQLite file small, in the background: expired events go, free pages are returned to the disk.

Deleted content is overwritten with zeros when it is deleted (secure_delete); what was deleted is also in the
file's log of changes, the -wal, until that is emptied.
"""

import asyncio
import logging
import sqlite3
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, closing, suppress
from contextvars import Context
from pathlib import Path
from typing import Final

from seltzer.errors import StorageClosed, StorageFailed
from seltzer.stores.sqlite.database import Database

log = logging.getLogger(__name__)

EVERY_S: Final = 60.0
STEP_PAGES: Final = 64  # returned in one transaction, which other writes may have to wait for
SPARE_PAGES: Final = 4_096  # that are left for what is written next, unless a thread was deleted
RETRY_S: Final = 1.0  # until the -wal is tried again that somebody was reading


class Upkeep:
    """Keeps a file small, while running(). sweep: deletes what has expired."""

    def __init__(
        self,
        database: Database,
        path: Path,
        sweep: Callable[[], Awaitable[None]],
        *,
        every_s: float = EVERY_S,
    ) -> None:
        self._database = database
        self._path = path
        self._sweep = sweep
        self._every_s = every_s
        self._was_erased = asyncio.Event()
        self._is_log_full = False  # of something that was deleted

    def wake(self) -> None:
        """Return all free pages to the disk: something was deleted, and is to be gone."""
        self._was_erased.set()

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Work in the background until the block ends."""
        # It serves every run: it gets nothing of the context in which the file is opened.
        task = asyncio.get_running_loop().create_task(self._run(), name="sqlite upkeep", context=Context())
        try:
            yield
        finally:
            task.cancel()
            await asyncio.wait([task])

    async def _run(self) -> None:
        while True:
            is_all = self._was_erased.is_set()
            self._is_log_full |= is_all
            self._was_erased.clear()
            try:
                await self._sweep()
                is_done = await self._shrink(0 if is_all else SPARE_PAGES)
            except StorageClosed:
                return
            except StorageFailed as error:
                log.error("the database can't be kept small now", exc_info=error)
                is_done = True
            with suppress(TimeoutError):
                async with asyncio.timeout(self._every_s if is_done else RETRY_S):
                    await self._was_erased.wait()

    async def _shrink(self, spare_pages: int) -> bool:
        """Return the free pages beyond the spare ones to the disk, step by step, and empty the -wal.

        False if that must be tried again.
        """
        if await self._database.read(_free_pages, after_posts=True) > spare_pages:
            self._is_log_full = True
            while await self._database.write(_return_pages) > spare_pages:
                pass
        if self._is_log_full:
            self._is_log_full = not await asyncio.to_thread(_empty_log, self._path)
        return not self._is_log_full


def _free_pages(connection: sqlite3.Connection) -> int:
    """Return how many pages are free, as far as they can be returned: not in a file that was made without."""
    (mode,) = connection.execute("PRAGMA auto_vacuum").fetchone()
    (free,) = connection.execute("PRAGMA freelist_count").fetchone()
    return int(free) if mode else 0


def _return_pages(connection: sqlite3.Connection) -> int:
    for _ in range(STEP_PAGES):  # with a number, sqlite3 stops after the first one all the same
        connection.execute("PRAGMA incremental_vacuum(1)")
    return _free_pages(connection)


def _empty_log(path: Path) -> bool:
    """Write the -wal into the file and truncate it; False if that can't be done at this moment."""
    try:
        with closing(sqlite3.connect(path, timeout=0, isolation_level=None)) as connection:
            (is_busy, *_) = connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
            return not is_busy
    except sqlite3.OperationalError:  # another connection's lock, a full disk, too many open files
        return False
