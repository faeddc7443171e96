"""The EventLog port's exam. Every store sits it, and those of the other conformance_*.py.

A test module subclasses the exam; conftest.py has the fixtures. The laws are in seltzer/runs/ports.py.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import anyio
import anyio.lowlevel
import pytest

from seltzer.cursor import START, Cursor
from seltzer.errors import StreamGap
from seltzer.runs.event import Event, RunId
from seltzer.runs.ports import EventLog, Runs
from seltzer.runs.run import Lease, RunSpec

SMALL_LIMIT: Final = 5  # what `small_log` keeps of a run
RETENTION_S: Final = 60.0  # how long a store keeps an ended run's events


@dataclass
class Clock:
    """A store's clock, set by a test."""

    now: float = 1_700_000_000.0

    def __call__(self) -> float:
        return self.now


class Begun:
    """A log whose runs exist, and are running the attempt whose events are appended first."""

    def __init__(self, log: EventLog, runs: Runs) -> None:
        self.log = log
        self._runs = runs
        self._leases: dict[RunId, Lease] = {}

    async def append(self, batch: Mapping[RunId, Sequence[Event]]) -> set[RunId]:
        for run_id, given in batch.items():
            for each in given[:1]:
                await self.begin(run_id, each.attempt)
        return await self.log.append(batch)

    async def read(self, after: Mapping[RunId, Cursor]) -> dict[RunId, list[Event]]:
        return await self.log.read(after)

    async def begin(self, run_id: RunId, attempt: int = 1) -> Lease:
        """Have the run running that attempt, or the later one that it is running already."""
        if run_id not in self._leases:
            spec = RunSpec("agent", None, f"thread of {run_id}", run_id)
            lease = (await self._runs.submit(spec, "a", 10, 100)).lease
            assert lease is not None
            self._leases[run_id] = lease
        while self._leases[run_id].run.attempt < attempt:
            assert await self._runs.hand_back(self._leases[run_id])
            (self._leases[run_id],) = await self._runs.claim("a", 1, 10)
        return self._leases[run_id]

    async def end(self, run_id: RunId, seq: int) -> Event:
        """End the run, and return its terminal event."""
        lease = await self.begin(run_id)
        last = Event(lease.run.attempt, seq, "finished", {})
        assert await self._runs.finish(lease, last)
        return last


def event(seq: int, attempt: int = 1) -> Event:
    return Event(attempt, seq, "token", {"text": f"{attempt}-{seq} 漢字\u2028"})


def events(first: int, last: int, attempt: int = 1) -> list[Event]:
    """Return events first to last, both included."""
    return [event(seq, attempt) for seq in range(first, last + 1)]


async def stored(log: EventLog | Begun, after: Cursor = START, run_id: RunId = "r") -> list[Event]:
    return (await log.read({run_id: after})).get(run_id, [])


async def fill(log: EventLog | Begun, batch: Mapping[RunId, Sequence[Event]]) -> None:
    assert await log.append(batch) == set()


async def deleted(log: EventLog | Begun, run_id: RunId, after: Cursor = START) -> None:
    """Wait until the log has no such run."""
    with anyio.fail_after(10):
        while await log.read({run_id: after}):  # the port has no wake-up for it
            await anyio.lowlevel.checkpoint()


