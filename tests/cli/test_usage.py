"""Help, version, and what a mistyped command prints."""

from __future__ import annotations

import re
import subprocess
import sys

import pytest

from seltzer import __version__
from tests.cli.conftest import Desk
from tests.patience import PATIENCE_S


@pytest.mark.parametrize(
    "words",
    [
        ["--help"],
        *(
            [each, "--help"]
            for each in ("serve", "chat", "graphs", "new", "doctor", "migrate", "backup", "import", "export")
        ),
    ],
)
def test_help_imports_nothing_heavy(words: list[str]) -> None:
    code = f"""
import contextlib, io, sys
from seltzer.cli import main
sys.argv[1:] = {words!r}
with contextlib.suppress(SystemExit), contextlib.redirect_stdout(io.StringIO()) as help:
    main()
assert "Usage: seltzer" in help.getvalue()
print(*sorted({{name.partition(".")[0] for name in sys.modules}}))
"""

    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=PATIENCE_S
    )

    # pydantic is typer's own way of reading a command's options
    heavy = {
        "langchain_core",
        "langgraph",
        "fastapi",
        "httpx",
        "uvicorn",
        "rich",
        "prompt_toolkit",
        "psycopg",
    }
    assert heavy.isdisjoint(done.stdout.split())


@pytest.mark.parametrize(
    "command", ["serve", "chat", "graphs", "new", "doctor", "migrate", "backup", "import", "export"]
)
def test_each_commands_help_has_an_example(desk: Desk, command: str) -> None:
    done = desk.run(command, "--help")

    assert done.returncode == 0
    assert f"Example: seltzer {command}" in done.stdout
    assert not re.search(r"<|list\[|str\b|None|<=", done.stdout)  # no words of Python's
    options = re.split(r"\n  (?=-)", done.stdout.partition("Options:")[2])[1:]
    assert options
    for option in options:
        assert re.search(r" {2,}[A-Z]\w+ \w+", option), option


@pytest.mark.parametrize(
    ("command", "variables"),
    [
        ("serve", {"HOST", "PORT", "SELTZER_CONFIG", "SELTZER_STRICT", "SELTZER_NO_AUTH", "SELTZER_DATA"}),
        ("chat", {"HOST", "PORT", "SELTZER_CONFIG"}),
        ("graphs", {"SELTZER_CONFIG"}),
        ("doctor", {"DATABASE_URL", "SELTZER_CONFIG", "SELTZER_DATA"}),
        ("migrate", {"DATABASE_URL", "SELTZER_DATA"}),
        ("backup", {"DATABASE_URL", "SELTZER_DATA"}),
    ],
)
def test_the_help_names_the_environments_settings_and_the_defaults(
    desk: Desk, command: str, variables: set[str]
) -> None:
    shown = " ".join(desk.run(command, "--help").stdout.split())

    assert variables <= set(re.findall(r"[A-Z_]{4,}", shown))
    assert "default: " in shown


def test_the_version_is_printed(desk: Desk) -> None:
    assert desk.run("--version").stdout == f"seltzer {__version__}\n"


def test_no_command_shows_the_help_as_an_error(desk: Desk) -> None:
    done = desk.run()

    assert done.returncode == 2
    assert done.stderr.startswith("Usage: seltzer")


@pytest.mark.parametrize(
    ("words", "naming"),
    [
        (["serve", "--port", "65536"], "--port"),
        (["serve", "--port", "-1"], "--port"),
        (["serve", "--port", "http"], "--port"),
        (["dance"], "dance"),
        (["chat", "--dance"], "--dance"),
        (["chat", "--json", "--tokens", "|", "hello"], "--json and --tokens"),
        (["chat", "--thread", "no/slashes", "hello"], "--thread"),
        (["chat", "--thread", "", "hello"], "--thread"),
        (["chat", "--answer", "yes"], "--thread"),
        (["chat", "--answer", "yes", "--thread", "t", "hello"], "QUESTION, --answer and --follow"),
        (["chat", "--follow", "r1", "--answer", "yes"], "QUESTION, --answer and --follow"),
        (["chat", "--follow", ""], "--follow"),
        (["chat", ""], "QUESTION"),
        (["chat", " "], "QUESTION"),
        (["chat", "--graph", "nope", "hello"], "there are agent"),
    ],
)
def test_bad_usage_is_one_line_and_exit_code_2(desk: Desk, words: list[str], naming: str) -> None:
    done = desk.run(*words)

    *before, last = done.stderr.splitlines()
    assert done.returncode == 2
    assert naming in last
    assert all("running in this process" in line for line in before)
    assert done.stdout == ""


def test_a_bad_setting_is_named(desk: Desk) -> None:
    done = desk.run("graphs", PORT="many")

    assert done.returncode == 2
    assert "port" in done.stderr.lower()
    assert "'many'" in done.stderr


def test_an_empty_question_on_standard_input_is_refused(desk: Desk) -> None:
    assert desk.run("chat", question="\n").returncode == 2


def test_a_question_that_isnt_utf8_is_refused(desk: Desk) -> None:
    done = desk.run("chat", question=b"\xff\xfe")

    assert done.returncode == 2
    assert "UTF-8" in done.stderr


@pytest.mark.parametrize(
    ("words", "example"),
    [
        (["backup"], "seltzer backup /backups/monday"),
        (["import"], "seltzer import .seltzer"),
        (["export"], "seltzer export .seltzer"),
        (["new"], "seltzer new my-agent"),
    ],
)
def test_a_command_without_its_argument_is_shown_with_it(desk: Desk, words: list[str], example: str) -> None:
    done = desk.run(*words)

    assert (done.returncode, done.stdout) == (2, "")
    assert f"For example: {example} (see seltzer {words[0]} --help)" in done.stderr
    assert len(done.stderr.splitlines()) == 1
