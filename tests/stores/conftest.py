"""Each store in turn, opened in an empty folder."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from seltzer.runs.ports import Checkpoints, EventLog, Runs, Threads
from tests.stores.conformance import Clock
from tests.stores.opened import STORES, Opened


@pytest.fixture(params=list(STORES))
async def opened(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Opened]:
    async with STORES[request.param](tmp_path) as opened:
        yield opened


@pytest.fixture
def runs(opened: Opened) -> Runs:
    return opened.runs


@pytest.fixture
def log(opened: Opened) -> EventLog:
    return opened.event_log


@pytest.fixture
def small_log(opened: Opened) -> EventLog:
    return opened.small_log


@pytest.fixture
def threads(opened: Opened) -> Threads:
    return opened.threads


@pytest.fixture
def checkpoints(opened: Opened) -> Checkpoints:
    return opened.checkpoints


@pytest.fixture
def clock(opened: Opened) -> Clock:
    return opened.clock
