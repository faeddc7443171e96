"""The hub: a run's tail has for every reader the events after its cursor, and drops nothing unstored."""

import asyncio
import gc
import weakref
from collections.abc import Callable, Iterator, Sequence
from itertools import cycle, repeat

import anyio
import pytest
from anyio.lowlevel import checkpoint
from hypothesis import given, settings
from hypothesis import strategies as st

from seltzer.cursor import START, Cursor
from seltzer.errors import StorageFailed
from seltzer.runs.event import Event, Kind
from seltzer.runs.streaming.hub import TAIL_LIMIT, Hub, Tail

pytestmark = pytest.mark.anyio


def event(seq: int, attempt: int = 1) -> Event:
    return Event(attempt, seq, "token", {})


def seqs(tail: Tail, cursor: Cursor = START) -> list[int] | None:
    events = tail.read_after(cursor)
    return None if events is None else [each.seq for each in events]


async def test_every_reader_of_a_run_gets_its_events_and_no_others() -> None:
    hub = Hub()
    with hub.subscribe("r") as first, hub.subscribe("r") as second, hub.subscribe("s") as other:
        run, another = hub.open("r", 1), hub.open("s", 1)

        run.publish(event(1))
        another.publish(event(1))
        run.publish(event(2))

        assert (seqs(first), seqs(second), seqs(other)) == ([1, 2], [1, 2], [1])


async def test_events_stay_for_subscribers_until_the_last_one_leaves() -> None:
    hub = Hub()
    hub.open("r", 1).publish(event(1))

    with hub.subscribe("r") as reader:
        hub.close("r", 1)
        assert (seqs(reader), reader.is_live) == ([1], False)

    with hub.subscribe("r") as late:
        assert seqs(late) == []
    assert hub.live_tail("r") is None


async def test_a_reader_unsubscribes_when_its_block_fails_and_the_others_continue() -> None:
    hub = Hub()
    tail = hub.open("r", 1)
    with hub.subscribe("r") as stays:
        with pytest.raises(ZeroDivisionError), hub.subscribe("r"):
            raise ZeroDivisionError

        tail.publish(event(1))

        assert (seqs(stays), tail.readers) == ([1], 1)


async def test_a_later_attempt_begins_after_its_own_cursor() -> None:
    hub = Hub()
    tail = hub.open("r", 1)
    tail.publish(event(1))
    with hub.subscribe("r") as reader:
        hub.close("r", 1, StorageFailed("full"))

        hub.open("r", 2).publish(event(1, attempt=2))

        assert (reader.error, reader.is_live) == (None, True)
        assert seqs(reader, Cursor(1, 1)) is None  # the first attempt's rest is in the log
        assert seqs(reader, Cursor(2, 0)) == [1]
        assert seqs(reader, Cursor(2, 1)) == []


async def test_an_attempt_that_was_overtaken_ends_only_its_own_tail() -> None:
    hub = Hub()
    hub.open("r", 1)
    tail = hub.open("r", 2)

    hub.close("r", 1)
    assert hub.live_tail("r") is tail
    hub.close("r", 2)
    hub.close("r", 2)

    assert hub.live_tail("r") is None


async def test_waiting_ends_with_any_event_and_starts_again_after_it() -> None:
    hub = Hub()
    with hub.subscribe("r") as reader:
        for happen in (
            lambda: hub.open("r", 1),
            lambda: reader.publish(event(1)),
            lambda: hub.wake("r"),
            hub.wake_all,
            lambda: hub.close("r", 1),
        ):
            version = reader.version
            waits = asyncio.create_task(reader.wait(version, START))
            await checkpoint()
            assert not waits.done()
            happen()
            with anyio.fail_after(5):
                await waits
                await reader.wait(version, START)  # a late reader doesn't wait at all


async def test_waking_runs_that_nobody_reads_does_nothing() -> None:
    Hub().wake("r")


async def test_a_reader_that_unsubscribed_while_it_waited_does_no_harm() -> None:
    tail = Tail()
    leaves, stays = (asyncio.create_task(tail.wait(tail.version, START)) for _ in range(2))
    await checkpoint()

    leaves.cancel()
    await checkpoint()
    tail.wake()

    with anyio.fail_after(5):
        await stays


class Reader:
    """Reads a tail as a follower does, and what it lacks in the log; takes where it waits, if in the mood."""

    def __init__(self, tail: Tail, moods: Iterator[bool], log: Sequence[Event] = ()) -> None:
        self._tail = tail
        self._moods = moods
        self._log = log
        self.read: list[Event] = []
        self.taken: list[Event] = []

    def take(self, events: Sequence[Event]) -> bool:
        if is_taken := next(self._moods):
            self.read += events
            self.taken += events
        return is_taken

    async def follow(self) -> None:
        """Read on to the last event; begun again, from where it was."""
        after = self.read[-1].cursor if self.read else START
        while not (self.read and self.read[-1].is_last):
            version = self._tail.version
            events = self._tail.read_after(after)
            if events is None:
                events = [each for each in self._log if each.cursor > after]
            if events:
                self.read += events
                after = events[-1].cursor
                await checkpoint()  # as one does who sends them
            else:
                after = await self._tail.wait(version, after, self.take)


