"""Whether the file can be written now, for those who ask again and again."""

import asyncio
import sqlite3
from time import monotonic
from typing import Final

from seltzer.errors import StorageFailed
from seltzer.stores.sqlite.database import Database

AGAIN_S: Final = 1.0  # between two looks, however often it is asked for
ANSWER_S: Final = 2.0  # a file that hasn't been written until then can't be


class Readiness:
    """What the last look at the file has shown: the write of a page that changes nothing and isn't synced."""

    def __init__(self, database: Database, *, again_s: float = AGAIN_S, answer_s: float = ANSWER_S) -> None:
        self._database = database
        self._again_s = again_s
        self._answer_s = answer_s
        self._next_look = 0.0
        self._failed: StorageFailed | None = None

    async def check(self) -> None:
        """Raise StorageFailed if the file can't be written. From any event loop."""
        if monotonic() >= self._next_look:
            self._next_look = (
                monotonic() + self._again_s
            )  # who asks meanwhile gets what the last look has shown
            self._failed = await self._look()
        if self._failed is not None:
            raise StorageFailed(str(self._failed)) from self._failed

    async def _look(self) -> StorageFailed | None:
        try:
            async with asyncio.timeout(self._answer_s):
                await self._database.write(_write)
        except StorageFailed as error:
            return error
        except TimeoutError:
            return StorageFailed("the database file can't be written now; it may be locked")
        return None


def _write(connection: sqlite3.Connection) -> None:
    (version,) = connection.execute("PRAGMA user_version").fetchone()
    connection.execute(f"PRAGMA user_version = {version}")
