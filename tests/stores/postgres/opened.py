"""The Postgres store for the exams: in one database of the test process, empty for each test."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import cache

import psycopg

from seltzer.stores.postgres.address import parse
from seltzer.stores.postgres.database import Database
from seltzer.stores.postgres.event_log import PostgresEventLog
from seltzer.stores.postgres.hints import Hints
from seltzer.stores.postgres.migrations import migrate
from seltzer.stores.postgres.presence import Presence
from seltzer.stores.postgres.retention import LogRetention
from seltzer.stores.postgres.runs import PostgresRuns
from seltzer.stores.postgres.threads import PostgresThreads
from tests.stores.conformance import RETENTION_S, SMALL_LIMIT, Clock
from tests.stores.postgres.server import create_database


class DatabaseClock(Clock):
    """The database's clock, set by a test."""

    def __init__(self, url: str) -> None:
        self._url = url
        self.now = Clock.now

    def __setattr__(self, name: str, value: object) -> None:
        object.__setattr__(self, name, value)
        if name == "now":
            with psycopg.connect(self._url, autocommit=True) as connection:
                connection.execute(
                    "CREATE OR REPLACE FUNCTION seltzer.clock() RETURNS timestamptz LANGUAGE sql VOLATILE"
                    f" AS 'SELECT to_timestamp({value})'".encode()
                )


@cache
def exam_database() -> str:
    return create_database()


@dataclass(frozen=True)
class Ports:
    """The store's ports, by one clock."""

    runs: PostgresRuns
    event_log: PostgresEventLog
    small_log: PostgresEventLog
    threads: PostgresThreads
    clock: DatabaseClock


@asynccontextmanager
async def open_ports() -> AsyncIterator[Ports]:
    """Open the test process's database, emptied."""
    url = await asyncio.to_thread(exam_database)
    database = Database(parse(url), pool_limit=4)
    await database.open()
    try:
        await migrate(database)
        clock = DatabaseClock(url)
        with psycopg.connect(url, autocommit=True) as connection:
            connection.execute(
                "TRUNCATE seltzer.threads, seltzer.runs, seltzer.events, seltzer.deleted_runs"
                " RESTART IDENTITY CASCADE"
            )
        presence = Presence(None)
        hints = Hints(database, presence)
        retention = LogRetention(database, retention_s=RETENTION_S)
        yield Ports(
            PostgresRuns(database, presence, hints, retention),
            PostgresEventLog(database, presence, hints),
            PostgresEventLog(database, presence, hints, events_limit=SMALL_LIMIT),
            PostgresThreads(database),
            clock,
        )
        await hints.aclose()
        await retention.aclose()
    finally:
        await database.aclose()