class Speaker:
    """Says a run's events by its tail; log has all of them."""

    def __init__(self) -> None:
        self.tail = Tail()
        self.log: list[Event] = []
        self._at = START
        self._retry()

    def do(self, step: int | str) -> None:
        """Put so many tokens, or let something else happen."""
        match step:
            case int(count):
                token: Kind = "token"
                self.put(*repeat(token, count))
            case "update":
                self.put("update")
            case "wake":
                self.tail.wake()
            case "store":
                self.tail.mark_stored(self._at)
            case "retry":
                self._retry()

    def put(self, *kinds: Kind) -> None:
        events = [
            Event(self._at.attempt, self._at.seq + n, kind, {}) for n, kind in enumerate(kinds, start=1)
        ]
        self.log += events
        self._at = Cursor(self._at.attempt, self._at.seq + len(events))
        self.tail.publish(*events)

    def _retry(self) -> None:
        self.tail.end()
        self._at = Cursor(self._at.attempt + 1, 0)
        self.tail.begin(self._at.attempt)


@settings(deadline=None)
@given(
    steps=st.lists(
        st.sampled_from([0, 1, 3, 2 * TAIL_LIMIT, "update", "wake", "store", "retry", "leave"])
        | st.just("time"),  # half of them: else no reader waits when something is put
        max_size=16,
    ),
    moods=st.lists(st.lists(st.booleans(), min_size=1, max_size=5), min_size=1, max_size=3),
)
def test_readers_by_delivery_and_by_wake_up_read_each_event_once_and_in_order(
    steps: list[int | str], moods: list[list[bool]]
) -> None:
    """Whatever else happens, and though a reader unsubscribes and returns."""

    async def read() -> tuple[list[Event], list[Reader]]:
        speaker = Speaker()
        readers = [Reader(speaker.tail, cycle(each), speaker.log) for each in moods]
        async with asyncio.timeout(5), asyncio.TaskGroup() as group:
            following = {reader: group.create_task(reader.follow()) for reader in readers}
            for step in steps:
                if step == "leave":
                    following[readers[0]].cancel()
                    following[readers[0]] = group.create_task(readers[0].follow())
                elif step == "time":  # so much that all wait again
                    for _ in range(4):
                        await checkpoint()
                else:
                    speaker.do(step)
            speaker.put("finished")
        return speaker.log, readers

    published, readers = asyncio.run(read())

    for reader in readers:
        assert reader.read == published


async def test_events_are_delivered_at_once_to_a_waiting_reader_except_the_last() -> None:
    tail = Tail()
    tail.begin(1)
    reader = Reader(tail, repeat(True))
    following = asyncio.create_task(reader.follow())
    await checkpoint()
    tail.publish(event(1))  # nobody has seen an event of this attempt: the reader wakes
    await checkpoint()
    await checkpoint()

    tail.publish(event(2))
    tail.publish(event(3), event(4))
    taken = list(reader.taken)
    tail.publish(Event(1, 5, "finished", {}))

    assert [each.seq for each in taken] == [2, 3, 4]
    with anyio.fail_after(5):
        await following
    assert [each.seq for each in reader.read] == [1, 2, 3, 4, 5]


async def test_a_failing_delivery_affects_its_reader_alone() -> None:
    tail = Tail()
    tail.begin(1)

    def fail(events: Sequence[Event]) -> bool:
        raise ZeroDivisionError

    at = Cursor(1, 0)
    fails = asyncio.create_task(tail.wait(tail.version, at, fail))
    takes = asyncio.create_task(tail.wait(tail.version, at, lambda events: len(events) < 2))
    leaves = asyncio.create_task(tail.wait(tail.version, at, fail))
    await checkpoint()
    leaves.cancel()
    await checkpoint()

    tail.publish(event(1))
    tail.publish(event(2), event(3))

    with anyio.fail_after(5):
        with pytest.raises(ZeroDivisionError):
            await fails
        assert await takes == Cursor(1, 1)


async def test_events_between_tokens_wake_the_reader() -> None:
    tail = Tail()
    tail.begin(1)
    reader = Reader(tail, repeat(True))
    following = asyncio.create_task(reader.follow())
    await checkpoint()
    tail.publish(event(1))
    await checkpoint()
    await checkpoint()

    tail.publish(event(2))
    tail.publish(Event(1, 3, "update", {}))
    tail.publish(event(4))
    taken = list(reader.taken)
    tail.publish(Event(1, 5, "finished", {}))

    assert [each.seq for each in taken] == [2]
    with anyio.fail_after(5):
        await following
    assert [each.seq for each in reader.read] == [1, 2, 3, 4, 5]


