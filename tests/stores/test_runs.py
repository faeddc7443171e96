"""Each store's runs pass the exam; and laws that hold whatever workers and clients do."""

import asyncio
from collections.abc import Sequence
from itertools import count
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from seltzer.cursor import START
from seltzer.errors import NotInterrupted, ThreadBusy, ThreadInterrupted, TooManyRuns
from seltzer.runs.event import Event
from seltzer.runs.run import STATUS_OF_LAST, Lease, Run
from tests.stores.conformance_leases import GraphsExam, LeasesExam
from tests.stores.conformance_run_lists import RunListsExam
from tests.stores.conformance_runs import QUEUE_LIMIT, TTL_S, RunsExam, claim, end, ids, spec, waiting
from tests.stores.opened import STORES, Opened

workers = st.sampled_from("ab")
which = st.integers(0, 3)  # of the leases or runs so far, counted from the newest
steps = st.one_of(
    st.tuples(
        st.just("submit"),
        st.sampled_from("tu"),
        workers,
        st.booleans(),
        st.sampled_from(["reject", "enqueue", "interrupt", "rollback"]),
        st.booleans(),
    ),
    st.tuples(st.just("claim"), workers, st.integers(1, 3)),
    st.tuples(st.just("finish"), which, st.sampled_from(list(STATUS_OF_LAST))),
    st.tuples(st.just("hand_back"), which),
    st.tuples(st.just("renew"), which),
    st.tuples(st.just("stop"), which, st.sampled_from(["cancel", "rollback"])),
    st.tuples(st.just("let_run_out")),
)


class TestEveryRuns(RunsExam, LeasesExam, RunListsExam):
    pass


@pytest.mark.parametrize("opened", ["memory", "postgres"], indirect=True)
class TestEverySharedRuns(GraphsExam):
    pass


@pytest.mark.anyio
@pytest.mark.parametrize("opened", ["sqlite"], indirect=True)
async def test_a_file_of_one_process_leaves_no_run_to_others(opened: Opened) -> None:
    await waiting(opened.runs)

    assert ids(await opened.runs.claim("a", 1, TTL_S, graphs=["another"])) == ["r"]


class Play:
    """Two workers and their clients, who follow a script, and check every run after each step."""

    def __init__(self, store: Opened) -> None:
        self._store = store
        self._runs = store.runs
        self._seqs = count(1)
        self._leases: list[Lease] = []
        self._seen: dict[str, Run] = {}

    async def submit(
        self, thread_id: str, worker: str, has_room: bool, on_busy: Any, has_answers: bool
    ) -> None:
        run_id = str(len(self._seen))
        new = spec(run_id, thread_id, on_busy=on_busy, answers={} if has_answers else None)
        try:
            submitted = await self._runs.submit(new, worker, TTL_S, QUEUE_LIMIT, has_room=has_room)
        except (ThreadBusy, ThreadInterrupted, NotInterrupted, TooManyRuns):
            assert await self._runs.get(run_id) is None
        else:
            self._seen[run_id] = submitted.run
            self._leases += [submitted.lease] if submitted.lease else []

    async def claim(self, worker: str, n: int) -> None:
        leases = await claim(self._runs, worker, n)
        assert len({each.run.spec.thread_id for each in leases}) == len(leases) <= n
        self._leases += leases

    async def finish(self, index: int, kind: Any) -> None:
        for lease in self._pick(self._leases, index):
            is_valid = await self._is_held(lease)
            last = Event(lease.run.attempt, next(self._seqs), kind, {})
            assert await self._runs.finish(lease, last) is is_valid

    async def hand_back(self, index: int) -> None:
        for lease in self._pick(self._leases, index):
            is_valid = await self._is_held(lease)
            assert await self._runs.hand_back(lease) is is_valid

    async def renew(self, index: int) -> None:
        for lease in self._pick(self._leases, index):
            is_valid = await self._is_held(lease)
            assert ((await self._runs.renew(lease.worker, [lease], TTL_S)).lost == set()) is is_valid

    async def stop(self, index: int, how: Any) -> None:
        for run_id in self._pick(list(self._seen), index):
            assert await self._runs.stop(run_id, how) is not None

    async def let_run_out(self) -> None:
        self._store.clock.now += TTL_S + 1

    async def look(self) -> None:
        """Check the laws."""
        now = {run_id: await self._runs.get(run_id) for run_id in self._seen}
        logged = await self._store.event_log.read(dict.fromkeys(now, START))
        for run_id, before in self._seen.items():
            run = now[run_id]
            assert run is not None
            assert run.attempt >= before.attempt
            assert before.is_active or run == before
            terminal = [each for each in logged.get(run_id, []) if each.is_last]
            assert terminal == ([] if run.last is None else [run.last])
            assert run.is_active is (run.last is None)
            assert logged.get(run_id, [])[-1:] == terminal
            self._seen[run_id] = run
        running = [run.spec.thread_id for run in self._seen.values() if run.status == "running"]
        assert len(set(running)) == len(running)

    async def end_all(self) -> None:
        """Check that each run reaches its end, oldest first on its thread, once a worker does its work."""
        await self.let_run_out()
        for _ in list(self._seen):
            for lease in await claim(self._runs, "b"):
                await end(self._runs, lease, seq=next(self._seqs))
        await self.look()
        assert not any(run.is_active for run in self._seen.values())

    async def _is_held(self, lease: Lease) -> bool:
        run = await self._runs.get(lease.run.spec.run_id)
        return run is not None and (run.status, run.attempt) == ("running", lease.run.attempt)

    @staticmethod
    def _pick(things: Sequence[Any], index: int) -> Sequence[Any]:
        return things[-1 - index : len(things) - index] if index < len(things) else ()


scripts = st.lists(steps, max_size=40)


@pytest.mark.parametrize("name", ["memory", "sqlite"])
@settings(deadline=None)
@given(scripts)
def test_the_laws_hold_in_any_sequence(name: str, steps: list[tuple[Any, ...]]) -> None:
    _check_laws(name, steps)


@settings(deadline=None, max_examples=20)  # each step is a round trip or more
@given(scripts)
def test_the_laws_hold_in_any_sequence_in_postgres(steps: list[tuple[Any, ...]]) -> None:
    _check_laws("postgres", steps)


def _check_laws(name: str, steps: list[tuple[Any, ...]]) -> None:
    async def play(folder: Path) -> None:
        async with STORES[name](folder) as opened:
            players = Play(opened)
            for verb, *given in steps:
                await getattr(players, verb)(*given)
                await players.look()
            await players.end_all()

    with TemporaryDirectory() as folder:
        asyncio.run(play(Path(folder)))
