"""The Runs port's exam, third part: lists of runs. A test module subclasses RunListsExam."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

import pytest

from seltzer.runs.event import Event
from seltzer.runs.ports import Runs, Threads
from seltzer.runs.run import STATUSES, AttemptStats, RunSearch, RunSpec, RunSummary, Status
from tests.stores.conformance import Clock
from tests.stores.conformance_runs import CANCELLED, QUEUE_LIMIT, TTL_S, claim, end, leased, waiting

STATS = AttemptStats(duration_ms=2_000, first_token_ms=500, tokens=7, usage={"total_tokens": 9})


async def search(runs: Runs, **given: Any) -> Sequence[RunSummary]:
    return await runs.search(RunSearch(**{"graphs": ["agent"]} | given))


async def listed(runs: Runs, **given: Any) -> list[str]:
    """Return the ids of the runs that match."""
    return [each.run_id for each in await search(runs, **given)]


async def only(runs: Runs) -> RunSummary:
    (run,) = await search(runs)
    return run


async def of_each_status(runs: Runs) -> None:
    """Submit a run of each status, each on a thread and with an id of that name."""
    kinds = {"success": "finished", "error": "failed", "interrupted": "interrupted", "cancelled": "cancelled"}
    for status, kind in kinds.items():
        await end(runs, await leased(runs, status, status), kind)
    await leased(runs, "running", "running")
    await waiting(runs, "pending", "pending")


@pytest.mark.anyio
class RunListsExam:
    """Fixtures: `runs` an empty store, `threads` its threads, `clock` its clock."""

    async def test_an_empty_store_has_none(self, runs: Runs) -> None:
        assert await listed(runs) == []
        assert await listed(runs, thread_id="t", before=7, statuses=["error"]) == []

    async def test_the_newest_comes_first_whatever_the_clock_did(self, runs: Runs, clock: Clock) -> None:
        for run_id in "123":
            await end(runs, await leased(runs, run_id))
            clock.now -= 3600

        assert await listed(runs) == ["3", "2", "1"]

    async def test_pages_of_one_are_all_runs_once(self, runs: Runs) -> None:
        for n in range(20):
            await end(runs, await leased(runs, str(n), f"t{n % 3}"), "failed" if n % 4 else "finished")
        seen: list[str] = []
        before = None

        while page := await search(runs, limit=1, before=before):
            seen += [each.run_id for each in page]
            before = page[-1].number

        assert seen == [str(n) for n in reversed(range(20))]

    async def test_a_run_that_is_deleted_meanwhile_disturbs_no_page(
        self, runs: Runs, threads: Threads
    ) -> None:
        for run_id in "123":
            await end(runs, await leased(runs, run_id, f"t{run_id}"))
        (newest,) = await search(runs, limit=1)
        for thread_id in ("t3", "t2"):
            await threads.delete(thread_id)

        assert await listed(runs, before=newest.number) == ["1"]

    async def test_a_place_in_the_list_is_one_for_any_filter(self, runs: Runs) -> None:
        await of_each_status(runs)
        place = (await search(runs, statuses=["cancelled"]))[0].number

        assert await listed(runs, before=place) == ["interrupted", "error", "success"]
        assert await listed(runs, before=place, statuses=["success", "pending"]) == ["success"]
        assert await listed(runs, before=0) == await listed(runs, before=1) == []
        assert len(await listed(runs, before=10**17)) == len(STATUSES)

    @pytest.mark.parametrize("status", STATUSES)
    async def test_runs_of_a_status(self, runs: Runs, status: Status) -> None:
        await of_each_status(runs)

        assert await listed(runs, statuses=[status]) == [status]
        assert await listed(runs, statuses=[status], thread_id=status) == [status]
        assert await listed(runs, statuses=[status], thread_id="another") == []
        others = [each for each in STATUSES if each != status]
        assert status not in await listed(runs, statuses=others)

    async def test_runs_of_graphs(self, runs: Runs) -> None:
        for graph in ("a", "b", "c", "a"):
            run_id = f"{graph}{len(await listed(runs, graphs='abc'))}"
            lease = (await runs.submit(RunSpec(graph, None, "t", run_id), "w", TTL_S, QUEUE_LIMIT)).lease
            assert lease is not None
            await end(runs, lease)

        assert await listed(runs, graphs=["a", "c", "none", "a"]) == ["a3", "c2", "a0"]
        assert await listed(runs, graphs=["a", "b"], thread_id="t") == ["a3", "b1", "a0"]
        assert await listed(runs, graphs=[]) == await listed(runs, graphs=["none"]) == []

    async def test_runs_on_a_thread(self, runs: Runs) -> None:
        await end(runs, await leased(runs, "1", "t"))
        await end(runs, await leased(runs, "2", "u"))
        await waiting(runs, "3", "t")

        assert await listed(runs, thread_id="t") == ["3", "1"]
        assert await listed(runs, thread_id="t", limit=1) == ["3"]
        assert await listed(runs, thread_id="none") == []

    async def test_runs_of_an_owner(self, runs: Runs) -> None:
        await leased(runs, "1", "t", owner="ada")
        await leased(runs, "2", "u", owner="eve")

        assert await listed(runs, owner="ada") == await listed(runs, owner="ada", thread_id="t") == ["1"]
        assert await listed(runs, owner="ada", thread_id="u") == await listed(runs, owner="") == []
        assert await listed(runs) == ["2", "1"]

    # What it has of a run

    async def test_a_run_that_waits_has_not_begun(self, runs: Runs, clock: Clock) -> None:
        run = await waiting(runs)

        assert await only(runs) == RunSummary(
            "r", "agent", "t", run.number, "pending", 0, datetime.fromtimestamp(clock.now, UTC)
        )

    async def test_an_ended_run_has_its_times_its_end_and_its_stats(self, runs: Runs, clock: Clock) -> None:
        created_at = datetime.fromtimestamp(clock.now, UTC)
        run = await waiting(runs)
        clock.now += 3
        (lease,) = await claim(runs)
        begun = await only(runs)
        clock.now += 2
        last = await end(runs, lease, stats=STATS)

        started_at = datetime.fromtimestamp(clock.now - 2, UTC)
        assert (begun.status, begun.started_at, begun.ended_at, begun.stats) == (
            "running",
            started_at,
            None,
            None,
        )
        assert await only(runs) == RunSummary(
            *("r", "agent", "t", run.number, "success", 1, created_at, started_at),
            *(datetime.fromtimestamp(clock.now, UTC), last, STATS),
        )

    async def test_a_run_that_begins_at_once_has_no_age(self, runs: Runs) -> None:
        lease = await leased(runs)

        run = await only(runs)
        assert (run.started_at, lease.age_s) == (run.created_at, 0)

    async def test_of_a_run_that_was_taken_over_its_last_attempt_counts(
        self, runs: Runs, clock: Clock
    ) -> None:
        await leased(runs)
        clock.now += TTL_S + 5
        (second,) = await claim(runs, "b")
        await end(runs, second, stats=STATS)

        run = await only(runs)
        assert second.age_s == pytest.approx(TTL_S + 5)
        assert run.started_at == datetime.fromtimestamp(clock.now, UTC)
        assert (run.attempt, run.stats) == (2, STATS)

    async def test_a_run_that_is_handed_back_has_not_begun_again(self, runs: Runs, clock: Clock) -> None:
        await runs.hand_back(await leased(runs))

        assert (await only(runs)).started_at is None

    async def test_an_attempt_that_lost_its_lease_leaves_no_stats(self, runs: Runs, clock: Clock) -> None:
        first = await leased(runs)
        clock.now += TTL_S
        (second,) = await claim(runs, "b")

        assert not await runs.finish(first, Event(1, 1, "finished", {}), stats=STATS)

        run = await only(runs)
        assert (run.status, run.ended_at, run.stats) == ("running", None, None)
        await end(runs, second)
        assert (await only(runs)).stats is None

    async def test_a_run_that_never_began_has_an_end_alone(self, runs: Runs, clock: Clock) -> None:
        await waiting(runs)
        await runs.stop("r", "cancel")

        run = await only(runs)
        assert (run.status, run.started_at, run.stats, run.last) == ("cancelled", None, None, CANCELLED)
        assert run.ended_at == datetime.fromtimestamp(clock.now, UTC)
