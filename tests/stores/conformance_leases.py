"""The Runs port's exam, second part: the queue, leases, ends. A test module subclasses LeasesExam."""

from typing import Any

import pytest

from seltzer.cursor import START
from seltzer.errors import TooManyRuns
from seltzer.runs.event import Event
from seltzer.runs.ports import ORPHAN_S, EventLog, Runs
from seltzer.runs.run import Stop
from tests.stores.conformance import Clock
from tests.stores.conformance_runs import (
    CANCELLED,
    QUEUE_LIMIT,
    TTL_S,
    claim,
    end,
    found,
    ids,
    leased,
    spec,
    status,
    submit,
    waiting,
)


@pytest.mark.anyio
class LeasesExam:
    """Fixtures: `runs` an empty store, `log` its event log, `clock` its clock."""

    # The queue

    async def test_a_full_queue_refuses_another_run(self, runs: Runs) -> None:
        for n in range(QUEUE_LIMIT):
            await waiting(runs, str(n), f"t{n}")

        with pytest.raises(TooManyRuns, match=str(QUEUE_LIMIT)):
            await submit(runs, "one too many", has_room=False)

        assert await runs.get("one too many") is None
        await leased(runs, "at once")  # it doesn't wait
        assert len(await claim(runs, n=1)) == 1
        await waiting(runs, "in its place", "t")

    async def test_a_refused_run_cancels_no_other(self, runs: Runs) -> None:
        first = await leased(runs, "1")
        for n in range(QUEUE_LIMIT):
            await waiting(runs, f"q{n}", f"t{n}")

        with pytest.raises(TooManyRuns):
            await submit(runs, "2", on_busy="interrupt")

        assert (await runs.renew("a", [first], TTL_S)).stops == {}

    async def test_runs_are_claimed_oldest_first_and_one_a_thread(self, runs: Runs, clock: Clock) -> None:
        for run_id, thread_id in (("1", "t"), ("2", "t"), ("3", "u"), ("4", "v")):
            await waiting(runs, run_id, thread_id)
            clock.now -= 3600  # the clock doesn't matter

        leases = await claim(runs, "a", 2)

        assert ids(leases) == ["1", "3"]
        assert [(each.worker, each.run.status, each.run.attempt) for each in leases] == [
            ("a", "running", 1)
        ] * 2
        assert ids(await claim(runs, "b")) == ["4"]
        assert await claim(runs, "b") == []
        await end(runs, leases[0])
        assert ids(await claim(runs, "b")) == ["2"]

    async def test_a_claim_of_zero_runs_leases_none(self, runs: Runs) -> None:
        await waiting(runs)

        assert await claim(runs, n=0) == []

    async def test_a_clock_that_steps_back_changes_no_order(self, runs: Runs, clock: Clock) -> None:
        await end(runs, await leased(runs, "1"))
        clock.now -= 3600
        await end(runs, await leased(runs, "2"), "interrupted")
        clock.now -= 3600

        second = await found(runs, "2")
        third = await leased(runs, "3", answers={"i": 1})

        assert third.run.number > second.number

    # Leases

    async def test_a_lease_that_was_not_renewed_is_claimed(self, runs: Runs, clock: Clock) -> None:
        first = await leased(runs)
        clock.now += TTL_S - 1
        assert await claim(runs, "b") == []
        clock.now += 2

        (second,) = await claim(runs, "b")

        assert (second.worker, second.run.attempt, second.run.spec) == ("b", 2, first.run.spec)
        assert await runs.get("r") == second.run

    async def test_a_renewed_lease_is_not_claimed(self, runs: Runs, clock: Clock) -> None:
        lease = await leased(runs)
        clock.now += TTL_S - 1

        assert await runs.renew("a", [lease], TTL_S) == (set(), {})

        clock.now += TTL_S - 1
        assert await claim(runs, "b") == []

    async def test_a_late_worker_keeps_an_unclaimed_run(self, runs: Runs, clock: Clock) -> None:
        lease = await leased(runs)
        clock.now += 100 * TTL_S

        assert await runs.renew("a", [lease], TTL_S) == (set(), {})

        assert await claim(runs, "b") == []

    @pytest.mark.parametrize("worker", ["a", "b"])
    async def test_a_lost_lease_allows_nothing(
        self, runs: Runs, log: EventLog, clock: Clock, worker: str
    ) -> None:
        old = await leased(runs)
        clock.now += TTL_S + 1
        (new,) = await claim(runs, worker)
        last = Event(1, 1, "finished", {})

        assert not await runs.finish(old, last, unwritten=[last])
        assert not await runs.hand_back(old, unwritten=[last])
        assert await runs.renew("a", [old], TTL_S) == ({"r"}, {})

        assert await runs.get("r") == new.run
        assert await log.read({"r": START}) == {}
        await end(runs, new)

    async def test_each_run_is_renewed_by_itself(self, runs: Runs, clock: Clock) -> None:
        lost = await leased(runs, "lost", "t1")
        clock.now += TTL_S + 1
        await claim(runs, "b")
        stopped, kept = await leased(runs, "stopped", "t2"), await leased(runs, "kept", "t3")
        await runs.stop("stopped", "cancel")

        assert await runs.renew("a", [lost, stopped, kept], TTL_S) == ({"lost"}, {"stopped": "cancel"})
        assert await runs.renew("a", [], TTL_S) == (set(), {})

    # Ending

    @pytest.mark.parametrize(
        ("kind", "status"),
        [
            ("finished", "success"),
            ("failed", "error"),
            ("cancelled", "cancelled"),
            ("interrupted", "interrupted"),
        ],
    )
    async def test_the_terminal_event_sets_the_status(
        self, runs: Runs, log: EventLog, kind: Any, status: str
    ) -> None:
        lease = await leased(runs)
        events = [Event(1, seq, "token", {"text": "漢字\u2028"}) for seq in (1, 2, 3)]
        await log.append({"r": events[:2]})

        last = await end(runs, lease, kind, 4, unwritten=events[1:])

        run = await found(runs)
        assert (run.status, run.last, run.attempt, run.is_active) == (status, last, 1, False)
        assert await log.read({"r": START}) == {"r": [*events, last]}

    async def test_a_result_is_kept(self, runs: Runs) -> None:
        await end(runs, await leased(runs), output={"text": "漢字\u2028", "n": [1, None]})

        assert (await found(runs)).output == {"text": "漢字\u2028", "n": [1, None]}

    async def test_a_run_ends_once(self, runs: Runs, log: EventLog) -> None:
        lease = await leased(runs)
        last = await end(runs, lease)

        assert not await runs.finish(lease, Event(1, 2, "failed", {}))
        assert not await runs.hand_back(lease)
        assert await runs.renew("a", [lease], TTL_S) == ({"r"}, {})

        assert (await found(runs)).last == last
        assert await log.read({"r": START}) == {"r": [last]}

    async def test_an_ended_run_frees_its_thread(self, runs: Runs) -> None:
        await end(runs, await leased(runs, "1"))

        await leased(runs, "2")

    async def test_a_run_handed_back_is_claimed_as_the_next_attempt(self, runs: Runs, log: EventLog) -> None:
        lease = await leased(runs)
        events = [Event(1, 1, "token", {"text": "a"})]
        await waiting(runs, "behind it")

        assert await runs.hand_back(lease, unwritten=events)

        assert (await found(runs)).status == "pending"
        assert await log.read({"r": START}) == {"r": events}
        assert await runs.renew("a", [lease], TTL_S) == ({"r"}, {})
        (again,) = await claim(runs, "b")
        assert (again.run.spec, again.run.attempt, again.worker) == (spec(), 2, "b")

    # Stopping

    async def test_a_pending_run_is_cancelled_at_once(self, runs: Runs, log: EventLog) -> None:
        await waiting(runs)

        run = await runs.stop("r", "cancel")

        assert run is not None
        assert (run.status, run.attempt, run.last, run.spec.input) == ("cancelled", 1, CANCELLED, None)
        assert await runs.get("r") == run
        assert await log.read({"r": START}) == {"r": [CANCELLED]}
        assert await claim(runs) == []

    async def test_a_pending_run_with_events_gets_its_end_after_them(self, runs: Runs, log: EventLog) -> None:
        events = [Event(1, 1, "token", {"text": "a"})]
        await runs.hand_back(await leased(runs), unwritten=events)

        await runs.stop("r", "rollback")

        assert await log.read({"r": START}) == {"r": [*events, Event(2, 1, "cancelled", {})]}

    async def test_a_running_run_is_marked_to_stop(self, runs: Runs) -> None:
        lease = await leased(runs)

        assert await runs.stop("r", "cancel") == lease.run

        assert (await runs.renew("a", [lease], TTL_S)).stops == {"r": "cancel"}
        assert await status(runs) == "running"

    @pytest.mark.parametrize("hows", [["cancel", "rollback"], ["rollback", "cancel"]])
    async def test_a_rollback_overrides_a_cancel(self, runs: Runs, hows: list[Stop]) -> None:
        lease = await leased(runs)

        for how in hows:
            await runs.stop("r", how)

        assert (await runs.renew("a", [lease], TTL_S)).stops == {"r": "rollback"}

    @pytest.mark.parametrize("is_handed_back", [False, True])
    async def test_a_later_attempt_is_marked_to_stop_too(
        self, runs: Runs, clock: Clock, is_handed_back: bool
    ) -> None:
        lease = await leased(runs)
        await runs.stop("r", "rollback")
        if is_handed_back:
            await runs.hand_back(lease)
        else:
            clock.now += TTL_S + 1

        (again,) = await claim(runs, "b")

        assert (again.stop, again.run.attempt) == ("rollback", 2)

    async def test_stopping_an_ended_run_changes_nothing(self, runs: Runs, log: EventLog) -> None:
        last = await end(runs, await leased(runs))

        run = await runs.stop("r", "rollback")

        assert run == await found(runs)
        assert (run.status, run.last) == ("success", last)
        assert await log.read({"r": START}) == {"r": [last]}

    async def test_an_unknown_run_is_none(self, runs: Runs) -> None:
        assert await runs.stop("unknown", "cancel") is None
        assert await runs.get("unknown") is None


