"""Leases: one worker's share of the queue. Claims what waits, renews what is executed.

A worker iterates over the changes to its leases, and acts on each. Here the store is polled for them, again
and again, whether it fails or not.
"""

import asyncio
import logging
from collections.abc import AsyncGenerator, Collection, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Final, Protocol, TypeAlias

from seltzer.runs.event import RunId
from seltzer.runs.ports import Renewal, Runs, Submitted
from seltzer.runs.run import Lease, RunSpec, Stop

log = logging.getLogger(__name__)

TTL_S: Final = 10.0
RENEW_S: Final = 3.0
RETRY_S: Final = 0.5  # after a renewal that failed


@dataclass(frozen=True, slots=True)
class Claimed:
    """The worker may execute the run."""

    lease: Lease


@dataclass(frozen=True, slots=True)
class Lost:
    """Another worker executes the run now, or none does."""

    run_id: RunId


@dataclass(frozen=True, slots=True)
class Gone:
    """The run was submitted here and waited; another process has begun or ended it."""

    run_id: RunId


@dataclass(frozen=True, slots=True)
class Stopped:
    """The run was requested to end."""

    run_id: RunId
    how: Stop


Change: TypeAlias = Claimed | Lost | Gone | Stopped


class Holder(Protocol):
    """Whose leases they are."""

    def leases(self) -> Sequence[Lease]:
        """Return the leases to renew."""
        ...

    def room(self) -> int:
        """Return how many more runs the worker can execute."""
        ...


class Leases:
    """The queue as one worker sees it. graphs: those that it has; None for any."""

    def __init__(
        self,
        runs: Runs,
        worker: str,
        *,
        queue_limit: int,
        renew_s: float = RENEW_S,
        graphs: Collection[str] | None = None,
    ) -> None:
        self._runs = runs
        self._worker = worker
        self._graphs = graphs
        self._queue_limit = queue_limit
        self._renew_s = renew_s
        self._waiting: set[RunId] = set()  # what was submitted here and has to wait
        self._is_hastened = False
        self._was_full = False  # when it last looked: more may wait than it had room for
        self._nudged = asyncio.Event()
        self._nudged.set()  # there may be runs of an earlier process
        self._time = asyncio.get_running_loop().time
        self._fresh_until = self._time() + TTL_S

    async def submit(self, spec: RunSpec, *, has_room: bool) -> Submitted:
        """Write the run's row, leased to the worker if it has room and the thread is free."""
        submitted = await self._runs.submit(spec, self._worker, TTL_S, self._queue_limit, has_room=has_room)
        if submitted.run.status == "pending":
            self._waiting.add(spec.run_id)
        return submitted

    def are_stale(self) -> bool:
        """Return whether leases may have run out: they weren't renewed in time, whatever the reason."""
        return self._time() > self._fresh_until

    @property
    def waiting(self) -> int:
        """How many runs were submitted here and wait."""
        return len(self._waiting)

    def nudge(self) -> None:
        """Have the next changes looked for now: a thread or a place has become free."""
        self._nudged.set()

    def hasten(self) -> None:
        """Have the leases renewed now: some of their runs may have been requested to end."""
        self._is_hastened = True
        self._nudged.set()

    def was_freed(self, *, was_queued: bool) -> None:
        """Note that a run has ended. was_queued: it had to wait, and others may, too."""
        if self._waiting or was_queued or self._was_full:
            self.nudge()

    def was_ended(self, run_id: RunId) -> bool:
        """Note that the run doesn't wait any more; return whether it was submitted here and waited."""
        has_waited = run_id in self._waiting
        self._waiting.discard(run_id)
        return has_waited

    async def changes(self, holder: Holder) -> AsyncGenerator[Change]:
        """Yield what becomes of the worker's leases, without end; each round as it is due or nudged.

        Renews before it claims: a process that stalled would claim its own. While renewing fails, nothing is
        claimed: leases that have run out may be those of other processes that can't renew either.
        """
        loop = asyncio.get_running_loop()
        renew_at = loop.time() + self._renew_s
        while True:
            with suppress(TimeoutError):
                async with asyncio.timeout_at(renew_at):
                    await self._nudged.wait()
            self._nudged.clear()  # before the look: whoever nudges during it wants another one
            if loop.time() >= renew_at or self._is_hastened:
                renew_at, self._is_hastened = loop.time() + self._renew_s, False
                if (renewal := await self._renew(holder)) is None:
                    renew_at, self._is_hastened = loop.time() + min(RETRY_S, self._renew_s), True
                    continue
                for run_id in renewal.lost:
                    yield Lost(run_id)
                for run_id, how in renewal.stops.items():
                    yield Stopped(run_id, how)
                for run_id in await self._gone():
                    yield Gone(run_id)
            for lease in await self._claim(holder):
                self._waiting.discard(lease.run.spec.run_id)
                yield Claimed(lease)

    async def _renew(self, holder: Holder) -> Renewal | None:
        """Renew the leases, and return what became of them; None if that failed."""
        began_at, renewal = self._time(), Renewal(set(), {})
        try:
            leases = holder.leases()
            if leases or self._waiting:
                renewal = await self._runs.renew(self._worker, leases, TTL_S)
        except Exception as error:  # whatever it is, there must be a next round, or nothing would be renewed
            log.error("the leases can't be renewed", exc_info=error)
            return None
        self._fresh_until = began_at + TTL_S
        return renewal

    async def _gone(self) -> Sequence[RunId]:
        """Return which of the runs that were submitted here wait no longer."""
        waiting = tuple(self._waiting)
        if not waiting:
            return ()
        try:
            statuses = await self._runs.statuses(waiting)
        except Exception as error:
            log.error("waiting runs can't be looked up", exc_info=error)
            return ()
        return [
            run_id for run_id in waiting if run_id not in statuses or statuses[run_id].status != "pending"
        ]

    async def _claim(self, holder: Holder) -> Sequence[Lease]:
        try:
            room = holder.room()
            claimed: Sequence[Lease] = ()
            if room > 0:
                claimed = await self._runs.claim(self._worker, room, TTL_S, graphs=self._graphs)
            self._was_full = len(claimed) >= room
            return claimed
        except Exception as error:
            log.error("waiting runs can't be claimed", exc_info=error)
        return ()
