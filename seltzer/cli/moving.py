"""`seltzer import FOLDER` and `seltzer export FOLDER`: from SQLite to Postgres, and back.

What goes between the two is a data folder, and no format of its own: it is there before the first of these,
and a server can start on it after the second. So a person needs one command for either way, and a backup can
be imported, too.
"""

import shlex
import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from seltzer.errors import AppError, LoadError
from seltzer.settings import Settings
from seltzer.stores.choice import check_driver, choose

if TYPE_CHECKING:
    from seltzer.stores.moving.tables import Moved
    from seltzer.stores.postgres.connections.address import Address


def run_import(settings: Settings, folder: Path) -> int:
    """Import the folder and print how much was in it. Returns 1 if that can't be done, 130 after Ctrl-C."""

    def work() -> str:
        address = _address(settings, f"to use the folder as it is: SELTZER_DATA={folder} seltzer serve")
        with _needing_packages():
            from seltzer.stores.moving.into_postgres import import_folder

        moved = import_folder(folder, address)
        if moved.vectors_left:
            print(
                f"{moved.vectors_left:,} items can't be searched by meaning: this Postgres has no extension"
                " `vector` (pgvector); have them put again when it has",
                file=sys.stderr,
            )
        return f"{folder} is imported into {address}: {_described(moved)}"

    return _run(work)


def run_export(settings: Settings, folder: Path) -> int:
    """Export into the folder and print how much. Returns 1 if that can't be done, 130 after Ctrl-C."""

    def work() -> str:
        address = _address(settings, f"to copy the SQLite store: seltzer backup {folder}")
        with _needing_packages():
            from seltzer.stores.moving.into_folder import export_folder

        moved = export_folder(address, folder)
        return (
            f"{address} is exported into {folder}: {_described(moved)}\n"
            f"A server on it: SELTZER_STORE=sqlite SELTZER_DATA={shlex.quote(str(folder))} seltzer serve"
        )

    return _run(work)


@contextmanager
def _needing_packages() -> Iterator[None]:
    """Raise LoadError if one of the packages for the graphs' stores is missing."""
    try:
        yield
    except ImportError as error:
        raise LoadError(
            "nothing can be moved",
            f"a package is missing: {error}",
            "pip install 'seltzer[postgres]' langgraph-checkpoint-sqlite",
        ) from error


def _run(work: Callable[[], str]) -> int:
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        print(work())
    except AppError as error:
        print(error, file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("seltzer: stopped; nothing was written", file=sys.stderr)
        return 130
    return 0


def _address(settings: Settings, otherwise: str) -> "Address":
    """Return the database's address, past a pooler if there is a way. Raises LoadError."""
    url = settings.database_url.get_secret_value() if settings.database_url else ""
    if choose(url, settings.store).kind != "postgres":
        raise LoadError(
            "there is no database to move threads to or from",
            "DATABASE_URL doesn't name one",
            f"set it to postgresql://..; {otherwise}",
        )
    check_driver()
    from seltzer.stores.postgres.connections.address import parse

    direct = settings.database_direct_url
    return parse(direct.get_secret_value(), "DATABASE_DIRECT_URL") if direct else parse(url)


def _described(moved: "Moved") -> str:
    return (
        f"{moved.threads:,} threads, {moved.runs:,} runs, {moved.checkpoints:,} states, {moved.items:,} items"
    )
