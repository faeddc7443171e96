"""How a run starts: its row is written, which reserves its thread; then it begins, or is released.

A run is executed once it has both its turn and its input, in whichever order. A background run's
input is in its row, so that any process may execute it in its turn. An attached run's input is nowhere but in
its request, which reserves the run and begins it once the input is read.
"""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from contextvars import Context
from dataclasses import replace
from typing import Any

from langchain_core.callbacks import Callbacks

from seltzer.runs.event import Event, Json, Kind, RunId
from seltzer.runs.execution.executor import Executor, Start
from seltzer.runs.execution.isolation.contexts import run_context
from seltzer.runs.execution.leases import Leases
from seltzer.runs.run import Lease, Run, RunSpec, Stop


class Reservation:
    """A run whose row is written: begin it, or release it. The second of these has no effect.

    run is its row as it was when it was reserved; spec is what was requested, with its input once that is
    known. Its thread is the run's, or will be in its turn.
    """

    run: Run

    def __init__(self, spec: RunSpec, reservations: "Reservations") -> None:
        self.spec = spec
        self._reservations = reservations
        self._lease: Lease | None = None
        self._leased_at = 0.0
        self._was_queued = False
        self._context: Context | None = None  # once it has its input
        self._callbacks: Callbacks = None
        self._on_stop: Callable[[], object] | None = None

    def begin(
        self, *, input: Any, configurable: Mapping[str, Json] | None = None, callbacks: Callbacks = None
    ) -> None:
        """Begin the run, at once or in its turn. callbacks see the graph's inner steps.

        A run that has been cancelled meanwhile isn't executed: its readers find its last event.
        """
        if self._context is None:
            self.spec = replace(self.spec, input=input, configurable=configurable or {})
            self._context, self._callbacks = run_context(), callbacks
            self._execute_when_ready()

    async def release(self) -> None:
        """End the run as `cancelled`, unless it is executed or has ended; a cancelled caller's, too."""
        if self._reservations.close(self):
            await asyncio.shield(self._reservations.cancel(self.run_id, self._lease))

    async def end(self, kind: Kind, data: Json, *, output: Json = None, touched: bool) -> None:
        """End the run, which was done without executing its graph, in its turn. touched: see Runs.finish."""
        if self._lease is not None:
            last = Event(self._lease.run.attempt, 1, kind, data)
            await self._reservations.end(self._lease, last, output=output, touched=touched)

    def abandon(self) -> None:
        """Leave the run to whoever claims it once its lease has run out, unless it has ended."""
        self._reservations.close(self)

    def on_stop(self, callback: Callable[[], object]) -> None:
        """Have it called when the run is requested to end, or isn't this process's any more."""
        self._on_stop = callback
        if self._lease is not None and self._lease.stop is not None:
            callback()

    @property
    def run_id(self) -> RunId:
        return self.spec.run_id

    @property
    def lease(self) -> Lease | None:
        """The run's lease, once it is its turn."""
        return self._lease

    def grant(self, lease: Lease, *, was_queued: bool) -> None:
        """Note that it is the run's turn."""
        self._lease, self._was_queued = lease, was_queued
        self._leased_at = asyncio.get_running_loop().time()
        self._execute_when_ready()

    def stop(self, how: Stop) -> None:
        """Have the run end as soon as it begins. One that waits for its turn is ended by its row."""
        if self._lease is not None:
            self._lease = replace(self._lease, stop=how)
        if self._on_stop is not None:
            self._on_stop()

    def _execute_when_ready(self) -> None:
        if self._lease is None or self._context is None or not self._reservations.close(self):
            return
        row = self._lease.run  # it may begin elsewhere than was requested: what it forks was rolled back
        spec = replace(self.spec, checkpoint_id=row.spec.checkpoint_id)
        age_s = self._lease.age_s + asyncio.get_running_loop().time() - self._leased_at
        lease = replace(self._lease, run=replace(row, spec=spec), age_s=age_s)
        start = Start(lease, self._context, self._callbacks, was_queued=self._was_queued)
        self._reservations.execute(start)


