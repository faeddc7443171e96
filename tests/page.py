"""The page's build, as hatchling runs it."""

from __future__ import annotations

import importlib.util
import os
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).parents[1]
STATIC = ROOT / "seltzer" / "static"


def load_builder() -> ModuleType:
    """Import web/hatch_build.py, which is in no package."""
    spec = importlib.util.spec_from_file_location("hatch_build", ROOT / "web" / "hatch_build.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def build_page() -> None:
    """Build the page of the sources that are there; where it can't be, skip the test, or fail it in CI."""
    builder = load_builder()
    try:
        builder.build(ROOT)
    except builder.NotBuilt as error:
        if os.environ.get("CI") == "true":
            raise
        pytest.skip(f"the page can't be built: {error}")
