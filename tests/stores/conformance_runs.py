"""The Runs port's exam: submitting. Every store sits it, and its second part in conformance_leases.py.

The laws are in seltzer/runs/ports.py.
"""

import asyncio
from datetime import UTC, datetime
from typing import Any, Final

import pytest
from langchain_core.messages import AIMessage, HumanMessage

from seltzer.cursor import START
from seltzer.errors import (
    IdempotencyConflict,
    NotInterrupted,
    StateNotStorable,
    ThreadBusy,
    ThreadInterrupted,
    UnknownThread,
)
from seltzer.runs.event import Event
from seltzer.runs.ports import EventLog, Runs, Submitted, Threads
from seltzer.runs.run import Labels, Lease, OnBusy, Run, RunSpec, RunStatus, Stop
from seltzer.runs.thread import NewThread
from tests.stores.conformance import Clock

TTL_S: Final = 10.0
QUEUE_LIMIT: Final = 5
CANCELLED: Final = Event(1, 1, "cancelled", {})


def spec(run_id: str = "r", thread_id: str = "t", **given: Any) -> RunSpec:
    return RunSpec("agent", {"messages": [HumanMessage("hi", id="1")]}, thread_id, run_id, **given)


async def submit(
    runs: Runs,
    run_id: str = "r",
    thread_id: str = "t",
    *,
    worker: str = "a",
    has_room: bool = True,
    **given: Any,
) -> Submitted:
    new = spec(run_id, thread_id, **given)
    return await runs.submit(new, worker, TTL_S, QUEUE_LIMIT, has_room=has_room)


async def leased(runs: Runs, run_id: str = "r", thread_id: str = "t", **given: Any) -> Lease:
    """Submit a run whose thread is free, and return its lease."""
    lease = (await submit(runs, run_id, thread_id, **given)).lease
    assert lease is not None
    return lease


async def waiting(runs: Runs, run_id: str = "r", thread_id: str = "t", **given: Any) -> Run:
    """Submit a run that has to wait, and return it."""
    options: dict[str, Any] = {"has_room": False, "on_busy": "enqueue"} | given
    submitted = await submit(runs, run_id, thread_id, **options)
    assert submitted.lease is None
    return submitted.run


async def claim(runs: Runs, worker: str = "a", n: int = 100) -> list[Lease]:
    return await runs.claim(worker, n, TTL_S)


async def end(runs: Runs, lease: Lease, kind: Any = "finished", seq: int = 1, **given: Any) -> Event:
    """Finish the run by a terminal event, and return that."""
    last = Event(lease.run.attempt, seq, kind, {"kind": kind})
    assert await runs.finish(lease, last, **given)
    return last


async def found(runs: Runs, run_id: str = "r") -> Run:
    run = await runs.get(run_id)
    assert run is not None
    return run


async def status(runs: Runs, run_id: str = "r") -> str:
    return (await found(runs, run_id)).status


def ids(leases: list[Lease]) -> list[str]:
    return [lease.run.spec.run_id for lease in leases]


