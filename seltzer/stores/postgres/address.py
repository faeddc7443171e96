"""Where a Postgres database is: what DATABASE_URL says, and what of it may be shown."""

import re
from dataclasses import dataclass, field
from typing import Final

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
_URL_PASSWORD: Final = re.compile(r"(://[^:/@\s]*):[^@\s]*@")


@dataclass(frozen=True, slots=True)
class Address:
    """A database. conninfo is libpq's own form, with the password; as text there is none in it."""

    conninfo: str = field(repr=False)
    place: str

    def __str__(self) -> str:
        return self.place


def parse(url: str, variable: str = "DATABASE_URL") -> Address:
    """Return the address; what the url leaves out, libpq takes from PGHOST, PGUSER and so on.

    Raises LoadError, which doesn't repeat the url.
    """
    try:
        given = conninfo_to_dict(_DRIVER.sub("postgresql://", url.rstrip()))
    except psycopg.ProgrammingError as error:
        raise LoadError(
            f"{variable} can't be used",
            f"it is no address of a Postgres database: {without_password(str(error), url)}",
            "write it as postgresql://USER:PASSWORD@HOST:5432/DATABASE, without quotes; an @ in the password"
            " is %40",
        ) from None
    named = {name: value for name, value in given.items() if value is not None}
    conninfo = make_conninfo("", **(_DEFAULTS | named))
    host, port = given.get("host") or given.get("hostaddr") or "the local socket", given.get("port")
    name, user = given.get("dbname"), given.get("user")
    where = f"{host}:{port}" if port else f"{host}"
    place = f"{where}{f'/{name}' if name else ''}{f' as {user}' if user else ''}"
    return Address(conninfo, place)


def without_password(text: str, url: str) -> str:
    """Return the text without what of the url is secret."""
    shown = text.replace(url, "(the url)")
    if (match := re.search(r"://[^:/@]*:([^@]+)@", url)) is not None:
        shown = shown.replace(match[1], "***")
    return _URL_PASSWORD.sub(r"\1:***@", shown)
