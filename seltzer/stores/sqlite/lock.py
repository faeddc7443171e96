"""The lock on the data folder: one server at a time. The system releases it when its process dies."""

import fcntl
import os
from contextlib import suppress
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
        file = (folder / LOCK_NAME).open("a+", encoding="utf-8")
    except OSError as error:
        raise _unusable(folder, error) from error
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        file.truncate(0)
        file.write(_this_process())
        file.flush()
    except BlockingIOError:
        with file:
            raise _in_use(folder, file) from None
    except OSError as error:
        file.close()
        raise _unusable(folder, error) from error
    return DataLock(file)


def record_url(folder: Path, url: str) -> None:
    """Record where the server that has locked the folder answers, for whoever finds the folder in use."""
    with suppress(OSError), (folder / LOCK_NAME).open("a", encoding="utf-8") as file:
        file.write(f" {url}")


def user_of(folder: Path) -> str | None:
    """Return which process has locked the folder, and where it answers; None if none has.

    For the moment of the question the lock is shared: a server that starts in that moment is refused.
    """
    try:
        with (folder / LOCK_NAME).open(encoding="utf-8") as file:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        words = (folder / LOCK_NAME).read_text(encoding="utf-8").split()
        process = f"process {words[0]}" if words else "another process"
        return f"{process}, the server at {words[-1]}" if len(words) > 3 else process
    except OSError:
        return None  # nobody can have locked what can't be opened
    return None


def _in_use(folder: Path, file: TextIO) -> DataInUse:
    file.seek(0)
    words = file.read().split()
    process, urls = words[:3], words[3:]
    here = _this_process().split()
    if process == here:
        who, first = "another Seltzer of this process", "use that one (seltzer=..)"
        last = "; or give this one a folder of its own: data=.."
    elif process[1:] == here[1:]:
        who = f"process {process[0]}, a sibling of this one: process {here[1]} started both"
        first, last = "run one worker (several can't share a folder yet)", ""
    else:
        who, first, last = f"process {process[0]}" if process else "another process", "stop it", ""
    if urls:
        who = f"{who}, the server at {urls[-1]}"
    ask = f"seltzer chat --url {urls[-1]}" if urls else "seltzer chat --url"
    return DataInUse(
        f"{folder} is in use by {who}: {first}, choose another folder, such as SELTZER_DATA={folder}-2, or"
        f" talk to that server with `{ask}`{last}"
    )


def _this_process() -> str:
    """Return this process's id, its parent's, and the machine's name: ids repeat in other containers."""
    return f"{os.getpid()} {os.getppid()} {os.uname().nodename}"


def _unusable(folder: Path, error: OSError) -> LoadError:
    return LoadError(
        f"the data folder {folder} can't be used",
        str(error),
        "make it a folder you can write to, or choose another by SELTZER_DATA",
    )
