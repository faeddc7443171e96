"""Seltzer's own schema in the database: its version, what is in it, and what the user may do there."""

from collections.abc import Iterator
from typing import Any, Final

import psycopg
from psycopg import errors
from psycopg.rows import namedtuple_row

from seltzer.stores.finding import Finding, fail, ok, warn
from seltzer.stores.postgres.migrations import all_migrations

COUNTED: Final = 10_000  # further rows aren't counted
_WAIT_MS: Final = 1_000  # for a migration, which locks tables

_RIGHTS: Final = """
SELECT current_user AS who, current_database() AS name,
    to_regnamespace('seltzer') IS NOT NULL AS is_there,
    has_database_privilege(current_database(), 'CREATE') AS may_create,
    coalesce(has_schema_privilege(to_regnamespace('seltzer')::oid, 'USAGE'), false) AS may_use,
    coalesce(has_schema_privilege(to_regnamespace('seltzer')::oid, 'CREATE'), false) AS may_add,
    EXISTS (SELECT FROM pg_class WHERE relnamespace = to_regnamespace('seltzer') AND relname = 'version')
        AS has_version,
    (SELECT count(*) FROM pg_class WHERE relnamespace = to_regnamespace('seltzer') AND relkind IN ('r', 'p')
        AND NOT (has_table_privilege(oid, 'SELECT') AND has_table_privilege(oid, 'INSERT')
            AND has_table_privilege(oid, 'UPDATE') AND has_table_privilege(oid, 'DELETE'))) AS denied,
    (SELECT count(*) FROM pg_class WHERE relnamespace = to_regnamespace('seltzer') AND relkind IN ('r', 'p')
        AND NOT pg_has_role(relowner, 'USAGE')) AS foreign_tables
"""


def inspect_schema(connection: psycopg.Connection[Any]) -> Iterator[Finding]:
    """Yield what is found."""
    with connection.cursor(row_factory=namedtuple_row) as cursor:
        rights: Any = cursor.execute(_RIGHTS.encode()).fetchone()
    newest = all_migrations()[-1].number
    if not rights.is_there:
        yield ok("schema", "there is none yet; the first start, or seltzer migrate, creates it")
        yield _creation(rights)
        return
    if not rights.may_use or rights.denied:
        yield fail(
            "permissions",
            f"{rights.who} may not read and write all of the schema seltzer",
            f"connect as the user who created it, or make {rights.who} the owner of it and its tables",
        )
        return
    try:
        with connection.transaction():
            connection.execute(f"SET LOCAL statement_timeout = {_WAIT_MS}".encode())
            version = _one(connection, "SELECT number FROM seltzer.version") if rights.has_version else 0
            yield _version(version, newest)
            yield _permissions(rights, is_current=version >= newest)
            yield _contents(connection, version)
    except errors.QueryCanceled:
        yield warn("schema", "it is locked: a migration is at work", "look again in a moment")


def _creation(rights: Any) -> Finding:
    if rights.may_create:
        return ok("permissions", f"{rights.who} may create the schema")
    return fail(
        "permissions",
        f"{rights.who} may not create a schema",
        f"as the database's owner: GRANT CREATE ON DATABASE {rights.name} TO {rights.who}",
    )


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


def _permissions(rights: Any, *, is_current: bool) -> Finding:
    if is_current or (rights.may_add and not rights.foreign_tables):
        return ok("permissions", f"{rights.who} may read and write the schema")
    return fail(
        "permissions",
        f"{rights.who} may not migrate the schema: its tables are another user's",
        "run seltzer migrate as the user who created it",
    )


def _contents(connection: psycopg.Connection[Any], version: int) -> Finding:
    if version == 0:
        return ok("contents", "nothing yet")
    counted = [
        _count(connection, "seltzer.threads"),
        _count(connection, "seltzer.runs"),
        _count(connection, "seltzer.runs WHERE status IN ('pending', 'running')"),
    ]
    return ok("contents", "threads: {}, runs: {}, of them active: {}".format(*counted))


def _count(connection: psycopg.Connection[Any], rows: str) -> str:
    found = _one(connection, f"SELECT count(*) FROM (SELECT 1 FROM {rows} LIMIT {COUNTED + 1}) AS found")
    return f"over {COUNTED:,}" if found > COUNTED else f"{found:,}"


def _one(connection: psycopg.Connection[Any], statement: str) -> Any:
    row = connection.execute(statement.encode()).fetchone()
    return row[0] if row else 0
