"""How a run is submitted: usually by one statement, else by a transaction that looks at its thread."""

import uuid
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Final

from psycopg import errors

from seltzer.runs.event import RunId
from seltzer.runs.ports import Submitted
from seltzer.runs.run import ACTIVE, Lease, Run, RunSpec, Status, Stop
from seltzer.runs.text import fold
from seltzer.stores.postgres.connections.database import Connection
from seltzer.stores.postgres.connections.queries import Row, fetch_all, fetch_one, there
from seltzer.stores.postgres.erasure import noticing_unfinished
from seltzer.stores.postgres.runs.endings import run_of, stop_run
from seltzer.stores.postgres.statements import runs as statements
from seltzer.stores.records import pack, pack_config
from seltzer.stores.submission import (
    Rival,
    check_queue,
    check_same,
    check_thread,
    pack_input,
    run_deleted,
    unknown_thread,
)

_THREAD_LOCKS: Final = 0x53454C54  # the first half of the advisory locks on threads


@dataclass(frozen=True, slots=True)
class Submission:
    """One call of Runs.submit, whose arguments these are.

    process: the worker's. token: distinguishes the call, as its row may have been written though its answer
    was lost.
    """

    spec: RunSpec
    worker: str
    ttl_s: float
    queue_limit: int
    has_room: bool
    process: int | None
    retention_s: float
    token: str = field(default_factory=lambda: uuid.uuid4().hex)

    @property
    def may_be_usual(self) -> bool:
        """Whether it may succeed. A run from a checkpoint waits for who may be deleting that now."""
        return self.has_room and self.spec.answers is None and self.spec.checkpoint_id is None

    async def usual(self, connection: Connection) -> Submitted | None:
        """Submit to a thread on which nothing is active and no question is open; None if it isn't that.

        Raises UnknownThread, ErasureUnfinished.
        """
        added = await _insert(connection, statements.SUBMIT_USUAL, self._leased())
        return None if added is None else self._submitted(added, is_leased=True)

    async def unusual(self, connection: Connection) -> Submitted:
        """Submit to any thread, in a transaction. Raises as Runs.submit does, and ErasureUnfinished."""
        spec = self.spec
        await lock_thread(connection, spec.thread_id)
        given = {"run_id": spec.run_id, "thread_id": spec.thread_id}
        rivals = await fetch_all(connection, statements.RIVALS, given)
        for row in rivals:
            if row["run_id"] == spec.run_id:
                return self._resubmitted(row)
        await check_not_deleted(connection, spec.run_id)
        check_thread(spec, [Rival(row["run_id"], row["status"], row["owner"]) for row in rivals])
        active = [row for row in rivals if row["status"] in ACTIVE]
        ended = [] if spec.on_busy == "enqueue" else await self._stop_all(connection, active)
        is_leased = self.has_room and len(ended) == len(active)
        if not is_leased:
            waiting = there(await fetch_one(connection, statements.WAITING, ()))["count"]
            check_queue(waiting, self.queue_limit)
        columns = self._leased() if is_leased else self._waiting()
        added = there(await _insert(connection, statements.SUBMIT, columns))
        return self._submitted(added, is_leased=is_leased, ended=ended)

    async def _stop_all(self, connection: Connection, rows: Sequence[Row]) -> list[Run]:
        """Stop the runs as on_busy says, and return those that this has ended."""
        how: Stop = "rollback" if self.spec.on_busy == "rollback" else "cancel"
        stopped = [await stop_run(connection, row, how, self.retention_s) for row in rows]
        return [run for run in stopped if run is not None]

    def _submitted(self, added: Row, *, is_leased: bool, ended: Sequence[Run] = ()) -> Submitted:
        status: Status = "running" if is_leased else "pending"
        number, created_at = added["number"], added["created_at"]
        run = Run(self.spec, status, attempt=int(is_leased), number=number, created_at=created_at)
        lease = Lease(run, self.worker, is_thread_new=added["is_new"]) if is_leased else None
        return Submitted(run, lease, [*ended])

    def _resubmitted(self, existing: Row) -> Submitted:
        """Return a run that is there already: submitted before, or by this call, whose connection broke."""
        check_same(self.spec, owner=existing["owner"], digest=existing["digest"])
        run = run_of(existing)
        if existing["submission"] != self.token or existing["worker"] != self.worker:
            return Submitted(run, None, [])
        run = replace(run, spec=self.spec)
        return Submitted(run, Lease(run, self.worker), [])

    def _leased(self) -> dict[str, Any]:
        """Return the columns of a run that is leased to the worker."""
        spec, packed = self.spec, pack_input(self.spec)
        return {
            "run_id": spec.run_id,
            "thread_id": spec.thread_id,
            "owner": spec.owner,
            "graph": spec.graph,
            "status": "running",
            "attempt": 1,
            "worker": self.worker,
            "process": self.process,
            "ttl_s": self.ttl_s,
            "submission": self.token,
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

    def _waiting(self) -> dict[str, Any]:
        """Return the columns of a run that waits."""
        requested_by = self.worker if self.spec.attached else None
        of_no_worker = {"status": "pending", "attempt": 0, "worker": None, "process": None}
        return self._leased() | of_no_worker | {"requested_by": requested_by}


async def lock_thread(connection: Connection, thread_id: str) -> None:
    """Wait for who submits to the thread, deletes it or some of its states; keep them out to the end."""
    await connection.execute(statements.LOCK_THREAD, (_THREAD_LOCKS, thread_id))


async def check_not_deleted(connection: Connection, run_id: RunId) -> None:
    """Raise RunDeleted if the run was deleted with its thread within a day."""
    if await fetch_one(connection, statements.IS_DELETED, (run_id,)) is not None:
        raise run_deleted(run_id)


async def _insert(connection: Connection, statement: str, columns: dict[str, Any]) -> Row | None:
    try:
        with noticing_unfinished():
            return await fetch_one(connection, statement, columns)
    except errors.NotNullViolation:
        raise unknown_thread(columns["thread_id"]) from None