async def test_after_a_trim_the_right_events_are_delivered() -> None:
    tail = Tail()
    tail.begin(1)
    reader = Reader(tail, repeat(True))
    following = asyncio.create_task(reader.follow())
    for seq in range(1, 5 * TAIL_LIMIT):
        for _ in range(3):  # the reader waits again
            await checkpoint()
        tail.publish(event(seq))
        tail.mark_stored(Cursor(1, seq - 1))
    tail.publish(Event(1, 5 * TAIL_LIMIT, "finished", {}))

    with anyio.fail_after(5):
        await following

    assert tail.floor.seq > TAIL_LIMIT
    assert len(reader.taken) > 4 * TAIL_LIMIT
    assert [each.seq for each in reader.read] == list(range(1, 5 * TAIL_LIMIT + 1))


@pytest.mark.parametrize(
    "happen",
    [
        Tail.wake,
        Tail.end,
        lambda tail: tail.end(StorageFailed("full")),
        lambda tail: tail.begin(2),
        lambda tail: tail.publish(Event(1, 1, "finished", {})),
    ],
)
async def test_a_delivering_reader_is_woken_by_every_kind_but_token(happen: Callable[[Tail], None]) -> None:
    tail = Tail()
    tail.begin(1)
    waits = asyncio.create_task(tail.wait(tail.version, Cursor(1, 0), lambda events: True))
    await checkpoint()

    happen(tail)

    with anyio.fail_after(5):
        assert await waits == Cursor(1, 0)


async def test_a_reader_that_unsubscribed_is_not_kept_until_the_next_event() -> None:
    tail = Tail()
    tail.begin(1)
    reader = Reader(tail, repeat(True))
    waits = asyncio.create_task(tail.wait(tail.version, Cursor(1, 0), reader.take))
    await checkpoint()
    waits.cancel()
    await asyncio.wait([waits])

    left = weakref.ref(reader)
    del reader, waits
    with anyio.fail_after(5):
        while left() is not None:  # another thread may be collecting: then this one doesn't
            gc.collect()
            await checkpoint()


def test_what_an_earlier_attempt_stored_late_does_not_affect_this_one() -> None:
    tail = Tail()
    tail.begin(2)
    for seq in range(1, 2 * TAIL_LIMIT):
        tail.publish(event(seq, attempt=2))

    tail.mark_stored(Cursor(1, 5 * TAIL_LIMIT))
    tail.publish(event(2 * TAIL_LIMIT, attempt=2))

    assert tail.floor == Cursor(2, 0)


@settings(deadline=None)
@given(
    attempt=st.sampled_from([1, 2]),
    steps=st.lists(
        st.tuples(st.sampled_from([1, 7, TAIL_LIMIT, 2 * TAIL_LIMIT]), st.floats(0, 1)), max_size=4
    ),
    data=st.data(),
)
def test_after_any_cursor_the_tail_has_what_the_log_may_not_have(
    attempt: int, steps: list[tuple[int, float]], data: st.DataObject
) -> None:
    """The law: after a cursor that isn't before its floor, the tail equals the list of all events;
    and the log has all events up to the floor.
    """
    whole: list[Event] = []
    tail, stored = Tail(), 0
    tail.begin(attempt)

    for count, share in steps:
        for _ in range(count):
            whole.append(event(len(whole) + 1, attempt))
            tail.publish(whole[-1])
        stored += round(share * (len(whole) - stored))
        tail.mark_stored(Cursor(attempt, stored))

        assert tail.floor == START or tail.floor.seq <= stored
        seq = data.draw(st.integers(0, len(whole) + 2))
        found = tail.read_after(Cursor(attempt, seq))
        assert (found is None) == (Cursor(attempt, seq) < tail.floor)
        assert found is None or list(found) == whole[seq:]


def test_a_long_tail_is_cut_as_far_as_it_is_stored() -> None:
    tail = Tail()
    tail.begin(1)
    for seq in range(1, 3 * TAIL_LIMIT):
        tail.publish(event(seq))
    assert tail.floor == START

    tail.mark_stored(Cursor(1, 10))
    tail.publish(event(3 * TAIL_LIMIT))
    assert (tail.floor, seqs(tail, Cursor(1, 9))) == ((1, 10), None)
    tail.mark_stored(Cursor(1, 3 * TAIL_LIMIT))
    tail.publish(event(3 * TAIL_LIMIT + 1))

    assert seqs(tail, tail.floor) == list(range(2 * TAIL_LIMIT + 2, 3 * TAIL_LIMIT + 2))
