"""Leases: what waits is claimed, what is active is renewed, a store that fails for a while stops neither."""

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Any, cast

import anyio
import pytest
from anyio.lowlevel import checkpoint

from seltzer.errors import StorageFailed
from seltzer.runs.event import RunId
from seltzer.runs.execution.leases import RENEW_S, Claimed, Gone, Leases, Lost
from seltzer.runs.ports import Renewal, Runs, Submitted
from seltzer.runs.run import Lease, Run, RunSpec, RunStatus, Stop
from tests.runs.scenario import run_spec

pytestmark = pytest.mark.anyio


def lease(run_id: RunId) -> Lease:
    return Lease(Run(run_spec(run_id=run_id), "running", 1, 1, datetime.now(UTC)), "worker")


class Rows:
    """The verbs of Runs that leases use; it keeps what it was asked."""

    def __init__(self) -> None:
        self.waiting: list[Lease] = []
        self.asked: list[Any] = []
        self.renewal = Renewal(set(), {})
        self.error: Exception | None = None
        self.statuses_of: dict[RunId, RunStatus] = {}

    async def claim(self, worker: str, n: int, ttl_s: float, *, graphs: object) -> list[Lease]:
        self.asked.append(("claim", n))
        if self.error:
            raise self.error
        claimed, self.waiting = self.waiting[:n], self.waiting[n:]
        return claimed

    async def submit(self, spec: RunSpec, *given: Any, has_room: bool) -> Submitted:
        return Submitted(Run(spec, "pending", 0, 1, datetime.now(UTC)), None, [])

    async def statuses(self, run_ids: Sequence[RunId]) -> dict[RunId, RunStatus]:
        return {run_id: self.statuses_of[run_id] for run_id in run_ids if run_id in self.statuses_of}

    async def renew(self, worker: str, leases: Sequence[Lease], ttl_s: float) -> Renewal:
        self.asked.append(("renew", [each.run.spec.run_id for each in leases]))
        if self.error:
            raise self.error
        return self.renewal


class Worker:
    """Whose leases they are."""

    def __init__(self, *, room: int = 10) -> None:
        self.held: list[Lease] = []
        self.lost: list[RunId] = []
        self.stopped: list[tuple[RunId, Stop]] = []
        self.gone: list[RunId] = []
        self.limit = room

    def leases(self) -> Sequence[Lease]:
        return self.held

    def room(self) -> int:
        return self.limit - len(self.held)

    @asynccontextmanager
    async def at(self, rows: Rows, *, renew_s: float = RENEW_S) -> AsyncIterator[Leases]:
        leases = Leases(cast(Runs, rows), "worker", queue_limit=100, renew_s=renew_s)
        task = asyncio.create_task(self._work(leases))
        try:
            yield leases
        finally:
            task.cancel()
            await asyncio.wait([task])

    async def _work(self, leases: Leases) -> None:
        async for change in leases.changes(self):
            if isinstance(change, Claimed):
                self.held.append(change.lease)
            elif isinstance(change, Lost):
                self.lost.append(change.run_id)
            elif isinstance(change, Gone):
                self.gone.append(change.run_id)
            else:
                self.stopped.append((change.run_id, change.how))


async def wait_until(is_so: Callable[[], object]) -> None:
    with anyio.fail_after(5):
        while not is_so():
            await checkpoint()


async def test_what_waits_is_claimed_at_once_and_again_when_nudged() -> None:
    rows, worker = Rows(), Worker()
    rows.waiting = [lease("a"), lease("b")]
    async with worker.at(rows) as leases:
        await wait_until(lambda: len(worker.held) == 2)

        rows.waiting = [lease("c")]
        leases.nudge()
        await wait_until(lambda: len(worker.held) == 3)

    assert [each.run.spec.run_id for each in worker.held] == ["a", "b", "c"]


async def test_no_more_is_claimed_than_there_is_room_for() -> None:
    rows, worker = Rows(), Worker(room=1)
    rows.waiting = [lease("a"), lease("b")]
    async with worker.at(rows) as leases:
        await wait_until(lambda: worker.held)
        leases.nudge()
        await checkpoint()
        await checkpoint()

        assert rows.asked == [("claim", 1)]
        worker.held.clear()
        leases.nudge()
        await wait_until(lambda: worker.held)

    assert rows.waiting == []


async def test_a_worker_that_was_full_looks_for_others_runs_when_one_of_its_own_ends() -> None:
    rows, worker = Rows(), Worker(room=1)
    rows.waiting = [lease("a"), lease("b")]
    async with worker.at(rows, renew_s=1e6) as leases:
        await wait_until(lambda: worker.held)
        worker.held.clear()

        leases.was_freed(was_queued=False)
        await wait_until(lambda: worker.held)

    assert [each.run.spec.run_id for each in worker.held] == ["b"]


