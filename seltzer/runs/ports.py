"""The ports: what the core needs of a store. Stores satisfy them; they don't inherit from them.

A thread's newest run is the last submitted one; one that ended without touching the thread doesn't count.
Each verb is one transaction; StorageFailed may be raised by all of them. Times are the store's own clock.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple, Protocol

from langgraph.checkpoint.base import BaseCheckpointSaver
from langgraph.store.base import BaseStore

from seltzer.cursor import Cursor
from seltzer.runs.event import Event, Json, RunId
from seltzer.runs.graph import AnyPregel
from seltzer.runs.run import Lease, Run, RunSpec, Stop
from seltzer.runs.thread import Thread
from seltzer.runs.tree import CheckpointRef


class Submitted(NamedTuple):
    """A run's row.

    lease: it may begin here at once; its run's spec is the object submitted. ended: what waited on its
    thread until it was submitted.
    """

    run: Run
    lease: Lease | None
    ended: Sequence[Run]


class Renewal(NamedTuple):
    """lost: ids of runs that have another owner now, or none. stops: runs that were requested to end."""

    lost: set[RunId]
    stops: dict[RunId, Stop]


class Runs(Protocol):
    """The runs' rows: queue, lease and status. One run at a time is running on a thread."""

    async def submit(self, spec: RunSpec, worker: str | None, ttl_s: float, queue_limit: int) -> Submitted:
        """Write the run's row; lease it to the worker if there is one and the thread is free.

        Idempotent on run_id: a second submission returns the existing run, without a lease.
        on_busy, where the thread has active runs: `reject` raises ThreadBusy; `enqueue` leaves the run
        pending; `interrupt` and `rollback` leave it pending too, and stop the active runs, as stop() does.
        Where the newest run is interrupted: raises ThreadInterrupted, unless the spec has answers or
        on_busy is `rollback`. Answers, where the newest run isn't interrupted, or isn't the one that the spec
        answers: raises NotInterrupted.
        Raises StateNotStorable if its input can't be stored; IdempotencyConflict for a run_id used before
        with another digest; RunDeleted for that of a run whose thread was deleted within a day; TooManyRuns
        if queue_limit runs are pending already and this would be one more.
        """
        ...

    async def claim(self, worker: str, n: int, ttl_s: float) -> list[Lease]:
        """Lease up to n runs to the worker, oldest first: pending ones whose thread has no running one, and
        running ones whose lease has run out. attempt += 1.
        """
        ...

    async def renew(self, leases: Sequence[Lease], ttl_s: float) -> Renewal:
        """Renew the leases; return which are lost and which runs were requested to end."""
        ...

    async def finish(
        self,
        lease: Lease,
        last: Event,
        *,
        unwritten: Sequence[Event] = (),
        output: Json = None,
        touched: bool = True,
        retention_s: float | None = None,
    ) -> bool:
        """End the run with its terminal event, which becomes the log's last, after the unwritten ones.

        touched: whether it may have done anything on its thread. One that hasn't is never the newest there.
        retention_s: its events are deleted so much later, as by EventLog.expire.
        A compare-and-swap on the attempt: False, and nothing written, if the lease is lost.
        """
        ...

    async def hand_back(self, lease: Lease, *, unwritten: Sequence[Event] = ()) -> bool:
        """Make a running run pending again, for any worker. False if the lease is lost."""
        ...

    async def stop(self, run_id: RunId, how: Stop) -> Run | None:
        """Request the run to end, and return its current state; None if there is none.

        A pending one ends at once, as `cancelled`, by an event (attempt + 1, 1) in its log. A running one is
        marked, for its worker to find by renew(). An ended one is left alone.
        """
        ...

    async def get(self, run_id: RunId) -> Run | None: ...

    async def check_not_deleted(self, run_id: RunId) -> None:
        """Raise RunDeleted if the run was deleted with its thread within a day, as submit() does."""
        ...


class EventLog(Protocol):
    """The one log of what runs emit."""

    async def append(self, batch: Mapping[RunId, Sequence[Event]]) -> set[RunId]:
        """Store the events of many runs in one round trip, and return the runs that are fenced.

        Idempotent by (run, attempt, seq). A run is fenced when a later attempt has already written.
        """
        ...

    async def read(self, after: Mapping[RunId, Cursor]) -> dict[RunId, list[Event]]:
        """Return each run's stored events after its cursor, in order.

        A run without events in the log is left out. Raises StreamGap if a cursor is before what is kept.
        """
        ...

    async def expire(self, run_id: RunId, ttl_s: float) -> None:
        """Delete the run's events in ttl_s seconds, or sooner if an earlier call set that."""
        ...

    async def sweep(self) -> None:
        """Delete some of what is past its time, now and then: it may be called as often as one likes."""
        ...


class Threads(Protocol):
    """The conversations there are, each from its first run on."""

    async def get(self, thread_id: str) -> Thread | None: ...

    async def has_run(self, thread_id: str, graph: str) -> bool:
        """Return whether a run of the graph was ever started on the thread."""
        ...

    async def interrupted(self, thread_id: str) -> list[RunId]:
        """Return the interrupted runs at the end of what has ended on the thread, newest first.

        Active runs are passed over; none if the newest that has ended isn't interrupted.
        """
        ...

    async def list(self, graph: str, *, query: str, limit: int, before: int | None) -> list[Thread]:
        """Return the graph's threads, the one with the newest run first, at most limit of them.

        query: only those whose title contains it, without regard to case. before: only those whose newest
        run's number is below it.
        """
        ...

    async def rename(self, thread_id: str, title: str) -> Thread | None:
        """Set the thread's title; None if there is no such thread."""
        ...

    async def delete(self, thread_id: str) -> bool:
        """Delete the thread, its runs, their events and its checkpoints; False if there was no thread.

        Once it returns, a run on a thread of that id begins with an empty state. The ids of its runs with a
        digest are kept for a day, for Runs.submit to refuse. Raises ThreadBusy while a run is active on it.
        """
        ...


class Checkpoints(Protocol):
    """The threads' states, by LangGraph's savers."""

    def saver_for(self, pregel: AnyPregel) -> BaseCheckpointSaver[Any]:
        """Return the saver for a graph's copy.

        A write whose config carries `configurable[FENCE]` raises LeaseLost once that fence is revoked.
        """
        ...

    async def tree(self, thread_id: str) -> Sequence[CheckpointRef]:
        """Return the checkpoints of the graph itself, in the order of writing."""
        ...

    async def prune(self, thread_id: str) -> None:
        """Drop the thread's oldest checkpoints, beyond those that are kept and perhaps a few more.

        Those that an active run begins from are kept.
        """
        ...

    async def roll_back(self, thread_id: str, run_ids: Sequence[RunId]) -> None:
        """Remove what the runs wrote from the thread: it is as it was before them.

        The spec of an active run that begins from one of the removed checkpoints gets the nearest one before
        it, or none if there was none before it.
        """
        ...

    async def lasting_namespaces(self, thread_id: str) -> Sequence[str]:
        """Return the namespaces of the subgraphs that keep a state of their own from turn to turn."""
        ...


@dataclass(frozen=True, slots=True)
class Stores:
    """A server's stores. items: the store of graphs that weren't compiled with their own."""

    runs: Runs
    event_log: EventLog
    threads: Threads
    checkpoints: Checkpoints
    items: BaseStore | None = None
