"""How a run starts: its row is written, which reserves its thread; then it begins, or is released.

A background run's input is in its row, so that any process may begin it, at once or in its turn. An attached
run's input is nowhere but in its request: the request reserves the run, and begins it with the input. It runs
once it has both its turn and its input, in whichever order they come.
"""

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any, Protocol

from langchain_core.callbacks import Callbacks

from seltzer.errors import AppError
from seltzer.runs.event import Json, RunId
from seltzer.runs.run import Lease, Run, RunSpec, Stop


class Host(Protocol):
    """What starting a run needs of the process it starts in."""

    async def submit(self, spec: RunSpec) -> tuple[Run, Lease | None]:
        """Write the run's row, leased if it may run now. Raises as Runs.submit does."""
        ...

    def execute(self, lease: Lease, callbacks: Callbacks = None, *, was_queued: bool = False) -> None:
        """Execute the run. was_queued: its thread may have changed since it was submitted."""
        ...

    async def cancel_unbegun(self, run_id: RunId, lease: Lease | None) -> None:
        """End a run that won't begin as `cancelled`; lease: if its turn has come."""
        ...


class Reservation:
    """An attached run whose row is written: begin it, or release it. Whatever comes second does nothing.

    run is its row as it was when it was reserved. Its thread is the run's, or will be in its turn.
    """

    run: Run

    def __init__(self, spec: RunSpec, reservations: "Reservations") -> None:
        self._spec = spec
        self._reservations = reservations
        self._lease: Lease | None = None
        self._was_queued = False
        self._has_input = False
        self._callbacks: Callbacks = None

    def begin(
        self, *, input: Any, configurable: Mapping[str, Json] | None = None, callbacks: Callbacks = None
    ) -> None:
        """Begin the run, at once or in its turn. callbacks see the graph's inner steps.

        A run that has been cancelled meanwhile doesn't run: its readers find its last event.
        """
        if not self._has_input:
            self._spec = replace(self._spec, input=input, configurable=configurable or {})
            self._callbacks, self._has_input = callbacks, True
            self._begin_when_ready()

    async def release(self) -> None:
        """End the run as `cancelled`, unless it has begun or ended."""
        if self._reservations.close(self):
            await self._reservations.host.cancel_unbegun(self.run_id, self._lease)

    @property
    def run_id(self) -> RunId:
        return self._spec.run_id

    @property
    def lease(self) -> Lease | None:
        """The run's lease, once its turn has come."""
        return self._lease

    def grant(self, lease: Lease, *, was_queued: bool) -> None:
        """Note that the run's turn has come."""
        self._lease, self._was_queued = lease, was_queued
        self._begin_when_ready()

    def stop(self, how: Stop) -> None:
        """Have the run end as soon as it begins. One whose turn hasn't come is ended by its row."""
        if self._lease is not None:
            self._lease = replace(self._lease, stop=how)

    def _begin_when_ready(self) -> None:
        if self._lease is None or not self._has_input or not self._reservations.close(self):
            return
        lease = replace(self._lease, run=replace(self._lease.run, spec=self._spec))
        self._reservations.host.execute(lease, self._callbacks, was_queued=self._was_queued)


class Reservations:
    """The reserved runs of a process that have neither begun nor ended."""

    def __init__(self, host: Host) -> None:
        self.host = host
        self._open: dict[RunId, Reservation] = {}

    def __len__(self) -> int:
        return len(self._open)

    async def start(self, spec: RunSpec, callbacks: Callbacks = None) -> Run:
        """Begin the run, at once or in its turn, and return its row. Raises as Runs.submit does."""
        if spec.attached:
            reservation = await self.reserve(spec)
            reservation.begin(input=spec.input, configurable=spec.configurable, callbacks=callbacks)
            return reservation.run
        run, lease = await self.host.submit(spec)
        if lease is not None:
            self.host.execute(lease, callbacks)
        return run

    async def reserve(self, spec: RunSpec) -> Reservation:
        """Write an attached run's row, and return its reservation. Raises as Runs.submit does.

        The reservation is open before its row is written: its turn may come before this has returned.
        """
        reservation = Reservation(spec, self)
        self._open.setdefault(spec.run_id, reservation)
        try:
            reservation.run, lease = await self.host.submit(spec)
        except AppError:  # nothing was written
            self.close(reservation)
            raise
        except BaseException:
            await reservation.release()
            raise
        if lease is not None:
            reservation.grant(lease, was_queued=False)
        elif reservation.run.status != "pending":  # submitted before, and begun or ended since
            self.close(reservation)
        return reservation

    def grant(self, lease: Lease) -> bool:
        """Note that the turn of a run has come that had to wait; return whether it is reserved here."""
        reservation = self._open.get(lease.run.spec.run_id)
        if reservation is not None:
            reservation.grant(lease, was_queued=True)
        return reservation is not None

    def stop(self, run_id: RunId, how: Stop) -> None:
        """Have the run end as soon as it begins, if it is reserved here and its turn has come."""
        if reservation := self._open.get(run_id):
            reservation.stop(how)

    def close(self, reservation: Reservation) -> bool:
        """Close a reservation whose run begins or won't any more; return whether it was open."""
        is_open = self._open.get(reservation.run_id) is reservation
        if is_open:
            del self._open[reservation.run_id]
        return is_open

    def was_ended(self, run_id: RunId) -> None:
        """Close the run's reservation, if it is reserved here: its row has ended."""
        self._open.pop(run_id, None)

    def leases(self) -> Iterable[Lease]:
        """Return the leases of those whose turn has come."""
        return [each.lease for each in self._open.values() if each.lease is not None]
