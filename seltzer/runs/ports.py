"""The ports: what the core needs of a store. Stores satisfy them; they don't inherit from them.

A thread's newest run is the last submitted one; one that ended without touching the thread doesn't count.
Each verb is one transaction; StorageFailed may be raised by all of them. Times are the store's own clock. How
long an ended run's events are kept is the store's own business.

Several processes may use one store. What an attempt writes is fenced by `(run_id, attempt)`, in the statement
that writes: once the run's row has another attempt, or isn't running, nothing of it is stored.

It is long for a module, as it is the whole of what a store promises.

owner: only what belongs to it is found or changed; None is the server itself, which may do all.
"""

from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, NamedTuple, Protocol

from langgraph.checkpoint.base import BaseCheckpointSaver
from langgraph.store.base import BaseStore

from seltzer.cursor import Cursor
from seltzer.runs.event import Event, Json, RunId
from seltzer.runs.graph import AnyPregel
from seltzer.runs.run import (
    AttemptStats,
    Lease,
    Owner,
    Run,
    RunSearch,
    RunSpec,
    RunStatus,
    RunSummary,
    Stop,
)
from seltzer.runs.thread import NewThread, Thread, ThreadSearch, ThreadStorage
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


class Wake(NamedTuple):
    """A hint that something may have changed, here or in another process.

    events: the runs whose logs have grown, or that have ended; None for any. has_stops: a running run was
    requested to end. has_queued: a run may be claimed.
    """

    events: Collection[RunId] | None = ()
    has_stops: bool = False
    has_queued: bool = False


ORPHAN_S: Final = 60.0
ANYTHING: Final = Wake(None, has_stops=True, has_queued=True)


class Runs(Protocol):
    """The runs' rows: queue, lease and status. One run at a time is running on a thread."""

    async def submit(
        self, spec: RunSpec, worker: str, ttl_s: float, queue_limit: int, *, has_room: bool = True
    ) -> Submitted:
        """Write the run's row; lease it to the worker if that has room and the thread is free.

        Idempotent on run_id: a second submission returns the existing run, without a lease.
        Raises UnknownThread if the thread is another owner's.
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

    async def claim(
        self, worker: str, n: int, ttl_s: float, *, graphs: Collection[str] | None = None
    ) -> list[Lease]:
        """Lease up to n runs to the worker, oldest first: pending ones whose thread has no running one, and
        running ones whose lease has run out. attempt += 1.

        Of a thread's pending runs the oldest one comes first. An attached one waits for the worker that
        submitted it, which has its request: for others it can be claimed when that worker hasn't renewed for
        its ttl_s.
        graphs: those that the worker has; None for any. A run of another one is left to other processes, if
        any can use the store, until it could have been claimed for ORPHAN_S.
        """
        ...

    async def renew(self, worker: str, leases: Sequence[Lease], ttl_s: float) -> Renewal:
        """Renew the worker's leases, and its claim to the attached runs that it has submitted and that wait.

        Return which leases are lost, and which runs were requested to end.
        """
        ...

    async def finish(
        self,
        lease: Lease,
        last: Event,
        *,
        unwritten: Sequence[Event] = (),
        output: Json = None,
        touched: bool = True,
        stats: AttemptStats | None = None,
    ) -> bool:
        """End the run with its terminal event, which its row has from then on, as it has the stats.

        The log gets it as well, after the unwritten ones. Where that can't be one transaction, the log has
        the unwritten ones first, then the row ends, and the terminal event reaches the log last, or never.
        touched: whether it may have done anything on its thread. One that hasn't is never the newest there.
        A compare-and-swap on the attempt: False, and nothing shows, if the lease is lost.
        """
        ...

    async def hand_back(self, lease: Lease, *, unwritten: Sequence[Event] = ()) -> bool:
        """Make a running run pending again, for any worker. False if the lease is lost."""
        ...

    async def stop(self, run_id: RunId, how: Stop, *, owner: Owner | None = None) -> Run | None:
        """Request the run to end, and return its current state; None if there is none.

        A pending one ends at once, as `cancelled`, by an event (attempt + 1, 1), as finish() would do it. A
        running one is marked, for its worker to find by renew(). An ended one is left alone.
        """
        ...

    async def get(self, run_id: RunId, *, owner: Owner | None = None) -> Run | None:
        """Return the run, with its terminal event if it has ended; None if there is none."""
        ...

    async def statuses(self, run_ids: Collection[RunId]) -> dict[RunId, RunStatus]:
        """Return how far the runs are. One that doesn't exist is left out."""
        ...

    async def search(self, search: RunSearch) -> Sequence[RunSummary]:
        """Return the runs that match, the newest first."""
        ...

    async def check_not_deleted(self, run_id: RunId) -> None:
        """Raise RunDeleted if the run was deleted with its thread within a day, as submit() does."""
        ...


