"""Which store DATABASE_URL and SELTZER_STORE mean: a person's own DATABASE_URL must do no harm."""

import subprocess
import sys

import pytest

from seltzer.errors import LoadError
from seltzer.stores.choice import Kind, check_driver, choose
from tests.patience import PATIENCE_S

POSTGRES = [
    "postgresql://ada:s3cret@db.example:5432/agents",
    "postgres://db.example/agents",
    "postgresql+psycopg://db.example/agents",
    "postgresql:///agents?host=/run/postgresql",
    "POSTGRES://db.example/agents",
    "host=db.example dbname=agents",
    '"postgresql://db.example/agents"',  # the quotes of an env file
    " postgresql://db.example/agents",
]
OTHERS = [
    "sqlite:///app.db",
    "sqlite+aiosqlite:///app.db",
    "mysql://ada:s3cret@db.example/shop",
    "mongodb+srv://ada:s3cret@db.example",
    "postgis://ada:s3cret@db.example/maps",  # Django's, for tables of its own
    "file:./dev.db",
    "./local.db",
    "redis://:s3cret@db.example",
]


def test_without_any_it_is_sqlite_and_nothing_is_to_be_noted() -> None:
    assert (choose(None).kind, choose(None).notice) == ("sqlite", "")
    assert choose("") == choose(None)


@pytest.mark.parametrize("url", POSTGRES)
@pytest.mark.parametrize("wanted", [None, "postgres"])
def test_a_url_of_postgres_chooses_it(url: str, wanted: Kind | None) -> None:
    assert (choose(url, wanted).kind, choose(url, wanted).notice) == ("postgres", "")


@pytest.mark.parametrize("url", OTHERS)
def test_a_url_of_another_database_is_ignored_in_a_line(url: str) -> None:
    chosen = choose(url)

    assert chosen.kind == "sqlite"
    assert "DATABASE_URL is ignored" in chosen.notice
    assert len(chosen.notice.splitlines()) == 1
    assert "s3cret" not in chosen.notice


@pytest.mark.parametrize("url", POSTGRES)
def test_a_programs_own_postgres_is_ignored_when_sqlite_is_chosen(url: str) -> None:
    chosen = choose(url, "sqlite")

    assert chosen.kind == "sqlite"
    assert "SELTZER_STORE is sqlite" in chosen.notice
    assert "s3cret" not in chosen.notice


def test_sqlite_that_is_chosen_needs_no_notice_where_nothing_is_ignored() -> None:
    assert choose(None, "sqlite").notice == ""


@pytest.mark.parametrize("url", [None, "", *OTHERS])
def test_postgres_that_is_chosen_without_one_is_refused(url: str | None) -> None:
    with pytest.raises(LoadError, match="SELTZER_STORE is postgres") as refused:
        choose(url, "postgres")

    assert "s3cret" not in str(refused.value)
    assert "DATABASE_URL" in refused.value.todo


def test_the_driver_is_there_with_the_extra() -> None:
    check_driver()


@pytest.mark.parametrize("missing", ["psycopg", "psycopg_pool"])
def test_without_the_extra_the_command_that_installs_it_is_named(
    monkeypatch: pytest.MonkeyPatch, missing: str
) -> None:
    monkeypatch.setitem(sys.modules, missing, None)

    with pytest.raises(LoadError, match=r"pip install 'seltzer\[postgres\]'") as refused:
        check_driver()

    assert "SELTZER_STORE=sqlite" in refused.value.todo


def test_to_choose_imports_no_driver() -> None:
    code = f"""
import sys
from seltzer.stores.choice import choose
choose({POSTGRES[0]!r})
print("psycopg" in sys.modules)
"""

    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=PATIENCE_S
    )

    assert done.stdout == "False\n"
