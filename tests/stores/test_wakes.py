"""The hints of each store that several processes can use pass the exam."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from seltzer.runs.ports import EventLog, Runs
from seltzer.stores.postgres.connections.address import parse
from seltzer.stores.postgres.migrations import migrate
from seltzer.stores.postgres.processes.presence import Presence
from tests.stores.conformance_wakes import WakesExam
from tests.stores.opened import STORES, Opened, one_process
from tests.stores.postgres.databases import empty, shared_database

SHARED = [name for name in STORES if name != "sqlite"]


@pytest.fixture
def seen_log(log: EventLog) -> EventLog:
    return log


@pytest.mark.parametrize("opened", SHARED, indirect=True)
class TestEveryWake(WakesExam):
    pass


class TestEveryWakeOfADirectConnection(WakesExam):
    """Two processes, whose hints are sent by the one and come by the other's own connection."""

    @pytest.fixture
    async def processes(self) -> AsyncIterator[tuple[Opened, Opened]]:
        url = await asyncio.to_thread(shared_database)
        await migrate(parse(url))
        await asyncio.to_thread(empty, url)
        presences = Presence(parse(url)), Presence(parse(url))
        for each in presences:
            await each.open()
        async with one_process(url, presences[0]) as one, one_process(url, presences[1]) as other:
            yield one, other
        for each in presences:
            await each.aclose()

    @pytest.fixture
    def runs(self, processes: tuple[Opened, Opened]) -> Runs:
        return processes[0].runs

    @pytest.fixture
    def log(self, processes: tuple[Opened, Opened]) -> EventLog:
        return processes[0].event_log

    @pytest.fixture
    def seen_log(self, processes: tuple[Opened, Opened]) -> EventLog:
        return processes[1].event_log


@pytest.mark.anyio
@pytest.mark.parametrize("opened", ["sqlite"], indirect=True)
async def test_a_file_of_one_process_gives_no_hints(opened: Opened) -> None:
    assert opened.event_log.wakes() is None
