"""A data folder that is being written: it isn't there until all of it is."""

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from seltzer.errors import LoadError


@contextmanager
def new_folder(target: Path) -> Iterator[Path]:
    """Yield a folder to write into, which becomes the target when the block ends, and goes if it raises.

    Raises LoadError if the target is there already, or can't be written.
    """
    check_target(target)
    partial = target.with_name(f".{target.name}.{os.getpid()}.partial")
    try:
        partial.mkdir(mode=0o700)
        try:
            yield partial
            sync(partial)
            partial.rename(target)  # it replaces nothing but an empty folder
            sync(target.parent)
        finally:
            shutil.rmtree(partial, ignore_errors=True)
    except OSError as error:
        raise cannot_write(target, error.strerror or str(error)) from error


def check_target(target: Path) -> None:
    """Raise LoadError if the folder is there already, or has no parent."""
    if os.path.lexists(target):
        raise LoadError(
            f"the folder {target} can't be written",
            "it is there already, and nothing is overwritten",
            "name a folder that isn't there yet",
        )
    if not target.parent.is_dir():
        raise LoadError(
            f"the folder {target} can't be written",
            f"there is no folder {target.parent}",
            "create it, or mount the disk that it is on",
        )


def cannot_write(target: Path, why: str) -> LoadError:
    return LoadError(
        f"the folder {target} can't be written",
        why,
        "make room there, or choose a folder on another disk that you can write to",
    )


def sync(place: Path) -> None:
    """Wait until the file's or the folder's contents are on the disk, where that can be asked for."""
    descriptor = os.open(place, os.O_RDONLY)
    try:
        with suppress(PermissionError):
            os.fsync(descriptor)
    finally:
        os.close(descriptor)
