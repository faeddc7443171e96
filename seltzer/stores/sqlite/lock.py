"""The lock on the data folder: one server at a time. The system lets go of it when its holder dies."""

import fcntl
import os
from pathlib import Path
from typing import Final, TextIO

from seltzer.errors import DataInUse, LoadError

LOCK_NAME: Final = "lock"


class DataLock:
    """A folder that acquire() got hold of."""

    def __init__(self, file: TextIO) -> None:
        self._file = file

    def close(self) -> None:
        """Let go of the folder; does nothing the second time."""
        self._file.close()


def acquire(folder: Path) -> DataLock:
    """Get hold of the folder, made for its owner alone if it isn't there.

    Raises DataInUse if another process holds it, LoadError if it can't be used.
    """
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        file = (folder / LOCK_NAME).open("a+", encoding="ascii")
    except OSError as error:
        raise _refusal(folder, error) from error
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
        raise _refusal(folder, error) from error
    return DataLock(file)


def _in_use(folder: Path, file: TextIO) -> DataInUse:
    file.seek(0)
    pid = file.read()
    holder = f"process {pid}" if pid else "another process"
    return DataInUse(
        f"{folder} is in use by {holder}: stop it, choose another folder by SELTZER_DATA, or talk to that"
        " server with `seltzer chat --url`"
    )


def _refusal(folder: Path, error: OSError) -> LoadError:
    return LoadError(
        f"the data folder {folder} can't be used",
        str(error),
        "make it a folder you can write to, or choose another by SELTZER_DATA",
    )
