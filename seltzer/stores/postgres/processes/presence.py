"""A process's own connection: it shows that the process is alive, and brings hints from the others.

The process has an advisory lock as long as the connection lasts. When it dies, by whatever cause, Postgres
frees the lock within moments, and the others may claim its runs without waiting for their leases to run out.

Only who was seen alive on this very connection can be seen to have died: after a restart of the database no
process has its lock yet. Then the leases count, and these only once the others have had time to renew them,
as after every time in which the database couldn't be used.
"""

import logging
import secrets
from collections.abc import AsyncGenerator, Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from datetime import datetime
from time import monotonic
from typing import Final

import orjson
import psycopg

from seltzer.errors import StorageFailed
from seltzer.runs.ports import ANYTHING, Wake
from seltzer.stores.postgres.connections.address import Address
from seltzer.stores.postgres.connections.database import VANISHED, Connection, limited, pause
from seltzer.stores.postgres.connections.queries import fetch_all
from seltzer.stores.postgres.processes.liveness import Liveness
from seltzer.stores.postgres.statements.processes import LOCKS, LOOK

log = logging.getLogger(__name__)

CHANNEL: Final = "seltzer"
LOOK_S: Final = 0.1  # between two looks for processes that have died
# For all who live to renew their leases, after a time in which that failed: to notice that (a failed renewal
# is repeated soon), to connect, and to renew.
GRACE_S: Final = 8.0
POLL_S: Final = 0.5  # between two hints where no connection of its own is possible
RECONNECT_S: Final = 0.5


class Presence:
    """One process among those on the database.

    key: the name of the process in its runs' rows; None while it has no connection of its own: then its
    leases alone count. time: seconds that never step back.
    """

    def __init__(self, address: Address | None, *, time: Callable[[], float] = monotonic) -> None:
        self._address = address
        self._time = time
        self._number = _new_number()
        self._connection: Connection | None = None
        self._liveness = Liveness()
        self._settled_at = 0.0
        self.key: int | None = None
        self._unsettle()  # it may have been started as soon as the database was there again

    @property
    def gone(self) -> Mapping[int, datetime]:
        """The processes that have died with runs that nobody has claimed yet, as in Liveness."""
        return self._liveness.gone

    @property
    def has_settled(self) -> bool:
        """Whether leases that have run out count: those who live have had time to renew theirs."""
        return self._time() >= self._settled_at

    @contextmanager
    def unsettled_by_failure(self) -> Iterator[None]:
        """If the block raises StorageFailed, the other processes may be unable to renew their leases, too."""
        try:
            yield
        except StorageFailed:
            self._unsettle()
            raise

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

    async def wakes(self) -> AsyncGenerator[Wake]:
        """Yield hints, without end, as EventLog.wakes describes. For one reader."""
        is_new = False
        while True:
            if self._address is None:
                await pause(POLL_S)
                yield ANYTHING
                continue
            try:
                if self._connection is None:
                    self._connection, is_new = await self._connect(self._address), True
                    yield ANYTHING  # some may have been lost; and the leases get the process's key
                async for wake in self._hints(self._connection):
                    is_new = False
                    yield wake
            except psycopg.Error as error:
                log.warning("the connection for hints is lost, and made again: %s", type(error).__name__)
                was_connected = self._connection is not None and not is_new
                await self._disconnect()
                if not was_connected:  # else at once: before the others conclude that this process has died
                    await pause(RECONNECT_S)
                yield ANYTHING

    async def _hints(self, connection: Connection) -> AsyncGenerator[Wake]:
        """Yield what the others send, and has_queued when runs of theirs can be claimed.

        Until the connection ends: that raises psycopg.Error.
        """
        wait_s = LOOK_S
        while True:
            # To its end, which is near: what it has read and not yielded would be lost.
            async for notify in connection.notifies(timeout=wait_s):
                if not self.is_own(notify.payload):
                    yield wake_of(notify.payload)
            async with limited(connection):
                (row,) = await fetch_all(connection, LOOK, (LOCKS,))
            now_s, leases = self._time(), dict(zip(row["processes"], row["untils"], strict=True))
            self._liveness.look(now_s, row["alive"], leases)
            wait_s = self._liveness.next_look_s(now_s, LOOK_S)
            if self.gone or (row["has_expired"] and self.has_settled):
                yield Wake(has_queued=True)

    async def _connect(self, address: Address) -> Connection:
        connection = await psycopg.AsyncConnection.connect(address.conninfo, autocommit=True)
        try:
            async with limited(connection):
                await connection.execute(VANISHED)
                while not await self._lock(connection):
                    self._number = _new_number()  # the server still believes in the old connection
                await connection.execute(f"LISTEN {CHANNEL}".encode())
        except BaseException:
            await connection.close()
            raise
        self._liveness.forget()
        self.key = self._number
        return connection

    async def _lock(self, connection: Connection) -> bool:
        found = await connection.execute("SELECT pg_try_advisory_lock(%s, %s)", (LOCKS, self._number))
        row = await found.fetchone()
        return row is not None and row[0] is True

    async def _disconnect(self) -> None:
        connection, self._connection, self.key = self._connection, None, None
        self._liveness.forget()
        self._unsettle()
        if connection is not None:
            with suppress(psycopg.Error):
                await connection.close()

    def _unsettle(self) -> None:
        self._settled_at = self._time() + GRACE_S


_PAYLOAD_LIMIT: Final = 7_500  # bytes; Postgres takes 7,999


def _new_number() -> int:
    return secrets.randbelow(2**31 - 1) + 1


def wake_of(payload: str) -> Wake:
    """Return the hint; one that can't be read, perhaps a later Seltzer's, may mean anything."""
    try:
        events, has_stops, has_queued = orjson.loads(payload.partition(" ")[2])
    except (ValueError, TypeError):
        return ANYTHING
    return Wake(events, has_stops=bool(has_stops), has_queued=bool(has_queued))
