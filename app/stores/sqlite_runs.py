"""The runs in the SQLite file: queue, lease and status."""

import sqlite3
import time
from collections.abc import Callable, Sequence
from dataclasses import replace

from app.errors import IdempotencyConflict, NotInterrupted, ThreadBusy, ThreadInterrupted, TooManyRuns
from app.runs.event import Event, Json, RunId
from app.runs.jsonable import dumps
from app.runs.ports import Renewal, Submitted
from app.runs.run import Lease, Run, RunSpec, Stop
from app.stores.database import Database
from app.stores.log_rows import write_events
from app.stores.run_rows import (
    ACTIVE,
    Input,
    begin_attempt,
    end,
    find,
    find_newest,
    insert,
    pack_input,
    tell_to_end,
    to_datetime,
    to_run,
)


class SqliteRuns:
    """The Runs of one process.

    clock: seconds since 1970, for people. lease_clock: any seconds that go forward, for deadlines; the clock,
    if there is none.
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

    async def orphan_all(self) -> int:
        """Let all leases run out, and return how many there were: for who has just opened the file alone."""
        return await self._database.write(
            lambda connection: (
                connection.execute("UPDATE runs SET lease_until = -9e999 WHERE status = 'running'").rowcount
            )
        )

    async def submit(self, spec: RunSpec, worker: str | None, ttl_s: float, queue_limit: int) -> Submitted:
        packed = pack_input(spec)

        def work(connection: sqlite3.Connection) -> Submitted:
            if (known := find(connection, spec.run_id)) is not None:
                return _resubmitted(connection, known, spec)
            return self._add(connection, spec, packed, worker, ttl_s=ttl_s, queue_limit=queue_limit)

        return await self._database.write(work)

    async def claim(self, worker: str, n: int, ttl_s: float) -> list[Lease]:
        def work(connection: sqlite3.Connection) -> list[Lease]:
            now = self._lease_clock()
            numbers = [number for (number,) in connection.execute(_CLAIMABLE, (now, n))]
            rows = [begin_attempt(connection, number, worker, now + ttl_s) for number in numbers]
            return [Lease(to_run(row), worker, row["stop"]) for row in rows]

        return await self._database.write(work)

    async def renew(self, leases: Sequence[Lease], ttl_s: float) -> Renewal:
        def work(connection: sqlite3.Connection) -> Renewal:
            renewal, until = Renewal(set(), {}), self._lease_clock() + ttl_s
            for each in leases:
                run_id = each.run.spec.run_id
                renewed = connection.execute(
                    f"UPDATE runs SET lease_until = ? WHERE {_HELD} RETURNING stop", (until, *_key(each))
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
    ) -> bool:
        packed = None if output is None else dumps(output)

        def work(connection: sqlite3.Connection) -> bool:
            held = connection.execute(f"SELECT number FROM runs WHERE {_HELD}", _key(lease)).fetchone()
            if held is None:
                return False
            now = self._clock()
            end(connection, held["number"], last, now, output=packed, touched=touched)
            write_events(connection, {lease.run.spec.run_id: [*unwritten, last]}, now)
            return True

        return await self._database.write(work)

    async def hand_back(self, lease: Lease, *, unwritten: Sequence[Event] = ()) -> bool:
        def work(connection: sqlite3.Connection) -> bool:
            handed = connection.execute(
                f"UPDATE runs SET status = 'pending', worker = NULL, lease_until = NULL WHERE {_HELD}",
                _key(lease),
            )
            if handed.rowcount == 0:
                return False
            write_events(connection, {lease.run.spec.run_id: unwritten}, self._clock())
            return True

        return await self._database.write(work)

    async def stop(self, run_id: RunId, how: Stop) -> Run | None:
        def work(connection: sqlite3.Connection) -> Run | None:
            if (row := find(connection, run_id)) is None:
                return None
            return tell_to_end(connection, row, how, self._clock()) or _run(find(connection, run_id))

        return await self._database.write(work)

    async def get(self, run_id: RunId) -> Run | None:
        return await self._database.read(lambda connection: _run(find(connection, run_id)))

    def _add(
        self,
        connection: sqlite3.Connection,
        spec: RunSpec,
        packed: Input,
        worker: str | None,
        *,
        ttl_s: float,
        queue_limit: int,
    ) -> Submitted:
        now = self._clock()
        ended = _make_way(connection, spec, now)
        is_free = not _active(connection, spec.thread_id)
        if not is_free or worker is None:
            _check_queue(connection, queue_limit)
        number = insert(connection, spec, packed, now)
        run = Run(spec, "pending", attempt=0, number=number, created_at=to_datetime(now))
        if not is_free or worker is None:
            return Submitted(run, None, ended)
        row = begin_attempt(connection, number, worker, self._lease_clock() + ttl_s)
        run = replace(run, status=row["status"], attempt=row["attempt"])
        return Submitted(run, Lease(run, worker), ended)


_HELD = "run_id = ? AND attempt = ? AND worker = ? AND status = 'running'"

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


def _active(connection: sqlite3.Connection, thread_id: str) -> list[sqlite3.Row]:
    """Return the thread's active runs, oldest first."""
    return connection.execute(
        f"SELECT * FROM runs WHERE thread_id = ? AND {ACTIVE} ORDER BY number", (thread_id,)
    ).fetchall()


def _resubmitted(connection: sqlite3.Connection, known: sqlite3.Row, spec: RunSpec) -> Submitted:
    if known["digest"] != spec.digest:
        raise IdempotencyConflict(f"run {spec.run_id!r} was started before, with another body")
    return Submitted(to_run(known), None, [])


def _make_way(connection: sqlite3.Connection, spec: RunSpec, now: float) -> list[Run]:
    """Do what on_busy says, and return the runs that have ended by it.

    Raises ThreadBusy, ThreadInterrupted, NotInterrupted.
    """
    newest = find_newest(connection, spec.thread_id)
    asking = newest["run_id"] if newest is not None and newest["status"] == "interrupted" else None
    is_interrupted = asking is not None
    is_asked = is_interrupted and spec.answered in (None, asking)
    if spec.answers is not None and not is_asked:
        raise NotInterrupted(f"thread {spec.thread_id!r} doesn't wait for an answer, or has been given it")
    if spec.answers is None and is_interrupted and spec.on_busy != "rollback":
        raise ThreadInterrupted(
            f"thread {spec.thread_id!r} waits for the answer to an interrupt; answer it, or start with"
            " on_busy 'rollback'"
        )
    active = _active(connection, spec.thread_id)
    if active and spec.on_busy == "reject":
        raise ThreadBusy(
            f"run {active[0]['run_id']!r} is going on on thread {spec.thread_id!r}; wait, cancel it, or start"
            " with another on_busy"
        )
    if spec.on_busy == "enqueue":
        return []
    how: Stop = "rollback" if spec.on_busy == "rollback" else "cancel"
    return [ended for row in active if (ended := tell_to_end(connection, row, how, now))]


def _check_queue(connection: sqlite3.Connection, limit: int) -> None:
    (waiting,) = connection.execute("SELECT count(*) FROM runs WHERE status = 'pending'").fetchone()
    if waiting >= limit:
        raise TooManyRuns(f"{waiting} runs are waiting already; try again in a moment")
