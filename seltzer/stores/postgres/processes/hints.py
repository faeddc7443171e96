"""Hints to the other processes. They may be lost: whoever waits for one looks for itself now and then."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Iterable
from contextvars import Context
from typing import Final

from seltzer.errors import StorageFailed
from seltzer.runs.event import RunId
from seltzer.runs.ports import Wake
from seltzer.stores.postgres.connections.database import Connection, Database, pause
from seltzer.stores.postgres.processes.presence import CHANNEL, Presence

log = logging.getLogger(__name__)

PATIENCE_S: Final = 1.0  # for one try; after a restart every connection is dead
TRIES: Final = 8  # of a hint that can't be sent; later the others look themselves
RETRY_S: Final = 0.25
EVENTS_LIMIT: Final = 1000  # runs in a hint; more are any run

_NOTIFY: Final = "SELECT set_config('synchronous_commit', 'off', true), pg_notify(%s, %s)"


class Hints:
    """Sends one hint at a time; what is posted meanwhile is the next one.

    A transaction that notifies has to wait for those before it: one that must be durable, and waits for the
    disk, would delay all others. So hints are sent after what they are about, by themselves. One that
    can't be sent is sent again, with what was posted meanwhile.
    """

    def __init__(self, database: Database, presence: Presence) -> None:
        self._database = database
        self._presence = presence
        self._next = Wake(set())
        self._sending: asyncio.Task[None] | None = None
        self._is_closed = False

    def post(
        self, events: Iterable[RunId] = (), *, has_stops: bool = False, has_queued: bool = False
    ) -> None:
        """Send these soon: runs whose logs have grown, whether there are stops, or runs to claim."""
        self._next = _merged(self._next, Wake({*events}, has_stops=has_stops, has_queued=has_queued))
        if self._sending is None or self._sending.done():
            sending = self._send()
            self._sending = asyncio.get_running_loop().create_task(sending, context=Context())

    async def aclose(self) -> None:
        """Send what waits, if that is possible now."""
        self._is_closed = True
        if self._sending is not None:
            await asyncio.wait([self._sending])

    async def _send(self) -> None:
        tries = 0
        while self._next != Wake(set()) and not (self._is_closed and tries):
            wake, self._next = self._next, Wake(set())
            try:
                await self._database.execute(self._notification(wake), patience_s=PATIENCE_S)
                tries = 0
            except StorageFailed:
                tries += 1
                if tries < TRIES:
                    self._next = _merged(wake, self._next)
                    await pause(RETRY_S)
                else:
                    tries = 0
                    log.info("a hint to the other processes is lost")

    def _notification(self, wake: Wake) -> Callable[[Connection], Awaitable[None]]:
        payload = self._presence.payload(wake)

        async def notify(connection: Connection) -> None:
            await connection.execute(_NOTIFY, (CHANNEL, payload))

        return notify


def _merged(one: Wake, other: Wake) -> Wake:
    events: set[RunId] | None = None
    if one.events is not None and other.events is not None:
        events = {*one.events, *other.events}
    if events is not None and len(events) > EVENTS_LIMIT:
        events = None
    return Wake(events, one.has_stops or other.has_stops, one.has_queued or other.has_queued)
