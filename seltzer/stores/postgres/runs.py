"""The runs in the Postgres database: queue, lease and status, for any number of processes."""

import uuid
from collections.abc import Collection, Sequence
from contextlib import suppress
from dataclasses import replace
from typing import Any, Final

from psycopg import errors

from seltzer.runs.event import Event, Json, RunId
from seltzer.runs.execution.fence import LeaseLost
from seltzer.runs.ports import Renewal, Submitted
from seltzer.runs.run import (
    ACTIVE,
    STATUS_OF_LAST,
    Lease,
    OnBusy,
    Owner,
    Run,
    RunSpec,
    RunStatus,
    Status,
    Stop,
)
from seltzer.runs.text import fold
from seltzer.stores.postgres.checkpoints.behind import Behind, Writer
from seltzer.stores.postgres.database import Connection, Database
from seltzer.stores.postgres.event_log import APPEND_PATIENCE_S, columns
from seltzer.stores.postgres.hints import Hints
from seltzer.stores.postgres.presence import Presence
from seltzer.stores.postgres.queries import Row, fetch_all, fetch_one, there
from seltzer.stores.postgres.retention import LogRetention
from seltzer.stores.postgres.statements import runs as statements
from seltzer.stores.records import pack, pack_config, pack_last, to_run, to_status
from seltzer.stores.submission import (
    Rival,
    check_queue,
    check_same,
    check_thread,
    pack_input,
    run_deleted,
    unknown_thread,
)

THREAD_LOCKS: Final = 0x53454C54  # the first half of the advisory locks on threads


