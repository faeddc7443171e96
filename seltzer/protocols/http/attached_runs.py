"""Runs that live and die with a request: when its client disconnects, they are cancelled.

The request's own code is never cancelled. It keeps following its runs, which end, and so it ends in good
order. LangServe needs this most: it yields inside `except BaseException`, which a cancelled generator may not
(docs/decisions/0003).
"""

import asyncio
import logging
import shlex
from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from contextlib import aclosing, asynccontextmanager, suppress

from langchain_core.callbacks import Callbacks
from starlette.types import Receive

from seltzer.errors import AppError, RunFailed, StorageFailed, UnknownRun
from seltzer.protocols.http.disconnect import disconnected
from seltzer.runs.engine import Engine
from seltzer.runs.event import Event, Json, RunId
from seltzer.runs.execution.reservations import Reservation
from seltzer.runs.failure import failure
from seltzer.runs.run import RunSpec
from seltzer.runs.streaming.hub import Deliver

log = logging.getLogger(__name__)


class AttachedRuns:
    """The runs of one request. error is why the first of them that failed did."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._is_disconnected = False
        self._running: set[RunId] = set()
        self.specs: list[RunSpec] = []
        self.error: AppError | None = None

    async def run(
        self, spec: RunSpec, callbacks: Callbacks = None, *, reservation: Reservation | None = None
    ) -> AsyncGenerator[Event]:
        """Do as batches() does, event by event."""
        async with aclosing(self.batches(spec, callbacks, reservation=reservation)) as batches:
            async for batch in batches:
                for event in batch:
                    yield event

    async def batches(
        self,
        spec: RunSpec,
        callbacks: Callbacks = None,
        *,
        reservation: Reservation | None = None,
        deliver: Deliver | None = None,
    ) -> AsyncGenerator[Sequence[Event]]:
        """Start the run, or begin its reservation, and yield its events up to `finished`.

        Raises what Engine.start does, and RunFailed if the run ends in another way.
        """
        try:
            if self._is_disconnected:
                raise failure("run_cancelled")
            self._running.add(spec.run_id)
            if reservation is None:
                await self._start(spec, callbacks)
            else:
                reservation.begin(input=spec.input, configurable=spec.configurable, callbacks=callbacks)
            self.specs.append(spec)
            if self._is_disconnected:  # while the row was written
                await self._engine.cancel(spec.run_id)
            async with aclosing(self._engine.follow_batches(spec.run_id, deliver=deliver)) as batches:
                async for batch in batches:
                    if batch[-1].is_last:
                        self._running.discard(spec.run_id)  # nothing more to cancel
                        yield batch[:-1]
                        raise_unless_finished(batch[-1], spec)
                        batch = batch[-1:]
                    yield batch
        except AppError as error:
            self.error = self.error or error
            raise

    async def _start(self, spec: RunSpec, callbacks: Callbacks) -> None:
        try:
            await self._engine.start(spec, callbacks=callbacks)
        except StorageFailed:  # the row may be there
            raise
        except AppError:
            self._running.discard(spec.run_id)  # it was refused: there is nothing to cancel
            raise

    async def output(self, spec: RunSpec) -> Json:
        """Return the result of a run that has finished."""
        return (await self._engine.get_run(spec.run_id)).output

    async def cancel_all(self) -> None:
        """Cancel the runs that are active, and those that would start later."""
        self._is_disconnected = True
        for run_id in tuple(self._running):
            with suppress(UnknownRun, StorageFailed):  # its row isn't written, or whoever reads it is told so
                await self._engine.cancel(run_id)

    async def watch(self, receive: Receive) -> None:
        """Wait for the client to disconnect, then cancel. The request's body must have been read."""
        await disconnected(receive)
        await self.cancel_all()


@asynccontextmanager
async def attach_runs(engine: Engine, receive: Receive) -> AsyncIterator[AttachedRuns]:
    """Attach the runs started in the block to the request that receive belongs to."""
    attachment = AttachedRuns(engine)
    watcher = asyncio.create_task(attachment.watch(receive), name="watch a client")
    try:
        yield attachment
    finally:
        watcher.cancel()
        await asyncio.wait([watcher])
        await attachment.cancel_all()


def raise_unless_finished(event: Event, spec: RunSpec) -> None:
    """Raise RunFailed if the event ends the run without an answer; of a question, it has how to answer."""
    if event.kind == "failed":
        data = event.data
        raise RunFailed(
            data["code"], data["message"], retryable=data["retryable"], retry_after_s=data["retry_after_s"]
        )
    if event.kind == "cancelled":
        raise failure("run_cancelled")
    if event.kind == "interrupted":
        value = "an answer" if event.data["interrupts"] else "null"
        how = (
            f'POST {{"resume": {value}}} to /runs/{spec.run_id}/resume below the graph\'s path, or'
            f" `seltzer chat --graph {shlex.quote(spec.graph)} --thread {spec.thread_id}`"
        )
        # Some clients, such as LangServe's playgrounds, don't show errors.
        log.info("run %s of graph %r waits for a person; to answer: %s", spec.run_id, spec.graph, how)
        error = failure("run_interrupted")
        raise RunFailed(error.code, f"{error} To answer: {how}")
