"""The runs in the SQLite file: queue, lease and status."""

import sqlite3
import time
from collections.abc import Callable, Collection, Sequence

import orjson

from seltzer.runs.event import Event, Json, RunId
from seltzer.runs.ports import Renewal, Submitted
from seltzer.runs.run import (
    ACTIVE,
    AttemptStats,
    Lease,
    Owner,
    Run,
    RunSearch,
    RunSpec,
    RunStatus,
    RunSummary,
    Status,
    Stop,
)
from seltzer.stores.records import pack, to_status
from seltzer.stores.sqlite.database import Database
from seltzer.stores.sqlite.retention import LogRetention
from seltzer.stores.sqlite.sql.deleted_runs import check_not_deleted
from seltzer.stores.sqlite.sql.events import write_events
from seltzer.stores.sqlite.sql.run_list import list_runs
from seltzer.stores.sqlite.sql.runs import (
    end,
    find,
    find_rivals,
    insert_run,
    start_attempt,
    stop_run,
    to_datetime,
    to_run,
)
from seltzer.stores.submission import Rival, check_queue, check_same, check_thread, pack_input


class SqliteRuns:
    """The Runs of one process, or of several by one lease clock. No other process could claim its runs.

    retention: how long an ended run's events are kept. clock: seconds since 1970, for people. lease_clock:
    seconds that never step back, for deadlines; by default the clock.
    """

    def __init__(
        self,
        database: Database,
        *,
        retention: LogRetention | None = None,
        clock: Callable[[], float] = time.time,
        lease_clock: Callable[[], float] | None = None,
    ) -> None:
        self._database = database
        self._retention = retention or LogRetention(database, clock=clock)
        self._clock = clock
        self._lease_clock = lease_clock or clock

    async def expire_all_leases(self) -> int:
        """Expire all leases, and return how many there were. For a process that has just locked the file."""

        def work(connection: sqlite3.Connection) -> int:
            connection.execute(_EXPIRE_REQUESTS)
            return connection.execute(_EXPIRE_LEASES).rowcount

        return await self._database.write(work)

    async def submit(
        self, spec: RunSpec, worker: str, ttl_s: float, queue_limit: int, *, has_room: bool = True
    ) -> Submitted:
        packed = pack_input(spec)

        def work(connection: sqlite3.Connection) -> Submitted:
            rivals = find_rivals(connection, spec.run_id, spec.thread_id)
            if rivals and rivals[0]["run_id"] == spec.run_id:
                return _resubmitted(rivals[0], spec)
            now = self._clock()
            check_not_deleted(connection, spec.run_id, now)
            stopped, is_free = self._resolve_busy_thread(connection, spec, rivals, now)
            until, is_granted = self._lease_clock() + ttl_s, has_room and is_free
            if not is_granted:
                check_queue(_count_waiting(connection), queue_limit)
            lease = (worker, until) if is_granted else None
            requested = (worker, until) if spec.attached and not is_granted else None
            number, is_thread_new = insert_run(
                connection, spec, packed, now, lease=lease, requested=requested
            )
            status: Status = "running" if is_granted else "pending"
            run = Run(spec, status, attempt=int(is_granted), number=number, created_at=to_datetime(now))
            return Submitted(
                run, Lease(run, worker, is_thread_new=is_thread_new) if is_granted else None, stopped
            )

        return await self._database.write(work)

    async def claim(
        self, worker: str, n: int, ttl_s: float, *, graphs: Collection[str] | None = None
    ) -> list[Lease]:
        def work(connection: sqlite3.Connection) -> list[Lease]:
            now, until = self._clock(), self._lease_clock() + ttl_s
            given = {"now": until - ttl_s, "worker": worker, "limit": n}
            numbers = [number for (number,) in connection.execute(_CLAIMABLE, given)]
            rows = [start_attempt(connection, number, worker, until, now) for number in numbers]
            return [
                Lease(to_run(row), worker, row["stop"], age_s=max(0.0, now - row["created_at"]))
                for row in rows
            ]

        leases = await self._database.write(work)
        for each in leases:  # a write that failed for an abandoned attempt doesn't concern the next one
            self._database.forget(each.run.spec.run_id)
        return leases

    async def renew(self, worker: str, leases: Sequence[Lease], ttl_s: float) -> Renewal:
        def work(connection: sqlite3.Connection) -> Renewal:
            renewal, until = Renewal(set(), {}), self._lease_clock() + ttl_s
            connection.execute(_RENEW_REQUESTS, (until, worker))
            for each in leases:
                run_id = each.run.spec.run_id
                renewed = connection.execute(
                    f"UPDATE runs SET lease_until = ? WHERE {_IS_LEASED} RETURNING stop", (until, *_key(each))
                ).fetchone()
                if renewed is None:
                    renewal.lost.add(run_id)
                elif renewed["stop"] is not None:
                    renewal.stops[run_id] = renewed["stop"]
            return renewal

        return await self._database.write(work)

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
        packed = pack(output)
        run_id = lease.run.spec.run_id

        def work(connection: sqlite3.Connection) -> bool:
            now = self._clock()
            leased = _IS_LEASED, _key(lease)
            if not end(connection, leased, last, now, output=packed, touched=touched, stats=stats):
                return False
            if last.kind in ("finished", "interrupted"):  # these include the writes that were posted
                self._database.check(run_id)
            expires_at = now + self._retention.retention_s
            write_events(connection, {run_id: [*unwritten, last]}, now, expires_at=expires_at)
            return True

        try:
            return await self._database.write(work)
        finally:
            self._database.forget(run_id)
            self._retention.sweep()

    async def hand_back(self, lease: Lease, *, unwritten: Sequence[Event] = ()) -> bool:
        def work(connection: sqlite3.Connection) -> bool:
            updated = connection.execute(
                "UPDATE runs SET status = 'pending', worker = NULL, lease_until = NULL, started_at = NULL"
                f" WHERE {_IS_LEASED}",
                _key(lease),
            )
            if updated.rowcount == 0:
                return False
            write_events(connection, {lease.run.spec.run_id: unwritten}, self._clock())
            return True

        return await self._database.write(work)

    async def stop(self, run_id: RunId, how: Stop, *, owner: Owner | None = None) -> Run | None:
        def work(connection: sqlite3.Connection) -> Run | None:
            if (row := find(connection, run_id, owner)) is None:
                return None
            return self._stop(connection, row, how, self._clock()) or _run(find(connection, run_id))

        return await self._database.write(work)

    async def get(self, run_id: RunId, *, owner: Owner | None = None) -> Run | None:
        return await self._database.read(lambda connection: _run(find(connection, run_id, owner)))

    async def statuses(self, run_ids: Collection[RunId]) -> dict[RunId, RunStatus]:
        def work(connection: sqlite3.Connection) -> dict[RunId, RunStatus]:
            rows = connection.execute(_STATUSES, (orjson.dumps(list(run_ids)),))
            return {row["run_id"]: to_status(row) for row in rows}

        return await self._database.read(work)

    async def search(self, search: RunSearch) -> list[RunSummary]:
        return await self._database.read(lambda connection: list_runs(connection, search))

    def _resolve_busy_thread(
        self, connection: sqlite3.Connection, spec: RunSpec, rivals: Sequence[sqlite3.Row], now: float
    ) -> tuple[list[Run], bool]:
        """Apply on_busy; return the runs that it has ended, and whether the thread is free.

        Raises UnknownThread, ThreadBusy, ThreadInterrupted, NotInterrupted.
        """
        check_thread(spec, [Rival(row["run_id"], row["status"], row["owner"]) for row in rivals])
        active = [row for row in rivals if row["status"] in ACTIVE]
        if spec.on_busy == "enqueue":
            return [], not active
        how: Stop = "rollback" if spec.on_busy == "rollback" else "cancel"
        ended = [run for row in active if (run := self._stop(connection, row, how, now))]
        return ended, len(ended) == len(active)

    def _stop(self, connection: sqlite3.Connection, row: sqlite3.Row, how: Stop, now: float) -> Run | None:
        return stop_run(connection, row, how, now, retention_s=self._retention.retention_s)

    async def check_not_deleted(self, run_id: RunId) -> None:
        await self._database.read(lambda connection: check_not_deleted(connection, run_id, self._clock()))


