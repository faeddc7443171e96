"""Each store's event log passes the exam; and a law: a log equals a list, whenever it is read."""

import asyncio
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from seltzer.cursor import START, Cursor
from seltzer.errors import StreamGap
from seltzer.runs.event import Event
from tests.stores.conformance import SMALL_LIMIT, Begun, LogExam, event
from tests.stores.opened import STORES

runs = st.sampled_from("rs")
batches = st.lists(st.integers(1, 12), max_size=6)
appends = st.tuples(st.just("append"), runs, st.integers(1, 3), batches | batches.map(sorted))
reads = st.tuples(
    st.just("read"), runs, st.integers(0, 3), st.lists(st.integers(0, 12), min_size=1, max_size=1)
)


class TestEveryLog(LogExam):
    pass


class Model:
    """What a log is: a list for each run, in order, whose oldest events may be deleted."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._lists: dict[str, list[Event]] = {}

    def append(self, run_id: str, given: list[Event]) -> bool:
        """Append the events; return whether the run is fenced."""
        mine, fenced = self._lists.setdefault(run_id, []), False
        for each in given:
            last = mine[-1].cursor if mine else START
            fenced = fenced or each.attempt < last.attempt
            if each.cursor > last:
                mine.append(each)
        return fenced

    def read(self, run_id: str, after: Cursor) -> list[Event] | None:
        """Return what the log must return; None where it must raise StreamGap."""
        mine = self._lists.get(run_id, [])
        if len(mine) > self._limit and after < mine[-self._limit - 1].cursor:
            return None
        return [each for each in mine if each.cursor > after]


scripts = st.lists(appends | reads, max_size=30)
limits = st.sampled_from([1, SMALL_LIMIT, 1000])


@pytest.mark.parametrize("name", ["memory", "sqlite"])
@settings(deadline=None)
@given(scripts, limits)
def test_a_log_equals_a_list(name: str, steps: list[Any], limit: int) -> None:
    _check_log(name, steps, limit)


@settings(deadline=None, max_examples=20)  # each step is a round trip
@given(scripts, limits)
def test_a_log_in_postgres_equals_a_list(steps: list[Any], limit: int) -> None:
    _check_log("postgres", steps, limit)


def _check_log(name: str, steps: list[tuple[str, str, int, list[int]]], limit: int) -> None:
    async def play(folder: Path) -> None:
        async with STORES[name](folder, small_limit=limit) as opened:
            log, model = Begun(opened.small_log, opened.runs), Model(limit)
            for verb, run_id, attempt, seqs in steps:
                if verb == "append":
                    given = [event(seq, attempt) for seq in seqs]
                    assert (await log.append({run_id: given}) == {run_id}) is model.append(run_id, given)
                else:
                    after = Cursor(attempt, seqs[0])
                    assert await _read(log, run_id, after) == model.read(run_id, after)

    with TemporaryDirectory() as folder:
        asyncio.run(play(Path(folder)))


async def _read(log: Begun, run_id: str, after: Cursor) -> list[Event] | None:
    try:
        return (await log.read({run_id: after})).get(run_id, [])
    except StreamGap:
        return None