class Reservations:
    """The runs submitted here that are neither executed nor ended yet."""

    def __init__(self, executor: Executor, leases: Leases, *, limit: int) -> None:
        self._executor = executor
        self._leases = leases
        self._limit = limit
        self._open: dict[RunId, Reservation] = {}
        self._submitting = 0  # runs whose rows are being written and that may begin at once
        self._is_closed = False

    async def start(self, spec: RunSpec, callbacks: Callbacks = None) -> Run:
        """Begin the run, at once or in its turn, and return its row. Raises as Runs.submit does."""
        reservation = await self.reserve(spec)
        reservation.begin(input=spec.input, configurable=spec.configurable, callbacks=callbacks)
        return reservation.run

    async def reserve(self, spec: RunSpec) -> Reservation:
        """Write the run's row, and return its reservation. Raises as Runs.submit does.

        The reservation is open before its row is written: its turn may be granted before this has returned.
        Of a cancelled caller an attached run is ended, and a background run is left to whoever claims it.
        """
        reservation = Reservation(spec, self)
        self._open.setdefault(spec.run_id, reservation)
        submitting = asyncio.create_task(self._submit(reservation), name=f"submit {spec.run_id}")
        try:
            await asyncio.shield(submitting)
        except asyncio.CancelledError:
            self._executor.in_background(self._free(reservation, submitting))
            raise
        return reservation

    def start_claimed(self, lease: Lease) -> None:
        """Begin a run that had to wait for its turn, here or in a process that is gone."""
        spec, reservation = lease.run.spec, self._open.get(lease.run.spec.run_id)
        if spec.is_edit and (reservation is None or reservation.lease is not None):
            if reservation is not None:  # its lease had run out, though it is this process's own
                reservation.stop("cancel")
            self._executor.recover(lease)
        elif reservation is not None:
            reservation.grant(lease, was_queued=True)
        elif spec.attached and lease.run.attempt == 1:  # its request ended before its turn
            self._executor.refuse(lease, "client_gone")
        else:
            self.execute(Start(lease, run_context(), was_queued=True))

    def execute(self, start: Start) -> None:
        """Hand a run to the executor."""
        self._executor.execute(start)

    def cancel(self, run_id: RunId, lease: Lease | None) -> asyncio.Task[None]:
        """End a run that won't begin as `cancelled`; lease: if it was its turn."""
        return self._executor.in_background(self._executor.cancel_unbegun(run_id, lease))

    async def end(self, lease: Lease, last: Event, *, output: Json, touched: bool) -> None:
        """End a run that was done without executing its graph."""
        await self._executor.end_unbegun(lease, last, output=output, touched=touched)

    def stop(self, run_id: RunId, how: Stop) -> None:
        """Have the run end as soon as it begins, if it is reserved here and it is its turn."""
        if reservation := self._open.get(run_id):
            reservation.stop(how)

    def was_ended(self, run_id: RunId, run: Run | None = None) -> None:
        """Note that the run has ended without being executed here, or is executed elsewhere."""
        self._open.pop(run_id, None)
        self._executor.was_ended(run_id, run)

    def close(self, reservation: Reservation) -> bool:
        """Close a reservation whose run begins or won't any more; return whether it was open."""
        is_open = self._open.get(reservation.run_id) is reservation
        if is_open:
            del self._open[reservation.run_id]
        return is_open

    def leases(self) -> Sequence[Lease]:
        """Return the leases of this process: of what is executed, and of what waits for its input."""
        reserved = [each.lease for each in self._open.values() if each.lease is not None]
        return [*self._executor.leases(), *reserved]

    def room(self) -> int:
        """Return how many more runs may begin now."""
        return 0 if self._is_closed else self._limit - len(self.leases()) - self._submitting

    def shut(self) -> None:
        """Let nothing more begin, but for what is reserved."""
        self._is_closed = True

    async def _submit(self, reservation: Reservation) -> None:
        spec = reservation.spec
        try:
            reservation.run, lease = await self._write_row(spec)
        except BaseException:  # nothing was written
            self.close(reservation)
            raise
        if lease is not None:
            reservation.grant(lease, was_queued=False)
        elif reservation.run.status != "pending":  # submitted before, and begun or ended since
            self.close(reservation)

    async def _free(self, reservation: Reservation, submitting: asyncio.Task[None]) -> None:
        """Give up what was reserved for a caller that has left."""
        await asyncio.wait([submitting])
        if submitting.cancelled() or submitting.exception() is not None:
            return
        if reservation.spec.attached or reservation.spec.is_edit:
            await reservation.release()
        elif self.close(reservation) and reservation.lease is not None:
            await self._executor.hand_back(reservation.lease)

    async def _write_row(self, spec: RunSpec) -> tuple[Run, Lease | None]:
        has_room, lease = self.room() > 0, None
        self._submitting += has_room
        try:
            run, lease, ended = await self._leases.submit(spec, has_room=has_room)
        finally:
            self._submitting -= has_room
            if lease is None:
                self._leases.nudge()  # the place that it had or sought may be free for one that waits
        for each in ended:
            self.was_ended(each.spec.run_id, each)
        if lease is None and spec.on_busy in ("interrupt", "rollback"):
            self._stop_earlier(run, "rollback" if spec.on_busy == "rollback" else "cancel")
        return run, lease

    def _stop_earlier(self, run: Run, how: Stop) -> None:
        """Have the earlier runs on its thread end, those that are executed or reserved here."""
        for lease in self.leases():
            earlier = lease.run
            if earlier.spec.thread_id == run.spec.thread_id and earlier.number < run.number:
                self._executor.stop(earlier.spec.run_id, how)
                self.stop(earlier.spec.run_id, how)