_IS_LEASED = "run_id = ? AND attempt = ? AND worker = ? AND status = 'running'"

_CLAIMABLE = """
SELECT number FROM runs WHERE status = 'running' AND lease_until <= :now
UNION ALL
SELECT number FROM runs WHERE number IN (
    SELECT min(number) FROM runs AS waiting WHERE status = 'pending' AND NOT EXISTS (
        SELECT 1 FROM runs WHERE status = 'running' AND thread_id = waiting.thread_id
    ) GROUP BY thread_id
) AND (requested_by IS NULL OR requested_by = :worker OR requested_until <= :now)
ORDER BY number LIMIT :limit
"""
_RENEW_REQUESTS = "UPDATE runs SET requested_until = ? WHERE status = 'pending' AND requested_by = ?"
_EXPIRE_REQUESTS = """
UPDATE runs SET requested_until = -9e999 WHERE status = 'pending' AND requested_by IS NOT NULL
"""
_EXPIRE_LEASES = "UPDATE runs SET lease_until = -9e999 WHERE status = 'running'"
_STATUSES = """
SELECT run_id, status, attempt, last FROM json_each(?) AS asked JOIN runs ON run_id = asked.value
"""


def _key(lease: Lease) -> tuple[RunId, int, str]:
    return lease.run.spec.run_id, lease.run.attempt, lease.worker


def _run(row: sqlite3.Row | None) -> Run | None:
    return None if row is None else to_run(row)


def _resubmitted(existing: sqlite3.Row, spec: RunSpec) -> Submitted:
    check_same(spec, owner=existing["owner"], digest=existing["digest"])
    return Submitted(to_run(existing), None, [])


def _count_waiting(connection: sqlite3.Connection) -> int:
    (waiting,) = connection.execute("SELECT count(*) FROM runs WHERE status = 'pending'").fetchone()
    return int(waiting)
