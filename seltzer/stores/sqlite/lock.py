"""The lock on the data folder: one server at a time. The system releases it when its process dies."""

import fcntl
import os
from pathlib import Path
from typing import Final, TextIO

from seltzer.errors import DataInUse, LoadError

LOCK_NAME: Final = "lock"


class DataLock:
    """The lock on a folder, from acquire() to close()."""

    def __init__(self, file: TextIO) -> None:
        self._file = file

    def close(self) -> None:
        """Release the lock; does nothing the second time."""
        self._file.close()


def acquire(folder: Path) -> DataLock:
    """Lock the folder, which is created for its owner alone if it isn't there.

    Raises DataInUse if another process has locked it, LoadError if it can't be used.
    """
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        file = (folder / LOCK_NAME).open("a+", encoding="ascii")
    except OSError as error:
        raise _unusable(folder, error) from error
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        file.truncate(0)
        file.write(str(os.getpid()))
        file.flush()
    except BlockingIOError:
        with file:
            raise _in_use(folder, file) from None
    except OSError as error:
        file.close()
        raise _unusable(folder, error) from error
    return DataLock(file)


def _in_use(folder: Path, file: TextIO) -> DataInUse:
    file.seek(0)
    pid = file.read()
    owner = f"process {pid}" if pid else "another process"
    is_own = pid == str(os.getpid())
    shared = "; two Seltzers of one process need folders of their own: data=.." if is_own else ""
    return DataInUse(
        f"{folder} is in use by {owner}: stop it, choose another folder by SELTZER_DATA, or talk to that"
        f" server with `seltzer chat --url`{shared}"
    )


def _unusable(folder: Path, error: OSError) -> LoadError:
    return LoadError(
        f"the data folder {folder} can't be used",
        str(error),
        "make it a folder you can write to, or choose another by SELTZER_DATA",
    )
