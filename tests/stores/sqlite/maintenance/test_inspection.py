"""What seltzer doctor finds of a data folder, without changing or disturbing anything."""

import asyncio
import os
import shutil
import sqlite3
from collections import namedtuple
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from seltzer.stores.finding import Finding
from seltzer.stores.open import open_stores
from seltzer.stores.sqlite.files import FILE_NAME, ITEMS_FILE_NAME
from seltzer.stores.sqlite.lock import acquire, record_url
from seltzer.stores.sqlite.maintenance.filesystem import inspect_filesystem
from seltzer.stores.sqlite.maintenance.inspection import MIB, inspect
from seltzer.stores.sqlite.migrations import all_migrations

NEWEST = all_migrations()[-1].number
Usage = namedtuple("Usage", "total used free")  # what shutil.disk_usage returns


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A data folder with both files."""
    folder = tmp_path / "data"

    async def fill() -> None:
        async with open_stores(folder) as stores:
            assert stores.items is not None
            await stores.items.aput(("users",), "ada", {"likes": "tea"})

    asyncio.run(fill())
    return folder


def look(folder: Path, *, is_whole: bool = False) -> dict[str, Finding]:
    return {each.check: each for each in inspect(folder, is_whole=is_whole)}


def failed(found: dict[str, Finding]) -> list[str]:
    for each in found.values():
        assert bool(each.todo) == (each.level != "ok")
    return [check for check, each in found.items() if each.level == "fail"]


def execute(file: Path, statement: str) -> None:
    with closing(sqlite3.connect(file, isolation_level=None)) as connection:
        connection.execute(statement)


@pytest.mark.parametrize("is_whole", [False, True])
def test_a_folder_that_a_server_has_left_is_in_order(folder: Path, is_whole: bool) -> None:
    found = look(folder, is_whole=is_whole)

    assert failed(found) == []
    assert found["lock"].text == "no server uses the folder"
    assert f"is at version {NEWEST}, this Seltzer's own" in found["file"].text
    assert found["journal"].text == "wal"
    assert found["contents"].text == "threads: 0, runs: 0, of them active: 0"
    assert [each.text for each in inspect(folder) if each.check == "integrity"] == [
        f"{FILE_NAME} is sound",
        f"{ITEMS_FILE_NAME} is sound",
    ]


def test_a_folder_that_isnt_there_is_in_order_and_not_created(tmp_path: Path) -> None:
    found = look(tmp_path / "outer" / "data")

    assert failed(found) == []
    assert "isn't there yet" in found["folder"].text
    assert not (tmp_path / "outer").exists()


def test_a_running_server_is_named_and_not_disturbed(folder: Path) -> None:
    lock = acquire(folder)
    record_url(folder, "http://127.0.0.1:9000")
    with closing(sqlite3.connect(folder / FILE_NAME, isolation_level=None)) as server:
        server.execute("BEGIN IMMEDIATE")

        found = look(folder)

        server.execute("COMMIT")
    lock.close()
    assert failed(found) == []
    assert f"process {os.getpid()}, the server at http://127.0.0.1:9000" in found["lock"].text


def test_a_crashed_servers_file_is_read_as_it_is(folder: Path, tmp_path: Path) -> None:
    """What is in the WAL alone is seen, and the WAL stays."""
    with closing(sqlite3.connect(folder / FILE_NAME, isolation_level=None)) as server:
        server.execute(
            "INSERT INTO threads (thread_id, graph, title, title_folded, created_at, updated_at, number)"
            " VALUES ('t', 'agent', '', '', 0, 0, 0)"
        )
        crashed = tmp_path / "crashed"
        crashed.mkdir()
        for each in (FILE_NAME, f"{FILE_NAME}-wal"):
            shutil.copy(folder / each, crashed)

    found = look(crashed)

    assert failed(found) == []
    assert found["contents"].text.startswith("threads: 1,")


def another_programs(folder: Path) -> None:
    execute(folder / FILE_NAME, "PRAGMA application_id = 7")


def a_later_seltzers(folder: Path) -> None:
    execute(folder / FILE_NAME, "PRAGMA user_version = 999")


def no_database(folder: Path) -> None:
    (folder / FILE_NAME).write_bytes(b"no database" * 100)


def damaged(folder: Path) -> None:
    with closing(sqlite3.connect(folder / FILE_NAME)) as connection:
        connection.execute("PRAGMA writable_schema = ON")
        connection.execute("CREATE TABLE more AS SELECT zeroblob(100000) AS b")
        connection.execute("UPDATE sqlite_schema SET rootpage = 2 WHERE name = 'more'")
        connection.commit()


def no_items(folder: Path) -> None:
    (folder / ITEMS_FILE_NAME).write_bytes(b"no database" * 100)


@pytest.mark.parametrize(
    ("make", "check", "todo"),
    [
        (another_programs, "file", "SELTZER_DATA"),
        (a_later_seltzers, "file", "run the later Seltzer"),
        (no_database, "file", "restore a backup"),
        (damaged, "integrity", "restore the last backup"),
        (no_items, "items", "restore a backup"),
    ],
)
def test_a_file_that_cant_be_used_fails(
    folder: Path, make: Callable[[Path], None], check: str, todo: str
) -> None:
    make(folder)

    found = [each for each in inspect(folder) if each.level == "fail"]

    assert [each.check for each in found] == [check]
    assert todo in found[0].todo


def test_an_older_file_names_what_migrates_it(folder: Path) -> None:
    execute(folder / FILE_NAME, "PRAGMA user_version = 1")

    assert f"seltzer migrate, makes it {NEWEST}" in look(folder)["file"].text


def test_another_journal_is_warned_of(folder: Path) -> None:
    execute(folder / FILE_NAME, "PRAGMA journal_mode = DELETE")

    assert look(folder)["journal"].level == "warn"


@pytest.mark.parametrize("place", ["file", "file/data", "/proc/seltzer"])
def test_a_folder_that_cant_be_written_to_fails(tmp_path: Path, place: str) -> None:
    (tmp_path / "file").touch()

    found = look(tmp_path / place)

    assert failed(found) == ["folder"]
    assert "SELTZER_DATA" in found["folder"].todo


@pytest.mark.parametrize(("free", "level"), [(MIB, "fail"), (100 * MIB, "warn"), (10_000 * MIB, "ok")])
def test_little_room_on_the_disk_is_shown(
    folder: Path, monkeypatch: pytest.MonkeyPatch, free: int, level: str
) -> None:
    usage: Any = Usage(100_000 * MIB, 0, free)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage)

    assert look(folder)["disk"].level == level


MOUNTS = """\
22 1 254:1 / / rw,relatime - {root} /dev/root rw
23 22 0:20 / /proc rw - proc proc rw
24 22 0:21 / {place} rw shared:1 - {kind} server:/export rw
"""


@pytest.mark.parametrize(
    ("root", "kind", "expected"),
    [
        ("ext4", "ext4", "ok"),
        ("overlay", "ext4", "ok"),
        ("ext4", "nfs4", "warn"),
        ("ext4", "cifs", "warn"),
        ("ext4", "fuse.sshfs", "warn"),
        ("ext4", "overlay", "warn"),
        ("ext4", "tmpfs", "warn"),
    ],
)
@pytest.mark.parametrize("name", ["data", "with space"])
def test_the_kind_of_filesystem_is_that_of_the_innermost_mount(
    tmp_path: Path, root: str, kind: str, expected: str, name: str
) -> None:
    (tmp_path / name).mkdir()
    place = str(tmp_path / name).replace(" ", "\\040")

    found = inspect_filesystem(
        tmp_path / name / "not" / "there", MOUNTS.format(root=root, place=place, kind=kind)
    )

    assert (found.level, kind in found.text) == (expected, True)


def test_without_a_list_of_mounts_nothing_is_claimed(tmp_path: Path) -> None:
    assert "isn't known" in inspect_filesystem(tmp_path, "").text
