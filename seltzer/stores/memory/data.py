"""What the ports in memory share: the rows, and who waits for hints."""

import asyncio
import time
from collections.abc import AsyncGenerator, Callable, Collection, Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Final

from seltzer.cursor import START, Cursor
from seltzer.runs.event import Event, Json, RunId
from seltzer.runs.ports import Wake
from seltzer.runs.run import STATUS_OF_LAST, AttemptStats, Run, RunSummary, Stop
from seltzer.runs.thread import NewThread, Thread
from seltzer.stores.submission import Input, unpack_input

DELETED_KEPT_S: Final = 86_400.0
EVENTS_LIMIT: Final = 10_000
RETENTION_S: Final = 3600.0


@dataclass(slots=True)
class RunRow:
    """A run, without its input, which is packed. lease_until is its worker's, or its requester's.

    waits_since: by the clock of leases.
    """

    run: Run
    input: Input
    worker: str | None = None
    requested_by: str | None = None
    lease_until: float = 0.0
    waits_since: float = 0.0
    stop: Stop | None = None
    has_touched: bool = False
    started_at: datetime | None = None
    ended_at: datetime | None = None
    stats: AttemptStats | None = None

    @property
    def counts(self) -> bool:
        """Whether it can be the thread's newest run."""
        return self.has_touched or self.run.is_active

    def get(self) -> Run:
        """Return the run, with its input."""
        return replace(self.run, spec=replace(self.run.spec, input=unpack_input(self.input)))

    def summary(self) -> RunSummary:
        """Return the run as a list has it."""
        run, spec = self.run, self.run.spec
        return RunSummary(
            spec.run_id,
            spec.graph,
            spec.thread_id,
            run.number,
            run.status,
            run.attempt,
            run.created_at,
            self.started_at,
            self.ended_at,
            run.last,
            self.stats,
        )


@dataclass(slots=True)
class ThreadRow:
    """A thread, and its runs, oldest first. freed_at: when one last ended, by the clock of leases."""

    new: NewThread
    created_at: datetime
    updated_at: datetime
    runs: list[RunRow] = field(default_factory=list)
    freed_at: float = 0.0

    @property
    def newest(self) -> RunRow | None:
        """The newest run that counts; the newest of all, if none does."""
        counting = [row for row in self.runs if row.counts]
        found = counting or self.runs
        return found[-1] if found else None

    def get(self) -> Thread:
        newest = self.newest
        return Thread(
            self.new.thread_id,
            newest.run.spec.graph if newest else self.new.graph,
            self.new.title,
            self.created_at,
            self.updated_at,
            newest.get() if newest else None,
            self.new.owner,
            self.new.metadata,
        )


@dataclass(slots=True)
class Log:
    """A run's events. dropped: the cursor of the last one that isn't kept."""

    events: list[Event] = field(default_factory=list)
    dropped: Cursor = START
    expires_at: float | None = None

    def append(self, events: Collection[Event]) -> None:
        """Append those that aren't there yet."""
        for event in events:
            if event.cursor > (self.events[-1].cursor if self.events else self.dropped):
                self.events.append(event)


class Listener:
    """One that waits for hints, which are merged meanwhile."""

    def __init__(self) -> None:
        self._wake = Wake()
        self._is_set = asyncio.Event()

    def add(self, wake: Wake) -> None:
        events: Collection[RunId] | None = None
        if self._wake.events is not None and wake.events is not None:
            events = {*self._wake.events, *wake.events}
        self._wake = Wake(
            events, self._wake.has_stops or wake.has_stops, self._wake.has_queued or wake.has_queued
        )
        self._is_set.set()

    async def take(self) -> Wake:
        """Wait for hints, and return all that there are."""
        await self._is_set.wait()
        self._is_set.clear()
        wake, self._wake = self._wake, Wake()
        return wake


class Data:
    """The rows. clock: seconds since 1970; lease_clock: seconds for deadlines, by default the clock."""

    def __init__(
        self,
        *,
        events_limit: int = EVENTS_LIMIT,
        retention_s: float = RETENTION_S,
        clock: Callable[[], float] = time.time,
        lease_clock: Callable[[], float] | None = None,
    ) -> None:
        self.events_limit = events_limit
        self.clock = clock
        self.lease_clock = lease_clock or clock
        self.runs: dict[RunId, RunRow] = {}
        self.threads: dict[str, ThreadRow] = {}
        self.logs: dict[RunId, Log] = {}
        self.deleted: dict[RunId, float] = {}
        self.last_number = 0
        self._retention_s = retention_s
        self._listeners: set[Listener] = set()

    def now(self) -> datetime:
        return datetime.fromtimestamp(self.clock(), UTC)

    def is_running(self, run_id: RunId, attempt: int) -> bool:
        """Return whether the run is running that attempt: the fence."""
        row = self.runs.get(run_id)
        return row is not None and (row.run.status, row.run.attempt) == ("running", attempt)

    def active(self, thread_id: str) -> list[RunRow]:
        """Return the thread's active runs, oldest first."""
        thread = self.threads.get(thread_id)
        return [row for row in thread.runs if row.run.is_active] if thread else []

    def end(
        self,
        row: RunRow,
        last: Event,
        *,
        events: Collection[Event] = (),
        output: Json = None,
        touched: bool,
        stats: AttemptStats | None = None,
    ) -> None:
        """End the run with its terminal event, which the log gets after the others."""
        self.expire_logs()
        run_id, thread = row.run.spec.run_id, self.threads[row.run.spec.thread_id]
        status = STATUS_OF_LAST[last.kind]
        row.run = replace(row.run, status=status, attempt=last.attempt, last=last, output=output)
        row.input, row.worker, row.stop = Input(), None, None
        row.has_touched = row.has_touched and touched
        row.ended_at, row.stats = self.now(), stats
        thread.updated_at, thread.freed_at = row.ended_at, self.lease_clock()
        log = self.logs.setdefault(run_id, Log())
        log.append([*events, last])
        log.expires_at = self.clock() + self._retention_s
        has_queued = any(each.run.status == "pending" for each in self.runs.values())
        self.publish(Wake({run_id}, has_queued=has_queued))

    def request_stop(self, row: RunRow, how: Stop) -> bool:
        """Stop the run, as Runs.stop does; return whether that has ended it."""
        if row.run.status == "pending":
            self.end(row, Event(row.run.attempt + 1, 1, "cancelled", {}), touched=True)
            return True
        if row.run.status == "running":
            row.stop = "rollback" if row.stop == "rollback" else how
            self.publish(Wake(has_stops=True))
        return False

    def expire_logs(self) -> None:
        """Delete the logs that are past their time."""
        now = self.clock()
        for run_id in [
            key for key, log in self.logs.items() if log.expires_at is not None and log.expires_at <= now
        ]:
            del self.logs[run_id]

    def publish(self, wake: Wake) -> None:
        """Hand the hint to all who wait for hints, the one who causes it among them."""
        for each in self._listeners:
            each.add(wake)

    def wakes(self) -> AsyncGenerator[Wake]:
        """Yield the hints from now on, without end."""
        listener = Listener()
        self._listeners.add(listener)

        async def listen() -> AsyncGenerator[Wake]:
            try:
                while True:
                    yield await listener.take()
            finally:
                self._listeners.discard(listener)

        return listen()

    def in_order(self) -> Iterator[RunRow]:
        """Return all runs, oldest first."""
        return iter(self.runs.values())
