"""The flusher: what runs emit gets to the log once and in order, in batches, never two on their way."""

import asyncio
from collections.abc import Callable, Mapping, Sequence

import anyio
import pytest
from anyio.lowlevel import checkpoint
from hypothesis import given, settings
from hypothesis import strategies as st

from seltzer.cursor import Cursor
from seltzer.errors import StorageFailed
from seltzer.runs.event import Event, RunId
from seltzer.runs.streaming.flusher import LIMIT, Flusher

pytestmark = pytest.mark.anyio


class GatedLog:
    """An EventLog whose appends end when their gate opens; error is raised instead of taking the batch."""

    def __init__(self) -> None:
        self.taken: dict[RunId, list[Event]] = {}
        self.batches: list[dict[RunId, list[Event]]] = []
        self.gate = asyncio.Event()
        self.gate.set()
        self.error: BaseException | None = None
        self.fenced: set[RunId] = set()
        self.is_taking = False

    async def append(self, batch: Mapping[RunId, Sequence[Event]]) -> set[RunId]:
        assert not self.is_taking, "two appends in flight"
        self.is_taking = True
        try:
            await self.gate.wait()
        finally:
            self.is_taking = False
        if self.error:
            raise self.error
        self.batches.append({run_id: list(events) for run_id, events in batch.items()})
        for run_id, events in batch.items():
            self.taken.setdefault(run_id, []).extend(events)
        return self.fenced & set(batch)

    async def read(self, after: Mapping[RunId, Cursor]) -> dict[RunId, list[Event]]:
        return {run_id: self.taken[run_id] for run_id in after if run_id in self.taken}

    def wakes(self) -> None: ...


class Run:
    """A run's writer, which keeps what becomes of its events."""

    def __init__(self, run_id: RunId) -> None:
        self.run_id = run_id
        self.stored: list[Cursor] = []
        self.was_stopped = ""

    def was_stored(self, cursor: Cursor) -> None:
        self.stored.append(cursor)

    def was_fenced(self) -> None:
        self.was_stopped = "fenced"

    def was_not_stored(self) -> None:
        self.was_stopped = "not stored"


def event(seq: int) -> Event:
    return Event(1, seq, "token", {})


async def until(is_so: Callable[[], object]) -> None:
    with anyio.fail_after(5):
        while not is_so():
            await checkpoint()


async def test_events_within_a_window_are_flushed_together() -> None:
    log = GatedLog()
    flusher = Flusher(log)
    r, s = Run("r"), Run("s")

    flusher.append(r, event(1))
    flusher.append(s, event(1))
    flusher.append(r, event(2))
    await until(lambda: log.batches)
    flusher.append(r, event(3))
    await until(lambda: len(log.batches) == 2)

    assert log.batches == [{"r": [event(1), event(2)], "s": [event(1)]}, {"r": [event(3)]}]


async def test_events_during_a_flush_are_in_the_next_for_all_runs() -> None:
    log = GatedLog()
    log.gate.clear()
    flusher = Flusher(log)
    r, s = Run("r"), Run("s")
    flusher.append(r, event(1))
    await until(lambda: log.is_taking)

    for seq in (2, 3):
        flusher.append(r, event(seq))
        flusher.append(s, event(seq - 1))
    log.gate.set()
    await until(lambda: len(log.batches) == 2)

    assert log.batches == [{"r": [event(1)]}, {"r": [event(2), event(3)], "s": [event(1), event(2)]}]


async def test_wait_written_waits_for_the_runs_own_events_and_take_unwritten_returns_the_rest() -> None:
    log = GatedLog()
    log.gate.clear()
    flusher = Flusher(log)
    r = Run("r")
    flusher.append(r, event(1))
    await until(lambda: log.is_taking)
    flusher.append(r, event(2))

    with anyio.fail_after(5):
        await flusher.wait_written("s")
    settling = asyncio.create_task(flusher.wait_written("r"))
    await checkpoint()
    assert not settling.done()
    log.gate.set()
    await settling

    assert (log.taken, flusher.take_unwritten("r"), flusher.take_unwritten("r")) == (
        {"r": [event(1)]},
        [event(2)],
        [],
    )


async def test_closing_writes_what_waits() -> None:
    log = GatedLog()
    flusher = Flusher(log)
    r, s = Run("r"), Run("s")
    flusher.append(r, event(1))
    await until(lambda: log.batches)
    flusher.append(r, event(2))
    flusher.append(s, event(1))

    await flusher.aclose()
    await flusher.aclose()

    assert log.taken == {"r": [event(1), event(2)], "s": [event(1)]}


