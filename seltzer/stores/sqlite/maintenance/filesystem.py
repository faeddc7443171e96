"""What kind of filesystem a folder is on: not every one keeps a database safe."""

import os
import tempfile
from pathlib import Path
from typing import Final

from seltzer.stores.finding import Finding, fail, ok, warn

MOUNTS: Final = Path("/proc/self/mountinfo")  # Linux has it; elsewhere nothing is known

_NETWORK: Final = {
    *("nfs", "nfs4", "cifs", "smb3", "smbfs", "ncpfs", "afs", "9p", "ceph", "glusterfs", "lustre", "gpfs"),
    *("beegfs", "fuse.sshfs", "fuse.glusterfs", "fuse.s3fs", "fuse.rclone", "fuse.gcsfuse", "fuse.ceph"),
}


def inspect_filesystem(folder: Path, mounts: str | None = None) -> Finding:
    """Return what is to be known of the filesystem that the folder is on, or will be.

    mounts: what /proc/self/mountinfo contains.
    """
    if mounts is None:
        mounts = MOUNTS.read_text(encoding="utf-8", errors="replace") if MOUNTS.exists() else ""
    kind = kind_of(nearest(folder).resolve(), mounts)
    if kind in _NETWORK:
        return warn(
            "filesystem",
            f"{kind} is a network's: SQLite's locks may not hold there, and the file be damaged",
            "choose a folder on a local disk by SELTZER_DATA, or Postgres",
        )
    if kind == "overlay":
        return warn(
            "filesystem",
            "overlay is a container's own layer: what is written there is lost with the container",
            "mount a volume, and name it by SELTZER_DATA",
        )
    if kind in ("tmpfs", "ramfs"):
        return warn(
            "filesystem",
            f"{kind} is in memory: what is written there is lost when the machine stops",
            "choose a folder on a disk by SELTZER_DATA",
        )
    return ok("filesystem", kind or "its kind isn't known on this system")


def inspect_folder(folder: Path) -> Finding:
    """Return whether files can be written to the folder, or it can be created, by trying."""
    there = nearest(folder)
    if not os.path.isdir(there):
        return fail("folder", f"{there} isn't a folder", "choose another by SELTZER_DATA")
    try:
        tempfile.TemporaryFile(dir=there).close()
    except OSError as error:
        return fail(
            "folder",
            f"{folder} can't be written to ({error.strerror})",
            f"make {there} writable for this user, or choose another folder by SELTZER_DATA",
        )
    if os.path.isdir(folder):
        return ok("folder", f"{folder} can be written to")
    return ok("folder", f"{folder} isn't there yet; a server creates it")


def nearest(folder: Path) -> Path:
    """Return the folder, or else what is there of the path above it."""
    folder = folder.absolute()
    while not os.path.exists(folder):  # a path's own exists() raises where it may not look
        folder = folder.parent
    return folder


def kind_of(folder: Path, mounts: str) -> str:
    """Return the type of the filesystem that has the folder; empty if it isn't in the mounts.

    Source: proc(5), /proc/pid/mountinfo. The last of several mounts at one place is the one that is seen.
    """
    best, kind = -1, ""
    for line in mounts.splitlines():
        left, _, right = line.partition(" - ")
        fields = left.split()
        if len(fields) < 5 or not right:
            continue
        place = Path(fields[4].encode().decode("unicode_escape"))
        depth = len(place.parts)
        if depth >= best and folder.is_relative_to(place):
            best, kind = depth, right.split()[0]
    return kind
