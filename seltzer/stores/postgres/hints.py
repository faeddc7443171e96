"""Hints to the other processes. They may be lost; whoever waits for one looks for itself now and then."""

import asyncio
import logging
from collections.abc import Iterable
from contextvars import Context
from typing import Final

from seltzer.errors import StorageFailed
from seltzer.runs.event import RunId
from seltzer.runs.ports import Wake
from seltzer.stores.postgres.database import Connection, Database
from seltzer.stores.postgres.presence import CHANNEL, Presence

log = logging.getLogger(__name__)

PATIENCE_S: Final = (
    1.0  # after a restart every connection of the pool is dead; later the others look themselves
)

_NOTHING: Final = Wake()
_NOTIFY: Final = "SELECT set_config('synchronous_commit', 'off', true), pg_notify(%s, %s)"


class Hints:
    """Sends one hint at a time; what is posted meanwhile is the next one.

    A transaction that notifies has to wait for those before it: one that must be durable, and waits for the
    disk, would hold up all others. So hints are sent behind what they are about, by themselves.
    """

    def __init__(self, database: Database, presence: Presence) -> None:
        self._database = database
        self._presence = presence
        self._events: set[RunId] = set()
        self._has_stops = False
        self._has_queued = False
        self._sending: asyncio.Task[None] | None = None

    def post(
        self, events: Iterable[RunId] = (), *, has_stops: bool = False, has_queued: bool = False
    ) -> None:
        """Send these soon: runs whose logs have grown, whether there are stops, or runs to claim."""
        self._events.update(events)
        self._has_stops = self._has_stops or has_stops
        self._has_queued = self._has_queued or has_queued
        if self._sending is None or self._sending.done():
            sending = self._send()
            self._sending = asyncio.get_running_loop().create_task(sending, context=Context())

    async def aclose(self) -> None:
        """Send what waits."""
        if self._sending is not None:
            await asyncio.wait([self._sending])

    async def _send(self) -> None:
        while (wake := self._taken()) != _NOTHING:
            payload = self._presence.payload(wake)

            async def notify(connection: Connection, payload: str = payload) -> None:
                await connection.execute(_NOTIFY, (CHANNEL, payload))

            try:
                await self._database.execute(notify, patience_s=PATIENCE_S)
            except StorageFailed:
                log.info("a hint to the other processes is lost")

    def _taken(self) -> Wake:
        wake = Wake(self._events, has_stops=self._has_stops, has_queued=self._has_queued)
        self._events, self._has_stops, self._has_queued = set(), False, False
        return wake if wake.events or wake.has_stops or wake.has_queued else _NOTHING
