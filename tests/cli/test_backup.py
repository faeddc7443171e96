"""`seltzer backup FOLDER`, on either store."""

from __future__ import annotations

import os
import sqlite3
import subprocess
from contextlib import closing
from pathlib import Path

import psycopg
import pytest

from seltzer.stores.sqlite.files import APPLICATION_ID, FILE_NAME
from tests.cli.conftest import Desk, command
from tests.stores.postgres.server import create_database, programs


@pytest.fixture
def file(desk: Desk) -> Path:
    """A file with a table of a megabyte."""
    file = desk.folder / ".seltzer" / FILE_NAME
    file.parent.mkdir()
    with closing(sqlite3.connect(file)) as connection:
        connection.execute("CREATE TABLE t AS SELECT zeroblob(1000000) AS b")
        connection.execute(f"PRAGMA application_id = {APPLICATION_ID}")
    return file


def test_the_folder_is_named_with_what_starts_a_server_on_it(desk: Desk, file: Path) -> None:
    done = desk.run("backup", "the copy")

    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.splitlines() == [
        ".seltzer is backed up in the copy (1.0 MiB)",
        "A server on it: SELTZER_DATA='the copy' seltzer serve",
    ]
    assert (desk.folder / "the copy").stat().st_mode & 0o777 == 0o700


def test_a_disk_that_is_full_amid_the_copy_is_three_lines_and_leaves_nothing(desk: Desk, file: Path) -> None:
    done = subprocess.run(
        ["bash", "-c", 'ulimit -f 500; trap "" XFSZ; exec "$@"', "bash", *command(("backup", "copy"))],
        cwd=desk.folder,
        env=desk.environment,
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == 1
    assert len(done.stderr.splitlines()) == 3
    assert "make room there" in done.stderr
    assert not [each.name for each in desk.folder.iterdir() if "copy" in each.name]


def test_postgres_is_copied_by_the_command_that_is_shown(desk: Desk) -> None:
    url, restored = create_database(), create_database()
    desk.run("migrate", DATABASE_URL=url)
    given = url.replace("postgres@", "postgres:s3cret@")

    done = desk.run("backup", "the dump", DATABASE_URL="postgresql://pooler/x", DATABASE_DIRECT_URL=given)

    assert (done.returncode, done.stdout) == (1, "")
    assert "s3cret" not in done.stderr
    (shown,) = [line for line in done.stderr.splitlines() if "pg_dump" in line]
    path = f"{programs()}:{os.environ['PATH']}"
    subprocess.run(shown, shell=True, cwd=desk.folder, env={"PATH": path}, check=True)
    restore = ["pg_restore", f"--dbname={restored}", "the dump"]
    subprocess.run(restore, cwd=desk.folder, env={"PATH": path}, check=True)
    with psycopg.connect(restored) as connection:
        assert connection.execute("SELECT count(*) FROM seltzer.version").fetchone() == (1,)


def test_the_refusal_of_a_folder_that_is_there_is_three_lines(desk: Desk, file: Path) -> None:
    done = desk.run("backup", ".seltzer")

    assert (done.returncode, done.stdout) == (1, "")
    assert len(done.stderr.splitlines()) == 3
