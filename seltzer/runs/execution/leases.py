"""Leases: the process's claim on the runs it executes. Claims what waits, renews what goes on."""

import asyncio
import logging
from collections.abc import Callable, Coroutine, Sequence
from contextlib import suppress
from typing import Any, Final

from seltzer.runs.event import RunId
from seltzer.runs.ports import Runs
from seltzer.runs.run import Lease, Stop

log = logging.getLogger(__name__)

TTL_S: Final = 10.0
RENEW_S: Final = 3.0


class Leases:
    """Keeps the leases of one worker, from open() to aclose().

    begin is called with each lease that was claimed, lost and stop with what became of those that go on.
    room says how many more runs the process can take.
    """

    def __init__(
        self,
        runs: Runs,
        worker: str,
        *,
        begin: Callable[[Lease], None],
        lost: Callable[[RunId], None],
        stop: Callable[[RunId, Stop], None],
        held: Callable[[], Sequence[Lease]],
        room: Callable[[], int],
        renew_s: float = RENEW_S,
    ) -> None:
        self._runs = runs
        self._worker = worker
        self._begin = begin
        self._lost = lost
        self._stop = stop
        self._held = held
        self._room = room
        self._renew_s = renew_s
        self._nudged = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    def open(self) -> None:
        """Claim what waits, then go on in the background."""
        self._nudged.set()
        self._task = asyncio.create_task(self._keep(), name="keep the leases")

    def nudge(self) -> None:
        """Look for runs that wait, now: a thread or a place has become free."""
        self._nudged.set()

    async def aclose(self) -> None:
        """Claim nothing more and renew nothing more."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait([self._task])

    async def _keep(self) -> None:
        loop = asyncio.get_running_loop()
        renew_at = loop.time() + self._renew_s
        while True:
            with suppress(TimeoutError):
                async with asyncio.timeout_at(renew_at):
                    await self._nudged.wait()
            if loop.time() >= renew_at:  # before claiming: a process that stalled would claim its own
                renew_at = loop.time() + self._renew_s
                await self._try(self._renew)
            self._nudged.clear()
            await self._try(self._claim)

    async def _try(self, work: Callable[[], Coroutine[Any, Any, None]]) -> None:
        """Do the work; whatever goes wrong, the next round comes: without rounds no run would go on."""
        try:
            await work()
        except Exception as error:
            log.error("the leases can't be kept", exc_info=error)

    async def _renew(self) -> None:
        if held := self._held():
            renewal = await self._runs.renew(held, TTL_S)
            for run_id in renewal.lost:
                self._lost(run_id)
            for run_id, how in renewal.stops.items():
                self._stop(run_id, how)

    async def _claim(self) -> None:
        if (room := self._room()) > 0:
            for lease in await self._runs.claim(self._worker, room, TTL_S):
                try:
                    self._begin(lease)
                except Exception as error:  # the others must begin all the same
                    log.error("run %s can't begin", lease.run.spec.run_id, exc_info=error)
