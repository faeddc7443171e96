"""The installed wheel serves projects whose own packages are called app, graphs and tests."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.packaging.environment import Environment, asked_under_dev, langgraph_dev, serving, streamed
from tests.packaging.projects import ANSWER, write_project


@pytest.mark.parametrize("root", [".", "src"])
@pytest.mark.parametrize("options", [[], ["--editable"]], ids=["installed", "editable"])
def test_an_installed_project_is_served(
    installed: Environment, tmp_path: Path, root: str, options: list[str]
) -> None:
    project = write_project(tmp_path / "project", root=root)
    installed.install(*options, str(project))

    with serving(installed, project) as url:
        pieces = streamed(url, "whose is it?")

    assert "".join(pieces) == ANSWER
    assert len(pieces) > 1
    assert installed.imported_from(project) == installed.packages


def test_a_project_that_isnt_installed_is_served_and_runs_under_langgraph_dev(
    installed: Environment, tmp_path: Path
) -> None:
    project = write_project(tmp_path / "project", root=".")

    with serving(installed, project) as url:
        assert "".join(streamed(url, "whose is it?")) == ANSWER
    with langgraph_dev(installed, project) as url:
        assert asked_under_dev(url, "whose is it?") == ANSWER
