"""`seltzer import` and `seltzer export`: all of it or nothing, and what refuses."""

from __future__ import annotations

import asyncio
import subprocess
from pathlib import Path

import psycopg
import pytest

from seltzer.stores.sqlite.files import FILE_NAME
from seltzer.stores.sqlite.lock import acquire
from tests.cli.conftest import Desk, command
from tests.e2e.processes import until
from tests.stores.conversing import echo, on, open_checkpoints, turn
from tests.stores.postgres.server import create_database

COUNTS = "SELECT (SELECT count(*) FROM seltzer.checkpoints), (SELECT count(*) FROM seltzer.messages)"


@pytest.fixture
def folder(desk: Desk) -> Path:
    """A data folder with a thread of twelve messages."""
    folder = desk.folder / "data"
    folder.mkdir()

    async def talk() -> None:
        async with open_checkpoints(folder / FILE_NAME) as checkpoints:
            for number in range(6):
                await turn(on(checkpoints, echo()), f"{number}")

    asyncio.run(talk())
    return folder


def counted(url: str) -> tuple[int, ...]:
    with psycopg.connect(url) as connection:
        return connection.execute(COUNTS).fetchone() or ()


def test_an_import_that_is_killed_has_imported_nothing(desk: Desk, folder: Path) -> None:
    url = create_database()
    assert desk.run("migrate", DATABASE_URL=url).returncode == 0
    environment = desk.environment | {"DATABASE_URL": url}
    with psycopg.connect(url) as other:
        other.execute("LOCK TABLE seltzer.messages")  # all but the messages is copied before

        def is_waiting() -> bool:
            found = other.execute("SELECT count(*) FROM pg_locks WHERE NOT granted").fetchone()
            return found != (0,)

        with subprocess.Popen(command(("import", "data")), cwd=desk.folder, env=environment) as importing:
            until(is_waiting)
            importing.kill()
    before = counted(url)

    again = desk.run("import", "data", DATABASE_URL=url)

    assert before == (0, 0)
    assert (again.returncode, again.stderr) == (0, "")
    assert counted(url) == (18, 12)
    exported = desk.run("export", "the copy", DATABASE_URL=url)
    assert exported.stdout.splitlines()[1] == (
        "A server on it: SELTZER_STORE=sqlite SELTZER_DATA='the copy' seltzer serve"
    )


@pytest.mark.parametrize(
    ("arguments", "why"),
    [
        (("import", "nothing"), f"there is no {FILE_NAME} in it"),
        (("import", "data"), "DATABASE_URL doesn't name one"),
        (("export", "data"), "it is there already"),
        (("export", "no/folder"), "there is no folder no"),
    ],
)
def test_what_cannot_be_moved_is_three_lines(
    desk: Desk, folder: Path, arguments: tuple[str, ...], why: str
) -> None:
    given = {} if "doesn't name" in why else {"DATABASE_URL": create_database()}

    done = desk.run(*arguments, **given)

    assert (done.returncode, done.stdout) == (1, "")
    assert why in done.stderr
    assert len(done.stderr.splitlines()) == 3


def test_a_folder_in_use_is_not_imported(desk: Desk, folder: Path) -> None:
    lock = acquire(folder)

    done = desk.run("import", "data", DATABASE_URL=create_database())

    lock.close()
    assert (done.returncode, done.stdout) == (1, "")
    assert str(folder.name) in done.stderr
