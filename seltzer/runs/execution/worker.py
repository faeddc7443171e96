"""The worker: this process at work on the queue. It starts runs, claims those that wait, renews leases."""

import asyncio
import logging
import uuid
from collections.abc import Callable, Mapping
from contextlib import aclosing
from contextvars import Context
from typing import NamedTuple

from langchain_core.callbacks import Callbacks

from seltzer.runs.event import RunId
from seltzer.runs.execution.driver.graph_stream import Drive
from seltzer.runs.execution.executor import Executor
from seltzer.runs.execution.leases import Change, Claimed, Gone, Leases, Lost
from seltzer.runs.execution.limits import RunLimits
from seltzer.runs.execution.reservations import Reservation, Reservations
from seltzer.runs.execution.resources import Resources
from seltzer.runs.graph import AnyPregel, Graph
from seltzer.runs.observer import Observers
from seltzer.runs.ports import Stores, Wake
from seltzer.runs.run import Run, RunSpec, Stop
from seltzer.runs.streaming.flusher import Flusher
from seltzer.runs.streaming.hub import Hub

log = logging.getLogger(__name__)


class Load(NamedTuple):
    """running: the runs that are executed here; pending: those that were submitted here and wait."""

    running: int
    pending: int
    tokens: int


class Worker:
    """One worker, from open() to aclose()."""

    def __init__(
        self,
        graphs: Mapping[str, Graph],
        pregels: Mapping[str, AnyPregel],
        stores: Stores,
        hub: Hub,
        limits: RunLimits,
        drive: Drive,
        clock: Callable[[], float],
        observers: Observers,
    ) -> None:
        flusher = Flusher(stores.event_log, observers)
        resources = Resources(stores, flusher, drive, limits, clock, observers)
        self._runs = stores.runs
        self._leases = Leases(stores.runs, uuid.uuid4().hex, queue_limit=limits.queue, graphs=[*graphs])
        self._executor = Executor(graphs, pregels, hub, self._leases, resources)
        self._reservations = Reservations(self._executor, self._leases, limit=limits.runs)
        self._task: asyncio.Task[None] | None = None

    def open(self) -> None:
        """Begin with the runs of an earlier process."""
        self._task = asyncio.create_task(self._work(), name="keep the leases", context=Context())

    async def start(self, spec: RunSpec, callbacks: Callbacks = None) -> Run:
        """Begin the run, at once or in its turn, and return its row. Raises as Runs.submit does."""
        return await self._reservations.start(spec, callbacks)

    async def reserve(self, spec: RunSpec) -> Reservation:
        """Write the run's row, and return its reservation. Raises as Runs.submit does."""
        return await self._reservations.reserve(spec)

    def run(self, run_id: RunId) -> Run | None:
        """Return the run, if it is executed here."""
        return self._executor.run(run_id)

    @property
    def load(self) -> Load:
        """What the worker has to do, and how many tokens its runs have emitted."""
        return Load(len(self._executor.leases()), self._leases.waiting, self._executor.tokens)

    async def cancel(self, run_id: RunId) -> Run | None:
        """Request the run to end, and return its current state; None if there is no such run."""
        attempt = self._executor.attempt(run_id)
        if attempt is not None and attempt.run.spec.attached:  # no other process will ever execute it
            attempt.stop("cancel")
            return attempt.run
        run = await self._runs.stop(run_id, "cancel")
        if run is not None and run.is_active:
            self._stop(run_id, "cancel")
        elif run is not None:
            self._reservations.was_ended(run_id, run)
        return run

    def wake(self, wake: Wake) -> None:
        """Look at what has changed in another process."""
        if wake.has_stops and self._reservations.leases():
            self._leases.hasten()
        if wake.has_queued:
            self._leases.nudge()

    def close(self) -> None:
        """Let nothing more begin, but for what is reserved."""
        self._reservations.shut()

    async def idle(self, timeout_s: float) -> bool:
        """Wait until nothing is executed, timeout_s at most; return whether that is so."""
        return await self._executor.idle(timeout_s)

    async def aclose(self) -> None:
        """Hand back the background runs, and end the attached ones as server_draining."""
        self.close()
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait([self._task])
        await self._executor.aclose()

    async def _work(self) -> None:
        async with aclosing(self._leases.changes(self._reservations)) as changes:
            async for change in changes:
                try:
                    self._apply(change)
                except Exception as error:  # the other runs must continue
                    log.error("%r can't be acted on", change, exc_info=error)

    def _apply(self, change: Change) -> None:
        if isinstance(change, Claimed):
            self._reservations.start_claimed(change.lease)
        elif isinstance(change, Lost):
            self._executor.abandon(change.run_id)
            self._reservations.stop(change.run_id, "cancel")
        elif isinstance(change, Gone):
            self._reservations.was_ended(change.run_id)
        else:
            self._stop(change.run_id, change.how)

    def _stop(self, run_id: RunId, how: Stop) -> None:
        self._executor.stop(run_id, how)
        self._reservations.stop(run_id, how)
