"""Whether the database can be written now, for those who ask again and again."""

import asyncio
from contextvars import Context
from typing import Final

from seltzer.errors import StorageFailed
from seltzer.stores.postgres.connections.database import Connection, Database, drop_error

AGAIN_S: Final = 1.0  # between two looks, however often it is asked for
ANSWER_S: Final = 2.0  # a database that hasn't answered until then can't be written

# A write that changes nothing, and isn't worth a wait for the disk.
_WRITE: Final = """
WITH settings AS MATERIALIZED (SELECT set_config('synchronous_commit', 'off', true))
UPDATE seltzer.version SET number = number FROM settings
"""
# One that needs room on the disk, and is undone. A full disk takes what changes pages that are there already.
_EXTEND: Final = """
INSERT INTO seltzer.events (run, attempt, last_seq, upto, body)
SELECT -1, 0, 0, 0, string_agg(uuid_send(gen_random_uuid()), NULL) FROM generate_series(1, 32768)
"""


class Readiness:
    """What the last look at the database has shown."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._look: asyncio.Task[None] | None = None
        self._is_thorough = False
        self._next_look = 0.0

    async def check(self) -> None:
        """Raise StorageFailed if the database can't be written."""
        loop = asyncio.get_running_loop()
        is_due = loop.time() >= self._next_look or (self._database.has_refused and not self._is_thorough)
        if self._look is None or (self._look.done() and is_due):
            self._next_look = loop.time() + AGAIN_S
            self._is_thorough = self._database.has_refused
            look = self._look_thoroughly() if self._is_thorough else self._look_quickly()
            self._look = loop.create_task(look, name="look at the database", context=Context())
            self._look.add_done_callback(drop_error)
        try:
            async with asyncio.timeout(ANSWER_S):
                await asyncio.shield(self._look)
        except TimeoutError:
            raise StorageFailed("the database doesn't answer") from None
        if self._database.has_refused:
            raise StorageFailed("the database refuses to store anything; its disk may be full (see the log)")

    async def _look_quickly(self) -> None:
        await self._database.execute(_write, patience_s=AGAIN_S)

    async def _look_thoroughly(self) -> None:
        await self._database.execute(_write_and_undo, patience_s=AGAIN_S)
        self._database.has_refused = False

    async def aclose(self) -> None:
        """Wait for a look that has begun."""
        if self._look is not None:
            await asyncio.wait([self._look])


async def _write(connection: Connection) -> None:
    await connection.execute(_WRITE)


async def _write_and_undo(connection: Connection) -> None:
    async with connection.transaction(force_rollback=True):
        await connection.execute(_EXTEND)
