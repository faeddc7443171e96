"""A process's own connection: it shows that the process is alive, and brings hints from the others.

The process has an advisory lock as long as the connection lasts. When it dies, by whatever cause, Postgres
frees the lock within moments, and the others may claim its runs without waiting for their leases to run out.
"""

import asyncio
import logging
import secrets
from collections.abc import AsyncIterator, Collection
from typing import Final

import orjson
import psycopg

from seltzer.runs.ports import ANYTHING, Wake
from seltzer.stores.postgres.address import Address
from seltzer.stores.postgres.database import Connection, pause
from seltzer.stores.postgres.queries import fetch_all

log = logging.getLogger(__name__)

CHANNEL: Final = "seltzer"
LOCKS: Final = 0x53454C55  # the first half of the processes' advisory locks
LOOK_S: Final = 0.1  # between two looks for processes that have died
GRACE_S: Final = 2.0  # after a new connection: a restarted server has none of the others' yet
POLL_S: Final = 0.5  # between two hints where no connection of its own is possible
RECONNECT_S: Final = 0.5

_GONE: Final = """
SELECT DISTINCT process FROM seltzer.runs WHERE status = 'running' AND process <> %s AND NOT EXISTS (
    SELECT 1 FROM pg_locks WHERE locktype = 'advisory' AND granted AND objsubid = 2
        AND database = (SELECT oid FROM pg_database WHERE datname = current_database())
        AND classid::bigint = %s AND objid::bigint = process
)
"""


class Presence:
    """One process among those on the database.

    key: what its runs' rows name it by; None while it has no connection of its own: then its leases alone
    count. gone: the keys of processes that have died with runs that nobody has claimed yet.
    """

    def __init__(self, address: Address | None) -> None:
        self._address = address
        self._number = secrets.randbelow(2**31 - 1) + 1
        self._connection: Connection | None = None
        self.key: int | None = None
        self.gone: Collection[int] = ()

    async def open(self) -> None:
        """Connect, where that is possible. Raises psycopg.Error."""
        if self._address is not None:
            self._connection = await self._connect(self._address)

    async def aclose(self) -> None:
        """Give up the connection; the process is seen as dead from now on."""
        self.key = None
        if self._connection is not None:
            await self._connection.close()

    def is_own(self, payload: str) -> bool:
        """Return whether the process itself has sent the hint."""
        return payload.startswith(f"{self._number} ")

    def payload(self, wake: Wake) -> str:
        """Return the hint as it is sent."""
        events = None if wake.events is None else [*wake.events]
        packed = orjson.dumps([events, wake.has_stops, wake.has_queued]).decode()
        if len(packed) > _PAYLOAD_LIMIT:
            packed = orjson.dumps([None, wake.has_stops, wake.has_queued]).decode()
        return f"{self._number} {packed}"

    async def wakes(self) -> AsyncIterator[Wake]:
        """Yield hints, without end, as EventLog.wakes describes. For one reader."""
        while True:
            if self._address is None:
                await pause(POLL_S)
                yield ANYTHING
                continue
            try:
                if self._connection is None:
                    self._connection = await self._connect(self._address)
                    yield ANYTHING  # some may have been lost
                async for wake in self._hints(self._connection):
                    yield wake
            except psycopg.Error as error:
                log.warning("the connection for hints is lost, and made again: %s", type(error).__name__)
                await self._disconnect()
                await pause(RECONNECT_S)
                yield ANYTHING

    async def _hints(self, connection: Connection) -> AsyncIterator[Wake]:
        """Yield what the others send, and has_queued when one of them has died; until the connection ends."""
        loop = asyncio.get_running_loop()
        judge_at, missing = loop.time() + GRACE_S, set[int]()
        while True:
            async for notify in connection.notifies(timeout=LOOK_S):
                if not self.is_own(notify.payload):
                    yield _wake(notify.payload)
                if loop.time() >= judge_at:
                    break
            if loop.time() < judge_at:
                continue
            judge_at = loop.time() + LOOK_S
            rows = await fetch_all(connection, _GONE, (self._number, LOCKS))
            found = {row["process"] for row in rows}
            self.gone = found & missing  # twice in a row: a connection may be lost and made again
            missing = found
            if self.gone:
                yield Wake(has_queued=True)

    async def _connect(self, address: Address) -> Connection:
        connection = await psycopg.AsyncConnection.connect(address.conninfo, autocommit=True)
        try:
            await connection.execute("SELECT pg_advisory_lock(%s, %s)", (LOCKS, self._number))
            await connection.execute(f"LISTEN {CHANNEL}".encode())
        except BaseException:
            await connection.close()
            raise
        self.key = self._number
        return connection

    async def _disconnect(self) -> None:
        connection, self._connection, self.key, self.gone = self._connection, None, None, ()
        if connection is not None:
            await connection.close()


_PAYLOAD_LIMIT: Final = 7_500  # bytes; Postgres takes 7,999


def _wake(payload: str) -> Wake:
    events, has_stops, has_queued = orjson.loads(payload.partition(" ")[2])
    return Wake(events, has_stops=has_stops, has_queued=has_queued)
