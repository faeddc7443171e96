"""The runs in memory: queue, lease and status."""

from collections.abc import Collection, Sequence
from dataclasses import replace
from itertools import islice

from seltzer.runs.event import Event, Json, RunId
from seltzer.runs.ports import ORPHAN_S, Renewal, Submitted, Wake
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
from seltzer.runs.text import without_nul
from seltzer.runs.thread import NewThread
from seltzer.stores.memory.data import DELETED_KEPT_S, Data, Log, RunRow, ThreadRow
from seltzer.stores.submission import (
    Input,
    Rival,
    check_queue,
    check_same,
    check_thread,
    pack_input,
    run_deleted,
    unknown_thread,
)


class MemoryRuns:
    """The Runs of all engines that share the data."""

    def __init__(self, data: Data) -> None:
        self._data = data

    async def submit(
        self, spec: RunSpec, worker: str, ttl_s: float, queue_limit: int, *, has_room: bool = True
    ) -> Submitted:
        packed = pack_input(spec)
        if (existing := self._data.runs.get(spec.run_id)) is not None:
            check_same(spec, owner=existing.run.spec.owner, digest=existing.run.spec.digest)
            return Submitted(existing.get(), None, [])
        await self.check_not_deleted(spec.run_id)
        active = self._check(spec)
        stops = [] if spec.on_busy == "enqueue" else active
        is_granted = has_room and all(row in stops and row.run.status == "pending" for row in active)
        if not is_granted:
            # Those that are ended to make room for it count until then, as in a transaction.
            waiting = [row for row in self._data.runs.values() if row.run.status == "pending"]
            check_queue(len([row for row in waiting if row not in stops]), queue_limit)
        how: Stop = "rollback" if spec.on_busy == "rollback" else "cancel"
        ended = [row.get() for row in stops if self._data.request_stop(row, how)]
        row, is_thread_new = self._insert(spec, packed, worker, ttl_s, is_granted=is_granted)
        run = replace(row.run, spec=spec)
        lease = Lease(run, worker, is_thread_new=is_thread_new) if is_granted else None
        if not is_granted and all(each in stops for each in active):
            self._data.publish(Wake(has_queued=True))
        return Submitted(run, lease, ended)

    async def claim(
        self, worker: str, n: int, ttl_s: float, *, graphs: Collection[str] | None = None
    ) -> list[Lease]:
        leases = []
        for row in self._claimable(worker, graphs)[:n]:
            run, now = row.run, self._data.lease_clock()
            crashes = run.crashes + (run.status == "running")
            row.run = replace(run, status="running", attempt=run.attempt + 1, crashes=crashes)
            row.worker, row.lease_until, row.has_touched = worker, now + ttl_s, True
            row.started_at = self._data.now()
            age_s = (row.started_at - run.created_at).total_seconds()
            leases.append(Lease(row.get(), worker, row.stop, age_s=age_s))
        return leases

    async def renew(self, worker: str, leases: Sequence[Lease], ttl_s: float) -> Renewal:
        renewal, until = Renewal(set(), {}), self._data.lease_clock() + ttl_s
        for waiting in self._data.runs.values():
            if waiting.run.status == "pending" and waiting.requested_by == worker:
                waiting.lease_until = until
        for lease in leases:
            run_id, row = lease.run.spec.run_id, self._leased(lease)
            if row is None:
                renewal.lost.add(run_id)
            else:
                row.lease_until = until
                if row.stop is not None:
                    renewal.stops[run_id] = row.stop
        return renewal

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
        row = self._leased(lease)
        if row is not None:
            self._data.end(row, last, events=unwritten, output=output, touched=touched, stats=stats)
        return row is not None

    async def hand_back(self, lease: Lease, *, unwritten: Sequence[Event] = ()) -> bool:
        if (row := self._leased(lease)) is None:
            return False
        row.run, row.worker, row.started_at = replace(row.run, status="pending"), None, None
        row.waits_since = self._data.lease_clock()
        if unwritten:
            self._data.logs.setdefault(lease.run.spec.run_id, Log()).append(unwritten)
        self._data.publish(Wake({lease.run.spec.run_id}, has_queued=True))
        return True

    async def stop(self, run_id: RunId, how: Stop, *, owner: Owner | None = None) -> Run | None:
        row = self._find(run_id, owner)
        if row is None:
            return None
        self._data.request_stop(row, how)
        return row.get()

    async def get(self, run_id: RunId, *, owner: Owner | None = None) -> Run | None:
        row = self._find(run_id, owner)
        return None if row is None else row.get()

    async def statuses(self, run_ids: Collection[RunId]) -> dict[RunId, RunStatus]:
        runs = [row.run for run_id in run_ids if (row := self._data.runs.get(run_id))]
        return {run.spec.run_id: RunStatus(run.status, run.attempt, run.last) for run in runs}

    async def search(self, search: RunSearch) -> list[RunSummary]:
        matching = (
            row.summary()
            for row in reversed(self._data.runs.values())
            if row.run.number < search.below
            and row.run.spec.graph in search.graphs
            and row.run.status in search.statuses
            and search.thread_id in (None, row.run.spec.thread_id)
            and search.owner in (None, row.run.spec.owner)
        )
        return list(islice(matching, search.limit))

    async def check_not_deleted(self, run_id: RunId) -> None:
        deleted_at = self._data.deleted.get(run_id)
        if deleted_at is not None and deleted_at > self._data.clock() - DELETED_KEPT_S:
            raise run_deleted(run_id)

    def _check(self, spec: RunSpec) -> list[RunRow]:
        """Return the thread's active runs, oldest first. Raises what submit() does."""
        thread = self._data.threads.get(spec.thread_id)
        if thread is None:
            check_thread(spec, [])
            return []
        if thread.new.owner != spec.owner:
            raise unknown_thread(spec.thread_id)
        newest = thread.newest if thread.newest is not None and thread.newest.counts else None
        rivals = [row for row in thread.runs if row.run.is_active or row is newest]
        check_thread(spec, [Rival(row.run.spec.run_id, row.run.status, spec.owner) for row in rivals])
        return [row for row in rivals if row.run.is_active]

    def _insert(
        self, spec: RunSpec, packed: Input, worker: str, ttl_s: float, *, is_granted: bool
    ) -> tuple[RunRow, bool]:
        """Write the run's row, and its thread's; return it, and whether the thread is new."""
        data, now = self._data, self._data.now()
        data.last_number += 1
        run = Run(
            replace(spec, input=None),
            "running" if is_granted else "pending",
            attempt=int(is_granted),
            number=data.last_number,
            created_at=now,
        )
        row = RunRow(run, packed, has_touched=is_granted, lease_until=data.lease_clock() + ttl_s)
        row.started_at = now if is_granted else None
        row.waits_since = data.lease_clock()
        row.worker = worker if is_granted else None
        row.requested_by = worker if spec.attached and not is_granted else None
        is_thread_new = spec.thread_id not in data.threads
        new = NewThread(spec.thread_id, spec.owner, spec.graph, without_nul(spec.title))
        thread = data.threads.setdefault(spec.thread_id, ThreadRow(new, now, now))
        thread.new = replace(thread.new, title=thread.new.title or new.title)
        thread.updated_at = now
        thread.runs.append(row)
        data.runs[spec.run_id] = row
        return row, is_thread_new

    def _claimable(self, worker: str, graphs: Collection[str] | None) -> list[RunRow]:
        now = self._data.lease_clock()
        found, threads = [], set()
        for row in self._data.in_order():
            if row.run.status == "running":
                threads.add(row.run.spec.thread_id)
        for row in self._data.in_order():
            thread_id, has_run_out = row.run.spec.thread_id, row.lease_until <= now
            if row.run.status == "running" and has_run_out:
                found.append(row)
            elif row.run.status == "pending" and thread_id not in threads:
                threads.add(thread_id)
                if row.requested_by in (None, worker) or has_run_out:
                    found.append(row)
        return [row for row in found if graphs is None or self._has_one_of(row, graphs, now)]

    def _has_one_of(self, row: RunRow, graphs: Collection[str], now: float) -> bool:
        """Return whether the run is of these graphs, or could have been claimed by others for ORPHAN_S."""
        return row.run.spec.graph in graphs or self._claimable_since(row) + ORPHAN_S <= now

    def _claimable_since(self, row: RunRow) -> float:
        if row.run.status == "running":
            return row.lease_until
        return max(row.waits_since, self._data.threads[row.run.spec.thread_id].freed_at)

    def _leased(self, lease: Lease) -> RunRow | None:
        run_id = lease.run.spec.run_id
        row = self._data.runs.get(run_id)
        is_valid = self._data.is_running(run_id, lease.run.attempt)
        return row if is_valid and row is not None and row.worker == lease.worker else None

    def _find(self, run_id: RunId, owner: Owner | None) -> RunRow | None:
        row = self._data.runs.get(run_id)
        return None if row is None or owner not in (None, row.run.spec.owner) else row