class PostgresRuns:
    """The Runs of all processes on the database, as one of them sees them."""

    def __init__(
        self,
        database: Database,
        presence: Presence,
        hints: Hints,
        retention: LogRetention,
        behind: Behind,
    ) -> None:
        self._database = database
        self._presence = presence
        self._hints = hints
        self._retention = retention
        self._behind = behind

    async def submit(
        self, spec: RunSpec, worker: str, ttl_s: float, queue_limit: int, *, has_room: bool = True
    ) -> Submitted:
        submission = uuid.uuid4().hex
        given = _columns(spec, worker, ttl_s) | {"process": self._presence.key, "submission": submission}

        async def usual(connection: Connection) -> Row | None:
            return await _insert(connection, statements.SUBMIT_USUAL, given)

        async def unusual(connection: Connection) -> Submitted:
            await connection.execute(statements.LOCK_THREAD, (THREAD_LOCKS, spec.thread_id))
            rivals = await fetch_all(connection, statements.RIVALS, given)
            for row in rivals:
                if row["run_id"] == spec.run_id:
                    # Was it this call that wrote it, whose connection broke before the answer came?
                    is_own = row["submission"] == submission and row["worker"] == worker
                    return _resubmitted(spec, row, worker if is_own else None)
            await _check_not_deleted(connection, spec.run_id)
            check_thread(spec, [Rival(row["run_id"], row["status"], row["owner"]) for row in rivals])
            active = [row for row in rivals if row["status"] in ACTIVE]
            ended = (
                [] if spec.on_busy == "enqueue" else await self._stop_all(connection, active, spec.on_busy)
            )
            is_leased = has_room and len(ended) == len(active)
            if not is_leased:
                await _check_queue(connection, queue_limit)
            row = given if is_leased else given | _waiting(spec, worker)
            added = there(await _insert(connection, statements.SUBMIT, row))
            return _submitted(spec, worker if is_leased else None, added, ended)

        if has_room and spec.answers is None and (added := await self._database.execute(usual)) is not None:
            return _submitted(spec, worker, added)
        submitted = await self._database.transact(unusual)
        is_waiting = submitted.run.status == "pending"
        self._hints.post(
            [each.spec.run_id for each in submitted.ended],
            has_stops=is_waiting and spec.on_busy in ("interrupt", "rollback"),
            has_queued=is_waiting,
        )
        return submitted

    async def claim(self, worker: str, n: int, ttl_s: float) -> list[Lease]:
        process = self._presence.key
        expired = {"gone": [*self._presence.gone], "has_settled": self._presence.has_settled, "limit": n}

        async def work(connection: Connection) -> list[Row]:
            found = await fetch_all(connection, statements.EXPIRED, expired)
            if (room := n - len(found)) > 0:
                found += await fetch_all(connection, statements.WAITING_FIRST, (worker, room))
            if not found:
                return []
            numbers = [row["number"] for row in found]
            return await fetch_all(connection, statements.START_ATTEMPTS, (worker, process, ttl_s, numbers))

        rows = sorted(await self._database.transact(work), key=_number)
        return [Lease(_run(row), worker, row["stop"]) for row in rows]

    async def renew(self, worker: str, leases: Sequence[Lease], ttl_s: float) -> Renewal:
        keys = [(each.run.spec.run_id, each.run.attempt, each.worker) for each in leases]
        names = [[key[at] for key in keys] for at in range(3)]

        async def work(connection: Connection) -> list[Row]:
            await connection.execute(statements.RENEW_REQUESTS, (ttl_s, worker))
            given = ttl_s, self._presence.key, *names
            return await fetch_all(connection, statements.RENEW, given) if keys else []

        renewed = {row["run_id"]: row["stop"] for row in await self._database.transact(work)}
        lost = {run_id for run_id, *_ in keys if run_id not in renewed}
        return Renewal(lost, {run_id: stop for run_id, stop in renewed.items() if stop is not None})

    async def finish(
        self,
        lease: Lease,
        last: Event,
        *,
        unwritten: Sequence[Event] = (),
        output: Json = None,
        touched: bool = True,
    ) -> bool:
        run_id = lease.run.spec.run_id
        writer = Writer(run_id, lease.run.attempt)
        end = self._end_of(run_id, last, unwritten) | {"output": pack(output), "touched": touched}
        has_waiting = False

        async def work(connection: Connection) -> bool:
            nonlocal has_waiting
            if (ended := await fetch_one(connection, statements.FINISH, end | _key(lease))) is not None:
                has_waiting = ended["has_waiting"]
                return True
            # Unless it was this call that has ended it, whose connection broke before the answer came.
            row = await fetch_one(connection, statements.GET, {"run_id": run_id, "owner": None})
            return row is not None and row["last"] == end["last"]

        try:
            await self._behind.flush(lease.run.spec.thread_id)
            if last.kind in ("finished", "interrupted"):  # these include all that was written to the thread
                with suppress(LeaseLost):  # then there is nothing to end either
                    self._behind.check(writer)
            is_ended = await self._database.execute(work, patience_s=APPEND_PATIENCE_S)
        finally:
            self._behind.forget(writer)
        if is_ended:
            self._hints.post([run_id], has_queued=has_waiting)
        self._retention.sweep()
        return is_ended

    async def hand_back(self, lease: Lease, *, unwritten: Sequence[Event] = ()) -> bool:
        run_id = lease.run.spec.run_id
        writer = Writer(run_id, lease.run.attempt)
        given = columns({run_id: unwritten}) | _key(lease)

        async def work(connection: Connection) -> bool:
            return await fetch_one(connection, statements.HAND_BACK, given) is not None

        await self._behind.flush(lease.run.spec.thread_id)
        self._behind.forget(writer)
        is_back = await self._database.execute(work)
        self._hints.post([run_id], has_queued=True)
        return is_back

    async def stop(self, run_id: RunId, how: Stop, *, owner: Owner | None = None) -> Run | None:
        given = {"run_id": run_id, "owner": owner}

        async def work(connection: Connection) -> Run | None:
            if (row := await fetch_one(connection, statements.GET_FOR_UPDATE, given)) is None:
                return None
            return await self._stop(connection, row, how) or _run(row)

        run = await self._database.transact(work)
        self._hints.post([run_id], has_stops=True, has_queued=True)
        return run

    async def get(self, run_id: RunId, *, owner: Owner | None = None) -> Run | None:
        given = {"run_id": run_id, "owner": owner}
        row = await self._database.execute(lambda connection: fetch_one(connection, statements.GET, given))
        return None if row is None else _run(row)

    async def statuses(self, run_ids: Collection[RunId]) -> dict[RunId, RunStatus]:
        given = ([*run_ids],)
        rows = await self._database.execute(
            lambda connection: fetch_all(connection, statements.STATUSES, given)
        )
        return {row["run_id"]: to_status(row) for row in rows}

    async def check_not_deleted(self, run_id: RunId) -> None:
        await self._database.execute(lambda connection: _check_not_deleted(connection, run_id))

    async def _stop_all(self, connection: Connection, rows: Sequence[Row], on_busy: OnBusy) -> list[Run]:
        """Stop the runs, and return those that this has ended."""
        how: Stop = "rollback" if on_busy == "rollback" else "cancel"
        stopped = [await self._stop(connection, row, how) for row in rows]
        return [run for run in stopped if run is not None]

    async def _stop(self, connection: Connection, row: Row, how: Stop) -> Run | None:
        """Stop the run, whose row is locked; return it if that has ended it."""
        if row["status"] == "pending":
            run_id, last = row["run_id"], Event(row["attempt"] + 1, 1, "cancelled", {})
            end = self._end_of(run_id, last) | {"output": None, "touched": True, "number": row["number"]}
            await connection.execute(statements.END_PENDING.encode(), end)
            return _run(there(await fetch_one(connection, statements.GET, {"run_id": run_id, "owner": None})))
        if row["status"] == "running":
            await connection.execute(statements.STOP_RUNNING, (how, row["number"]))
        return None

    def _end_of(self, run_id: RunId, last: Event, unwritten: Sequence[Event] = ()) -> dict[str, Any]:
        return columns({run_id: [*unwritten, last]}) | {
            "status": STATUS_OF_LAST[last.kind],
            "attempt": last.attempt,
            "last": pack_last(last),
            "retention_s": self._retention.retention_s,
        }


