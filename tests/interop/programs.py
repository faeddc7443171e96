"""What these tests need besides our own packages: without it a test is skipped by name, or fails in CI."""

from __future__ import annotations

import importlib
import json
import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NoReturn

import pytest

from tests.patience import PATIENCE_S

_JS = Path(__file__).parent / "js"


def missing(reason: str) -> NoReturn:
    """Skip the test, or let it fail in CI, where everything is installed."""
    if os.environ.get("CI") == "true":
        pytest.fail(reason)
    pytest.skip(reason)


def package(name: str, distribution: str) -> Any:
    """Return the module of a client that isn't one of our own dependencies."""
    try:
        return importlib.import_module(name)
    except ModuleNotFoundError:
        missing(f"{distribution} isn't installed: `pip install {distribution}`")


def run_node(script: str, *args: str, stdin: str = "") -> str:
    """Run one of the scripts in js/ and return what it prints."""
    if shutil.which("node") is None or not (_JS / "node_modules").is_dir():
        missing("Node or the JavaScript clients are missing: install Node 20, then `make js-clients`")
    done = subprocess.run(
        ["node", str(_JS / script), *args],
        input=stdin, capture_output=True, text=True, timeout=PATIENCE_S, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return done.stdout


def node_events(script: str, *args: str) -> Iterator[dict[str, Any]]:
    """Yield the events that the script prints, one a line."""
    return map(json.loads, run_node(script, *args).splitlines())
