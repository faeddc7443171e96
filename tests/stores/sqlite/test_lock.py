"""One process uses the data folder at a time; a dead one's lock doesn't count."""

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from seltzer.errors import DataInUse, LoadError
from seltzer.stores.sqlite.lock import acquire, record_url

HOLDER = """
import sys
from pathlib import Path
from seltzer.stores.sqlite.lock import acquire
lock = acquire(Path(sys.argv[1]))
print("held", flush=True)
sys.stdin.read()
"""


def test_a_new_folder_is_its_owners_alone(tmp_path: Path) -> None:
    folder = tmp_path / "outer" / "data"

    acquire(folder).close()

    assert folder.stat().st_mode & 0o777 == 0o700


def test_an_existing_folder_stays_as_it_is(tmp_path: Path) -> None:
    tmp_path.chmod(0o750)

    acquire(tmp_path).close()

    assert tmp_path.stat().st_mode & 0o777 == 0o750


def test_a_locked_folder_is_refused_in_one_line_with_what_to_do(tmp_path: Path) -> None:
    lock = acquire(tmp_path)

    with pytest.raises(DataInUse) as refused:
        acquire(tmp_path)

    lock.close()
    text = str(refused.value)
    assert "\n" not in text
    for word in (str(tmp_path), "another Seltzer of this process", "use that one", "SELTZER_DATA"):
        assert word in text


def test_a_locked_folder_names_its_server_and_another_folder(tmp_path: Path) -> None:
    lock = acquire(tmp_path)
    record_url(tmp_path, "http://[::1]:9000/ai")

    with pytest.raises(DataInUse) as refused:
        acquire(tmp_path)

    lock.close()
    assert "the server at http://[::1]:9000/ai: " in str(refused.value)
    assert "`seltzer chat --url http://[::1]:9000/ai`" in str(refused.value)
    assert f"SELTZER_DATA={tmp_path}-2" in str(refused.value)


def test_a_server_that_is_gone_isnt_named(tmp_path: Path) -> None:
    acquire(tmp_path).close()
    record_url(tmp_path, "http://127.0.0.1:9000")
    lock = acquire(tmp_path)

    with pytest.raises(DataInUse) as refused:
        acquire(tmp_path)

    lock.close()
    assert "9000" not in str(refused.value)


def test_a_lock_without_a_process_id_is_respected_all_the_same(tmp_path: Path) -> None:
    lock = acquire(tmp_path)
    os.truncate(tmp_path / "lock", 0)

    with pytest.raises(DataInUse, match="another process"):
        acquire(tmp_path)

    lock.close()


def test_a_released_folder_can_be_locked(tmp_path: Path) -> None:
    lock = acquire(tmp_path)
    lock.close()
    lock.close()

    acquire(tmp_path).close()


def test_a_killed_process_releases_its_lock(tmp_path: Path) -> None:
    command = [sys.executable, "-c", HOLDER, str(tmp_path)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "held\n"
        with pytest.raises(DataInUse, match=f"process {holder.pid}: stop it"):
            acquire(tmp_path)

        holder.kill()

    acquire(tmp_path).close()


def test_a_process_of_the_same_parent_is_called_a_sibling_that_should_not_be(tmp_path: Path) -> None:
    command = [sys.executable, "-c", HOLDER, str(tmp_path)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "held\n"

        second = subprocess.run(command, capture_output=True, text=True, check=False)

        holder.kill()
    *_, refused = second.stderr.splitlines()
    assert f"process {holder.pid}, a sibling of this one: process {os.getpid()} started both" in refused
    assert "run one worker" in refused
    assert "stop it" not in refused


def test_a_process_of_another_machine_is_not_mistaken_for_this_one(tmp_path: Path) -> None:
    lock = acquire(tmp_path)
    (tmp_path / "lock").write_text(f"{os.getpid()} {os.getppid()} elsewhere")

    with pytest.raises(DataInUse, match=f"process {os.getpid()}: stop it") as refused:
        acquire(tmp_path)

    lock.close()
    assert "one process" not in str(refused.value)


def a_file(folder: Path) -> None:
    folder.touch()


def a_folder_whose_lock_is_a_folder(folder: Path) -> None:
    (folder / "lock").mkdir(parents=True)


def a_folder_whose_lock_takes_nothing(folder: Path) -> None:
    folder.mkdir()
    (folder / "lock").symlink_to("/dev/full")


@pytest.mark.parametrize("make", [a_file, a_folder_whose_lock_is_a_folder, a_folder_whose_lock_takes_nothing])
def test_an_unusable_folder_is_a_load_error(tmp_path: Path, make: Callable[[Path], None]) -> None:
    folder = tmp_path / "data"
    make(folder)

    with pytest.raises(LoadError, match="SELTZER_DATA") as refused:
        acquire(folder)

    first, why, todo = str(refused.value).splitlines()
    assert str(folder) in first
    assert why.startswith("  why: ")
    assert todo.startswith("  do:  ")
