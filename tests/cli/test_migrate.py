"""`seltzer migrate`, on either store."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from pydantic import SecretStr

from seltzer.cli.migrate import run
from seltzer.settings import Settings
from seltzer.stores.sqlite.files import APPLICATION_ID, FILE_NAME
from seltzer.stores.sqlite.lock import acquire
from seltzer.stores.sqlite.migrations import all_migrations
from tests.cli.conftest import Desk
from tests.stores.postgres.server import create_database

NEWEST = all_migrations()[-1].number


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """A file that an older Seltzer wrote."""
    file = tmp_path / "data" / FILE_NAME
    file.parent.mkdir()
    first = all_migrations()[0]
    with closing(sqlite3.connect(file, isolation_level=None)) as connection:
        connection.executescript(f"{first.sql}; PRAGMA user_version = 1")
        connection.execute(f"PRAGMA application_id = {APPLICATION_ID}")
    return file


def migrate(folder: Path, url: str | None = None) -> int:
    return run(Settings(_env_file=None, data=folder, database_url=SecretStr(url) if url else None))


def test_a_database_is_migrated_once(desk: Desk) -> None:
    url = create_database()

    first, second = (desk.run("migrate", DATABASE_URL=url) for _ in range(2))

    assert (first.returncode, first.stderr) == (0, "")
    assert "was migrated from version 0 to " in first.stdout
    assert (second.returncode, second.stderr) == (0, "")
    assert second.stdout.startswith("nothing to do: the database ")


def test_a_database_that_cant_be_reached_is_three_lines_without_its_password(desk: Desk) -> None:
    done = desk.run("migrate", DATABASE_URL="postgresql://ada:s3cret@127.0.0.1:1/agents")

    assert (done.returncode, done.stdout) == (1, "")
    assert len(done.stderr.splitlines()) == 3
    assert "no Postgres listens there" in done.stderr
    assert "s3cret" not in done.stderr


def test_an_older_file_is_migrated_once(file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert migrate(file.parent) == 0
    assert migrate(file.parent) == 0

    first, second = capsys.readouterr().out.splitlines()
    assert first == f"{file} was migrated from version 1 to {NEWEST}"
    assert second == f"nothing to do: {file} is at version {NEWEST}"


def test_an_older_file_that_a_server_uses_is_left_to_it(
    file: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    lock = acquire(file.parent)

    code = migrate(file.parent)

    lock.close()
    assert code == 1
    assert "is in use by" in capsys.readouterr().err


def test_a_file_that_isnt_there_is_not_created(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert migrate(tmp_path / "data") == 0

    assert "nothing to do" in capsys.readouterr().out
    assert not (tmp_path / "data").exists()


def test_a_file_that_cant_be_used_says_why(file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file.write_bytes(b"no database" * 100)

    assert migrate(file.parent) == 1

    assert "  why: SQLite: " in capsys.readouterr().err


def test_another_programs_database_is_ignored_in_a_line(
    file: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert migrate(file.parent, "mysql://ada:s3cret@db.example/shop") == 0

    out, err = capsys.readouterr()
    assert str(file) in out
    assert "DATABASE_URL is ignored" in err
    assert "s3cret" not in err
