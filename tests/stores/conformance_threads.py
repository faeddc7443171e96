"""The Threads port's exam. Every store sits it: a test module subclasses ThreadsExam."""

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from seltzer.cursor import START
from seltzer.errors import RunDeleted, ThreadBusy
from seltzer.runs.ports import Checkpoints, EventLog, Runs, Threads
from seltzer.runs.run import RunSpec
from tests.stores.conformance import Clock
from tests.stores.conformance_runs import QUEUE_LIMIT, TTL_S, claim, end, found, leased, waiting
from tests.stores.conversing import agent, on, texts, turn


async def listed(
    threads: Threads, query: str = "", limit: int = 100, before: int | None = None, graph: str = "agent"
) -> list[str]:
    return [each.thread_id for each in await threads.list(graph, query=query, limit=limit, before=before)]


async def status(threads: Threads, thread_id: str = "t") -> str:
    thread = await threads.get(thread_id)
    assert thread is not None
    return thread.status


@pytest.mark.anyio
class ThreadsExam:
    """Fixtures: `threads` an empty store, `runs` and `log` its others, `clock` its clock."""

    async def test_a_thread_exists_from_its_first_run(
        self, threads: Threads, runs: Runs, clock: Clock
    ) -> None:
        assert await threads.get("t") is None

        run = await waiting(runs, title="A title")

        thread = await threads.get("t")
        assert thread is not None
        assert (thread.thread_id, thread.graph, thread.title, thread.run) == ("t", "agent", "A title", run)
        assert thread.created_at == thread.updated_at == datetime.fromtimestamp(clock.now, UTC)

    async def test_it_follows_its_newest_run(self, threads: Threads, runs: Runs, clock: Clock) -> None:
        await end(runs, await leased(runs, "1", title=""))
        created = datetime.fromtimestamp(clock.now, UTC)
        clock.now += 60

        await runs.submit(RunSpec("other", None, "t", "2", title="Later"), "a", TTL_S, QUEUE_LIMIT)

        thread = await threads.get("t")
        assert thread is not None
        assert (thread.graph, thread.title, thread.run) == ("other", "Later", await found(runs, "2"))
        assert (thread.created_at, thread.updated_at) == (created, datetime.fromtimestamp(clock.now, UTC))
        assert await listed(threads, graph="agent") == []
        assert await listed(threads, graph="other") == ["t"]

    async def test_it_has_runs_of_each_graph_that_ran_on_it(self, threads: Threads, runs: Runs) -> None:
        await end(runs, await leased(runs, "1"))
        await runs.submit(RunSpec("other", None, "t", "2"), "a", TTL_S, QUEUE_LIMIT)

        assert await threads.has_run("t", "agent")
        assert await threads.has_run("t", "other")
        assert not await threads.has_run("t", "third")
        assert not await threads.has_run("none", "agent")

    async def test_it_keeps_its_first_title(self, threads: Threads, runs: Runs) -> None:
        await end(runs, await leased(runs, "1", title="First"))
        await leased(runs, "2", title="Second")

        assert await listed(threads, "first") == ["t"]
        assert await listed(threads, "second") == []

    async def test_its_status_is_its_newest_runs(self, threads: Threads, runs: Runs) -> None:
        await waiting(runs, "1")
        assert await status(threads) == "busy"
        (lease,) = await claim(runs)
        assert await status(threads) == "busy"
        await end(runs, lease)
        assert await status(threads) == "idle"
        await end(runs, await leased(runs, "2"), "failed")
        assert await status(threads) == "error"
        await end(runs, await leased(runs, "3"), "interrupted")
        assert await status(threads) == "interrupted"
        await end(runs, await leased(runs, "4", answers={}), "cancelled")
        assert await status(threads) == "idle"

    async def test_a_run_that_ended_before_its_first_step_is_not_the_newest(
        self, threads: Threads, runs: Runs, clock: Clock
    ) -> None:
        await end(runs, await leased(runs, "1"))
        clock.now += 60
        untouched = RunSpec("other", None, "t", "2")
        _, lease, _ = await runs.submit(untouched, "a", TTL_S, QUEUE_LIMIT)
        assert lease is not None

        await end(runs, lease, "cancelled", touched=False)

        thread = await threads.get("t")
        assert thread is not None
        assert (thread.graph, thread.run) == ("agent", await found(runs, "1"))
        assert thread.updated_at == datetime.fromtimestamp(clock.now, UTC)
        assert await listed(threads) == ["t"]
        assert await listed(threads, graph="other") == []

    async def test_a_run_cancelled_before_it_started_is_not_the_newest(
        self, threads: Threads, runs: Runs
    ) -> None:
        lease = await leased(runs, "1")
        await waiting(runs, "2", "u")
        await waiting(runs, "3")
        assert await listed(threads) == ["t", "u"]

        await runs.stop("3", "cancel")

        assert await status(threads) == "busy"
        assert await listed(threads) == ["u", "t"]
        await end(runs, lease, "interrupted")
        assert await status(threads) == "interrupted"

    async def test_a_thread_whose_only_run_never_started_is_idle(self, threads: Threads, runs: Runs) -> None:
        await waiting(runs)
        await runs.stop("r", "cancel")

        assert await status(threads) == "idle"
        assert await listed(threads) == ["t"]

    async def test_the_thread_with_the_newest_run_comes_first(
        self, threads: Threads, runs: Runs, clock: Clock
    ) -> None:
        for run_id, thread_id in (("1", "t"), ("2", "u"), ("3", "v"), ("4", "t")):
            await end(runs, await leased(runs, run_id, thread_id))
            clock.now -= 3600  # the clock doesn't matter

        assert await listed(threads) == ["t", "v", "u"]

    async def test_a_long_list_is_read_page_by_page(self, threads: Threads, runs: Runs) -> None:
        for n in range(7):
            await end(runs, await leased(runs, f"r{n}", f"t{n}"))

        pages, before = [], None
        while page := await threads.list("agent", query="", limit=3, before=before):
            pages.append([each.thread_id for each in page])
            assert page[-1].run is not None
            before = page[-1].run.number

        assert pages == [["t6", "t5", "t4"], ["t3", "t2", "t1"], ["t0"]]

    @pytest.mark.parametrize(
        ("query", "expected"),
        [
            ("", ["w", "v", "u", "t"]),
            ("sum", ["u", "t"]),
            ("SUMS OF", ["t"]),
            ("größe", ["v"]),
            ("GRÖSSE", ["v"]),
            ("100%", ["w"]),
            ("%", ["w"]),
            ("_", ["w"]),
            ("\\", ["w"]),
            ("漢", ["v"]),
            ("gro\N{COMBINING DIAERESIS}ß", ["v"]),
            ("ＳＵＭ", ["u", "t"]),
            ("nothing like it", []),
        ],
    )
    async def test_a_title_is_found_by_any_part_in_any_case(
        self, threads: Threads, runs: Runs, query: str, expected: list[str]
    ) -> None:
        titles = {"t": "Sums of two", "u": "a SUM", "v": "Größe 漢字", "w": "100%_sure\\"}
        for thread_id, title in titles.items():
            await leased(runs, thread_id, thread_id, title=title)

        assert await listed(threads, query) == expected

    async def test_a_thread_is_renamed(self, threads: Threads, runs: Runs) -> None:
        await leased(runs, title="Old")

        renamed = await threads.rename("t", "New 漢字")

        assert renamed is not None
        assert renamed.title == "New 漢字"
        assert await threads.get("t") == renamed
        assert await listed(threads, "new 漢") == ["t"]
        assert await listed(threads, "old") == []
        assert await threads.rename("unknown", "New") is None

    async def test_the_interrupted_runs_at_its_end(self, threads: Threads, runs: Runs) -> None:
        assert await threads.interrupted("t") == []
        await end(runs, await leased(runs, "1"), "interrupted")
        await end(runs, await leased(runs, "2", answers={}))
        assert await threads.interrupted("t") == []
        await end(runs, await leased(runs, "3"), "interrupted")
        await end(runs, await leased(runs, "4", answers={}), "interrupted")
        assert await threads.interrupted("t") == ["4", "3"]

        lease = await leased(runs, "5", on_busy="rollback")
        await waiting(runs, "6")
        await runs.stop("6", "cancel")

        assert await threads.interrupted("t") == ["4", "3"]
        await end(runs, lease, "cancelled")
        assert await threads.interrupted("t") == []

    async def test_a_deleted_thread_is_deleted_with_its_runs_and_events(
        self, threads: Threads, runs: Runs, log: EventLog
    ) -> None:
        for run_id, thread_id in (("1", "t"), ("2", "t"), ("3", "u")):
            await end(runs, await leased(runs, run_id, thread_id))

        assert await threads.delete("t")

        assert await threads.get("t") is None
        assert [await runs.get(each) for each in "12"] == [None, None]
        assert set(await log.read({"1": START, "2": START, "3": START})) == {"3"}
        assert await status(threads, "u") == "idle"
        assert not await threads.delete("t")

    async def test_a_deleted_thread_is_deleted_with_its_checkpoints(
        self, threads: Threads, runs: Runs, checkpoints: Checkpoints
    ) -> None:
        pregel = on(checkpoints, agent())
        for run_id, thread_id in (("1", "t"), ("2", "u"), ("3", "t")):
            await end(runs, await leased(runs, run_id, thread_id))
            talked = await turn(pregel, run_id, thread_id, run_id=run_id)

        assert await threads.delete("t")

        assert await checkpoints.tree("t") == []
        assert len(await texts(pregel, "u")) == 4
        assert await turn(pregel, "3", run_id="4") == talked[4:]

    async def test_checkpoints_without_a_thread_are_deleted_too(
        self, threads: Threads, checkpoints: Checkpoints
    ) -> None:
        await turn(on(checkpoints, agent()), "1")

        assert not await threads.delete("t")

        assert await checkpoints.tree("t") == []

    async def test_a_deleted_thread_can_be_created_again(self, threads: Threads, runs: Runs) -> None:
        first = await leased(runs, title="Old")
        await end(runs, first, "interrupted")
        await threads.delete("t")

        run, lease, _ = await runs.submit(RunSpec("agent", None, "t", "r"), "a", TTL_S, QUEUE_LIMIT)

        assert lease is not None
        assert run.number > first.run.number
        assert await listed(threads, "old") == []

    @pytest.mark.parametrize("thread_id", ["t", "another"])
    async def test_a_run_that_is_sent_again_is_refused_for_a_day_after_its_threads_deletion(
        self, threads: Threads, runs: Runs, clock: Clock, thread_id: str
    ) -> None:
        spec = RunSpec("agent", None, "t", "1", digest="d")
        await end(runs, await leased(runs, "1", digest="d"))
        await end(runs, await leased(runs, "2", "u", digest="d"))
        await threads.delete("t")

        with pytest.raises(RunDeleted, match="'1'"):
            await runs.submit(replace(spec, thread_id=thread_id), "a", TTL_S, QUEUE_LIMIT)
        with pytest.raises(RunDeleted, match="'1'"):
            await runs.check_not_deleted("1")
        await runs.check_not_deleted("2")
        assert await threads.get("t") is None
        clock.now += 86_401
        await threads.delete("u")

        run, _, _ = await runs.submit(spec, "a", TTL_S, QUEUE_LIMIT)
        assert run.status == "running"

    @pytest.mark.parametrize("is_pending", [False, True])
    async def test_a_busy_thread_is_not_deleted(self, threads: Threads, runs: Runs, is_pending: bool) -> None:
        await end(runs, await leased(runs, "1"))
        await (waiting if is_pending else leased)(runs, "2")

        with pytest.raises(ThreadBusy, match="'2'"):
            await threads.delete("t")

        assert await runs.get("1") is not None
