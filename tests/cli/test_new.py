"""`seltzer new`: what it writes, and what it refuses. tests/packaging runs what it writes."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from tests.cli.conftest import Desk

WRITTEN = {
    ".env.example",
    ".gitignore",
    "README.md",
    "app/__init__.py",
    "app/main.py",
    "graphs/__init__.py",
    "graphs/agent.py",
    "langgraph.json",
    "pyproject.toml",
    "tests/__init__.py",
    "tests/test_agent.py",
}


def written_in(folder: Path) -> set[str]:
    return {str(file.relative_to(folder)) for file in folder.rglob("*") if file.is_file()}


def test_a_project_is_written_with_its_name_in_it(desk: Desk) -> None:
    done = desk.run("new", "my-agent")

    project = desk.folder / "my-agent"
    assert (done.returncode, done.stderr) == (0, "")
    assert written_in(project) == WRITTEN
    assert 'name = "my-agent"' in (project / "pyproject.toml").read_text()
    assert all("{{" not in (project / each).read_text() for each in WRITTEN)


def test_the_next_commands_are_shown(desk: Desk) -> None:
    shown = desk.run("new", "my-agent").stdout

    assert "  cd my-agent\n" in shown
    assert "  seltzer serve --app app.main:app " in shown


def test_an_environment_that_isnt_active_is_activated_first(desk: Desk) -> None:
    scripts = Path(sys.executable).parent
    path = [each for each in desk.environment["PATH"].split(":") if Path(each) != scripts]

    inactive = desk.run("new", "one", PATH=":".join(path)).stdout
    active = desk.run("new", "two", PATH=":".join([str(scripts), *path])).stdout

    assert f"  . {scripts}/activate\n  pip install" in inactive
    assert "activate" not in active


def test_an_empty_folder_is_filled(desk: Desk) -> None:
    (desk.folder / "mine").mkdir()

    assert desk.run("new", "mine").returncode == 0

    assert written_in(desk.folder / "mine") == WRITTEN


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("", "'' isn't a name"),
        ("1st", "'1st' isn't a name"),
        ("my agent", "'my agent' isn't a name"),
        ("agent-", "'agent-' isn't a name"),
        ("агент", "'агент' isn't a name"),
        ("Seltzer", "the library's own name"),
        ("full", "isn't empty"),
    ],
)
def test_a_name_that_cant_be_used_is_one_line(desk: Desk, name: str, reason: str) -> None:
    (desk.folder / "full").mkdir()
    (desk.folder / "full" / "notes.txt").write_text("mine")
    before = written_in(desk.folder)

    done = desk.run("new", name)

    (line,) = done.stderr.splitlines()
    assert reason in line
    assert (done.returncode, done.stdout) == (2, "")
    assert written_in(desk.folder) == before


def test_a_folder_that_cant_be_written_is_one_line(desk: Desk) -> None:
    (desk.folder / "file").write_text("no folder")

    done = desk.run("new", "file/agent")

    assert done.returncode == 1
    assert len(done.stderr.splitlines()) == 1
    assert "can't be written" in done.stderr
