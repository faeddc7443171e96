"""A file that is only read, beside a server that writes to it."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from seltzer.stores.sqlite.files import APPLICATION_ID

BUSY_TIMEOUT_S = 5.0


@contextmanager
def reading(file: Path) -> Iterator[sqlite3.Connection]:
    """Open the file, which must be there, without writing to it. Raises sqlite3.Error."""
    url = f"{file.absolute().as_uri()}?mode=ro"
    with closing(sqlite3.connect(url, uri=True, timeout=BUSY_TIMEOUT_S, isolation_level=None)) as connection:
        yield connection


def version_of(connection: sqlite3.Connection) -> int | None:
    """Return the number of the last migration that was applied to the file; None if it isn't Seltzer's."""
    (application_id,) = connection.execute("PRAGMA application_id").fetchone()
    (version,) = connection.execute("PRAGMA user_version").fetchone()
    return int(version) if application_id == APPLICATION_ID else None
