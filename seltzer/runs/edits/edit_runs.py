"""The runs that make edits: each reserves its thread, and no graph executes it.

What such a run writes is its own until all is written: an edit that fails, is cancelled or whose process dies
is rolled back (the last by threads/lost_edits.py). Then an update is handed to the thread's newest run, with
which it is rolled back, and the edit's own run counts no more; a withdrawal stays the thread's newest run.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Final

from langchain_core.runnables import RunnableConfig

from seltzer.errors import AppError, NotInterrupted, RunFailed, ThreadBusy, TooManyRuns
from seltzer.runs.authors_code import AuthorsCodeFailed, await_authors_code
from seltzer.runs.event import Kind, RunId
from seltzer.runs.execution.driver.run_config import thread_config
from seltzer.runs.execution.fence import Fence
from seltzer.runs.execution.isolation.contexts import run_context
from seltzer.runs.execution.reservations import Reservation
from seltzer.runs.execution.translation.terminal_events import failed
from seltzer.runs.failure import failure
from seltzer.runs.graph import AnyPregel
from seltzer.runs.ports import Stores
from seltzer.runs.run import Run, RunSpec
from seltzer.runs.threads.lost_edits import EDIT, WITHDRAWN, newest_edit

log = logging.getLogger(__name__)

STOP_S: Final = 2.0  # code of the graph's author may swallow its cancellation

Write = Callable[[RunnableConfig], Awaitable[None]]


class EditRuns:
    """Makes edits, each in a task of its own: it ends whether its client waits for it or not.

    An edit takes timeout_s at most.
    """

    def __init__(
        self,
        stores: Stores,
        pregels: Mapping[str, AnyPregel],
        reserve: Callable[[RunSpec], Awaitable[Reservation]],
        timeout_s: float,
    ) -> None:
        self._stores = stores
        self._pregels = pregels
        self._reserve = reserve
        self._timeout_s = timeout_s
        self._tasks: dict[RunId, asyncio.Task[Run]] = {}
        self._reservations: dict[RunId, Reservation] = {}

    async def make(
        self, spec: RunSpec, write: Write, *, newest: Run | None = None, withdrawn: RunId | None = None
    ) -> Run:
        """Make the edit, and return its run once that has ended.

        newest: the run that an update is handed to. withdrawn: the run whose interrupt is withdrawn.
        Raises RunFailed if it fails or is cancelled.
        """
        while spec.run_id in self._tasks:  # it was requested at the same moment, too
            await self.wait(spec.run_id)
        work = self._make(spec, write, newest, withdrawn)
        task = asyncio.create_task(work, name=f"edit {spec.run_id}", context=run_context())
        self._tasks[spec.run_id] = task
        task.add_done_callback(lambda ended: self._forget(spec.run_id, ended))
        return await asyncio.shield(task)

    async def wait(self, run_id: RunId) -> None:
        """Wait until the edit has ended, if this process makes it."""
        if (task := self._tasks.get(run_id)) is not None:
            await asyncio.wait([task])

    async def aclose(self) -> None:
        """Cancel the edits that are being made, and wait until they have ended."""
        for reservation in [*self._reservations.values()]:
            reservation.stop("cancel")
        if self._tasks:
            await asyncio.wait(self._tasks.values())

    def _forget(self, run_id: RunId, task: asyncio.Task[Run]) -> None:
        if self._tasks.get(run_id) is task:
            del self._tasks[run_id]
        if not task.cancelled():
            task.exception()  # whoever waits gets it; asyncio need not log it

    async def _make(self, spec: RunSpec, write: Write, newest: Run | None, withdrawn: RunId | None) -> Run:
        reservation = await self._reserved(spec, is_update=withdrawn is None)
        if reservation.lease is None:
            await reservation.release()
            if reservation.run.status == "pending":
                raise TooManyRuns("as many runs are active as may be; try again in a moment")
            return edit_result(reservation.run)
        self._reservations[spec.run_id] = reservation
        try:
            place = await self._written(reservation, write, newest)
            if withdrawn is None:
                await reservation.end("finished", {}, output=place, touched=False)
            else:
                await reservation.end("cancelled", {WITHDRAWN: withdrawn}, touched=True)
        finally:
            reservation.abandon()  # of what can't be stored, the end is left to whoever claims it
            del self._reservations[spec.run_id]
        # Whoever has claimed it meanwhile has ended it: as made, or rolled back.
        return edit_result(await self._stores.runs.get(spec.run_id) or reservation.run)

    async def _written(self, reservation: Reservation, write: Write, newest: Run | None) -> Mapping[str, Any]:
        """Return where the thread is once all is written; else roll it back and end the run."""
        spec = reservation.run.spec
        try:
            await self._write(reservation, write)
            place = await newest_edit(self._pregels[spec.graph], spec)
        except AppError as error:
            await self._stores.checkpoints.roll_back(spec.thread_id, [spec.run_id], by=reservation.run)
            kind, data = _end(error)
            await reservation.end(kind, data, touched=False)
            await self._check_lease(reservation.run)
            raise
        if newest is not None:
            await self._stores.checkpoints.reassign(
                spec.thread_id, spec.run_id, newest.spec.run_id, by=reservation.run
            )
        return place

    async def _check_lease(self, run: Run) -> None:
        """Raise RunFailed if another process has claimed the run, and so has rolled the edit back."""
        newest = await self._stores.runs.get(run.spec.run_id)
        if newest is not None and newest.attempt != run.attempt:
            raise failure("run_cancelled")

    async def _reserved(self, spec: RunSpec, *, is_update: bool) -> Reservation:
        try:
            return await self._reserve(spec)
        except NotInterrupted:
            # It is another edit that the thread is busy with; or an update comes too late for its breakpoint.
            thread = await self._stores.threads.get(spec.thread_id)
            run = None if thread is None else thread.run
            if is_update or (run is not None and run.is_active and run.spec.is_edit):
                raise ThreadBusy(f"thread {spec.thread_id!r} has just been changed; try again") from None
            raise

    async def _write(self, reservation: Reservation, write: Write) -> None:
        """Write in the name of the edit's run. Raises RunFailed if that fails, is late or is cancelled."""
        fence = Fence(reservation.run_id, reservation.run.attempt)
        config = thread_config(reservation.run.spec, fence)
        config["metadata"][EDIT] = reservation.run_id
        work = asyncio.ensure_future(await_authors_code(write(config)))
        reservation.on_stop(work.cancel)
        done, _ = await asyncio.wait([work], timeout=self._timeout_s)
        if not done:
            work.cancel()
        await asyncio.wait([work], timeout=STOP_S)
        fence.revoke()
        if not done:
            raise failure("run_timeout")
        if work.cancelled():
            raise failure("run_cancelled")
        try:
            work.result()
        except AuthorsCodeFailed as failed:
            log.warning("edit %s has failed", reservation.run_id, exc_info=failed.__cause__)
            raise failure("graph_error") from failed


def edit_result(run: Run) -> Run:
    """Return the edit's run if it has made the edit; raises why not."""
    if run.is_active:
        raise ThreadBusy(f"thread {run.spec.thread_id!r} is being edited; try again in a moment")
    data = {} if run.last is None else run.last.data
    if run.status == "error":
        raise RunFailed(data["code"], data["message"], retryable=data["retryable"])
    if run.status == "cancelled" and WITHDRAWN not in data:
        raise failure("run_cancelled")
    return run


def _end(error: AppError) -> tuple[Kind, Any]:
    if error.code == "run_cancelled":
        return "cancelled", {}
    own = error if isinstance(error, RunFailed) else RunFailed(error.code, str(error))
    return failed(own)
