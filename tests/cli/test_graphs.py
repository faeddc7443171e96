"""`seltzer graphs`."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.cli.conftest import BARE, TALKER, Desk
from tests.serving import write_graphs


def line_of_graph() -> int:
    lines = TALKER.read_text().splitlines()
    return 1 + next(number for number, line in enumerate(lines) if line.startswith("graph ="))


def test_the_graphs_are_listed_with_file_and_line(desk: Desk) -> None:
    write_graphs(desk.folder, {"agent": f"{TALKER}:graph", "shout": BARE})

    done = desk.run("graphs")

    agent, shout = done.stdout.splitlines()
    assert agent.split() == ["agent", "messages", f"{TALKER}:{line_of_graph()}"]
    assert shout.split() == ["shout", "own", "schema", "shout.py:3"]
    assert done.returncode == 0


def test_the_list_is_there_as_json(desk: Desk) -> None:
    listed = json.loads(desk.run("graphs", "--json").stdout)

    assert listed == [
        {
            "name": "agent",
            "path": "/agent",
            "kind": "messages",
            "file": str(TALKER),
            "line": line_of_graph(),
            "description": "",
        }
    ]


@pytest.mark.parametrize("command", ["graphs", "serve", "chat"])
def test_a_graph_that_cant_be_loaded_is_three_lines(desk: Desk, command: str) -> None:
    write_graphs(desk.folder, {"agent": "import nowhere_to_be_found\n"})

    done = desk.run(command, question="hello")

    *before, what, why, todo = done.stderr.splitlines()
    assert not any("agent" in line for line in before)
    assert "'agent'" in what
    assert "agent.py:1" in why
    assert todo.strip().startswith("do:")
    assert "Traceback" not in done.stderr
    assert (done.returncode, done.stdout) == (1, "")


SRC_LAYOUT = "from mine.parts import TEXT\nfrom . import missing\n"


@pytest.mark.parametrize("others", [{}, {"fine": BARE}, {"worse": "1 / 0\n"}])
def test_the_command_that_shows_a_whole_error_does_in_any_layout(desk: Desk, others: dict[str, str]) -> None:
    """A file of a package can't be run by itself."""
    package = desk.folder / "src" / "mine"
    package.mkdir(parents=True)
    (package / "__init__.py").touch()
    (package / "parts.py").write_text("TEXT = 'found'\n")
    (package / "broken.py").write_text(SRC_LAYOUT)
    write_graphs(desk.folder, {"agent": "./src/mine/broken.py:graph", **others})
    shown = desk.run("graphs")

    command = shown.stderr.partition("to see the whole error: seltzer ")[2].split("\n")[0]
    whole = desk.run(*command.split()).stderr

    assert "Traceback" not in shown.stderr
    assert 'src/mine/broken.py", line 2, in <module>' in whole
    assert ("ZeroDivisionError" in whole) == ("worse" in others)


def test_another_file_can_be_named(desk: Desk, tmp_path: Path) -> None:
    other = write_graphs(tmp_path / "other", {"shout": BARE})

    assert desk.run("graphs", "--config", str(other)).stdout.startswith("shout")
    assert desk.run("graphs", "--config", "nowhere.json").returncode == 1
