"""The Threads port's exam. Every store sits it: a test module subclasses ThreadsExam."""

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest
from langchain_core.messages import AIMessage

from seltzer.cursor import START
from seltzer.errors import RunDeleted, ThreadBusy
from seltzer.runs.event import Event, Json
from seltzer.runs.ports import Checkpoints, EventLog, Runs, Threads
from seltzer.runs.run import RunSpec
from seltzer.runs.thread import NewThread, Thread, ThreadSearch, ThreadStorage
from tests.stores.conformance import Clock
from tests.stores.conformance_runs import QUEUE_LIMIT, TTL_S, claim, end, found, leased, waiting
from tests.stores.conversing import agent, graph, on, texts, turn


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

    async def test_a_thread_is_created_before_its_first_run(
        self, threads: Threads, runs: Runs, clock: Clock
    ) -> None:
        new = NewThread("t", graph="agent", title="Größe", metadata={"user": "ada", "n": [1, None, "漢字"]})
        created = datetime.fromtimestamp(clock.now, UTC)

        thread = await threads.create(new)

        assert thread == Thread("t", "agent", "Größe", created, created, None, "", new.metadata)
        assert thread.status == "idle"
        assert await threads.get("t") == thread
        assert await listed(threads) == []
        assert not await threads.has_run("t", "agent")
        assert await threads.interrupted("t") == []
        clock.now += 60
        lease = await leased(runs, title="another")
        with_run = await threads.get("t")
        expected = replace(thread, run=await found(runs), updated_at=datetime.fromtimestamp(clock.now, UTC))
        assert with_run == expected
        assert not lease.is_thread_new
        assert await listed(threads, "größe") == ["t"]

    @pytest.mark.parametrize("owner", ["", "ada"])
    async def test_a_thread_is_created_once(self, threads: Threads, runs: Runs, owner: str) -> None:
        await threads.create(NewThread("t", title="first"))
        await leased(runs, "1", "u")

        assert await threads.create(NewThread("t", owner=owner, title="second")) is None
        assert await threads.create(NewThread("u", owner=owner)) is None

        thread = await threads.get("t")
        assert thread is not None
        assert thread.title == "first"

    async def test_a_created_thread_is_deleted(self, threads: Threads) -> None:
        await threads.create(NewThread("t", metadata={"a": 1}))

        assert await threads.delete("t")

        assert await threads.get("t") is None
        again = await threads.create(NewThread("t"))
        assert again is not None
        assert again.metadata == {}

    async def test_metadata_is_added_key_by_key(self, threads: Threads, runs: Runs, clock: Clock) -> None:
        await leased(runs)
        clock.now += 60
        await threads.add_metadata("t", {"a": 1, "b": {"c": 1}})

        thread = await threads.add_metadata("t", {"b": {"d": 2}, "e": None})

        assert thread is not None
        assert thread.metadata == {"a": 1, "b": {"d": 2}, "e": None}
        assert thread.updated_at == datetime.fromtimestamp(clock.now, UTC)
        assert await threads.get("t") == thread
        assert await threads.add_metadata("unknown", {"a": 1}) is None

    async def test_another_owners_thread_is_not_found(self, threads: Threads, runs: Runs) -> None:
        await threads.create(NewThread("made", owner="ada", graph="agent"))
        await end(runs, await leased(runs, "1", "ran", owner="ada"))

        for thread_id in ("made", "ran"):
            thread = await threads.get(thread_id)
            assert thread is not None
            assert thread.owner == "ada"
            assert await threads.get(thread_id, owner="ada") == thread
            assert await threads.get(thread_id, owner="eve") is None
            assert await threads.rename(thread_id, "x", owner="eve") is None
            assert await threads.add_metadata(thread_id, {"a": 1}, owner="eve") is None
            assert not await threads.delete(thread_id, owner="eve")
            assert await threads.get(thread_id) == thread
        for owner, expected in ((None, ["ran"]), ("ada", ["ran"]), ("eve", [])):
            page = await threads.list("agent", query="", limit=9, before=None, owner=owner)
            assert [each.thread_id for each in page] == expected
            assert await threads.count(ThreadSearch(owner=owner)) == (0 if owner == "eve" else 2)
        assert await threads.rename("ran", "x", owner="ada") is not None
        assert await threads.add_metadata("made", {"a": 1}, owner="ada") is not None
        assert await threads.delete("made", owner="ada")

    async def test_threads_are_searched(self, threads: Threads, runs: Runs, clock: Clock) -> None:
        made: dict[str, dict[str, Json]] = {
            "c": {"user": "ada", "tags": ["x", {"y": 1}], "n": 1},
            "a": {"user": "ada", "n": True},
            "d": {"user": "eve", "deep": {"k": {"l": 1, "m": 2}}},
            "b": {},
        }
        for thread_id, metadata in made.items():
            clock.now += 60
            await threads.create(NewThread(thread_id, metadata=metadata))
        clock.now += 60
        await end(runs, await leased(runs, "1", "a"), "interrupted")
        clock.now += 60
        await leased(runs, "2", "c")
        clock.now += 60
        await end(runs, await leased(runs, "3", "d"), "failed")

        async def search(**given: Any) -> str:
            asked = ThreadSearch(**given)
            page, total = await threads.search(asked), await threads.count(asked)
            assert total >= len(page)
            assert "limit" in given or total == len(page)
            return "".join(each.thread_id for each in page)

        assert await search() == "dcab"
        assert await search(is_ascending=True) == "bacd"
        assert await search(sort_by="created_at") == "bdac"
        assert await search(sort_by="thread_id") == "dcba"
        assert await search(sort_by="status", is_ascending=True) == "cdba"
        assert await search(limit=2) == "dc"
        assert await search(limit=2, offset=3) == "b"
        assert await search(thread_ids=["a", "b", "none"]) == "ab"
        assert await search(thread_ids=[]) == ""
        assert await search(graph="agent") == "dca"
        for status, expected in (("idle", "b"), ("busy", "c"), ("interrupted", "a"), ("error", "d")):
            assert await search(status=status) == expected
        assert await search(metadata={"user": "ada"}) == "ca"
        assert await search(metadata={"user": "ada", "n": 1}) == "c"
        assert await search(metadata={"n": True}) == "a"
        assert await search(metadata={"deep": {"k": {"m": 2}}}) == "d"
        assert await search(metadata={"tags": [{"y": 1}]}) == "c"
        assert await search(metadata={"tags": "x"}) == ""
        assert await search(metadata={"user": None}) == ""

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

    async def test_what_a_thread_takes_is_counted_by_kind(
        self, threads: Threads, runs: Runs, checkpoints: Checkpoints
    ) -> None:
        assert await threads.storage("t") == ThreadStorage()
        pregel = on(checkpoints, graph(lambda state: {"messages": [AIMessage("a" * 5_000)]}))
        event = Event(1, 1, "custom", "e" * 3_000)
        for number, thread_id in enumerate(("t", "t", "u")):
            lease = await leased(runs, f"{number}", thread_id)
            await turn(pregel, "q" * 5_000, thread_id, run_id=f"{number}")
            await end(runs, lease, unwritten=[event], seq=2)

        taken = await threads.storage("t")

        assert (taken.checkpoints, taken.runs) == (6, 2)
        assert taken.states_bytes + taken.messages_bytes >= 4 * 5_000
        assert 6_000 <= taken.events_bytes < 9_000
        assert taken.runs_bytes > 0
        parts = (taken.states_bytes, taken.messages_bytes, taken.runs_bytes, taken.events_bytes)
        assert taken.total_bytes == sum(parts)
        await threads.delete("t")
        assert await threads.storage("t") == ThreadStorage()
        assert (await threads.storage("u")).runs == 1

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
