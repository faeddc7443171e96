"""Seltzer's own schema in the database: its version, what is in it, and what the user may do there."""

from collections.abc import Iterator
from typing import Any, Final

import psycopg
from psycopg import errors
from psycopg.rows import dict_row

from seltzer.stores.finding import Finding, fail, ok, warn
from seltzer.stores.postgres.connections.rights import LOOK, Missing, rights_of
from seltzer.stores.postgres.migrations import all_migrations

COUNTED: Final = 10_000  # further rows aren't counted
_WAIT_MS: Final = 1_000  # for a migration, which locks tables

_PGVECTOR: Final = (
    "SELECT coalesce(installed_version, default_version || ', not created yet')"
    " FROM pg_available_extensions WHERE name = 'vector'"
)


def inspect_schema(connection: psycopg.Connection[Any]) -> Iterator[Finding]:
    """Yield what is found."""
    with connection.cursor(row_factory=dict_row) as cursor:
        rights = rights_of(cursor.execute(LOOK.encode()).fetchone())
    newest = all_migrations()[-1].number
    missing = rights.missing()
    if not rights.is_there:
        yield ok("schema", "there is none yet; the first start, or seltzer migrate, creates it")
        yield _permissions(missing, f"{rights.who} may create the schema")
        return
    if missing is not None:
        yield _permissions(missing)
        return
    try:
        with connection.transaction():
            connection.execute(f"SET LOCAL statement_timeout = {_WAIT_MS}".encode())
            version = _one(connection, "SELECT number FROM seltzer.version") if rights.has_version else 0
            yield _version(version, newest)
            missing = rights.missing_to_migrate() if version < newest else None
            yield _permissions(missing, f"{rights.who} may read and write the schema")
            yield _contents(connection, version)
            yield _items(connection)
    except errors.QueryCanceled:
        yield warn("schema", "it is locked: a migration is at work", "look again in a moment")


def _version(version: int, newest: int) -> Finding:
    if version > newest:
        return fail(
            "schema",
            f"it is at version {version}, this Seltzer reads up to {newest}",
            "run the later Seltzer that migrated it",
        )
    if version < newest:
        return ok(
            "schema", f"it is at version {version}; the next start, or seltzer migrate, makes it {newest}"
        )
    return ok("schema", f"it is at version {version}, this Seltzer's own")


def _permissions(missing: Missing | None, otherwise: str = "") -> Finding:
    if missing is not None:
        return fail("permissions", missing.why, missing.todo)
    return ok("permissions", otherwise)


def _contents(connection: psycopg.Connection[Any], version: int) -> Finding:
    if version == 0:
        return ok("contents", "nothing yet")
    counted = [
        _count(connection, "seltzer.threads"),
        _count(connection, "seltzer.runs"),
        _count(connection, "seltzer.runs WHERE status IN ('pending', 'running')"),
    ]
    return ok("contents", "threads: {}, runs: {}, of them active: {}".format(*counted))


def _items(connection: psycopg.Connection[Any]) -> Finding:
    pgvector = _one(connection, _PGVECTOR) or "not available"
    if not _one(connection, "SELECT to_regclass('seltzer.store') IS NOT NULL"):
        return ok("items", f"the graphs' store isn't set up yet; pgvector: {pgvector}")
    return ok("items", f"graphs have stored: {_count(connection, 'seltzer.store')}; pgvector: {pgvector}")


def _count(connection: psycopg.Connection[Any], rows: str) -> str:
    found = _one(connection, f"SELECT count(*) FROM (SELECT 1 FROM {rows} LIMIT {COUNTED + 1}) AS found")
    return f"over {COUNTED:,}" if found > COUNTED else f"{found:,}"


def _one(connection: psycopg.Connection[Any], statement: str) -> Any:
    row = connection.execute(statement.encode()).fetchone()
    return row[0] if row else 0