@pytest.mark.anyio
class RunsExam:
    """Fixtures: `runs` an empty store, `log` its event log, `threads` its threads, `clock` its clock."""

    # Submitting

    async def test_a_run_on_a_free_thread_starts_at_once(self, runs: Runs, clock: Clock) -> None:
        run, lease, ended = await submit(runs)

        assert (run.status, run.attempt, run.number, ended) == ("running", 1, 1, [])
        assert lease == Lease(run, "a", is_thread_new=True)
        assert run.spec == spec()
        assert run.created_at == datetime.fromtimestamp(clock.now, UTC)
        assert await runs.get("r") == run

    async def test_everything_in_a_spec_is_kept(self, runs: Runs) -> None:
        given = spec(
            max_steps=7,
            context={"user_id": "ada", "limits": {"a": [1, None]}},
            labels=Labels(("a", "b"), {"team": "x", "n": 1}, "nightly"),
            configurable={"model": "demo", "n": [1, None, "漢字"]},
            on_busy="enqueue",
            checkpoint_id="c",
            from_message="m",
            is_edit=True,
            digest="d",
            title="A title 漢字",
        )

        await runs.submit(given, "a", TTL_S, QUEUE_LIMIT, has_room=False)

        assert (await found(runs)).spec == given

    async def test_a_run_that_starts_at_once_has_the_submitted_spec(self, runs: Runs) -> None:
        given = spec()

        lease = (await runs.submit(given, "a", TTL_S, QUEUE_LIMIT)).lease

        assert lease is not None
        assert lease.run.spec is given

    @pytest.mark.parametrize("value", [None, "a", {"messages": [HumanMessage("a"), AIMessage("b")], "n": 1}])
    async def test_an_input_of_any_kind_is_kept_for_a_retry(self, runs: Runs, value: Any) -> None:
        await runs.submit(RunSpec("agent", value, "t", "r"), "a", TTL_S, QUEUE_LIMIT, has_room=False)

        (lease,) = await claim(runs)

        assert lease.run.spec.input == value

    async def test_an_input_that_cannot_be_stored_is_refused_before_anything_is_written(
        self, runs: Runs
    ) -> None:
        with pytest.raises(StateNotStorable, match="'input' contains a 'range'"):
            await runs.submit(
                RunSpec("agent", {"n": range(3)}, "t", "r"), "a", TTL_S, QUEUE_LIMIT, has_room=False
            )

        assert await runs.get("r") is None

    async def test_an_attached_runs_input_is_not_kept(self, runs: Runs) -> None:
        lease = await leased(runs, attached=True)

        assert lease.run.spec == spec(attached=True)
        assert (await found(runs)).spec.input is None

    async def test_an_ended_runs_input_is_not_kept(self, runs: Runs) -> None:
        await end(runs, await leased(runs))

        assert (await found(runs)).spec.input is None

    async def test_a_run_submitted_twice_is_one_run(self, runs: Runs) -> None:
        first = await submit(runs, digest="d")

        again = await submit(runs, digest="d")

        assert again == Submitted(first.run, None, [])
        assert ids(await claim(runs)) == []

    async def test_a_run_submitted_again_after_its_end_is_returned_as_it_is(self, runs: Runs) -> None:
        last = await end(runs, await leased(runs, on_busy="interrupt"))
        await waiting(runs, "after")

        run, lease, ended = await submit(runs, on_busy="interrupt")

        assert (run.status, run.last, lease, ended) == ("success", last, None, [])
        assert await status(runs, "after") == "pending"

    async def test_a_used_id_with_another_body_is_a_conflict(self, runs: Runs) -> None:
        await submit(runs, digest="d")

        with pytest.raises(IdempotencyConflict, match="'r'"):
            await submit(runs, digest="e")

    # A new thread

    @pytest.mark.parametrize("touched", [True, False])
    async def test_only_the_first_run_of_a_thread_finds_it_new(self, runs: Runs, touched: bool) -> None:
        first = await leased(runs, "1")
        await end(runs, first, touched=touched)

        second, elsewhere = await leased(runs, "2"), await leased(runs, "3", "u")

        assert [each.is_thread_new for each in (first, second, elsewhere)] == [True, False, True]

    async def test_a_thread_that_was_deleted_is_new_again(self, runs: Runs, threads: Threads) -> None:
        await end(runs, await leased(runs, "1"))
        await threads.delete("t")

        assert (await leased(runs, "2")).is_thread_new

    async def test_a_run_that_is_claimed_does_not_find_its_thread_new(self, runs: Runs, clock: Clock) -> None:
        """Another attempt may have written to it; of one that waited, another run."""
        await waiting(runs)
        (first,) = await claim(runs)
        clock.now += TTL_S
        (second,) = await claim(runs)
        await runs.hand_back(second)

        (third,) = await claim(runs)

        assert not any(each.is_thread_new for each in (first, second, third))

    async def test_without_room_a_run_waits(self, runs: Runs) -> None:
        run, lease, _ = await submit(runs, has_room=False)

        assert (run.status, run.attempt, lease) == ("pending", 0, None)
        assert await runs.get("r") == run

    # Owners

    async def test_a_run_is_its_owners(self, runs: Runs) -> None:
        run = (await submit(runs, owner="ada")).run

        assert run.spec.owner == "ada"
        assert await runs.get("r", owner="ada") == await runs.get("r") == run
        assert await runs.get("r", owner="eve") is None
        assert await runs.stop("r", "cancel", owner="eve") is None
        assert (await runs.renew("a", [Lease(run, "a")], TTL_S)).stops == {}
        assert await runs.stop("r", "cancel", owner="ada") == run

    async def test_two_owners_runs_are_separate(self, runs: Runs) -> None:
        await submit(runs, "1", "t", owner="ada", digest="d")
        await submit(runs, "2", "u", owner="eve", digest="d")

        assert await status(runs, "2") == "running"

    @pytest.mark.parametrize("on_busy", ["reject", "enqueue", "interrupt", "rollback"])
    @pytest.mark.parametrize("first", ["running", "ended", "never began", "created"])
    async def test_another_owners_thread_is_unknown_and_left_alone(
        self, runs: Runs, threads: Threads, on_busy: OnBusy, first: str
    ) -> None:
        if first == "created":
            await threads.create(NewThread("t", owner="ada"))
        elif first == "never began":
            await waiting(runs, "1", owner="ada")
            await runs.stop("1", "cancel")
        else:
            lease = await leased(runs, "1", owner="ada")
            if first == "ended":
                await end(runs, lease, "interrupted")
        before = await threads.get("t"), await runs.get("1")

        with pytest.raises(UnknownThread, match="'t'"):
            await submit(runs, "2", owner="eve", on_busy=on_busy)

        assert (await threads.get("t"), await runs.get("1")) == before
        assert await runs.get("2") is None

    # An attached run that waits

    async def test_an_attached_run_waits_for_the_worker_that_has_its_request(
        self, runs: Runs, clock: Clock
    ) -> None:
        await waiting(runs, "1", attached=True, worker="a")
        await waiting(runs, "after it", on_busy="enqueue")
        await waiting(runs, "elsewhere", "u")

        assert ids(await claim(runs, "b")) == ["elsewhere"]
        clock.now += TTL_S - 1
        await runs.renew("a", [], TTL_S)
        await runs.renew("b", [], 100 * TTL_S)
        clock.now += TTL_S - 1
        assert "1" not in ids(await claim(runs, "b"))

        assert ids(await claim(runs, "a")) == ["1"]

    async def test_an_attached_run_whose_worker_is_gone_can_be_claimed(
        self, runs: Runs, clock: Clock
    ) -> None:
        await waiting(runs, "1", attached=True, worker="a")
        clock.now += TTL_S

        (lease,) = await claim(runs, "b")

        assert (lease.run.spec.run_id, lease.run.attempt, lease.worker) == ("1", 1, "b")

    # How far runs are

    async def test_statuses_are_read_together(self, runs: Runs) -> None:
        last = await end(runs, await leased(runs, "1", "t1"))
        await leased(runs, "2", "t2")
        await waiting(runs, "3", "t2")

        found = await runs.statuses(["1", "2", "3", "unknown"])

        assert found == {
            "1": RunStatus("success", 1, last),
            "2": RunStatus("running", 1, None),
            "3": RunStatus("pending", 0, None),
        }
        assert await runs.statuses([]) == {}

    # A busy thread

    @pytest.mark.parametrize("is_pending", [False, True])
    async def test_reject_refuses_and_stores_nothing(self, runs: Runs, is_pending: bool) -> None:
        await submit(runs, "1", has_room=not is_pending)

        with pytest.raises(ThreadBusy, match="'1'"):
            await submit(runs, "2")

        assert await runs.get("2") is None

    async def test_enqueue_waits_until_the_thread_is_free(self, runs: Runs) -> None:
        first = await leased(runs, "1")
        await waiting(runs, "2", has_room=True)
        assert await claim(runs) == []

        await end(runs, first)

        assert ids(await claim(runs)) == ["2"]

    @pytest.mark.parametrize(("on_busy", "how"), [("interrupt", "cancel"), ("rollback", "rollback")])
    async def test_interrupt_and_rollback_stop_the_running_run(
        self, runs: Runs, on_busy: OnBusy, how: Stop
    ) -> None:
        first = await leased(runs, "1")

        second = await submit(runs, "2", on_busy=on_busy)

        assert (second.lease, second.ended) == (None, [])
        assert (await runs.renew("a", [first], TTL_S)).stops == {"1": how}
        await end(runs, first, "cancelled")
        assert ids(await claim(runs)) == ["2"]

    @pytest.mark.parametrize("on_busy", ["interrupt", "rollback"])
    async def test_interrupt_and_rollback_cancel_the_pending_runs(
        self, runs: Runs, log: EventLog, on_busy: OnBusy
    ) -> None:
        await waiting(runs, "1")
        await waiting(runs, "2")
        await waiting(runs, "elsewhere", "u")

        run, _, ended = await submit(runs, "3", on_busy=on_busy)

        assert run.status == "running"
        assert ended == [await found(runs, "1"), await found(runs, "2")]
        assert [await status(runs, each) for each in "12"] == ["cancelled", "cancelled"]
        assert await log.read({"1": START, "2": START}) == {"1": [CANCELLED], "2": [CANCELLED]}

    async def test_twenty_at_once_on_one_thread_give_one_lease(self, runs: Runs) -> None:
        outcomes = await asyncio.gather(
            *(submit(runs, str(n), worker="ab"[n % 2]) for n in range(20)), return_exceptions=True
        )

        assert sum(isinstance(each, Submitted) and each.lease is not None for each in outcomes) == 1
        assert sum(isinstance(each, ThreadBusy) for each in outcomes) == 19

    async def test_the_same_run_twenty_times_at_once_is_one_run(self, runs: Runs) -> None:
        outcomes = await asyncio.gather(*(submit(runs) for _ in range(20)))

        assert sum(each.lease is not None for each in outcomes) == 1
        assert {each.run.number for each in outcomes} == {1}

    # An interrupted thread

    async def test_plain_input_on_an_interrupted_thread_is_refused(self, runs: Runs) -> None:
        await end(runs, await leased(runs, "1"), "interrupted")

        for on_busy in ("reject", "enqueue", "interrupt"):
            with pytest.raises(ThreadInterrupted, match="'t'"):
                await submit(runs, "2", on_busy=on_busy)

        assert await runs.get("2") is None

    @pytest.mark.parametrize(
        "given", [{"on_busy": "rollback"}, {"answers": {"i": [1, "yes"]}}, {"answers": {}}]
    )
    async def test_rollback_and_answers_are_accepted_on_an_interrupted_thread(
        self, runs: Runs, given: dict[str, Any]
    ) -> None:
        await end(runs, await leased(runs, "1"), "interrupted")

        lease = await leased(runs, "2", **given)

        assert (await found(runs, "2")).spec == lease.run.spec == spec("2", **given)

    async def test_an_answer_without_a_question_is_refused(self, runs: Runs) -> None:
        with pytest.raises(NotInterrupted, match="'t'"):
            await submit(runs, "0", answers={"i": 1})
        await end(runs, await leased(runs, "1"))

        with pytest.raises(NotInterrupted):
            await submit(runs, "2", answers={"i": 1})

    @pytest.mark.parametrize("has_ended", [False, True])
    async def test_an_interrupt_is_answered_once(self, runs: Runs, has_ended: bool) -> None:
        await end(runs, await leased(runs, "1"), "interrupted")
        answering = await leased(runs, "2", answers={"i": 1})
        if has_ended:
            await end(runs, answering)

        with pytest.raises(NotInterrupted):
            await submit(runs, "3", answers={"i": 1}, on_busy="enqueue")

    async def test_a_run_cancelled_before_it_started_hides_no_question(self, runs: Runs) -> None:
        first = await leased(runs, "1")
        await waiting(runs, "2")
        await runs.stop("2", "cancel")
        await end(runs, first, "interrupted")

        with pytest.raises(ThreadInterrupted):
            await submit(runs, "3")
        lease = await leased(runs, "4", answers={"i": 1})

        assert lease.run.status == "running"
