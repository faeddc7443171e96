"""The built wheel, and fresh environments to install it into."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from tests.conftest import ROOT
from tests.packaging.environment import Environment, make_environment, run


@pytest.fixture(scope="session")
def wheel(built_page: None, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel of this repository, built by its own backend without a network."""
    folder = tmp_path_factory.mktemp("dist")
    run([sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(folder)], ROOT)
    (built,) = folder.glob("*.whl")
    return built


@pytest.fixture
def fresh(tmp_path: Path) -> Environment:
    """An environment without Seltzer."""
    return make_environment(tmp_path / "venv")


@pytest.fixture
def installed(fresh: Environment, wheel: Path) -> Environment:
    """An environment with the wheel installed."""
    fresh.install(str(wheel))
    return fresh
