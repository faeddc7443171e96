"""A disk that can be full, with a database on it, where the machine lets a test mount one."""

import os
import subprocess
from pathlib import Path
from typing import Final

import psycopg
import pytest

from tests.stores.postgres.server import TestServer

SIZE: Final = "48m"
NAME: Final = "on_a_small_disk"


class SmallDisk:
    """A database of the server on a disk of its own, in the folder. Skips the test if none can be mounted."""

    def __init__(self, server: TestServer, folder: Path) -> None:
        self._server = server
        self._disk = folder / "disk"
        self._disk.mkdir()
        mount = ["mount", "-t", "tmpfs", "-o", f"size={SIZE}", "tmpfs", str(self._disk)]
        if os.geteuid() != 0 or subprocess.run(mount, capture_output=True, check=False).returncode:
            pytest.skip("this machine doesn't let a test mount a disk")
        for each in [*folder.parents, folder]:
            if each.stat().st_uid == os.geteuid() and each != Path("/"):
                each.chmod(each.stat().st_mode | 0o011)  # the server is another user's
        data = self._disk / "data"
        data.mkdir()
        server.give(data)
        self._execute(f"CREATE TABLESPACE {NAME} LOCATION '{data}'")
        self._execute(f"CREATE DATABASE {NAME} TABLESPACE {NAME}")
        self.url = server.url(NAME)

    def fill(self) -> None:
        """Leave no room."""
        with (self._disk / "full").open("wb", buffering=0) as file:
            try:
                while True:
                    file.write(bytes(4096))
            except OSError:
                pass

    def make_room(self) -> None:
        (self._disk / "full").unlink()

    def remove(self) -> None:
        """Drop the database, and take the disk away."""
        self._execute(f"DROP DATABASE {NAME} WITH (FORCE)")
        self._execute(f"DROP TABLESPACE {NAME}")
        subprocess.run(["umount", str(self._disk)], check=True)

    def _execute(self, statement: str) -> None:
        with psycopg.connect(self._server.url(), autocommit=True) as connection:
            connection.execute(statement.encode())
