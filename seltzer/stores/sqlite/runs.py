"""The runs in the SQLite file: queue, lease and status."""

import sqlite3
import time
from collections.abc import Callable, Sequence

from seltzer.errors import (
    IdempotencyConflict,
    NotInterrupted,
    ThreadBusy,
    ThreadInterrupted,
    TooManyRuns,
)
from seltzer.runs.event import Event, Json, RunId
from seltzer.runs.jsonable import dumps
from seltzer.runs.ports import Renewal, Submitted
from seltzer.runs.run import Lease, Run, RunSpec, Status, Stop
from seltzer.stores.sqlite.database import Database
from seltzer.stores.sqlite.sql.deleted_runs import check_not_deleted
from seltzer.stores.sqlite.sql.events import write_events
from seltzer.stores.sqlite.sql.runs import (
    end,
    find,
    find_rivals,
    insert_run,
    pack_input,
    start_attempt,
    stop_run,
    to_datetime,
    to_run,
)


class SqliteRuns:
    """The Runs of one process.

    clock: seconds since 1970, for people. lease_clock: seconds that never step back, for deadlines; by
    default the clock.
    """

    def __init__(
        self,
        database: Database,
        *,
        clock: Callable[[], float] = time.time,
        lease_clock: Callable[[], float] | None = None,
    ) -> None:
        self._database = database
        self._clock = clock
        self._lease_clock = lease_clock or clock

    async def expire_all_leases(self) -> int:
        """Expire all leases, and return how many there were. For a process that has just locked the file."""
        return await self._database.write(
            lambda connection: (
                connection.execute("UPDATE runs SET lease_until = -9e999 WHERE status = 'running'").rowcount
            )
        )

    async def submit(self, spec: RunSpec, worker: str | None, ttl_s: float, queue_limit: int) -> Submitted:
        packed = pack_input(spec)

        def work(connection: sqlite3.Connection) -> Submitted:
            rivals = find_rivals(connection, spec.run_id, spec.thread_id)
            if rivals and rivals[0]["run_id"] == spec.run_id:
                return _resubmitted(rivals[0], spec)
            now = self._clock()
            check_not_deleted(connection, spec.run_id, now)
            ended, is_free = _resolve_busy_thread(connection, spec, rivals, now)
            granted = (worker, self._lease_clock() + ttl_s) if worker is not None and is_free else None
            if granted is None:
                _check_queue(connection, queue_limit)
            number, is_thread_new = insert_run(connection, spec, packed, now, granted)
            status: Status = "running" if granted else "pending"
            attempt = 1 if granted else 0
            run = Run(spec, status, attempt=attempt, number=number, created_at=to_datetime(now))
            lease = Lease(run, granted[0], is_thread_new=is_thread_new) if granted else None
            return Submitted(run, lease, ended)

        return await self._database.write(work)

    async def claim(self, worker: str, n: int, ttl_s: float) -> list[Lease]:
        def work(connection: sqlite3.Connection) -> list[Lease]:
            now = self._lease_clock()
            numbers = [number for (number,) in connection.execute(_CLAIMABLE, (now, n))]
            rows = [start_attempt(connection, number, worker, now + ttl_s) for number in numbers]
            return [Lease(to_run(row), worker, row["stop"]) for row in rows]

        leases = await self._database.write(work)
        for each in leases:  # a write that failed for an abandoned attempt doesn't concern the next one
            self._database.forget(each.run.spec.run_id)
        return leases

    async def renew(self, leases: Sequence[Lease], ttl_s: float) -> Renewal:
        def work(connection: sqlite3.Connection) -> Renewal:
            renewal, until = Renewal(set(), {}), self._lease_clock() + ttl_s
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
        retention_s: float | None = None,
    ) -> bool:
        packed = None if output is None else dumps(output)
        run_id = lease.run.spec.run_id

        def work(connection: sqlite3.Connection) -> bool:
            if last.kind in ("finished", "interrupted"):  # these include the writes that were posted
                self._database.check(run_id)
            now = self._clock()
            leased = _IS_LEASED, _key(lease)
            if not end(connection, leased, last, now, output=packed, touched=touched):
                return False
            expires_at = None if retention_s is None else now + retention_s
            write_events(connection, {run_id: [*unwritten, last]}, now, expires_at=expires_at)
            return True

        try:
            return await self._database.write(work)
        finally:
            self._database.forget(run_id)

    async def hand_back(self, lease: Lease, *, unwritten: Sequence[Event] = ()) -> bool:
        def work(connection: sqlite3.Connection) -> bool:
            updated = connection.execute(
                f"UPDATE runs SET status = 'pending', worker = NULL, lease_until = NULL WHERE {_IS_LEASED}",
                _key(lease),
            )
            if updated.rowcount == 0:
                return False
            write_events(connection, {lease.run.spec.run_id: unwritten}, self._clock())
            return True

        return await self._database.write(work)

    async def stop(self, run_id: RunId, how: Stop) -> Run | None:
        def work(connection: sqlite3.Connection) -> Run | None:
            if (row := find(connection, run_id)) is None:
                return None
            return stop_run(connection, row, how, self._clock()) or _run(find(connection, run_id))

        return await self._database.write(work)

    async def get(self, run_id: RunId) -> Run | None:
        return await self._database.read(lambda connection: _run(find(connection, run_id)))

    async def check_not_deleted(self, run_id: RunId) -> None:
        await self._database.read(lambda connection: check_not_deleted(connection, run_id, self._clock()))


