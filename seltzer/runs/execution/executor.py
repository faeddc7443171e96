"""The executor: the attempts of this process, each in a task of its own."""

import asyncio
import logging
from collections.abc import Coroutine, Mapping, Sequence
from contextlib import suppress
from contextvars import Context
from dataclasses import dataclass
from typing import Any, Final

from langchain_core.callbacks import Callbacks

from seltzer.runs.event import Event, Json, Kind, RunId
from seltzer.runs.execution.attempt import Attempt
from seltzer.runs.execution.background import BackgroundTasks
from seltzer.runs.execution.isolation import exits
from seltzer.runs.execution.isolation.threads import RunThreads
from seltzer.runs.execution.leases import Leases
from seltzer.runs.execution.resources import Resources
from seltzer.runs.execution.translation.terminal_events import failed
from seltzer.runs.failure import failure
from seltzer.runs.graph import AnyPregel, Graph
from seltzer.runs.run import Lease, Run, Stop
from seltzer.runs.streaming.hub import Hub
from seltzer.runs.threads.lost_edits import recover

log = logging.getLogger(__name__)

CLOSE_S: Final = 2.0  # a node may swallow its cancellation


@dataclass(frozen=True, slots=True)
class Start:
    """What an attempt starts with.

    context: what its task runs in. was_queued: its thread may have changed since the run was submitted.
    """

    lease: Lease
    context: Context
    callbacks: Callbacks = None
    was_queued: bool = False


