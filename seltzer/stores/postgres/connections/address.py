"""Where a Postgres database is: what DATABASE_URL says, and what of it may be shown."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

import psycopg
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from seltzer.errors import LoadError

# A connection that is silent for longer is dead: cables are cut without a word.
_DEFAULTS: Final[dict[str, str | int]] = {
    "application_name": "seltzer",
    "connect_timeout": 5,
    "keepalives_idle": 5,
    "keepalives_interval": 2,
    "keepalives_count": 3,
    "tcp_user_timeout": 10_000,
}
_DRIVER: Final = re.compile(
    r"^\s*(postgres|postgresql)(\+\w+)?://", re.IGNORECASE
)  # as SQLAlchemy names its drivers


@dataclass(frozen=True, slots=True)
class Address:
    """A database. conninfo is libpq's own form, with the password; as text there is none in it."""

    conninfo: str = field(repr=False)
    place: str

    def __str__(self) -> str:
        return self.place

    def conninfo_with(self, **defaults: str | int) -> str:
        """Return conninfo with these options, unless it has others."""
        return make_conninfo("", **(defaults | conninfo_to_dict(self.conninfo)))


def parse(url: str, variable: str = "DATABASE_URL") -> Address:
    """Return the address; what the url leaves out, libpq takes from PGHOST, PGUSER and so on.

    Raises LoadError, which doesn't repeat the url.
    """
    try:
        given = conninfo_to_dict(_DRIVER.sub("postgresql://", url.rstrip()))
        _check(given)
    except (psycopg.ProgrammingError, ValueError):
        raise LoadError(
            f"{variable} can't be used",
            "it is no address of a Postgres database, or has a sign that must be written otherwise",
            "write it as postgresql://USER:PASSWORD@HOST:5432/DATABASE, without quotes; in a password,"
            " @ : / and % are %40 %3A %2F and %25",
        ) from None
    named = {name: value for name, value in given.items() if value is not None}
    # Of several servers, the primary.
    primary = {"target_session_attrs": "read-write"} if "," in str(given.get("host")) else {}
    conninfo = make_conninfo("", **(_DEFAULTS | primary | named))
    host, port = given.get("host") or given.get("hostaddr") or "the local socket", given.get("port")
    name, user = given.get("dbname"), given.get("user")
    where = f"{host}:{port}" if port else f"{host}"
    place = f"{where}{f'/{name}' if name else ''}{f' as {user}' if user else ''}"
    return Address(conninfo, place)


def _check(given: Mapping[str, Any]) -> None:
    """Raise ValueError where an unescaped / or @ of a password has become part of something that is shown."""
    ports = str(given.get("port") or "").split(",")
    if "@" in f"{given.get('dbname')}{given.get('host')}" or not all(
        port.isdigit() for port in ports if port
    ):
        raise ValueError
