"""A copy of the data folder, consistent though a server is writing to it.

A backup is itself a data folder: what restores it is to name it by SELTZER_DATA.
"""

import shutil
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Final, TypeAlias

from seltzer.errors import LoadError
from seltzer.stores.sqlite.files import FILE_NAME, ITEMS_FILE_NAME
from seltzer.stores.sqlite.maintenance.new_folder import cannot_write, check_target, new_folder, sync
from seltzer.stores.sqlite.maintenance.reading import reading, version_of

Progress: TypeAlias = Callable[[int, int], None]  # pages that are copied already, and all of them

PAGES_A_STEP: Final = 1024
ROOM_BYTES: Final = 1_048_576  # for what a running server adds meanwhile


def back_up(folder: Path, target: Path, progress: Progress = lambda done, total: None) -> int:
    """Copy the folder's files into the target, which must not be there yet; return their size in bytes.

    Threads are copied first: a thread then never has a turn whose items are missing. Until all is copied,
    checked and on the disk, the target isn't there; whatever ends the copy before leaves nothing.
    progress: called between steps; it may raise, which ends the copy.
    Raises LoadError.
    """
    files = [each for each in (folder / FILE_NAME, folder / ITEMS_FILE_NAME) if each.exists()]
    _check(folder, target, files)
    with new_folder(target) as partial:
        for each in files:
            _copy(each, partial / each.name, progress)
        return sum(each.stat().st_size for each in partial.iterdir())


def _check(folder: Path, target: Path, files: list[Path]) -> None:
    """Raise LoadError if the backup can't succeed."""
    if folder / FILE_NAME not in files:
        raise LoadError(
            "there is nothing to back up",
            f"{folder / FILE_NAME} isn't there",
            "name the server's data folder by SELTZER_DATA",
        )
    check_target(target)
    needed = sum(each.stat().st_size for each in files) + ROOM_BYTES
    free = shutil.disk_usage(target.parent).free
    if free < needed:
        raise cannot_write(target, f"it needs {needed:,} bytes, and {free:,} are free")


def _copy(source: Path, target: Path, progress: Progress) -> None:
    """Copy a file as it is at one moment, and check the copy. Raises LoadError, OSError."""
    try:
        with reading(source) as original, closing(sqlite3.connect(target, isolation_level=None)) as copy:
            if source.name == FILE_NAME and version_of(original) is None:
                raise LoadError(
                    f"{source} can't be backed up",
                    "it is another program's database",
                    "name the server's data folder by SELTZER_DATA",
                )
            # A transaction that lasts from the first step to the last: else each write begins the copy anew.
            original.execute("BEGIN")
            original.execute("SELECT count(*) FROM sqlite_schema").fetchone()
            original.backup(
                copy,
                pages=PAGES_A_STEP,
                progress=lambda _, remaining, total: progress(total - remaining, total),
            )
            (found,) = copy.execute("PRAGMA quick_check(1)").fetchone()
    except sqlite3.Error as error:
        raise cannot_write(target.parent, f"SQLite: {error} ({source})") from error
    if found != "ok":
        raise LoadError(
            f"{source} can't be backed up",
            f"the file is damaged: {found}",
            "seltzer doctor shows more; restore the last backup that is sound",
        )
    sync(target)
