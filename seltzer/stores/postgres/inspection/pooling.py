"""Poolers between a process and the database, and what doesn't pass through them."""

import secrets
import time
from dataclasses import dataclass
from typing import Any, Final

import psycopg

from seltzer.stores.finding import Finding, fail, ok, warn

HINT_S: Final = 2.0  # how long a notification may take
_PID: Final = "SELECT pg_backend_pid()"
_LOCK: Final = "SELECT pg_try_advisory_xact_lock(%s)"
_WITHOUT_DIRECT: Final = (
    "set DATABASE_DIRECT_URL to the database itself{}: without it processes look for news every half"
    " second, and a dead one's runs wait for the end of their leases"
)


@dataclass(frozen=True, slots=True)
class Pooling:
    """is_pooled: something between answers for the database. is_by_transaction: it shares connections
    between clients from one transaction to the next, so that nothing of a session lasts.
    """

    is_pooled: bool
    is_by_transaction: bool

    def finding(self, *, has_direct: bool) -> Finding:
        if not self.is_pooled:
            return ok("pooler", "none: the connection is the database's own")
        mode = "transaction" if self.is_by_transaction else "session"
        if has_direct:
            return ok("pooler", f"there is one between, in {mode} mode; DATABASE_DIRECT_URL is set")
        same = "" if self.is_by_transaction else " (in this mode it may be the same address)"
        return warn("pooler", f"there is one between, in {mode} mode", _WITHOUT_DIRECT.format(same))


def pooling_of(one: psycopg.Connection[Any], other: psycopg.Connection[Any]) -> Pooling:
    """Return what is between, by two connections of one address.

    The protocol names the process behind a connection when it begins, and a pooler names one of its own. If
    the second client gets the process that the first one had while that is still connected, they share it.
    """
    pid = _value(one, _PID)
    is_pooled = pid != one.info.backend_pid
    is_by_transaction = is_pooled and any(_value(one, _PID) == _value(other, _PID) for _ in range(3))
    return Pooling(is_pooled, is_by_transaction)


def inspect_direct(
    main: psycopg.Connection[Any], direct: psycopg.Connection[Any], pooling: Pooling
) -> Finding:
    """Return whether DATABASE_DIRECT_URL leads to the same database, without a pooler by transaction."""
    if pooling.is_by_transaction:
        return fail(
            "direct",
            "DATABASE_DIRECT_URL leads through a pooler in transaction mode, too",
            "name the database's own host and port there",
        )
    key = secrets.randbits(62)
    with main.transaction():
        _value(main, _LOCK, key)  # locks are a database's own: another one's wouldn't be in the way
        is_same = not _value(direct, _LOCK, key)
    if not is_same:
        return fail(
            "direct",
            "DATABASE_DIRECT_URL leads to another database than DATABASE_URL",
            "name the same database in both",
        )
    return ok("direct", "DATABASE_DIRECT_URL leads to the same database")


def inspect_hints(sender: psycopg.Connection[Any], listener: psycopg.Connection[Any]) -> Finding:
    """Return whether a notification arrives: processes wake each other by them."""
    channel = f"seltzer_doctor_{secrets.token_hex(8)}"
    listener.execute(f"LISTEN {channel}".encode())
    began = time.monotonic()
    sender.execute("SELECT pg_notify(%s, '')", (channel,))
    for _ in listener.notifies(timeout=HINT_S, stop_after=1):
        return ok("notify", f"a notification arrives ({1000 * (time.monotonic() - began):.1f} ms)")
    return fail(
        "notify",
        f"a notification doesn't arrive within {HINT_S:g} s",
        "set DATABASE_DIRECT_URL to the database itself: something between drops them",
    )


def _value(connection: psycopg.Connection[Any], statement: str, *parameters: object) -> Any:
    row = connection.execute(statement.encode(), parameters).fetchone()
    assert row is not None  # a SELECT without FROM
    return row[0]