async def test_each_run_learns_what_was_stored_and_that_it_is_fenced() -> None:
    log = GatedLog()
    log.fenced = {"s"}
    flusher = Flusher(log)
    r, s = Run("r"), Run("s")

    flusher.append(r, event(1))
    flusher.append(s, event(1))
    await flusher.aclose()

    assert (r.stored, r.was_stopped) == ([Cursor(1, 1)], "")
    assert (s.stored, s.was_stopped) == ([], "fenced")


async def test_runs_learn_that_a_batch_cannot_be_stored_and_the_next_one_is_tried() -> None:
    log = GatedLog()
    log.error = StorageFailed("the disk is full")
    flusher = Flusher(log)
    r, s = Run("r"), Run("s")

    flusher.append(r, event(1))
    await until(lambda: r.was_stopped)
    log.error = None
    flusher.append(s, event(1))
    await flusher.aclose()

    assert (r.was_stopped, s.was_stopped, log.taken) == ("not stored", "", {"s": [event(1)]})


async def test_after_a_lost_batch_the_log_gets_nothing_more_of_its_runs() -> None:
    log = GatedLog()
    log.gate.clear()
    log.error = StorageFailed("the disk is full")
    flusher = Flusher(log)
    r, s = Run("r"), Run("s")
    flusher.append(r, event(1))
    await until(lambda: log.is_taking)
    flusher.append(r, event(2))
    flusher.append(s, event(1))

    log.gate.set()
    await until(lambda: r.was_stopped)
    log.error = None
    await flusher.aclose()

    assert (r.was_stopped, s.was_stopped, log.taken) == ("not stored", "", {"s": [event(1)]})


async def test_when_it_is_full_runs_wait_for_room() -> None:
    log = GatedLog()
    log.gate.clear()
    flusher = Flusher(log)
    r = Run("r")
    await flusher.wait_for_capacity()  # there is
    for seq in range(1, LIMIT + 1):
        flusher.append(r, event(seq))
    await checkpoint()
    assert flusher.is_full

    waits = asyncio.create_task(flusher.wait_for_capacity())
    await checkpoint()
    assert not waits.done()
    log.gate.set()
    with anyio.fail_after(5):
        await waits

    assert not flusher.is_full
    await flusher.aclose()


async def test_a_run_that_ends_makes_room_too() -> None:
    flusher = Flusher(GatedLog())
    r = Run("r")
    for seq in range(1, LIMIT + 1):
        flusher.append(r, event(seq))
    waits = asyncio.create_task(flusher.wait_for_capacity())
    await checkpoint()

    flusher.take_unwritten("r")

    with anyio.fail_after(5):
        await waits


async def test_a_flush_that_does_not_make_room_wakes_nobody() -> None:
    log = GatedLog()
    log.gate.clear()
    flusher = Flusher(log)
    r = Run("r")
    flusher.append(r, event(1))
    await until(lambda: log.is_taking)
    for seq in range(2, LIMIT + 3):
        flusher.append(r, event(seq))

    waits = asyncio.create_task(flusher.wait_for_capacity())
    await checkpoint()
    log.gate.set()
    await until(lambda: log.batches)
    log.gate.clear()
    for _ in range(5):
        await checkpoint()

    assert (waits.done(), flusher.is_full) == (False, True)
    log.gate.set()
    with anyio.fail_after(5):
        await waits
    await flusher.aclose()


RUNS = ("a", "b", "c")
STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("put"), st.sampled_from(RUNS)),
        st.tuples(st.just("end"), st.sampled_from(RUNS)),
        st.tuples(st.sampled_from(["turn", "open", "shut"]), st.just("")),
    ),
    max_size=60,
)


@settings(deadline=None)
@given(STEPS)
def test_the_log_and_the_unwritten_events_are_all_that_was_appended(steps: list[tuple[str, str]]) -> None:
    """The law: whatever the order, each run's events are there once and in order, whoever writes them."""

    async def scenario() -> None:
        log = GatedLog()
        flusher = Flusher(log)
        put: dict[RunId, list[Event]] = {run_id: [] for run_id in RUNS}
        runs = {run_id: Run(run_id) for run_id in RUNS}
        for what, run_id in steps:
            if what == "put":
                put[run_id].append(event(len(put[run_id]) + 1))
                flusher.append(runs[run_id], put[run_id][-1])
            elif what == "end":  # as a run's end does it
                log.gate.set()
                await flusher.wait_written(run_id)
                taken = flusher.take_unwritten(run_id)
                log.taken.setdefault(run_id, []).extend(taken)
            elif what == "turn":
                await checkpoint()
            elif what == "open":
                log.gate.set()
            else:
                log.gate.clear()
        log.gate.set()
        with anyio.fail_after(5):
            await flusher.aclose()
        assert {run_id: log.taken.get(run_id, []) for run_id in RUNS} == put

    asyncio.run(scenario())
