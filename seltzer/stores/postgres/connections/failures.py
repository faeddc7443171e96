"""Why a database can't be used, and what to do about it: its errors at the start -> LoadError.

A server's words come in its language, and those before the login without a code: what isn't recognised is
shown as it is, without the password.
"""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final, NamedTuple

import psycopg
from psycopg.conninfo import conninfo_to_dict

from seltzer.errors import LoadError, StorageFailed
from seltzer.stores.postgres.connections.address import Address
from seltzer.stores.postgres.connections.sqlstates import READ_ONLY

FLOOR: Final = 15  # the oldest Postgres that its own project still maintains


class _Kind(NamedTuple):
    """Errors of one cause: recognised by their code, or by words of their text."""

    codes: str
    words: str
    why: str
    todo: str


_KINDS: Final = [
    _Kind(*each)
    for each in (
        (
            "28P01 28000",
            r"auth\w* failed|no password supplied|role .* does not exist|no such user",
            "it refuses the user or the password",
            "check both in {variable}; in a URL, a password's @ : / and % are written as %40 %3A %2F and %25",
        ),
        (
            "3D000",
            r"database .* does not exist|no such database",
            "there is no such database",
            "create it (`createdb NAME`), or name another in {variable}",
        ),
        (
            "",
            r"invalid (integer|port|\w+mode|value)|invalid \S+ value",
            "{variable} has a part that can't be used",
            "write it as postgresql://USER:PASSWORD@HOST:5432/DATABASE",
        ),
        (
            "",
            r"no pg_hba.conf entry",
            "it doesn't admit this user from this machine",
            "allow it in the server's pg_hba.conf; where it admits encrypted connections only, add"
            " ?sslmode=require to {variable}",
        ),
        (
            "",
            r"invalid response|closed the connection unexpectedly|expected authentication request",
            "what answers there is no Postgres, or it broke off",
            "check the host and the port in {variable}, and the server's log",
        ),
        (
            "",
            r"ssl|certificate",
            "there is no encrypted connection as {variable} wants it",
            "change sslmode or sslrootcert in {variable}",
        ),
        (
            "",
            r"resolve host|translate host name|name or service not known",
            "its host isn't known",
            "check the host in {variable}",
        ),
        (
            "",
            r"refused|no such file or directory",
            "no Postgres listens there",
            "start it, or check the host and the port in {variable}",
        ),
        (
            "",
            r"timeout expired|timed out|no route to host|unreachable",
            "it doesn't answer",
            "check the host and the port in {variable}, and the firewalls between",
        ),
        (
            "53300",
            r"too many (connections|clients)|remaining connection slots|no more connections",
            "it has no connection left",
            "lower SELTZER_DATABASE_POOL, raise the server's max_connections, or put a pooler between",
        ),
        (
            "57P03 57P01 57P02",
            r"starting up|shutting down|not yet accepting|in recovery mode",
            "it is starting or stopping",
            "try again in a moment",
        ),
        (
            "42501",
            r"permission denied",
            "this user may not do what Seltzer needs",
            "as the database's owner: GRANT CREATE, CONNECT ON DATABASE {name} TO {user}; where another user"
            " has created the schema `seltzer`: use that user, or make {user} the owner of it and its tables",
        ),
        (
            READ_ONLY,
            r"read-only transaction",
            "it is read-only",
            "name the primary in {variable}, not a replica; or end default_transaction_read_only",
        ),
        ("53100", r"no space left", "its disk is full", "make room on the database's disk"),
    )
]
_OTHER: Final = _Kind("", "", "", "check {variable}, and the database's log")


def unusable(error: psycopg.Error, address: Address, variable: str = "DATABASE_URL") -> LoadError:
    """Return the error of a database that was to be opened, as people are shown it."""
    text = _without_password(_last_words(error), address)
    kind = next((each for each in _KINDS if _is_of(each, error.sqlstate, text)), _OTHER)
    named = {**conninfo_to_dict(address.conninfo), "variable": variable}
    todo = kind.todo.format(
        variable=variable, name=named.get("dbname") or "NAME", user=named.get("user") or "USER"
    )
    why = f"{kind.why.format(variable=variable)} ({text})" if kind.why else text
    return LoadError(f"the database {address} can't be used", why, todo)


@contextmanager
def as_load_errors(address: Address, variable: str = "DATABASE_URL") -> Iterator[None]:
    """Raise the driver's errors, and the StorageFailed they have become, as LoadError."""
    try:
        yield
    except psycopg.Error as error:
        raise unusable(error, address, variable) from error
    except StorageFailed as error:
        if isinstance(error.__cause__, psycopg.Error):
            raise unusable(error.__cause__, address, variable) from error
        raise


async def check_server(address: Address, variable: str = "DATABASE_URL") -> None:
    """Connect once, so that the reason is known if that fails; a pool would only try again.

    Raises LoadError if the database can't be reached or written, or is too old.
    """
    with as_load_errors(address, variable):
        async with await psycopg.AsyncConnection.connect(
            address.conninfo, autocommit=True, prepare_threshold=None
        ) as connection:
            found = await connection.execute(
                "SELECT current_setting('server_version_num')::int,"
                " current_setting('server_version'),"
                " current_setting('transaction_read_only')::bool"
            )
            row = await found.fetchone()
    assert row is not None  # a SELECT without FROM
    number, version, is_read_only = row
    if number < FLOOR * 10_000:
        raise too_old(address, version)
    if is_read_only:
        raise unusable(
            psycopg.errors.ReadOnlySqlTransaction("it has no transaction that writes"), address, variable
        )


def too_old(address: Address, version: str) -> LoadError:
    return LoadError(
        f"the database {address} can't be used",
        f"it is Postgres {version}, and Seltzer needs {FLOOR} or later",
        f"update the server to Postgres {FLOOR} or later",
    )


def _is_of(kind: _Kind, code: str | None, text: str) -> bool:
    if code is not None:
        return code in kind.codes.split()
    return re.search(kind.words, text, re.IGNORECASE) is not None


def _last_words(error: psycopg.Error) -> str:
    """Return what the server said, in a line, without where libpq has asked it."""
    if isinstance(error, psycopg.errors.ConnectionTimeout):
        return "connection timeout expired"
    if error.diag.message_primary:
        return error.diag.message_primary
    first = next(iter(str(error).strip().splitlines()), "") or type(error).__name__
    return first.rpartition(" failed: ")[2].strip()


def _without_password(text: str, address: Address) -> str:
    password = conninfo_to_dict(address.conninfo).get("password")
    return text.replace(str(password), "***") if password else text