class Executor:
    """Executes runs until aclose()."""

    def __init__(
        self,
        graphs: Mapping[str, Graph],
        pregels: Mapping[str, AnyPregel],
        hub: Hub,
        leases: Leases,
        resources: Resources,
    ) -> None:
        self._graphs = graphs
        self._pregels = pregels
        self._hub = hub
        self._leases = leases
        self._resources = resources
        self._attempts: dict[RunId, Attempt] = {}
        self._tokens = 0  # of the attempts that have ended
        self._tasks: set[asyncio.Task[None]] = set()
        self._background = BackgroundTasks()
        self._threads = RunThreads(resources.limits.threads)
        self._loop = asyncio.get_running_loop()
        exits.retain(self._loop)

    def execute(self, start: Start) -> None:
        """Execute a run in a task of its own."""
        run = start.lease.run
        run_id, graph = run.spec.run_id, self._graphs.get(run.spec.graph)
        if graph is None:
            self.refuse(start.lease, "graph_gone")
            return
        if overtaken := self._attempts.get(run_id):  # its lease had run out, though it is this process's own
            overtaken.abandon()
            self._tokens += overtaken.emitter.tokens
        tail = self._hub.open(run_id, run.attempt)
        attempt = Attempt(
            start.lease,
            graph,
            self._pregels[graph.name],
            tail,
            self._resources,
            was_queued=start.was_queued,
            are_stale=self._leases.are_stale,
        )
        self._attempts[run_id] = attempt
        self._resources.observers.run_began(run)
        if start.lease.stop:
            attempt.stop(start.lease.stop)
        self._threads.enter(start.context)
        work = self._run(attempt, start.callbacks)
        task = asyncio.create_task(work, name=f"run {run_id}", context=start.context)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard, context=Context())

    def refuse(self, lease: Lease, code: str) -> None:
        """End a run that can't be executed here as failed."""
        last = failed(failure(code))
        end = Event(lease.run.attempt, 1, last.kind, last.data)
        self._background.start(self.end_unbegun(lease, end, touched=lease.run.attempt > 1))

    def recover(self, lease: Lease) -> None:
        """End an edit whose process died: as made, or rolled back and `cancelled`."""
        self._background.start(self._recover(lease))

    def in_background(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        """Do the work, whoever leaves meanwhile: aclose() waits for it."""
        return self._background.start(work)

    async def hand_back(self, lease: Lease) -> None:
        """Hand back a run that wasn't begun."""
        await self._resources.stores.runs.hand_back(lease)
        self._leases.nudge()

    async def cancel_unbegun(self, run_id: RunId, lease: Lease | None) -> None:
        """End a run that won't be executed as `cancelled`; lease: if it was its turn."""
        if lease is not None:
            last = Event(lease.run.attempt, 1, "cancelled", {})
            await self.end_unbegun(lease, last, touched=lease.run.attempt > 1)
        elif (run := await self._resources.stores.runs.stop(run_id, "cancel")) and not run.is_active:
            self.was_ended(run_id, run)

    def was_ended(self, run_id: RunId, run: Run | None = None) -> None:
        """Note that the run has ended without being executed here. run: its row, if that is known."""
        if self._leases.was_ended(run_id) and run is not None:
            self._resources.observers.run_ended(run, run.last)
        self._hub.wake(run_id)

    def attempt(self, run_id: RunId) -> Attempt | None:
        """Return the run's attempt, if it is executed here."""
        return self._attempts.get(run_id)

    def run(self, run_id: RunId) -> Run | None:
        """Return the run, if it is executed here."""
        attempt = self._attempts.get(run_id)
        return attempt.run if attempt else None

    @property
    def tokens(self) -> int:
        """How many tokens the runs have emitted here."""
        return self._tokens + sum(attempt.emitter.tokens for attempt in self._attempts.values())

    def leases(self) -> Sequence[Lease]:
        """Return the leases of what is executed."""
        return [attempt.lease for attempt in self._attempts.values()]

    def stop(self, run_id: RunId, how: Stop) -> None:
        """Have the run end, if it is executed here."""
        if attempt := self._attempts.get(run_id):
            attempt.stop(how)

    def abandon(self, run_id: RunId) -> None:
        """Stop executing the run, which has another owner now."""
        if attempt := self._attempts.get(run_id):
            attempt.lose_lease()

    async def idle(self, timeout_s: float) -> bool:
        """Wait until nothing is executed, timeout_s at most; return whether that is so."""
        with suppress(TimeoutError):
            async with asyncio.timeout(timeout_s):
                while self._attempts:
                    await asyncio.wait(self._tasks)
        return not self._attempts

    async def aclose(self) -> None:
        """Hand back the background runs, and end the attached ones as server_draining.

        Waits CLOSE_S at most for their graphs to stop.
        """
        for attempt in list(self._attempts.values()):
            attempt.dismiss()
        if self._tasks:
            await asyncio.wait(self._tasks, timeout=CLOSE_S)
        self._threads.close()
        if not self._tasks:  # else a graph still runs, and must not end the process either
            exits.release(self._loop)
        await self._background.aclose()
        await self._resources.flusher.aclose()

    async def _run(self, attempt: Attempt, callbacks: Callbacks) -> None:
        """Execute an attempt; free its place before its terminal event is seen."""
        last: Event | None = None
        try:
            last = await attempt.execute(callbacks)
        finally:
            run_id = attempt.run.spec.run_id
            if self._attempts.get(run_id) is attempt:  # else a later attempt has overtaken it
                del self._attempts[run_id]
                self._tokens += attempt.emitter.tokens
            if last is not None:
                self._leases.was_freed(was_queued=attempt.was_queued)
                attempt.tail.publish(last)
            self._hub.close(run_id, attempt.run.attempt, attempt.error)
            self._resources.observers.run_ended(attempt.run, last)
        if last is not None:
            self._background.start(self._resources.stores.checkpoints.prune(attempt.run.spec.thread_id))

    async def end_unbegun(self, lease: Lease, last: Event, *, output: Json = None, touched: bool) -> None:
        """End a run that isn't executed here. touched: see Runs.finish."""
        if await self._resources.stores.runs.finish(lease, last, output=output, touched=touched):
            self._resources.observers.run_ended(lease.run, last)
            self.was_ended(lease.run.spec.run_id)
        self._leases.nudge()

    async def _recover(self, lease: Lease) -> None:
        spec, checkpoints = lease.run.spec, self._resources.stores.checkpoints
        place = await recover(self._pregels.get(spec.graph), lease.run, checkpoints)
        kind: Kind = "cancelled" if place is None else "finished"
        await self.end_unbegun(lease, Event(lease.run.attempt, 1, kind, {}), output=place, touched=False)