_IS_LEASED = "run_id = ? AND attempt = ? AND worker = ? AND status = 'running'"

_CLAIMABLE = """
SELECT number FROM runs WHERE status = 'running' AND lease_until <= ?
UNION ALL
SELECT min(number) FROM runs AS waiting WHERE status = 'pending' AND NOT EXISTS (
    SELECT 1 FROM runs WHERE status = 'running' AND thread_id = waiting.thread_id
) GROUP BY thread_id
ORDER BY number LIMIT ?
"""


def _key(lease: Lease) -> tuple[RunId, int, str]:
    return lease.run.spec.run_id, lease.run.attempt, lease.worker


def _run(row: sqlite3.Row | None) -> Run | None:
    return None if row is None else to_run(row)


def _resubmitted(existing: sqlite3.Row, spec: RunSpec) -> Submitted:
    if existing["digest"] != spec.digest:
        raise IdempotencyConflict(f"run {spec.run_id!r} was started before, with another body")
    return Submitted(to_run(existing), None, [])


def _resolve_busy_thread(
    connection: sqlite3.Connection, spec: RunSpec, rivals: Sequence[sqlite3.Row], now: float
) -> tuple[list[Run], bool]:
    """Apply on_busy; return the runs that it has ended, and whether the thread is free.

    Raises ThreadBusy, ThreadInterrupted, NotInterrupted.
    """
    is_interrupted = bool(rivals) and rivals[-1]["status"] == "interrupted"
    is_question_open = is_interrupted and spec.answered in (None, rivals[-1]["run_id"])
    if spec.answers is not None and not is_question_open:
        raise NotInterrupted(f"thread {spec.thread_id!r} doesn't wait for an answer, or has got it")
    if spec.answers is None and is_interrupted and spec.on_busy != "rollback":
        raise ThreadInterrupted(
            f"thread {spec.thread_id!r} waits for the answer to an interrupt; answer it, or start with"
            " on_busy 'rollback'"
        )
    active = [row for row in rivals if row["status"] in ("pending", "running")]
    if active and spec.on_busy == "reject":
        raise ThreadBusy(
            f"run {active[0]['run_id']!r} is active on thread {spec.thread_id!r}; wait, cancel it, or start"
            " with another on_busy"
        )
    if spec.on_busy == "enqueue":
        return [], not active
    how: Stop = "rollback" if spec.on_busy == "rollback" else "cancel"
    ended = [run for row in active if (run := stop_run(connection, row, how, now))]
    return ended, len(ended) == len(active)


def _check_queue(connection: sqlite3.Connection, limit: int) -> None:
    (waiting,) = connection.execute("SELECT count(*) FROM runs WHERE status = 'pending'").fetchone()
    if waiting >= limit:
        raise TooManyRuns(f"{waiting} runs are waiting already; try again in a moment")
