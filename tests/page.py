"""The page's build, as hatchling runs it."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from types import ModuleType

from tests.interop.programs import missing

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


def find_axe() -> Path:
    """Return axe-core's script; where it isn't installed, skip the test, or fail it in CI."""
    script = ROOT / "web" / "node_modules" / "axe-core" / "axe.min.js"
    if not script.is_file():
        missing("axe-core isn't installed: `make web-test`")
    return script


def build_page() -> None:
    """Build the page of the sources that are there; where it can't be, skip the test, or fail it in CI."""
    builder = load_builder()
    try:
        builder.build(ROOT)
    except builder.NotBuilt as error:
        missing(f"the page can't be built: {error}")
