"""Following a run: from every cursor, live or ended, alone or in company."""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from contextlib import aclosing
from dataclasses import replace
from typing import Any

import anyio
import pytest
from anyio.lowlevel import checkpoint

from seltzer.cursor import START, Cursor
from seltzer.errors import InvalidCursor, StreamGap
from seltzer.runs.event import Event, RunId
from seltzer.runs.ports import EventLog, Stores
from seltzer.runs.streaming.hub import TAIL_LIMIT
from seltzer.stores.options import Retention
from tests.runs.conftest import Engines
from tests.runs.scenario import answer, kinds, read_all, read_stored, read_until, run_spec, run_to_end
from tests.runs.scripted import agent

pytestmark = pytest.mark.anyio


@pytest.mark.parametrize(
    "text", ["", "1", "-", "1-", "-1", "a-b", "1-2-3", " 1-2", "1-2\n", "１-２", "9" * 10 + "-1"]
)
def test_garbage_is_no_cursor(text: str) -> None:
    with pytest.raises(InvalidCursor):
        Cursor.parse(text)


@pytest.mark.parametrize("cursor", [START, Cursor(1, 17), Cursor(999_999_999, 10**15 - 1)])
def test_a_cursor_is_read_as_it_is_written(cursor: Cursor) -> None:
    assert Cursor.parse(str(cursor)) == cursor


async def test_a_late_follower_reads_what_the_first_one_read(engine_of: Engines) -> None:
    engine = await engine_of(agent(["a", "b", "c"]))
    first = await run_to_end(engine, run_spec())

    late = await read_all(engine.follow("r"))
    rest = [await read_all(engine.follow("r", event.cursor)) for event in first]

    assert late == first
    assert rest == [first[index:] for index in range(1, len(first) + 1)]


async def test_delivered_events_are_not_yielded_and_none_is_lost_between(engine_of: Engines) -> None:
    gates = [asyncio.Event() for _ in range(3)]
    engine = await engine_of(agent(["a", gates[0], "b", gates[1], "c", gates[2], "d"]))
    read, taken = list[Event](), list[Event]()

    def deliver(events: Sequence[Event]) -> bool:
        if taken or answer(read) != "a":
            return False
        taken.extend(events)
        read.extend(events)
        gates[1].set()
        return True

    await engine.start(run_spec())
    with anyio.fail_after(5):
        async with aclosing(engine.follow_batches("r", deliver=deliver)) as batches:
            async for batch in batches:
                read.extend(batch)
                for text, gate in (("a", gates[0]), ("c", gates[2])):
                    if text in answer(read):
                        gate.set()

    assert answer(taken) == "b"
    assert read == await read_all(engine.follow("r"))
    assert answer(read) == "abcd"


async def test_a_follower_from_any_point_of_a_live_run_reads_the_rest(engine_of: Engines) -> None:
    gate = asyncio.Event()
    engine = await engine_of(agent(["a", "b", gate, "c", "d"]))
    await engine.start(run_spec())

    async with asyncio.TaskGroup() as group:
        cursors = [START, *(Cursor(1, seq) for seq in range(1, 6))]
        followers = [group.create_task(read_all(engine.follow("r", cursor))) for cursor in cursors]
        await checkpoint()
        gate.set()

    whole = followers[0].result()
    assert answer(whole) == "abcd"
    assert [follower.result() for follower in followers] == [whole[seq:] for seq in range(6)]


async def test_what_waits_for_a_reader_is_one_batch(engine_of: Engines) -> None:
    gate = asyncio.Event()
    engine = await engine_of(agent(["a", "b", "c", gate]))
    await engine.start(run_spec())
    await read_until(engine.follow("r", Cursor(1, 4)), "token")  # the third token

    async with aclosing(engine.follow_batches("r")) as batches:
        first = await anext(batches)
        gate.set()

    assert kinds(list(first)) == ["started", "message", "token", "token", "token"]


async def test_a_reader_that_falls_behind_reads_what_it_missed_from_the_log(engine_of: Engines) -> None:
    count = 2 * TAIL_LIMIT + 10
    engine = await engine_of(agent([str(number % 10) for number in range(count)]))
    await engine.start(run_spec())
    events = engine.follow("r")
    first = await anext(events)

    whole = await read_all(engine.follow("r"))
    rest = await read_all(events)

    assert [first, *rest] == whole
    assert [event.seq for event in whole] == list(range(1, count + 5))


