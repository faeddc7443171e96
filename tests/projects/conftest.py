"""An environment with the built wheel in it, and servers of the example projects."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.packaging.conftest import wheel
from tests.packaging.environment import Environment, make_environment, serving
from tests.projects.examples import copy_project

__all__ = ["wheel"]


@pytest.fixture(scope="session")
def environment(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Environment:
    """The wheel, and the project that is to be installed."""
    folder = tmp_path_factory.mktemp("projects")
    made = make_environment(folder / "venv")
    made.install(str(wheel), str(copy_project("trip_planner", folder)))
    return made


@pytest.fixture(scope="session")
def url_of(
    environment: Environment, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Callable[[str], str]]:
    """Return a function that gives the URL of a project's server, started when it is first asked for."""
    urls: dict[str, str] = {}
    with ExitStack() as stack:

        def url_of(project: str) -> str:
            if project not in urls:
                folder = copy_project(project, tmp_path_factory.mktemp("served"))
                urls[project] = stack.enter_context(serving(environment, folder))
            return urls[project]

        yield url_of
