"""The executor: what this process executes, and what waits here for its input or its turn."""

import asyncio
import logging
import uuid
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Final

from langchain_core.callbacks import Callbacks

from seltzer.errors import StorageFailed
from seltzer.runs.event import Event, RunId
from seltzer.runs.execution.attempt import Attempt, Resources
from seltzer.runs.execution.background import BackgroundTasks
from seltzer.runs.execution.graph_stream import Drive
from seltzer.runs.execution.leases import TTL_S, Leases
from seltzer.runs.execution.reservations import Reservation, Reservations
from seltzer.runs.execution.terminal_events import failed
from seltzer.runs.failure import failure
from seltzer.runs.graph import AnyPregel, Graph
from seltzer.runs.ports import Stores
from seltzer.runs.run import Lease, Run, RunSpec, Stop
from seltzer.runs.streaming.flusher import Batch, Flusher
from seltzer.runs.streaming.hub import Hub

log = logging.getLogger(__name__)

CLOSE_S: Final = 2.0  # a node may swallow its cancellation


@dataclass(frozen=True, slots=True)
class RunLimits:
    """How much a process takes on: runs executed at once, runs that wait, a run's time.

    retention_s: how long an ended run's events are kept. insist_s: when a graph told to end is told again.
    """

    runs: int = 1_000
    queue: int = 100
    timeout_s: float = 600.0
    retention_s: float = 3600.0
    insist_s: float = 5.0


