"""Looks at the database that the settings name, and at the way there."""

from collections.abc import Iterator
from contextlib import ExitStack
from typing import Final, TypeAlias

import psycopg
from psycopg.rows import TupleRow

from seltzer.errors import LoadError
from seltzer.stores.finding import Finding, fail
from seltzer.stores.postgres.connections.address import Address, parse
from seltzer.stores.postgres.connections.failures import unusable
from seltzer.stores.postgres.inspection.pooling import Pooling, inspect_direct, inspect_hints, pooling_of
from seltzer.stores.postgres.inspection.schema import inspect_schema
from seltzer.stores.postgres.inspection.server import inspect_server

Connection: TypeAlias = psycopg.Connection[TupleRow]

DIRECT: Final = "DATABASE_DIRECT_URL"


def inspect(url: str, direct_url: str | None = None, *, pool: int) -> Iterator[Finding]:
    """Yield what is found; nothing further if the database can't be reached.

    pool: the most connections that a process has in its pool.
    """
    with ExitStack() as opened:
        try:
            address = parse(url)
            main = opened.enter_context(_connected(address, "DATABASE_URL"))
        except LoadError as error:
            yield _refused("database", error)
            return
        try:
            yield from inspect_server(main, address, pool=pool)
            pooling = pooling_of(main, opened.enter_context(_connected(address, "DATABASE_URL")))
            yield from inspect_schema(main)
            yield from _way(main, address, direct_url, pooling, opened)
        except LoadError as error:
            yield _refused("database", error)
        except psycopg.Error as error:
            yield _refused("database", unusable(error, address))


def _way(
    main: Connection, address: Address, direct_url: str | None, pooling: Pooling, opened: ExitStack
) -> Iterator[Finding]:
    """Yield what is found on the way to the database: a pooler, the way past it, and whether hints pass."""
    yield pooling.finding(has_direct=direct_url is not None)
    if direct_url is None:
        if not pooling.is_by_transaction:
            yield inspect_hints(main, opened.enter_context(_connected(address, "DATABASE_URL")))
        return
    try:
        direct_address = parse(direct_url, DIRECT)
        direct = opened.enter_context(_connected(direct_address, DIRECT))
        other = opened.enter_context(_connected(direct_address, DIRECT))
    except LoadError as error:
        yield _refused("direct", error)
        return
    found = inspect_direct(main, direct, pooling_of(direct, other))
    yield found
    if found.level == "ok":
        yield inspect_hints(main, direct)


def _connected(address: Address, variable: str) -> Connection:
    """Connect. Raises LoadError."""
    try:
        return psycopg.connect(address.conninfo, autocommit=True, prepare_threshold=None)
    except psycopg.Error as error:
        raise unusable(error, address, variable) from error


def _refused(check: str, error: LoadError) -> Finding:
    return fail(check, f"{error.what}: {error.why}", error.todo)