async def test_a_reader_before_the_tail_of_a_live_run_gets_the_log_and_then_the_tail(
    engine_of: Engines,
) -> None:
    count, gate = 3 * TAIL_LIMIT, asyncio.Event()
    engine = await engine_of(agent([*(str(number % 10) for number in range(count)), gate, "end"]))
    await engine.start(run_spec())
    await read_until(engine.follow("r", Cursor(1, count + 1)), "token")  # the last before the gate
    await read_stored(engine_of.stores(engine).event_log, Cursor(1, count + 2))

    readers = [engine.follow("r", cursor) for cursor in (START, Cursor(1, 7), Cursor(1, count))]
    firsts = [await anext(reader) for reader in readers]
    gate.set()
    read = [[first, *await read_all(reader)] for first, reader in zip(firsts, readers, strict=True)]

    assert [event.seq for event in read[0]] == list(range(1, count + 6))
    assert read[1:] == [read[0][7:], read[0][count:]]


async def test_a_reader_before_the_tail_has_all_events_before_more_are_published(engine_of: Engines) -> None:
    count, gate = 3 * TAIL_LIMIT, asyncio.Event()
    engine = await engine_of(agent([*(str(number % 10) for number in range(count)), gate]))
    await engine.start(run_spec())
    await read_until(engine.follow("r", Cursor(1, count + 1)), "token")  # the last before the gate

    async with aclosing(engine.follow("r")) as events:
        with anyio.fail_after(5):
            read = [await anext(events) for _ in range(count + 2)]
        gate.set()

    assert [event.seq for event in read] == list(range(1, count + 3))


async def test_readers_that_unsubscribe_disturb_nobody(engine_of: Engines) -> None:
    gate = asyncio.Event()
    engine = await engine_of(agent(["a", gate, "b"]))
    await engine.start(run_spec())
    stays = asyncio.create_task(read_all(engine.follow("r")))

    async with aclosing(engine.follow("r")) as leaves:
        await anext(leaves)
    with anyio.move_on_after(0.01):  # while it waits for the next event
        await read_all(engine.follow("r"))
    gate.set()

    assert answer(await stays) == "ab"
    assert (await engine.get_run("r")).status == "success"


async def test_a_run_that_waits_is_followed_from_before_it_begins(engine_of: Engines) -> None:
    gate = asyncio.Event()
    engine = await engine_of(agent([gate, "one"], ["two"]))
    await engine.start(run_spec(run_id="r1"))
    waiting = await engine.start(run_spec(run_id="r2", on_busy="enqueue"))
    reader = asyncio.create_task(read_all(engine.follow("r2")))
    await checkpoint()

    gate.set()

    assert (waiting.status, waiting.attempt) == ("pending", 0)
    events = await reader
    assert kinds(events) == ["started", "message", "token", "update", "finished"]
    assert events == await read_all(engine.follow("r2"))


@pytest.mark.parametrize("cursor", [Cursor(2, 0), Cursor(2, 1), Cursor(99, 1)])
async def test_a_cursor_of_an_attempt_that_has_not_been_is_refused(
    engine_of: Engines, cursor: Cursor
) -> None:
    gate = asyncio.Event()
    engine = await engine_of(agent(["a", gate]))
    await engine.start(run_spec())

    with anyio.fail_after(5), pytest.raises(InvalidCursor):
        await anext(engine.follow("r", cursor))
    with pytest.raises(InvalidCursor):
        await engine.check_cursor("r", cursor)
    gate.set()
    await read_all(engine.follow("r"))
    with pytest.raises(InvalidCursor):
        await anext(engine.follow("r", cursor))


async def test_a_cursor_past_the_end_of_an_ended_run_is_refused(engine_of: Engines) -> None:
    engine = await engine_of(agent(["a"]))
    last = (await run_to_end(engine, run_spec()))[-1]

    with pytest.raises(InvalidCursor):
        await anext(engine.follow("r", Cursor(1, last.seq + 1)))
    with pytest.raises(InvalidCursor):
        await engine.check_cursor("r", Cursor(1, last.seq + 1))


async def test_a_cursor_past_the_end_of_a_live_run_waits(engine_of: Engines) -> None:
    gate = asyncio.Event()
    engine = await engine_of(agent(["a", gate, "b", "c"]))
    await engine.start(run_spec())
    await read_until(engine.follow("r"), "token")

    reader = asyncio.create_task(read_all(engine.follow("r", Cursor(1, 4))))
    await checkpoint()
    gate.set()

    assert [event.seq for event in await reader] == [5, 6, 7]