@pytest.mark.anyio
class LogExam:
    """Fixtures: `log`, an empty store; `small_log`, one that keeps SMALL_LIMIT of a run; `clock`, theirs; and
    `runs`, whose rows they look at.
    """

    @pytest.fixture
    def log(self, log: EventLog, runs: Runs) -> Begun:
        return Begun(log, runs)

    @pytest.fixture
    def small_log(self, small_log: EventLog, runs: Runs) -> Begun:
        return Begun(small_log, runs)

    async def test_events_are_read_in_the_order_appended(self, log: Begun) -> None:
        await fill(log, {"r": events(1, 2)})
        await fill(log, {"r": events(3, 4)})

        assert await stored(log) == events(1, 4)

    async def test_runs_are_separate(self, log: Begun) -> None:
        await fill(log, {"r": events(1, 2), "s": events(1, 3)})

        assert await log.read({"r": START, "s": Cursor(1, 1)}) == {"r": events(1, 2), "s": events(2, 3)}

    async def test_an_unknown_run_is_left_out(self, log: Begun) -> None:
        await fill(log, {"r": events(1, 1)})

        assert await log.read({"r": START, "unknown": START}) == {"r": events(1, 1)}

    async def test_after_the_last_event_there_is_nothing_yet(self, log: Begun) -> None:
        await fill(log, {"r": events(1, 2)})

        assert await log.read({"r": Cursor(1, 2)}) == {"r": []}
        assert await log.read({"r": Cursor(1, 99)}) == {"r": []}

    async def test_an_empty_batch_changes_nothing(self, log: Begun) -> None:
        await fill(log, {})

        assert await log.read({}) == {}

    async def test_an_event_appended_twice_is_kept_once(self, log: Begun) -> None:
        await fill(log, {"r": events(1, 3)})
        await fill(log, {"r": events(2, 4)})
        await fill(log, {"r": events(1, 1)})

        assert await stored(log) == events(1, 4)

    @pytest.mark.parametrize("text", ["a\nb\r", "\\\\x0a \\012", "é 漢 🙂 \u2028", "\x00\x7f", " \" ' 7 "])
    async def test_an_event_appended_again_among_others_is_kept_once_whatever_its_text(
        self, log: Begun, text: str
    ) -> None:
        said = [Event(1, seq, "token", {"text": f"{seq}{text}"}) for seq in range(1, 6)]
        await fill(log, {"r": said[:2]})
        await fill(log, {"r": said[1:4]})
        await fill(log, {"r": said[:5]})

        assert await stored(log) == said
        assert await stored(log, Cursor(1, 3)) == said[3:]

    async def test_events_keep_their_times_and_those_without_have_none(self, log: Begun, runs: Runs) -> None:
        said = [Event(1, seq, "token", {"text": "@"}, at) for seq, at in enumerate((None, 0, 7, 2**40), 1)]
        last = Event(1, 5, "finished", {}, 12)
        await fill(log, {"r": said[:2]})
        await fill(log, {"r": said[1:3]})

        assert await runs.finish(await log.begin("r"), last, unwritten=said[2:])

        assert await stored(log) == [*said, last]
        run = await runs.get("r")
        assert run is not None
        assert run.last == (await runs.statuses(["r"]))["r"].last == last

    async def test_a_later_attempt_follows_the_earlier_one(self, log: Begun) -> None:
        await fill(log, {"r": events(1, 3)})
        await fill(log, {"r": events(1, 2, attempt=2)})

        assert await stored(log) == [*events(1, 3), *events(1, 2, attempt=2)]
        assert await stored(log, Cursor(1, 3)) == events(1, 2, attempt=2)
        assert await stored(log, Cursor(1, 99)) == events(1, 2, attempt=2)

    async def test_a_fenced_attempt_writes_nothing(self, log: Begun) -> None:
        await fill(log, {"r": events(1, 1, attempt=2), "s": events(1, 1)})

        fenced = await log.append({"r": events(2, 3), "s": events(2, 2)})

        assert fenced == {"r"}
        assert await stored(log) == events(1, 1, attempt=2)
        assert await stored(log, run_id="s") == events(1, 2)

    async def test_of_several_attempts_in_a_batch_only_the_running_one_is_stored(self, log: Begun) -> None:
        await log.begin("r", 2)
        mine = events(1, 2, attempt=2)

        assert await log.append({"r": [*events(1, 2), *mine]}) == set()
        assert await log.append({"r": [*events(3, 3, attempt=2), *events(3, 3)]}) == {"r"}

        assert await stored(log) == events(1, 3, attempt=2)

    @pytest.mark.parametrize("how", ["ended", "handed back", "unknown"])
    async def test_a_run_that_is_not_running_is_fenced(self, log: Begun, runs: Runs, how: str) -> None:
        await fill(log, {"r": events(1, 1), "s": events(1, 1)})
        if how == "ended":
            await log.end("r", 2)
        elif how == "handed back":
            await runs.hand_back(await log.begin("r"))
        before = await log.read({"r": START, "unknown": START})

        run_id = "unknown" if how == "unknown" else "r"
        fenced = await log.log.append({run_id: events(3, 4), "s": events(2, 2)})

        assert fenced == {run_id}
        assert await log.read({"r": START, "unknown": START}) == before
        assert await stored(log, run_id="s") == events(1, 2)

    async def test_an_end_that_is_written_again_is_kept_once(self, log: Begun, runs: Runs) -> None:
        lease = await log.begin("r")
        last = Event(1, 3, "finished", {})
        await fill(log, {"r": [*events(1, 2), last]})

        assert await runs.finish(lease, last, unwritten=[*events(2, 2), last])

        assert await stored(log) == [*events(1, 2), last]

    async def test_deleted_events_are_a_gap_and_never_a_hole(self, small_log: Begun) -> None:
        await fill(small_log, {"r": events(1, 4)})
        assert await stored(small_log) == events(1, 4)
        await fill(small_log, {"r": events(5, 8)})

        with pytest.raises(StreamGap, match="'r'"):
            await stored(small_log)
        with pytest.raises(StreamGap):
            await stored(small_log, Cursor(1, 2))
        assert await stored(small_log, Cursor(1, 3)) == events(4, 8)
        assert await stored(small_log, Cursor(1, 8)) == []

    async def test_the_oldest_events_are_dropped_one_by_one(self, small_log: Begun) -> None:
        for seq in range(1, 5 * SMALL_LIMIT):
            await fill(small_log, {"r": events(seq, seq)})

            oldest = max(0, seq - SMALL_LIMIT)
            assert await stored(small_log, Cursor(1, oldest)) == events(oldest + 1, seq)
            if oldest > 0:
                with pytest.raises(StreamGap):
                    await stored(small_log, Cursor(1, oldest - 1))

    async def test_the_end_of_a_run_counts_for_the_limit(self, small_log: Begun) -> None:
        await fill(small_log, {"r": events(1, SMALL_LIMIT)})

        last = await small_log.end("r", SMALL_LIMIT + 1)

        with pytest.raises(StreamGap):
            await stored(small_log)
        assert await stored(small_log, Cursor(1, 1)) == [*events(2, SMALL_LIMIT), last]

    async def test_the_limit_applies_to_each_run(self, small_log: Begun) -> None:
        await fill(small_log, {"r": events(1, SMALL_LIMIT + 1), "s": events(1, SMALL_LIMIT)})

        assert await stored(small_log, run_id="s") == events(1, SMALL_LIMIT)

    async def test_an_ended_runs_events_are_deleted_when_they_expire_and_no_others(
        self, log: Begun, clock: Clock
    ) -> None:
        await fill(log, {"r": events(1, 3), "s": events(1, 3)})
        last = await log.end("r", 4)
        clock.now += RETENTION_S - 1
        assert await stored(log) == [*events(1, 3), last]

        clock.now += 2

        await deleted(log, "r")
        assert await stored(log, run_id="s") == events(1, 3)

    async def test_events_of_a_run_that_was_stopped_while_it_waited_expire(
        self, log: Begun, runs: Runs, clock: Clock
    ) -> None:
        await fill(log, {"r": events(1, 3)})
        await runs.hand_back(await log.begin("r"))
        await runs.stop("r", "cancel")
        assert len(await stored(log)) == 4

        clock.now += RETENTION_S + 1

        await deleted(log, "r")

    async def test_a_gap_is_deleted_with_its_run(self, small_log: Begun, clock: Clock) -> None:
        await fill(small_log, {"r": events(1, 9)})
        await small_log.end("r", 10)
        clock.now += RETENTION_S + 1

        await deleted(small_log, "r", Cursor(1, 9))

        assert await small_log.read({"r": START}) == {}
