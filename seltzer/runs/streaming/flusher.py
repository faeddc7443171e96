"""The flusher: one batched append a flush, for all runs of the process. Nothing waits for it but a run's end.

A flush writes what was emitted within a window. Readers don't wait for it; its length is only how much a
killed process loses of its log (docs/decisions/0006).
"""

import asyncio
import logging
import time
from collections.abc import Collection, Mapping, Sequence
from contextvars import Context
from typing import Final, Protocol, TypeAlias

from seltzer.cursor import Cursor
from seltzer.errors import StorageFailed
from seltzer.runs.event import Event, RunId
from seltzer.runs.observer import Observers, Stored
from seltzer.runs.ports import EventLog

log = logging.getLogger(__name__)

WINDOW_S: Final = 0.02
BUSY_WINDOW_S: Final = 0.1
BUSY_RUNS: Final = 4  # in the last flush; a transaction for each token of each would cost more than the token
LIMIT: Final = 20_000  # events that may wait; beyond, runs wait

Batch: TypeAlias = Mapping[RunId, Sequence[Event]]


class Writer(Protocol):
    """Whose events they are: an attempt at a run."""

    run_id: RunId

    def was_stored(self, cursor: Cursor) -> None:
        """Note that the log has the events up to the cursor."""
        ...

    def was_fenced(self) -> None:
        """Note that a later attempt at the run writes to the log: this one must stop."""
        ...

    def was_not_stored(self) -> None:
        """Note that events are lost: the attempt must stop, and what else it has emitted is dropped."""
        ...


class Flusher:
    """Writes what attempts emit to the log, in the background."""

    def __init__(self, event_log: EventLog, observers: Observers | None = None) -> None:
        self._log = event_log
        self._observers = observers or Observers()
        self._waiting: dict[RunId, list[Event]] = {}
        self._writers: dict[RunId, Writer] = {}  # of what waits
        self._in_flight: Batch = {}
        self._flush: asyncio.Task[None] | None = None
        self._window_s = WINDOW_S
        self._is_due = False  # the next flush has its time
        self._count = 0
        self._has_room = asyncio.Event()
        self._has_room.set()

    @property
    def is_full(self) -> bool:
        return self._count >= LIMIT

    def append(self, writer: Writer, *events: Event) -> None:
        """Append the writer's events; the log will have them soon."""
        self._count += len(events)
        self._writers[writer.run_id] = writer
        waiting = self._waiting.get(writer.run_id)
        if waiting is not None:
            waiting += events
            return
        self._waiting[writer.run_id] = [*events]
        if not (self._is_due or self._in_flight):
            self._plan()

    async def wait_for_capacity(self) -> None:
        """Wait, without limit, until is_full is false."""
        while self.is_full:
            self._has_room.clear()
            await self._has_room.wait()

    async def wait_written(self, run_id: RunId) -> None:
        """Wait until nothing of the run is on its way to the log."""
        while run_id in self._in_flight and self._flush is not None:
            await asyncio.wait([self._flush])

    def take_unwritten(self, run_id: RunId) -> list[Event]:
        """Return what of the run still waits, for the caller to write: with the run's end, in one go."""
        events = self._waiting.pop(run_id, [])
        self._writers.pop(run_id, None)
        self._count -= len(events)
        self._has_room.set()
        return events

    async def aclose(self) -> None:
        """Write what waits."""
        while self._waiting or self._in_flight:
            if self._flush is None or self._flush.done():
                self._begin()
            if self._flush is not None:
                await asyncio.wait([self._flush])

    def _plan(self) -> None:
        self._is_due = True
        asyncio.get_running_loop().call_later(self._window_s, self._begin, context=Context())

    def _begin(self) -> None:
        self._is_due = False
        if self._waiting and not self._in_flight:
            batch, self._waiting = self._waiting, {}
            writers, self._writers = self._writers, {}
            self._in_flight = batch
            writing = self._write(batch, writers)
            self._flush = asyncio.create_task(writing, name="flush the log", context=Context())

    async def _append(self, batch: Batch) -> Collection[RunId]:
        """Append the batch, also where the loop is being closed: to append it twice changes nothing."""
        try:
            return await self._log.append(batch)
        except asyncio.CancelledError:
            return await self._log.append(batch)

    async def _write(self, batch: Batch, writers: Mapping[RunId, Writer]) -> None:
        began_at = time.monotonic()
        try:
            fenced = await self._append(batch)
        except BaseException as error:
            log.error("the log can't be written", exc_info=error)
            for run_id in batch:
                writers[run_id].was_not_stored()
                self.take_unwritten(run_id)  # what the run has emitted since would follow a hole
            if not isinstance(error, StorageFailed):
                raise
        else:
            count = sum(map(len, batch.values()))
            self._observers.batch_stored(Stored(len(batch), count, time.monotonic() - began_at))
            for run_id, events in batch.items():
                if run_id in fenced:
                    writers[run_id].was_fenced()
                else:
                    writers[run_id].was_stored(events[-1].cursor)
        finally:
            self._in_flight = {}
            self._count -= sum(map(len, batch.values()))
            self._has_room.set()
            self._window_s = BUSY_WINDOW_S if len(batch) >= BUSY_RUNS else WINDOW_S
            if self._waiting and not self._is_due:
                self._plan()
