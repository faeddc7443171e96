"""Whether the file can be written, as /ready shows it."""

import asyncio
import os
import sqlite3
import subprocess
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from seltzer.errors import StorageFailed
from seltzer.stores.sqlite.database import Database, open_database
from seltzer.stores.sqlite.readiness import Readiness

pytestmark = pytest.mark.anyio


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    """A small disk."""
    mount = ["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", str(tmp_path)]
    if os.geteuid() != 0 or subprocess.run(mount, capture_output=True, check=False).returncode:
        pytest.skip("this machine doesn't let a test mount a disk")
    yield tmp_path
    subprocess.run(["umount", str(tmp_path)], check=True)


@pytest.fixture
async def database(disk: Path) -> AsyncIterator[Database]:
    database = await open_database(disk / "seltzer.db")
    yield database
    await database.aclose()


def fill(disk: Path) -> None:
    with (disk / "full").open("wb", buffering=0) as file:
        try:
            while True:
                file.write(bytes(512))
        except OSError:
            pass


async def keep_writing(readiness: Readiness) -> None:
    """Write until there is no room: a log that exists is written to its end first."""
    while True:
        await readiness.check()


async def test_a_full_disk_is_noticed_and_so_is_its_room(database: Database, disk: Path) -> None:
    readiness = Readiness(database, again_s=0)
    await readiness.check()

    await asyncio.to_thread(fill, disk)
    with pytest.raises(StorageFailed):
        await keep_writing(readiness)

    await asyncio.to_thread((disk / "full").unlink)
    await readiness.check()


async def test_however_many_ask_the_file_is_written_once(tmp_path: Path) -> None:
    database = await open_database(tmp_path / "seltzer.db")
    readiness, log = Readiness(database, again_s=1e6), tmp_path / "seltzer.db-wal"
    await readiness.check()
    size = log.stat().st_size

    await asyncio.gather(*(readiness.check() for _ in range(50)))

    assert log.stat().st_size == size
    await database.aclose()


async def test_a_file_that_another_program_has_locked_is_not_ready(tmp_path: Path) -> None:
    database = await open_database(tmp_path / "seltzer.db")
    readiness = Readiness(database, again_s=0, answer_s=0.05)
    other = sqlite3.connect(tmp_path / "seltzer.db", isolation_level=None)
    other.execute("BEGIN IMMEDIATE")

    with pytest.raises(StorageFailed):
        await readiness.check()

    other.execute("ROLLBACK")
    other.close()
    await Readiness(database).check()
    await database.aclose()