async def test_a_cursor_past_all_events_of_a_live_run_is_refused_when_it_has_ended(
    engine_of: Engines,
) -> None:
    gate = asyncio.Event()
    engine = await engine_of(agent(["a", gate, "b"]))
    await engine.start(run_spec())
    await read_until(engine.follow("r"), "token")

    reader = asyncio.create_task(read_all(engine.follow("r", Cursor(1, 1000))))
    await checkpoint()
    gate.set()

    with pytest.raises(InvalidCursor):
        await reader


async def test_what_is_not_kept_any_more_is_a_gap(engine_of: Engines) -> None:
    engine = await engine_of(agent(list("abcdefgh")), keeping=Retention(events=5))
    await engine.start(run_spec())
    await read_all(engine.follow("r"))  # from memory: it began before anything was dropped

    for follow in (engine.check_cursor, lambda run_id, cursor: anext(engine.follow(run_id, cursor))):
        for cursor in (START, Cursor(1, 6)):
            with pytest.raises(StreamGap):
                await follow("r", cursor)
    assert kinds(await read_all(engine.follow("r", Cursor(1, 10)))) == ["update", "finished"]


async def test_an_expired_run_is_a_gap_until_only_its_end_is_lacking(engine_of: Engines) -> None:
    """The end is in the run's row."""
    engine = await engine_of(agent(["a"]), keeping=Retention(retention_s=0))
    *_, before, last = await run_to_end(engine, run_spec())
    await engine.aclose()  # and so the log is tidied

    engine = await engine_of(agent(["a"]))

    for cursor in (START, Cursor(1, 1), Cursor(1, before.seq - 1)):
        with pytest.raises(StreamGap):
            await anext(engine.follow("r", cursor))
        with pytest.raises(StreamGap):
            await engine.check_cursor("r", cursor)
    assert (await engine.check_cursor("r", before.cursor)).last == last
    assert await read_all(engine.follow("r", before.cursor)) == [last]
    assert await read_all(engine.follow("r", last.cursor)) == []


async def test_the_end_of_a_run_that_never_began_outlasts_its_log(engine_of: Engines) -> None:
    engine = await engine_of(agent([asyncio.Event()]), keeping=Retention(retention_s=0))
    await engine.start(run_spec(run_id="first"))
    await engine.start(run_spec(run_id="r", on_busy="enqueue"))
    await engine.cancel("r")
    await engine.aclose()

    engine = await engine_of(agent(["a"]))

    assert await read_all(engine.follow("r")) == [Event(1, 1, "cancelled", {})]


class Lacking:
    """A log that lacks some of what was appended to it: what is_lost tells."""

    def __init__(self, log: EventLog, is_lost: Callable[[Event], bool]) -> None:
        self._log = log
        self._is_lost = is_lost

    async def append(self, batch: Mapping[RunId, Sequence[Event]]) -> set[RunId]:
        return await self._log.append(batch)

    async def read(self, after: Mapping[RunId, Cursor]) -> dict[RunId, list[Event]]:
        found = await self._log.read(after)
        return {key: [each for each in events if not self._is_lost(each)] for key, events in found.items()}

    def __getattr__(self, name: str) -> Any:
        return getattr(self._log, name)


@pytest.mark.parametrize("lost", [["finished"], ["update", "finished"]])
async def test_a_reader_whose_log_lacks_the_end_gets_it_from_the_row_and_never_a_hole(
    engine_of: Engines, lost: list[str]
) -> None:
    engine = await engine_of(agent(["a"]))
    whole = await run_to_end(engine, run_spec())
    await engine.aclose()

    def lacking(stores: Stores) -> Stores:
        return replace(stores, event_log=Lacking(stores.event_log, lambda event: event.kind in lost))

    engine = await engine_of(agent(["a"]), change=lacking)

    for cursor in (START, whole[0].cursor, whole[1].cursor):
        if lost == ["finished"]:
            assert await read_all(engine.follow("r", cursor)) == [
                each for each in whole if each.cursor > cursor
            ]
        else:
            with pytest.raises(StreamGap):
                await read_all(engine.follow("r", cursor))
    assert await read_all(engine.follow("r", whole[-2].cursor)) == whole[-1:]