def _columns(spec: RunSpec, worker: str, ttl_s: float) -> dict[str, Any]:
    """Return the parameters of a run that is leased to the worker."""
    packed = pack_input(spec)
    return {
        "run_id": spec.run_id,
        "thread_id": spec.thread_id,
        "owner": spec.owner,
        "graph": spec.graph,
        "status": "running",
        "attempt": 1,
        "worker": worker,
        "ttl_s": ttl_s,
        "requested_by": None,
        "attached": spec.attached,
        "max_steps": spec.max_steps,
        "configurable": pack_config(spec),
        "on_busy": spec.on_busy,
        "answers": pack(spec.answers),
        "checkpoint_id": spec.checkpoint_id,
        "digest": spec.digest,
        "title": spec.title,
        "title_folded": fold(spec.title),
        "input_type": packed.type,
        "input": packed.body,
    }


def _waiting(spec: RunSpec, worker: str) -> dict[str, Any]:
    """Return those parameters of a run that waits which are others."""
    requested_by = worker if spec.attached else None
    return {"status": "pending", "attempt": 0, "worker": None, "process": None, "requested_by": requested_by}


async def _insert(connection: Connection, statement: str, given: dict[str, Any]) -> Row | None:
    try:
        return await fetch_one(connection, statement, given)
    except errors.NotNullViolation:
        raise unknown_thread(given["thread_id"]) from None


def _submitted(spec: RunSpec, worker: str | None, added: Row, ended: Sequence[Run] = ()) -> Submitted:
    status: Status = "pending" if worker is None else "running"
    attempt = 0 if worker is None else 1
    run = Run(spec, status, attempt=attempt, number=added["number"], created_at=added["created_at"])
    lease = None if worker is None else Lease(run, worker, is_thread_new=added["is_new"])
    return Submitted(run, lease, [*ended])


def _resubmitted(spec: RunSpec, existing: Row, worker: str | None) -> Submitted:
    """Return a run that is there already; worker: who has written it for this very submission."""
    check_same(spec, owner=existing["owner"], digest=existing["digest"])
    run = replace(_run(existing), spec=spec) if worker else _run(existing)
    return Submitted(run, Lease(run, worker) if worker else None, [])


async def _check_not_deleted(connection: Connection, run_id: RunId) -> None:
    if await fetch_one(connection, statements.IS_DELETED, (run_id,)) is not None:
        raise run_deleted(run_id)


async def _check_queue(connection: Connection, limit: int) -> None:
    check_queue(there(await fetch_one(connection, statements.WAITING, ()))["count"], limit)


def _key(lease: Lease) -> dict[str, Any]:
    return {"run_id": lease.run.spec.run_id, "attempt": lease.run.attempt, "worker": lease.worker}


def _run(row: Row) -> Run:
    return to_run(row, row["created_at"])


def _number(row: Row) -> int:
    number: int = row["number"]
    return number
