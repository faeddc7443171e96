"""The relay: one read for all readers of a run that another process executes, on hints or now and then."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, cast

import pytest

from seltzer.cursor import Cursor
from seltzer.errors import StorageFailed, StreamGap
from seltzer.runs.event import Event, RunId
from seltzer.runs.ports import EventLog, Stores, Wake
from seltzer.runs.run import Lease
from seltzer.runs.streaming.follower import Follower
from seltzer.runs.streaming.hub import Hub
from seltzer.runs.streaming.relay import Relay
from seltzer.stores.memory.data import Data
from seltzer.stores.memory.store import MemoryStore
from tests.runs.scenario import read_all, run_spec

pytestmark = pytest.mark.anyio

NEVER_S = 1e6


class Log:
    """A log that other processes write; it keeps what it was asked for, and can fail and lack an event."""

    def __init__(self, log: EventLog) -> None:
        self._log = log
        self.reads: list[Mapping[RunId, Cursor]] = []
        self.gives_hints = True
        self.lacks: set[str] = set()
        self.errors: list[Exception] = []

    async def read(self, after: Mapping[RunId, Cursor]) -> dict[RunId, list[Event]]:
        self.reads.append(after)
        if self.errors:
            raise self.errors.pop()
        found = await self._log.read(after)
        return {run_id: [e for e in events if e.kind not in self.lacks] for run_id, events in found.items()}

    def wakes(self) -> AsyncIterator[Wake] | None:
        return self._log.wakes() if self.gives_hints else self._no_hints()

    async def _no_hints(self) -> AsyncGenerator[Wake]:
        await asyncio.Event().wait()
        yield Wake()

    def __getattr__(self, verb: str) -> Any:
        return getattr(self._log, verb)


@dataclass
class Elsewhere:
    """A run that another process executes, and what follows it here."""

    stores: Stores
    log: Log
    follower: Follower
    hub: Hub
    lease: Lease
    seq: int = 0
    tasks: list[asyncio.Task[list[Event]]] = field(default_factory=list)

    async def emit(self, *texts: str) -> None:
        events = [Event(1, self.seq + n, "token", {"text": text}) for n, text in enumerate(texts, 1)]
        self.seq += len(events)
        assert await self.stores.event_log.append({"r": events}) == set()

    async def end(self) -> Event:
        last = Event(1, self.seq + 1, "finished", {})
        assert await self.stores.runs.finish(self.lease, last)
        return last

    def follow(self) -> AsyncGenerator[Sequence[Event]]:
        return self.follower.batches("r", Cursor(0, 0))


@asynccontextmanager
async def elsewhere(log: Log, stores: Stores, *, reread_s: float = NEVER_S) -> AsyncIterator[Elsewhere]:
    lease = (await stores.runs.submit(run_spec(), "another", 10, 10)).lease
    assert lease is not None
    hub = Hub()
    relay = Relay(stores.runs, cast(EventLog, log), hub, on_wake=lambda _: None, reread_s=reread_s)
    relay.open()
    follower = Follower(stores.runs, cast(EventLog, log), hub, relay, executed=lambda _: None)
    yield Elsewhere(stores, log, follower, hub, lease)
    await relay.aclose()


@pytest.fixture
def stores() -> Stores:
    return MemoryStore().stores


@pytest.fixture
def log(stores: Stores) -> Log:
    return Log(stores.event_log)


async def each(batches: AsyncGenerator[Sequence[Event]]) -> AsyncIterator[Event]:
    async for batch in batches:
        for event in batch:
            yield event


async def next_text(events: AsyncIterator[Event]) -> str:
    return str((await asyncio.wait_for(anext(events), 30)).data["text"])


async def test_what_is_appended_elsewhere_is_published_on_a_hint(stores: Stores, log: Log) -> None:
    async with elsewhere(log, stores) as run:
        events = each(run.follow())
        for text in "abc":
            await run.emit(text)
            assert await next_text(events) == text

        last = await run.end()

        assert await read_all(events) == [last]


async def test_what_no_hint_names_is_found_by_reading_again(stores: Stores, log: Log) -> None:
    log.gives_hints = False
    async with elsewhere(log, stores, reread_s=0.001) as run:
        events = each(run.follow())
        for text in "abc":
            await run.emit(text)
            assert await next_text(events) == text

        last = await run.end()

        assert await read_all(events) == [last]


async def test_one_read_serves_all_readers(stores: Stores, log: Log) -> None:
    async with elsewhere(log, stores) as run:
        readers = [each(run.follow()) for _ in range(20)]
        await run.emit("a")
        assert {await next_text(reader) for reader in readers} == {"a"}
        waiting = [asyncio.create_task(next_text(reader)) for reader in readers]
        first = asyncio.create_task(next_text(each(run.follow())))
        assert await first == "a"
        while not run.hub.relayed():
            await asyncio.wait(waiting, timeout=0.001)
        await run.emit("b")
        assert {await task for task in waiting} == {"b"}
        before = len(log.reads)
        waiting = [asyncio.create_task(next_text(reader)) for reader in readers]

        await run.emit("c")

        assert {await task for task in waiting} == {"c"}
        assert len(log.reads) - before == 1


async def test_the_end_that_the_log_lacks_is_read_from_the_row(stores: Stores, log: Log) -> None:
    log.lacks = {"finished"}
    async with elsewhere(log, stores) as run:
        events = each(run.follow())
        await run.emit("a")
        assert await next_text(events) == "a"
        reading = asyncio.create_task(read_all(events))

        last = await run.end()

        assert await reading == [last]


@pytest.mark.parametrize("error", [StorageFailed("away"), ValueError("a row can't be read")])
async def test_a_store_that_fails_for_a_while_ends_no_relay(
    stores: Stores, log: Log, error: Exception
) -> None:
    async with elsewhere(log, stores, reread_s=0.001) as run:
        events = each(run.follow())
        await run.emit("a")
        assert await next_text(events) == "a"
        reading = asyncio.create_task(read_all(events))
        while not run.hub.relayed():
            await asyncio.wait([reading], timeout=0.001)
        log.errors = [error]
        while log.errors:
            await asyncio.wait([reading], timeout=0.001)

        await run.emit("b")
        last = await run.end()

        assert [event.data.get("text") for event in await reading] == ["b", None]
        assert last.is_last


async def test_a_reader_elsewhere_that_falls_behind_what_is_kept_gets_a_gap() -> None:
    store = MemoryStore(Data(events_limit=3))
    async with elsewhere(Log(store.stores.event_log), store.stores, reread_s=NEVER_S) as run:
        events = each(run.follow())
        await run.emit("a")
        assert await next_text(events) == "a"
        await run.emit(*"bcdefgh")

        with pytest.raises(StreamGap):
            await read_all(events)


async def test_without_other_processes_nothing_is_relayed(stores: Stores) -> None:
    class Alone(Log):
        def wakes(self) -> None:
            return None

    relay = Relay(
        stores.runs, cast(EventLog, Alone(stores.event_log)), Hub(), on_wake=lambda _: None, reread_s=0.001
    )

    relay.open()

    assert not relay.is_open
    await relay.aclose()