class Executor:
    """Executes leases, those the engine has got and those it claims itself, from open() to aclose()."""

    def __init__(
        self,
        graphs: Mapping[str, Graph],
        pregels: Mapping[str, AnyPregel],
        stores: Stores,
        hub: Hub,
        limits: RunLimits,
        clock: Callable[[], float],
        drive: Drive,
    ) -> None:
        self.worker = uuid.uuid4().hex
        self._graphs = graphs
        self._pregels = pregels
        self._stores = stores
        self._hub = hub
        self._limits = limits
        self._flusher = Flusher(stores.event_log, self._was_stored, self._was_not_stored)
        self._means = Resources(
            stores, self._flusher, limits.timeout_s, limits.insist_s, limits.retention_s, clock, drive
        )
        self._live: dict[RunId, Attempt] = {}
        self._reservations = Reservations(self)
        self._chores = BackgroundTasks()
        self._queued: set[RunId] = set()  # what was submitted here and has to wait
        self._coming = 0  # places kept for runs that are being submitted
        self._is_closing = False
        self._leases = Leases(
            stores.runs,
            self.worker,
            begin=self._was_claimed,
            lost=self._was_lost,
            stop=self.stop,
            held=self._held,
            room=self.room,
        )

    def open(self) -> None:
        """Begin with what an earlier process left."""
        self._leases.open()

    def room(self) -> int:
        """Return how many more runs may begin now."""
        return 0 if self._is_closing else self._limits.runs - len(self._held()) - self._coming

    async def submit(self, spec: RunSpec) -> tuple[Run, Lease | None]:
        """Write the run's row, leased if there is room and its thread is free. Raises as Runs.submit does."""
        worker = self.worker if self.room() > 0 else None
        lease = None
        self._coming += worker is not None
        try:
            run, lease, ended = await self._stores.runs.submit(spec, worker, TTL_S, self._limits.queue)
        finally:
            self._coming -= worker is not None
            if lease is None:
                self._leases.nudge()  # the place that it had or sought may be free for one that waits
        if run.status == "pending":
            self._queued.add(spec.run_id)
        for each in ended:
            self.was_ended(each.spec.run_id)
        if lease is None and spec.on_busy in ("interrupt", "rollback"):
            self._stop_earlier(run, "rollback" if spec.on_busy == "rollback" else "cancel")
        return run, lease

    def live(self, run_id: RunId) -> Attempt | None:
        """Return the run's execution, if it is executed here."""
        return self._live.get(run_id)

    def executed(self, run_id: RunId) -> Run | None:
        """Return the run, if it is executed here."""
        live = self._live.get(run_id)
        return live.run if live else None

    def execute(self, lease: Lease, callbacks: Callbacks = None, *, was_queued: bool = False) -> None:
        """Execute the run. was_queued: its thread may have changed since it was submitted."""
        run_id, graph = lease.run.spec.run_id, self._graphs.get(lease.run.spec.graph)
        if graph is None:
            self._chores.do(self._refuse(lease, "graph_gone"))
            return
        if overtaken := self._live.get(run_id):  # its lease had run out, though it is this process's own
            overtaken.abandon()
        tail = self._hub.open(run_id, lease.run.attempt)
        live = Attempt(lease, graph, self._pregels[graph.name], tail, self._means, was_queued=was_queued)
        self._live[run_id] = live
        if lease.stop:
            live.stop(lease.stop)
        task = live.begin(callbacks, self._was_freed)
        task.add_done_callback(
            lambda done: self._is_done(live, has_ended=not done.cancelled() and done.result())
        )

    def close(self) -> None:
        """Claim nothing more."""
        self._is_closing = True

    async def start(self, spec: RunSpec, callbacks: Callbacks = None) -> Run:
        """Begin the run, at once or in its turn, and return its row. Raises as Runs.submit does."""
        return await self._reservations.start(spec, callbacks)

    async def reserve(self, spec: RunSpec) -> Reservation:
        """Write an attached run's row, and return its reservation. Raises as Runs.submit does."""
        return await self._reservations.reserve(spec)

    async def cancel_unbegun(self, run_id: RunId, lease: Lease | None) -> None:
        """End a run that won't begin as `cancelled`; lease: if its turn has come."""
        if lease is not None:
            await self._finish(lease, Event(lease.run.attempt, 1, "cancelled", {}))
        elif (run := await self._stores.runs.stop(run_id, "cancel")) and not run.is_active:
            self.was_ended(run_id)

    def was_ended(self, run_id: RunId) -> None:
        """Deliver note that the run has ended without being executed here."""
        self._reservations.was_ended(run_id)
        self._queued.discard(run_id)
        self._hub.wake(run_id)
        self._chores.do(self._stores.event_log.expire(run_id, self._limits.retention_s))

    def stop(self, run_id: RunId, how: Stop) -> None:
        """Have the run end, if it is executed here."""
        if live := self._live.get(run_id):
            live.stop(how)
        else:
            self._reservations.stop(run_id, how)

    def _stop_earlier(self, run: Run, how: Stop) -> None:
        """Have the earlier runs on its thread end, those that are executed here."""
        for lease in self._held():
            if lease.run.spec.thread_id == run.spec.thread_id and lease.run.number < run.number:
                self.stop(lease.run.spec.run_id, how)

    async def idle(self, timeout_s: float) -> bool:
        """Wait until nothing is executed here, timeout_s at most; return whether that is so."""
        with suppress(TimeoutError):
            async with asyncio.timeout(timeout_s):
                while tasks := [live.task for live in self._live.values() if live.task is not None]:
                    await asyncio.wait(tasks)
        return not self._live

    async def aclose(self) -> None:
        """Hand back the background runs that go on, and end the attached ones as server_draining.

        Waits CLOSE_S at most for the graphs to stop.
        """
        self.close()
        await self._leases.aclose()
        for live in list(self._live.values()):
            if live.run.spec.attached:
                live.fail("server_draining")
            else:
                live.hand_back()
        if tasks := [live.task for live in self._live.values() if live.task is not None]:
            await asyncio.wait(tasks, timeout=CLOSE_S)
        await self._chores.aclose()
        await self._flusher.aclose()

    def _held(self) -> list[Lease]:
        return [*(live.lease for live in self._live.values()), *self._reservations.leases()]

    def _was_claimed(self, lease: Lease) -> None:
        run_id = lease.run.spec.run_id
        self._queued.discard(run_id)
        if self._reservations.grant(lease):
            return
        if lease.run.spec.attached and lease.run.attempt == 1:  # its request died before its turn came
            self._chores.do(self._refuse(lease, "client_gone"))
        else:
            self.execute(lease, was_queued=True)

    def _was_freed(self, execution: Attempt) -> None:
        """The run's thread and its place are free."""
        self._forget_live(execution)
        if self._queued or execution.was_queued:  # behind it, more of what an earlier process left may wait
            self._leases.nudge()

    def _is_done(self, execution: Attempt, *, has_ended: bool) -> None:
        spec = execution.run.spec
        self._forget_live(execution)
        self._hub.close(spec.run_id, execution.run.attempt, execution.error)
        if has_ended:
            self._chores.do(self._keep_house(spec.thread_id))

    def _forget_live(self, execution: Attempt) -> None:
        run_id = execution.run.spec.run_id
        if self._live.get(run_id) is execution:  # else a later attempt has overtaken it
            del self._live[run_id]

    def _was_lost(self, run_id: RunId) -> None:
        if live := self._live.get(run_id):
            log.warning("run %s has another owner now", run_id)
            live.abandon()

    def _was_stored(self, batch: Batch, fenced: set[RunId]) -> None:
        for run_id, events in batch.items():
            if run_id in fenced:
                self._was_lost(run_id)
            elif tail := self._hub.live_tail(run_id):
                tail.mark_stored(events[-1].cursor)

    def _was_not_stored(self, batch: Batch) -> None:
        for run_id in batch:
            if live := self._live.get(run_id):
                live.abandon(StorageFailed("what the run says can't be stored; the server's log says why"))

    async def _refuse(self, lease: Lease, code: str) -> None:
        """End a run that can't begin here."""
        last = failed(failure(code))
        await self._finish(lease, Event(lease.run.attempt, 1, last.kind, last.data))

    async def _finish(self, lease: Lease, last: Event) -> None:
        """End a run that hasn't begun here."""
        if await self._stores.runs.finish(lease, last, touched=lease.run.attempt > 1):
            self.was_ended(lease.run.spec.run_id)
        self._leases.nudge()

    async def _keep_house(self, thread_id: str) -> None:
        """Limit how much is kept: of what ended runs have said, and of the thread's states."""
        await self._stores.event_log.sweep()
        await self._stores.checkpoints.prune(thread_id)
