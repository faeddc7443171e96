"""What `seltzer new` writes works at once: its tests, its server, and `langgraph dev`."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.packaging.environment import (
    Environment,
    asked_under_dev,
    langgraph_dev,
    run,
    serving,
    streamed,
)


@pytest.fixture
def project(installed: Environment, tmp_path: Path) -> Path:
    run([str(installed.bin / "seltzer"), "new", "shop"], tmp_path)
    return tmp_path / "shop"


def test_its_tests_pass(installed: Environment, project: Path) -> None:
    printed = run([str(installed.bin / "python"), "-m", "pytest", "-q", "-p", "no:cacheprovider"], project)

    assert "2 passed" in printed


@pytest.mark.parametrize("arguments", [[], ["--app", "app.main:app"]], ids=["alone", "app"])
def test_it_is_served(installed: Environment, project: Path, arguments: list[str]) -> None:
    with serving(installed, project, *arguments) as url:
        pieces = streamed(url, "what is 6 * 7?")

    assert "42" in "".join(pieces)
    assert len(pieces) > 1


def test_it_runs_under_langgraph_dev(installed: Environment, project: Path) -> None:
    with langgraph_dev(installed, project) as url:
        assert "42" in asked_under_dev(url, "what is 6 * 7?")


def test_it_can_be_installed(installed: Environment, project: Path) -> None:
    installed.install("--editable", str(project))

    assert installed.python("import app, graphs; print(app.__path__[0])", project) == str(project / "app")
