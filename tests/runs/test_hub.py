"""The hub: who reads gets every fresh event, or is told to look into the log."""

import anyio
import anyio.lowlevel
import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.runs.event import Event
from app.runs.hub import READER_LIMIT, Hub, Reader

pytestmark = pytest.mark.anyio


def event(seq: int) -> Event:
    return Event(1, seq, "token", {})


def seqs(reader: Reader) -> list[int]:
    return [each.seq for each in reader.take()]


def caught_up(reader: Reader) -> Reader:
    """Have the reader look into the log, as a follower does first."""
    reader.has_missed = False
    return reader


async def test_every_reader_of_a_run_gets_its_events_and_no_others() -> None:
    hub = Hub()
    with hub.join("r") as first, hub.join("r") as second, hub.join("s") as other:
        for reader in (first, second, other):
            caught_up(reader)

        hub.publish("r", event(1))
        hub.publish("s", event(2))
        hub.publish("r", event(3))

        assert (seqs(first), seqs(second), seqs(other)) == ([1, 3], [1, 3], [2])


async def test_a_reader_that_comes_late_is_told_that_it_missed_something() -> None:
    hub = Hub()
    hub.publish("r", event(1))

    with hub.join("r") as reader:
        assert reader.has_missed


async def test_a_reader_that_left_gets_nothing_and_the_others_go_on() -> None:
    hub = Hub()
    with hub.join("r") as stays:
        with hub.join("r") as leaves:
            caught_up(leaves)
        caught_up(stays)

        hub.publish("r", event(1))

        assert (seqs(leaves), seqs(stays)) == ([], [1])


async def test_a_reader_leaves_when_its_block_fails() -> None:
    hub = Hub()

    with pytest.raises(ZeroDivisionError), hub.join("r") as reader:
        raise ZeroDivisionError
    caught_up(reader)
    hub.publish("r", event(1))

    assert seqs(reader) == []


async def test_waiting_ends_with_an_event_and_begins_anew_behind_it() -> None:
    reader = caught_up(Reader())
    reader.put(event(1))

    with anyio.fail_after(5):
        await reader.wait()
    reader.take()

    with anyio.move_on_after(0) as scope:
        await reader.wait()
    assert scope.cancelled_caught


async def test_who_waits_is_woken() -> None:
    reader = caught_up(Reader())

    with anyio.fail_after(5):
        async with anyio.create_task_group() as group:
            group.start_soon(reader.wait)
            await anyio.lowlevel.checkpoint()
            reader.put(event(1))

    assert seqs(reader) == [1]


async def test_a_full_inbox_is_emptied_and_the_reader_told_and_woken() -> None:
    reader = caught_up(Reader())

    for seq in range(READER_LIMIT + 1):
        reader.put(event(seq))

    with anyio.fail_after(5):
        await reader.wait()
    assert reader.has_missed
    assert seqs(reader) == []


@given(st.lists(st.integers(0, 2 * READER_LIMIT), max_size=5))
def test_what_is_taken_never_skips_an_event_that_the_log_was_not_asked_for(bursts: list[int]) -> None:
    """A burst may fill the inbox between its reader's looking and taking: what came behind must wait."""
    reader, known, said = caught_up(Reader()), 0, 0

    for burst in bursts:
        for _ in range(burst):
            said += 1
            reader.put(event(said))
        for each in reader.take():
            assert each.seq == known + 1
            known = each.seq
        if reader.has_missed:
            caught_up(reader)
            known = said
