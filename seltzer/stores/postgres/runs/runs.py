"""The runs in the Postgres database: queue, lease and status, for any number of processes."""

from collections.abc import Collection, Sequence
from contextlib import suppress
from typing import Any

from seltzer.runs.event import Event, Json, RunId
from seltzer.runs.execution.fence import LeaseLost
from seltzer.runs.ports import Renewal, Submitted
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
from seltzer.stores.postgres.checkpoints.behind import Behind, Writer
from seltzer.stores.postgres.connections.database import Connection, Database
from seltzer.stores.postgres.connections.queries import Row, fetch_all, fetch_one
from seltzer.stores.postgres.erasure import ErasureUnfinished, finish
from seltzer.stores.postgres.event_log import APPEND_PATIENCE_S, columns
from seltzer.stores.postgres.processes.hints import Hints
from seltzer.stores.postgres.processes.presence import Presence
from seltzer.stores.postgres.retention import LogRetention
from seltzer.stores.postgres.runs.claims import Claim
from seltzer.stores.postgres.runs.endings import end_of, run_of, stop_run
from seltzer.stores.postgres.runs.submissions import Submission, check_not_deleted
from seltzer.stores.postgres.statements import run_list
from seltzer.stores.postgres.statements import runs as statements
from seltzer.stores.records import pack, to_status, to_summary


class PostgresRuns:
    """The Runs of all processes on the database, as one of them sees them.

    urgent: the same database, by a connection that leases needn't wait for.
    """

    def __init__(
        self,
        database: Database,
        urgent: Database,
        presence: Presence,
        hints: Hints,
        retention: LogRetention,
        behind: Behind,
    ) -> None:
        self._database = database
        self._urgent = urgent
        self._presence = presence
        self._hints = hints
        self._retention = retention
        self._behind = behind

    async def submit(
        self, spec: RunSpec, worker: str, ttl_s: float, queue_limit: int, *, has_room: bool = True
    ) -> Submitted:
        process, retention_s = self._presence.key, self._retention.retention_s
        submission = Submission(spec, worker, ttl_s, queue_limit, has_room, process, retention_s)
        while True:
            try:
                if submission.may_be_usual:
                    usual = await self._database.execute(submission.usual)
                    if usual is not None:
                        return usual
                submitted = await self._database.transact(submission.unusual)
                break
            except ErasureUnfinished:
                await finish(self._database, spec.thread_id)
        is_waiting = submitted.run.status == "pending"
        self._hints.post(
            [each.spec.run_id for each in submitted.ended],
            has_stops=is_waiting and spec.on_busy in ("interrupt", "rollback"),
            has_queued=is_waiting,
        )
        return submitted

    async def claim(
        self, worker: str, n: int, ttl_s: float, *, graphs: Collection[str] | None = None
    ) -> list[Lease]:
        claim = Claim(
            worker,
            n,
            ttl_s,
            graphs=None if graphs is None else [*graphs],
            process=self._presence.key,
            gone=self._presence.gone,
            has_settled=self._presence.has_settled,
        )
        with self._presence.unsettled_by_failure():
            rows = sorted(await self._database.transact(claim.rows), key=_number)
        return [Lease(run_of(row), worker, row["stop"], age_s=max(0.0, row["age_s"])) for row in rows]

    async def renew(self, worker: str, leases: Sequence[Lease], ttl_s: float) -> Renewal:
        keys = [(each.run.spec.run_id, each.run.attempt, each.worker) for each in leases]
        names = [[key[at] for key in keys] for at in range(3)]

        async def work(connection: Connection) -> list[Row]:
            await connection.execute(statements.RENEW_REQUESTS, (ttl_s, worker))
            given = ttl_s, self._presence.key, *names
            return await fetch_all(connection, statements.RENEW, given) if keys else []

        with self._presence.unsettled_by_failure():
            rows = await self._urgent.transact(work)
        renewed = {row["run_id"]: row["stop"] for row in rows}
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
        stats: AttemptStats | None = None,
    ) -> bool:
        run_id = lease.run.spec.run_id
        writer = Writer(run_id, lease.run.attempt)
        end = end_of(run_id, last, self._retention.retention_s, unwritten, stats=stats) | {
            "output": pack(output),
            "touched": touched,
        }
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
            return await stop_run(connection, row, how, self._retention.retention_s) or run_of(row)

        run = await self._database.transact(work)
        self._hints.post([run_id], has_stops=True, has_queued=True)
        return run

    async def get(self, run_id: RunId, *, owner: Owner | None = None) -> Run | None:
        given = {"run_id": run_id, "owner": owner}
        row = await self._database.execute(lambda connection: fetch_one(connection, statements.GET, given))
        return None if row is None else run_of(row)

    async def statuses(self, run_ids: Collection[RunId]) -> dict[RunId, RunStatus]:
        given = ([*run_ids],)
        rows = await self._database.execute(
            lambda connection: fetch_all(connection, statements.STATUSES, given)
        )
        return {row["run_id"]: to_status(row) for row in rows}

    async def search(self, search: RunSearch) -> list[RunSummary]:
        statement = run_list.OF_GRAPHS if search.thread_id is None else run_list.OF_THREAD
        given = {
            "graphs": [*set(search.graphs)],
            "statuses": [*set(search.statuses)],
            "thread_id": search.thread_id,
            "before": search.below,
            "limit": search.limit,
            "owner": search.owner,
        }
        rows = await self._database.execute(lambda connection: fetch_all(connection, statement, given))
        return [to_summary(row, row["created_at"], row["started_at"], row["ended_at"]) for row in rows]

    async def check_not_deleted(self, run_id: RunId) -> None:
        await self._database.execute(lambda connection: check_not_deleted(connection, run_id))


def _key(lease: Lease) -> dict[str, Any]:
    return {"run_id": lease.run.spec.run_id, "attempt": lease.run.attempt, "worker": lease.worker}


def _number(row: Row) -> int:
    number: int = row["number"]
    return number
