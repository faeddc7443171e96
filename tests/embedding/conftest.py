"""An environment in which nothing is served but what a test asks for."""

from __future__ import annotations

from pathlib import Path

import pytest


@pytest.fixture(autouse=True)
def data(demo_env: None, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """The data folder of a Seltzer that isn't given another."""
    monkeypatch.chdir(tmp_path)  # no developer's .env
    folder = tmp_path / "data"
    monkeypatch.setenv("SELTZER_DATA", str(folder))
    return folder
