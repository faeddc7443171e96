"""Databases for tests: one of the test process that the exams share, and its clock, which a test sets."""

from functools import cache

import psycopg

from tests.stores.conformance import Clock
from tests.stores.postgres.server import create_database

TABLES = (
    *("threads", "runs", "events", "deleted_runs", "erased_threads"),
    *("checkpoints", "writes", "messages", "message_numbers"),
)


class DatabaseClock(Clock):
    """A migrated database's clock."""

    def __init__(self, url: str) -> None:
        self._url = url
        self.now = Clock.now

    def __setattr__(self, name: str, value: object) -> None:
        object.__setattr__(self, name, value)
        if name == "now":
            with psycopg.connect(self._url, autocommit=True) as connection:
                connection.execute(
                    "CREATE OR REPLACE FUNCTION seltzer.clock() RETURNS timestamptz LANGUAGE sql STABLE"
                    f" AS 'SELECT to_timestamp({value})'".encode()
                )


@cache
def shared_database() -> str:
    """Return the address of the database that the exams share."""
    return create_database()


def empty(url: str) -> None:
    """Delete all that is in the migrated database."""
    with psycopg.connect(url, autocommit=True) as connection:
        tables = ", ".join(f"seltzer.{each}" for each in TABLES)
        connection.execute(f"TRUNCATE {tables} RESTART IDENTITY CASCADE".encode())
