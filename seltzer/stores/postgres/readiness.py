"""Whether the database can be written now, for those who ask again and again."""

import asyncio
from contextvars import Context
from typing import Final

from seltzer.errors import StorageFailed
from seltzer.stores.postgres.database import Connection, Database

AGAIN_S: Final = 1.0  # between two looks, however often it is asked for
ANSWER_S: Final = 2.0  # a database that hasn't answered until then can't be written

# A write that changes nothing, and isn't worth a wait for the disk.
_WRITE: Final = """
WITH settings AS MATERIALIZED (SELECT set_config('synchronous_commit', 'off', true))
UPDATE seltzer.version SET number = number FROM settings
"""


class Readiness:
    """What the last look at the database has shown."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._look: asyncio.Task[None] | None = None
        self._next_look = 0.0

    async def check(self) -> None:
        """Raise StorageFailed if the database can't be written."""
        loop = asyncio.get_running_loop()
        if self._database.has_refused:
            raise StorageFailed("the database refuses to store anything; its disk may be full (see the log)")
        if self._look is None or (self._look.done() and loop.time() >= self._next_look):
            self._next_look = loop.time() + AGAIN_S
            look = self._database.execute(_write, patience_s=AGAIN_S)
            self._look = loop.create_task(look, name="look at the database", context=Context())
        try:
            async with asyncio.timeout(ANSWER_S):
                await asyncio.shield(self._look)
        except TimeoutError:
            raise StorageFailed("the database doesn't answer") from None

    async def aclose(self) -> None:
        """Wait for a look that has begun."""
        if self._look is not None:
            await asyncio.wait([self._look])


async def _write(connection: Connection) -> None:
    await connection.execute(_WRITE)
