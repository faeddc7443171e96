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
from seltzer.runs.ports import EventLog

SMALL_LIMIT: Final = 5  # what `small_log` keeps of a run


@dataclass
class Clock:
    """A store's clock, set by a test."""

    now: float = 1_700_000_000.0

    def __call__(self) -> float:
        return self.now


def event(seq: int, attempt: int = 1) -> Event:
    return Event(attempt, seq, "token", {"text": f"{attempt}-{seq} 漢字\u2028"})


def events(first: int, last: int, attempt: int = 1) -> list[Event]:
    """Return events first to last, both included."""
    return [event(seq, attempt) for seq in range(first, last + 1)]


async def stored(log: EventLog, after: Cursor = START, run_id: RunId = "r") -> list[Event]:
    return (await log.read({run_id: after})).get(run_id, [])


async def fill(log: EventLog, batch: Mapping[RunId, Sequence[Event]]) -> None:
    assert await log.append(batch) == set()


async def deleted(log: EventLog, run_id: RunId, after: Cursor = START) -> None:
    """Wait until the log has no such run."""
    with anyio.fail_after(10):
        while await log.read({run_id: after}):  # the port has no wake-up for it
            await anyio.lowlevel.checkpoint()


@pytest.mark.anyio
class LogExam:
    """Fixtures: `log`, an empty store; `small_log`, one that keeps SMALL_LIMIT of a run; `clock`, theirs."""

    async def test_events_are_read_in_the_order_appended(self, log: EventLog) -> None:
        await fill(log, {"r": events(1, 2)})
        await fill(log, {"r": events(3, 4)})

        assert await stored(log) == events(1, 4)

    async def test_runs_are_separate(self, log: EventLog) -> None:
        await fill(log, {"r": events(1, 2), "s": events(1, 3)})

        assert await log.read({"r": START, "s": Cursor(1, 1)}) == {"r": events(1, 2), "s": events(2, 3)}

    async def test_an_unknown_run_is_left_out(self, log: EventLog) -> None:
        await fill(log, {"r": events(1, 1)})

        assert await log.read({"r": START, "unknown": START}) == {"r": events(1, 1)}

    async def test_after_the_last_event_there_is_nothing_yet(self, log: EventLog) -> None:
        await fill(log, {"r": events(1, 2)})

        assert await log.read({"r": Cursor(1, 2)}) == {"r": []}
        assert await log.read({"r": Cursor(1, 99)}) == {"r": []}

    async def test_an_empty_batch_changes_nothing(self, log: EventLog) -> None:
        await fill(log, {})

        assert await log.read({}) == {}

    async def test_an_event_appended_twice_is_kept_once(self, log: EventLog) -> None:
        await fill(log, {"r": events(1, 3)})
        await fill(log, {"r": events(2, 4)})
        await fill(log, {"r": events(1, 1)})

        assert await stored(log) == events(1, 4)

    async def test_a_later_attempt_follows_the_earlier_one(self, log: EventLog) -> None:
        await fill(log, {"r": events(1, 3)})
        await fill(log, {"r": events(1, 2, attempt=2)})

        assert await stored(log) == [*events(1, 3), *events(1, 2, attempt=2)]
        assert await stored(log, Cursor(1, 3)) == events(1, 2, attempt=2)
        assert await stored(log, Cursor(1, 99)) == events(1, 2, attempt=2)

    async def test_a_fenced_attempt_writes_nothing(self, log: EventLog) -> None:
        await fill(log, {"r": events(1, 1, attempt=2), "s": events(1, 1)})

        fenced = await log.append({"r": events(2, 3), "s": events(2, 2)})

        assert fenced == {"r"}
        assert await stored(log) == events(1, 1, attempt=2)
        assert await stored(log, run_id="s") == events(1, 2)

    async def test_a_batch_may_contain_several_attempts(self, log: EventLog) -> None:
        given = [*events(1, 2), *events(1, 2, attempt=2)]

        assert await log.append({"r": [*given, *events(3, 3)]}) == {"r"}

        assert await stored(log) == given
        assert await stored(log, Cursor(1, 1)) == given[1:]
        assert await stored(log, Cursor(2, 1)) == given[3:]

    async def test_deleted_events_are_a_gap_and_never_a_hole(self, small_log: EventLog) -> None:
        await fill(small_log, {"r": events(1, 4)})
        assert await stored(small_log) == events(1, 4)
        await fill(small_log, {"r": events(5, 8)})

        with pytest.raises(StreamGap, match="'r'"):
            await stored(small_log)
        with pytest.raises(StreamGap):
            await stored(small_log, Cursor(1, 2))
        assert await stored(small_log, Cursor(1, 3)) == events(4, 8)
        assert await stored(small_log, Cursor(1, 8)) == []

    async def test_the_oldest_events_are_dropped_one_by_one(self, small_log: EventLog) -> None:
        for seq in range(1, 5 * SMALL_LIMIT):
            await fill(small_log, {"r": events(seq, seq)})

            oldest = max(0, seq - SMALL_LIMIT)
            assert await stored(small_log, Cursor(1, oldest)) == events(oldest + 1, seq)
            if oldest > 0:
                with pytest.raises(StreamGap):
                    await stored(small_log, Cursor(1, oldest - 1))

    async def test_the_limit_applies_to_each_run(self, small_log: EventLog) -> None:
        await fill(small_log, {"r": events(1, SMALL_LIMIT + 1), "s": events(1, SMALL_LIMIT)})

        assert await stored(small_log, run_id="s") == events(1, SMALL_LIMIT)

    async def test_an_expired_runs_events_are_deleted_and_no_others(self, log: EventLog) -> None:
        await fill(log, {"r": events(1, 3), "s": events(1, 3)})

        await log.expire("r", 0)

        await deleted(log, "r")
        assert await stored(log, run_id="s") == events(1, 3)

    async def test_events_are_kept_until_they_expire(self, log: EventLog) -> None:
        await fill(log, {"r": events(1, 3)})

        await log.expire("r", 3600)

        await anyio.lowlevel.checkpoint()
        assert await stored(log) == events(1, 3)

    async def test_events_are_deleted_when_they_expire(self, log: EventLog, clock: Clock) -> None:
        await fill(log, {"r": events(1, 3)})
        await log.expire("r", 60)
        clock.now += 61

        await deleted(log, "r")

    @pytest.mark.parametrize("given", [(60, 3600), (3600, 60)])
    async def test_the_earliest_expiry_wins(
        self, log: EventLog, clock: Clock, given: tuple[int, int]
    ) -> None:
        await fill(log, {"r": events(1, 3)})
        for ttl_s in given:
            await log.expire("r", ttl_s)
        clock.now += 61

        await deleted(log, "r")

    async def test_an_expired_run_may_start_again(self, log: EventLog, clock: Clock) -> None:
        await fill(log, {"r": events(1, 3, attempt=2)})
        await log.expire("r", 60)
        clock.now += 61

        await fill(log, {"r": events(1, 1)})

        assert await stored(log) == events(1, 1)

    async def test_a_gap_is_deleted_with_its_run(self, small_log: EventLog) -> None:
        await fill(small_log, {"r": events(1, 9)})
        await small_log.expire("r", 0)

        await deleted(small_log, "r", Cursor(1, 9))

        assert await small_log.read({"r": START}) == {}

    async def test_an_unknown_run_may_expire(self, log: EventLog) -> None:
        await log.expire("unknown", 0)

        await anyio.lowlevel.checkpoint()
        assert await log.read({"unknown": START}) == {}