async def test_leases_are_renewed_and_their_changes_are_yielded() -> None:
    rows, worker = Rows(), Worker()
    worker.held = [lease("a"), lease("b"), lease("c")]
    rows.renewal = Renewal({"a"}, {"b": "rollback"})
    async with worker.at(rows, renew_s=0.001):
        await wait_until(lambda: worker.lost and worker.stopped)

    assert ("renew", ["a", "b", "c"]) in rows.asked
    assert (worker.lost[0], worker.stopped[0]) == ("a", ("b", "rollback"))


async def test_a_renewal_that_is_hastened_does_not_wait_for_its_time() -> None:
    rows, worker = Rows(), Worker()
    worker.held = [lease("a")]
    rows.renewal = Renewal(set(), {"a": "cancel"})
    async with worker.at(rows, renew_s=1e6) as leases:
        leases.hasten()
        await wait_until(lambda: worker.stopped)

    assert worker.stopped == [("a", "cancel")]


async def test_a_run_that_was_submitted_here_and_is_begun_elsewhere_is_gone() -> None:
    rows, worker = Rows(), Worker()
    rows.statuses_of = {"begun": RunStatus("running", 1, None), "waits": RunStatus("pending", 0, None)}
    async with worker.at(rows, renew_s=1e6) as leases:
        for run_id in ("begun", "waits", "deleted"):
            await leases.submit(run_spec(run_id=run_id), has_room=False)
        leases.hasten()
        await wait_until(lambda: len(worker.gone) == 2)
        leases.was_ended("begun")
        leases.was_ended("deleted")
        leases.hasten()
        await wait_until(lambda: len(rows.asked) > 3)

    assert set(worker.gone) == {"begun", "deleted"}


async def test_nothing_is_renewed_without_leases() -> None:
    rows, worker = Rows(), Worker()
    async with worker.at(rows, renew_s=0.001):
        await wait_until(lambda: len(rows.asked) > 2)

    assert {verb for verb, _ in rows.asked} == {"claim"}


async def test_a_process_that_stalled_renews_before_it_claims() -> None:
    """Else it would claim its own leases, which have run out meanwhile."""
    rows, worker = Rows(), Worker()
    worker.held = [lease("a")]
    async with worker.at(rows, renew_s=-1):  # as late as can be
        await wait_until(lambda: len(rows.asked) >= 4)

    assert [verb for verb, _ in rows.asked[:4]] == ["renew", "claim", "renew", "claim"]


async def test_a_store_that_fails_for_a_while_is_retried() -> None:
    rows, worker = Rows(), Worker()
    rows.waiting = [lease("a")]
    rows.error = StorageFailed("the disk is full")
    async with worker.at(rows, renew_s=0.001):
        await wait_until(lambda: len(rows.asked) > 2)
        assert not worker.held

        rows.error = None
        await wait_until(lambda: worker.held)


async def test_nothing_is_claimed_until_a_renewal_that_failed_has_succeeded() -> None:
    """After an outage all leases have run out, those of processes that live, too."""
    rows, worker = Rows(), Worker()
    worker.held, rows.waiting = [lease("a")], [lease("another's")]
    rows.error = StorageFailed("the database is gone")
    async with worker.at(rows, renew_s=1e6) as leases:
        await wait_until(lambda: rows.asked)
        leases.hasten()
        await wait_until(lambda: ("renew", ["a"]) in rows.asked)
        rows.asked.clear()

        for _ in range(3):
            leases.nudge()
            await wait_until(lambda: rows.asked)
            assert rows.asked.pop() == ("renew", ["a"])
        assert rows.asked == []

        rows.error = None
        leases.nudge()
        await wait_until(lambda: len(worker.held) == 2)


async def test_a_store_that_raises_anything_is_retried() -> None:
    rows, worker = Rows(), Worker()
    rows.error = ValueError("a row can't be read")
    async with worker.at(rows) as leases:
        await wait_until(lambda: rows.asked)
        rows.error, rows.waiting = None, [lease("later")]
        leases.nudge()
        await wait_until(lambda: worker.held)

    assert [each.run.spec.run_id for each in worker.held] == ["later"]


async def test_a_closed_worker_requests_nothing_more() -> None:
    rows, worker = Rows(), Worker()
    async with worker.at(rows) as leases:
        await wait_until(lambda: rows.asked)
    leases.nudge()
    for _ in range(5):
        await checkpoint()

    assert rows.asked == [("claim", 10)]
