"""The runs and the log in a Postgres database pass the exams of every store's."""

from collections.abc import AsyncIterator

import pytest

from seltzer.runs.ports import EventLog, Runs, Threads
from tests.stores.conformance import Clock, LogExam
from tests.stores.conformance_leases import LeasesExam
from tests.stores.conformance_runs import RunsExam
from tests.stores.postgres.opened import Ports, open_ports


@pytest.fixture
async def ports() -> AsyncIterator[Ports]:
    async with open_ports() as ports:
        yield ports


@pytest.fixture
def runs(ports: Ports) -> Runs:
    return ports.runs


@pytest.fixture
def log(ports: Ports) -> EventLog:
    return ports.event_log


@pytest.fixture
def small_log(ports: Ports) -> EventLog:
    return ports.small_log


@pytest.fixture
def threads(ports: Ports) -> Threads:
    return ports.threads


@pytest.fixture
def clock(ports: Ports) -> Clock:
    return ports.clock


class TestPostgresRuns(RunsExam, LeasesExam):
    pass


class TestPostgresLog(LogExam):
    pass