@pytest.mark.anyio
class GraphsExam:
    """For stores that several processes can use. Fixtures: as LeasesExam's."""

    @pytest.fixture(params=["waits", "was handed back", "has lost its process", "had to wait for its turn"])
    async def unserved(self, request: pytest.FixtureRequest, runs: Runs, clock: Clock) -> None:
        """A run of `agent` that can be claimed, by a worker that has the graph."""
        if request.param == "waits":
            await waiting(runs)
        elif request.param == "was handed back":
            lease = await leased(runs)
            clock.now += 2 * ORPHAN_S
            await runs.hand_back(lease)
        elif request.param == "has lost its process":
            await leased(runs)
            clock.now += TTL_S + 1
        else:
            lease = await leased(runs, "before it")
            await waiting(runs)
            clock.now += 2 * ORPHAN_S
            await end(runs, lease)

    @pytest.mark.usefixtures("unserved")
    async def test_a_run_is_left_to_a_process_that_has_its_graph(self, runs: Runs) -> None:
        assert await runs.claim("old", 10, TTL_S, graphs=["another"]) == []
        assert await runs.claim("broken", 10, TTL_S, graphs=[]) == []

        assert ids(await runs.claim("new", 10, TTL_S, graphs=["another", "agent"])) == ["r"]

    @pytest.mark.usefixtures("unserved")
    async def test_a_run_whose_graph_no_process_has_is_claimed_in_the_end(
        self, runs: Runs, clock: Clock
    ) -> None:
        clock.now += ORPHAN_S - TTL_S
        assert await runs.claim("a", 10, TTL_S, graphs=["another"]) == []

        clock.now += TTL_S + 1

        assert ids(await runs.claim("a", 10, TTL_S, graphs=["another"])) == ["r"]
