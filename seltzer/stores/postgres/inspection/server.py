"""The database's server: its version, settings, clock and room for connections."""

import time
from collections.abc import Iterator
from typing import Any, Final

import psycopg
from psycopg.rows import namedtuple_row

from seltzer.stores.finding import Finding, fail, ok, warn
from seltzer.stores.postgres.connections.address import Address
from seltzer.stores.postgres.connections.failures import FLOOR
from seltzer.stores.postgres.statements.processes import LOCKS

ROUND_TRIPS: Final = 3
SLOW_S: Final = 0.02  # a round trip of another region, which every request pays several times
SKEW_S: Final = 2.0
MIB: Final = 1_048_576

_FACTS: Final = """
SELECT current_setting('server_version') AS version,
    current_setting('server_version_num')::int AS number,
    current_setting('server_encoding') AS encoding,
    current_setting('transaction_read_only')::bool AS is_read_only,
    pg_is_in_recovery() AS is_replica,
    current_setting('fsync')::bool AS fsync,
    current_setting('full_page_writes')::bool AS full_page_writes,
    current_setting('synchronous_commit') AS synchronous_commit,
    current_setting('max_connections')::int AS max_connections,
    current_setting('superuser_reserved_connections')::int
        + coalesce(current_setting('reserved_connections', true)::int, 0) AS reserved,
    (SELECT sum(numbackends) FROM pg_stat_database)::int AS in_use,
    (SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND granted AND objsubid = 2
        AND classid::bigint = %s
        AND database = (SELECT oid FROM pg_database WHERE datname = current_database()))::int AS processes,
    (SELECT rolconnlimit FROM pg_roles WHERE rolname = current_user) AS role_limit,
    (SELECT datconnlimit FROM pg_database WHERE datname = current_database()) AS database_limit,
    pg_database_size(current_database()) AS size,
    extract(epoch FROM clock_timestamp())::float8 AS clock
"""


def inspect_server(connection: psycopg.Connection[Any], address: Address, *, pool: int) -> Iterator[Finding]:
    """Yield what is found. pool: the most connections that a process has in its pool."""
    yield _round_trip(connection, address)
    with connection.cursor(row_factory=namedtuple_row) as cursor:
        before = time.time()
        facts: Any = cursor.execute(_FACTS.encode(), (LOCKS,)).fetchone()
        after = time.time()
    yield _version(facts)
    yield _writes(facts)
    yield _encoding(facts)
    yield _clock(facts.clock, before, after)
    yield _durability(facts)
    yield _connections(facts, pool)
    yield ok("size", f"{facts.size / MIB:,.0f} MiB in the database; its free disk can't be seen from here")


def _round_trip(connection: psycopg.Connection[Any], address: Address) -> Finding:
    times = []
    for _ in range(ROUND_TRIPS):
        began = time.perf_counter()
        connection.execute("SELECT 1")
        times.append(time.perf_counter() - began)
    text = f"{address}, {1000 * min(times):.1f} ms away"
    if min(times) > SLOW_S:
        return warn("database", text, "run Seltzer near it: every request pays that several times")
    return ok("database", text)


def _version(facts: Any) -> Finding:
    if facts.number < FLOOR * 10_000:
        return fail("version", f"Postgres {facts.version}", f"update it: Seltzer needs {FLOOR} or later")
    return ok("version", f"Postgres {facts.version}; Seltzer needs {FLOOR} or later")


def _writes(facts: Any) -> Finding:
    if facts.is_replica:
        return fail("writable", "it is a replica, which only reads", "name the primary in DATABASE_URL")
    if facts.is_read_only:
        return fail(
            "writable", "it is read-only", "end default_transaction_read_only, of the database or the user"
        )
    return ok("writable", "it takes writes")


def _encoding(facts: Any) -> Finding:
    if facts.encoding != "UTF8":
        return fail(
            "encoding",
            f"the database's encoding is {facts.encoding}, which hasn't every character",
            "create one with ENCODING 'UTF8' TEMPLATE template0",
        )
    return ok("encoding", "UTF8")


def _clock(theirs: float, before: float, after: float) -> Finding:
    """Compare the clocks; what the answer's way may have cost isn't counted as a difference."""
    skew = theirs - after if theirs > after else min(theirs - before, 0.0)
    if abs(skew) > SKEW_S:
        ahead = "ahead of" if skew > 0 else "behind"
        return warn(
            "clock",
            f"the database's is {abs(skew):,.1f} s {ahead} this machine's",
            "let both follow NTP: leases go by the database's clock alone, the log's times don't",
        )
    return ok("clock", f"the database's and this machine's differ by less than {SKEW_S:g} s")


def _durability(facts: Any) -> Finding:
    off = [name for name in ("fsync", "full_page_writes") if not getattr(facts, name)]
    if off:
        return warn(
            "durability",
            f"{' and '.join(off)} off: a power cut may damage the whole database",
            "turn on what is off in postgresql.conf",
        )
    if facts.synchronous_commit == "off":
        return warn(
            "durability",
            "synchronous_commit is off: a crash may lose the last accepted runs",
            "turn it on; Seltzer itself turns it off where that is safe",
        )
    return ok("durability", f"fsync on, synchronous_commit {facts.synchronous_commit}")


def _connections(facts: Any, pool: int) -> Finding:
    """Return whether there is room for another process: its pool, and the connection for its hints."""
    needed = pool + 1
    limits = [facts.max_connections - facts.reserved, facts.role_limit, facts.database_limit]
    limit = min(each for each in limits if each >= 0)
    text = (
        f"{facts.in_use} of {limit} in use; Seltzer processes: {facts.processes}, each takes up to {needed}"
    )
    if facts.in_use + needed > limit:
        return warn(
            "connections",
            text,
            "lower SELTZER_DATABASE_POOL, raise max_connections (or the user's or database's own limit),"
            " or put a pooler between",
        )
    return ok("connections", text)
