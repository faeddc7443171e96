"""Whether a data folder is in order. Nothing in it is changed, and a running server isn't disturbed."""

import shutil
import sqlite3
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from seltzer.stores.finding import Finding, fail, ok, warn
from seltzer.stores.sqlite.files import FILE_NAME, ITEMS_FILE_NAME
from seltzer.stores.sqlite.lock import user_of
from seltzer.stores.sqlite.maintenance.filesystem import inspect_filesystem, inspect_folder, nearest
from seltzer.stores.sqlite.maintenance.reading import reading, version_of
from seltzer.stores.sqlite.migrations import all_migrations

MIB: Final = 1_048_576
CHECK_S: Final = 1.0  # how long a file's integrity is checked, unless the whole is asked for
FREE_BYTES: Final = 512 * MIB
LEAST_FREE_BYTES: Final = 16 * MIB
_STEPS: Final = 10_000  # of SQLite's machine, between two looks at the clock


def inspect(folder: Path, *, is_whole: bool = False) -> Iterator[Finding]:
    """Yield what is found.

    is_whole: check the integrity of the whole files, however long that takes.
    """
    writable = inspect_folder(folder)
    yield writable
    if writable.level == "fail":
        return
    yield inspect_filesystem(folder)
    yield _disk(folder)
    user = user_of(folder)
    yield ok("lock", f"{folder} is in use by {user}" if user else "no server uses the folder")
    if not (folder / FILE_NAME).exists():
        yield ok("file", f"{folder / FILE_NAME} isn't there yet; a server creates it")
    else:
        yield from _file(folder / FILE_NAME, None if is_whole else CHECK_S)
    if (folder / ITEMS_FILE_NAME).exists():
        yield from _items(folder / ITEMS_FILE_NAME, None if is_whole else CHECK_S)


def _file(file: Path, limit_s: float | None) -> Iterator[Finding]:
    try:
        with reading(file) as connection:
            version = _version(file, version_of(connection))
            yield version
            if version.level == "fail":
                return
            yield _journal(connection)
            yield _integrity(file, connection, limit_s)
            yield _contents(connection)
    except sqlite3.Error as error:
        yield fail(
            "file", f"{file} can't be read (SQLite: {error})", "restore a backup, or move the file away"
        )


def _items(file: Path, limit_s: float | None) -> Iterator[Finding]:
    try:
        with reading(file) as connection:
            yield _integrity(file, connection, limit_s)
    except sqlite3.Error as error:
        yield fail(
            "items", f"{file} can't be read (SQLite: {error})", "restore a backup, or move the file away"
        )


def _version(file: Path, version: int | None) -> Finding:
    newest = all_migrations()[-1].number
    if version is None:
        return fail("file", f"{file} is another program's database", "choose another folder by SELTZER_DATA")
    if version > newest:
        return fail(
            "file",
            f"{file} is at version {version}, this Seltzer reads up to {newest}",
            "run the later Seltzer that wrote it",
        )
    if version < newest:
        return ok(
            "file", f"{file} is at version {version}; the next start, or seltzer migrate, makes it {newest}"
        )
    return ok("file", f"{file} is at version {version}, this Seltzer's own")


def _journal(connection: sqlite3.Connection) -> Finding:
    (mode,) = connection.execute("PRAGMA journal_mode").fetchone()
    if mode == "wal":
        return ok("journal", "wal")
    return warn(
        "journal", f"{mode}, not wal: readers and writers wait for each other", "the next start changes it"
    )


def _integrity(file: Path, connection: sqlite3.Connection, limit_s: float | None) -> Finding:
    until = None if limit_s is None else time.monotonic() + limit_s
    connection.set_progress_handler(lambda: until is not None and time.monotonic() > until, _STEPS)
    try:
        (found,) = connection.execute("PRAGMA quick_check(1)").fetchone()
    except sqlite3.OperationalError as error:
        if "interrupted" not in str(error):
            raise
        return ok("integrity", f"{file.name} is too large to be checked at once; --full checks it")
    finally:
        connection.set_progress_handler(None, 0)
    if found == "ok":
        return ok("integrity", f"{file.name} is sound")
    return fail("integrity", f"{file.name} is damaged: {found}", "restore the last backup that is sound")


def _contents(connection: sqlite3.Connection) -> Finding:
    (threads,) = connection.execute("SELECT count(*) FROM threads").fetchone()
    counts = dict(connection.execute("SELECT status, count(*) FROM runs GROUP BY status").fetchall())
    active = counts.get("pending", 0) + counts.get("running", 0)
    return ok("contents", f"threads: {threads:,}, runs: {sum(counts.values()):,}, of them active: {active:,}")


def _disk(folder: Path) -> Finding:
    """Return how much room there is, beside what the folder takes."""
    size = sum(each.stat().st_size for each in folder.glob("*.db*")) if folder.is_dir() else 0
    free = shutil.disk_usage(nearest(folder)).free
    text = f"{size / MIB:,.1f} MiB in use, {free / MIB:,.0f} MiB free"
    if free < LEAST_FREE_BYTES:
        return fail("disk", text, "make room: runs fail when nothing can be written")
    if free < max(FREE_BYTES, size):
        return warn("disk", text, "make room, for what is added and for a backup on the same disk")
    return ok("disk", text)
