"""A backup is a data folder: as the copied one was at one moment, whatever is written meanwhile."""

import asyncio
import os
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from seltzer.errors import LoadError
from seltzer.stores.open import open_stores
from seltzer.stores.sqlite.files import FILE_NAME, ITEMS_FILE_NAME
from seltzer.stores.sqlite.maintenance.backup import PAGES_A_STEP, back_up

PAGE_BYTES = 4096
STEPS = 3


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A data folder with an item, and a table that is too long for one step."""
    folder = tmp_path / "data"

    async def fill() -> None:
        async with open_stores(folder) as stores:
            assert stores.items is not None
            await stores.items.aput(("users",), "ada", {"likes": "tea"})

    asyncio.run(fill())
    with writing(folder) as connection:
        connection.execute("CREATE TABLE numbers (n INTEGER, filler BLOB)")
        for _ in range(STEPS):
            connection.execute("INSERT INTO numbers VALUES (0, zeroblob(?))", (PAGES_A_STEP * PAGE_BYTES,))
    return folder


def writing(folder: Path) -> "closing[sqlite3.Connection]":
    return closing(sqlite3.connect(folder / FILE_NAME, isolation_level=None))


def numbers(folder: Path) -> list[int]:
    with writing(folder) as connection:
        return [n for (n,) in connection.execute("SELECT n FROM numbers")]


@pytest.mark.anyio
async def test_a_server_on_it_finds_what_was_there(folder: Path, tmp_path: Path) -> None:
    async with open_stores(folder):  # while a server has locked the folder
        await asyncio.to_thread(back_up, folder, tmp_path / "copy")

    assert {*os.listdir(tmp_path / "copy")} == {FILE_NAME, ITEMS_FILE_NAME}
    async with open_stores(tmp_path / "copy") as stores:
        assert stores.items is not None
        item = await stores.items.aget(("users",), "ada")
        assert item is not None
        assert item.value == {"likes": "tea"}


def test_it_is_of_one_moment_though_every_step_is_followed_by_a_write(folder: Path, tmp_path: Path) -> None:
    steps = 0
    with writing(folder) as connection:

        def write(_done: int, _total: int) -> None:
            nonlocal steps
            steps += 1
            connection.execute("UPDATE numbers SET n = n + 1")

        back_up(folder, tmp_path / "copy", write)

    assert steps > STEPS
    assert numbers(tmp_path / "copy") == [0] * STEPS
    assert numbers(folder) == [steps] * STEPS


@pytest.mark.parametrize("raised", [KeyboardInterrupt, SystemExit, MemoryError])
def test_one_that_is_stopped_leaves_nothing(
    folder: Path, tmp_path: Path, raised: type[BaseException]
) -> None:
    def stop(_done: int, _total: int) -> None:
        raise raised

    with pytest.raises(raised):
        back_up(folder, tmp_path / "copy", stop)

    assert [each.name for each in tmp_path.iterdir()] == ["data"]


def a_folder(target: Path) -> None:
    target.mkdir()


def a_file(target: Path) -> None:
    target.touch()


def a_link_to_nowhere(target: Path) -> None:
    target.symlink_to("nowhere")


@pytest.mark.parametrize("make", [a_folder, a_file, a_link_to_nowhere])
def test_it_overwrites_nothing(folder: Path, tmp_path: Path, make: Callable[[Path], None]) -> None:
    make(tmp_path / "copy")

    with pytest.raises(LoadError, match="it is there already"):
        back_up(folder, tmp_path / "copy")


def test_what_comes_into_being_meanwhile_is_not_overwritten(folder: Path, tmp_path: Path) -> None:
    theirs = tmp_path / "copy" / "theirs"

    def make(_done: int, _total: int) -> None:
        theirs.parent.mkdir(exist_ok=True)
        theirs.touch()

    with pytest.raises(LoadError, match="can't be written"):
        back_up(folder, tmp_path / "copy", make)

    assert sorted(each.name for each in tmp_path.iterdir()) == ["copy", "data"]
    assert [*theirs.parent.iterdir()] == [theirs]


def nothing_there(folder: Path) -> None:
    (folder / FILE_NAME).unlink()


def another_programs_file(folder: Path) -> None:
    with writing(folder) as connection:
        connection.execute("PRAGMA application_id = 7")


def no_database(folder: Path) -> None:
    (folder / FILE_NAME).write_bytes(b"no database" * 100)


def damaged(folder: Path) -> None:
    """Overwrite the last pages but one, which a table is on."""
    with (folder / FILE_NAME).open("r+b") as file:
        file.seek(-40 * PAGE_BYTES, 2)
        file.write(b"\xff" * 39 * PAGE_BYTES)


@pytest.mark.parametrize(
    ("make", "why"),
    [
        (nothing_there, "nothing to back up"),
        (another_programs_file, "another program's"),
        (no_database, "SQLite: file is not a database"),
        (damaged, "the file is damaged"),
    ],
)
def test_what_is_no_sound_store_isnt_backed_up(
    folder: Path, tmp_path: Path, make: Callable[[Path], None], why: str
) -> None:
    make(folder)

    with pytest.raises(LoadError, match=why):
        back_up(folder, tmp_path / "copy")

    assert [each.name for each in tmp_path.iterdir()] == ["data"]


def test_a_missing_folder_above_it_is_not_created(folder: Path, tmp_path: Path) -> None:
    """It may be the mount point of a disk that isn't mounted."""
    with pytest.raises(LoadError, match="mount the disk"):
        back_up(folder, tmp_path / "disk" / "copy")

    assert not (tmp_path / "disk").exists()