class EventLog(Protocol):
    """The one log of what runs emit."""

    async def append(self, batch: Mapping[RunId, Sequence[Event]]) -> set[RunId]:
        """Store the events of many runs in one round trip, and return the runs that are fenced.

        Idempotent by (run, attempt, seq). Events of an attempt that its run's row isn't running are dropped;
        a run whose last event is one of these is fenced.
        """
        ...

    async def read(self, after: Mapping[RunId, Cursor]) -> dict[RunId, list[Event]]:
        """Return each run's stored events after its cursor, in order.

        A run without events in the log is left out. Raises StreamGap if a cursor is before what is kept.
        """
        ...

    def wakes(self) -> AsyncIterator[Wake] | None:
        """Yield hints, without end; None if no other process can use the store.

        They may be late, lost, repeated, or about this process's own doing; ANYTHING after some may have been
        lost, and now and then where there are none. Never raises but for cancellation.
        """
        ...


class Threads(Protocol):
    """The conversations there are, each from its creation or its first run on."""

    async def create(self, new: NewThread) -> Thread | None:
        """Create the thread, before its first run; None if there is one by that id, whoever owns it."""
        ...

    async def get(self, thread_id: str, *, owner: Owner | None = None) -> Thread | None: ...

    async def has_run(self, thread_id: str, graph: str) -> bool:
        """Return whether a run of the graph was ever started on the thread."""
        ...

    async def interrupted(self, thread_id: str) -> list[RunId]:
        """Return the interrupted runs at the end of what has ended on the thread, newest first.

        Active runs are passed over; none if the newest that has ended isn't interrupted.
        """
        ...

    async def list(
        self, graph: str, *, query: str, limit: int, before: int | None, owner: Owner | None = None
    ) -> list[Thread]:
        """Return the threads on which the graph ran last, the one with the newest run first.

        At most limit of them. query: only those whose title contains it, without regard to case. before: only
        those whose newest run's number is below it.
        """
        ...

    async def search(self, search: ThreadSearch) -> Sequence[Thread]:
        """Return the threads that match, those without a run, too, in the order and on the page it names."""
        ...

    async def count(self, search: ThreadSearch) -> int:
        """Return how many threads match, on all pages."""
        ...

    async def rename(self, thread_id: str, title: str, *, owner: Owner | None = None) -> Thread | None:
        """Set the thread's title; None if there is no such thread."""
        ...

    async def add_metadata(
        self, thread_id: str, metadata: Mapping[str, Json], *, owner: Owner | None = None
    ) -> Thread | None:
        """Set these keys of the thread's metadata, and keep the others; None if there is no such thread."""
        ...

    async def storage(self, thread_id: str) -> ThreadStorage:
        """Return what the thread takes; nothing, if there is none."""
        ...

    async def delete(self, thread_id: str, *, owner: Owner | None = None) -> bool:
        """Delete the thread, its runs, their events and its checkpoints; False if there was no thread.

        Once it returns, a run on a thread of that id begins with an empty state. The ids of its runs with a
        digest are kept for a day, for Runs.submit to refuse. Raises ThreadBusy while a run is active on it.
        """
        ...


class Checkpoints(Protocol):
    """The threads' states, by LangGraph's savers."""

    def saver_for(self, pregel: AnyPregel) -> BaseCheckpointSaver[Any]:
        """Return the saver for a graph's copy.

        A write whose config carries `configurable[FENCE]` raises LeaseLost once that fence is revoked; and if
        the fence names an attempt, unless its run's row is running that: this is checked in the statement
        that writes. Other writes are stored as by any saver of LangGraph's.
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

    async def roll_back(self, thread_id: str, run_ids: Sequence[RunId], *, by: Run | None = None) -> None:
        """Remove what the runs wrote from the thread: it is as it was before them.

        by: the run whose attempt does so; nothing is changed unless its row is running that attempt.
        The spec of an active run that begins from one of the removed checkpoints gets the nearest one before
        it, or none if there was none before it.
        """
        ...

    async def reassign(self, thread_id: str, run_id: RunId, to: RunId, *, by: Run | None = None) -> None:
        """Make what the run wrote to the thread the other run's, with which it is rolled back.

        by: as in roll_back().
        """
        ...

    async def lasting_namespaces(self, thread_id: str) -> Sequence[str]:
        """Return the namespaces of the subgraphs that keep a state of their own from turn to turn."""
        ...


@dataclass(frozen=True, slots=True)
class Stores:
    """A server's stores.

    items: the store of graphs that weren't compiled with their own. check_ready: raises StorageFailed if
    nothing can be written now; None where that shows in writing alone.
    """

    runs: Runs
    event_log: EventLog
    threads: Threads
    checkpoints: Checkpoints
    items: BaseStore | None = None
    check_ready: Callable[[], Awaitable[None]] | None = None
