"""Which store the settings name: SQLite files, or a Postgres database. Nothing is opened or reached here."""

import re
from dataclasses import dataclass
from importlib import import_module
from typing import Final, Literal

from seltzer.errors import LoadError

Kind = Literal["sqlite", "postgres"]

VARIABLE: Final = "DATABASE_URL"
# Also what is nearly one, such as a URL with the quotes of an env file around it: its error is worth more
# than threads that end up in another place.
_POSTGRES: Final = re.compile(r"^\W*(postgres|postgresql)(\+\w+)?:", re.IGNORECASE)
_KEYWORDS: Final = re.compile(r"^\s*(host|hostaddr|port|dbname|user|password|service)\s*=", re.IGNORECASE)
_SCHEME: Final = re.compile(r"^([a-z][a-z0-9+.-]*):", re.IGNORECASE)
_DRIVERS: Final = ("psycopg", "psycopg_pool")


@dataclass(frozen=True, slots=True)
class StoreChoice:
    """kind: the store. notice: a line for the start of a server where the choice may surprise; else empty."""

    kind: Kind
    notice: str = ""


def choose(url: str | None, wanted: Kind | None = None) -> StoreChoice:
    """Return the store for what DATABASE_URL and SELTZER_STORE are.

    Raises LoadError if Postgres is wanted, and the URL is missing or another database's.
    """
    if wanted == "sqlite":
        return StoreChoice("sqlite", _ignored("SELTZER_STORE is sqlite") if is_postgres(url) else "")
    if is_postgres(url):
        return StoreChoice("postgres")
    if wanted == "postgres":
        raise LoadError(
            "the store can't be opened",
            f"SELTZER_STORE is postgres, and {VARIABLE} {_description(url)}",
            f"set {VARIABLE} to postgresql://USER:PASSWORD@HOST:5432/DATABASE, or unset SELTZER_STORE",
        )
    return StoreChoice("sqlite", _ignored(f"it {_description(url)}") if url else "")


def is_postgres(url: str | None) -> bool:
    """Return whether the URL is meant as a Postgres database's: as a URL, or in libpq's keywords."""
    return bool(url and (_POSTGRES.match(url) or _KEYWORDS.match(url)))


def check_driver() -> None:
    """Raise LoadError if the driver for Postgres can't be imported."""
    try:
        for each in _DRIVERS:
            import_module(each)
    except ImportError as error:
        raise LoadError(
            f"{VARIABLE} can't be used",
            f"the driver for Postgres is missing: {error}",
            "pip install 'seltzer[postgres]'; if that database isn't Seltzer's, set SELTZER_STORE=sqlite",
        ) from error


def _ignored(why: str) -> str:
    return f"{VARIABLE} is ignored, as {why}: threads and runs are kept in SQLite"


def _description(url: str | None) -> str:
    """Return what the URL is, without what of it may be secret."""
    if not url:
        return "isn't set"
    scheme = _SCHEME.match(url)
    return f"is a {scheme[1].lower()} address, not Postgres'" if scheme else "is no address of a Postgres"
