"""The wheel has all of the package seltzer and nothing else; uninstalling leaves nothing."""

from __future__ import annotations

import subprocess
from pathlib import Path
from zipfile import ZipFile

from seltzer import __version__
from tests.conftest import ROOT
from tests.packaging.environment import Environment, run
from tests.page import STATIC


def test_the_wheel_contains_all_of_seltzer_and_nothing_else(wheel: Path) -> None:
    tracked = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard", "seltzer"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    ).stdout.splitlines()
    page = {str(each.relative_to(ROOT)) for each in STATIC.iterdir()}

    names = ZipFile(wheel).namelist()

    assert {name.partition("/")[0] for name in names} == {"seltzer", f"seltzer-{__version__}.dist-info"}
    assert {name for name in names if name.startswith("seltzer/")} == page | {
        each for each in tracked if (ROOT / each).exists()
    }
    assert {"seltzer/py.typed", "seltzer/static/index.html"} <= set(names)
    assert any(
        name.startswith("seltzer/stores/sqlite/migrations/") and name.endswith(".sql") for name in names
    )


def test_the_installed_package_is_the_wheels(installed: Environment, tmp_path: Path) -> None:
    assert installed.imported_from(tmp_path) == installed.packages
    for other in ("app", "graphs", "tests", "bench"):
        code = f"import importlib.util; print(importlib.util.find_spec({other!r}))"
        assert installed.python(code, tmp_path) == "None"
    assert run([str(installed.bin / "seltzer"), "--version"], tmp_path) == f"seltzer {__version__}\n"


def test_uninstalling_leaves_nothing(fresh: Environment, wheel: Path) -> None:
    before = fresh.files()

    fresh.install(str(wheel))
    during = fresh.files()
    fresh.uninstall("seltzer")

    assert "bin/seltzer" in during - before
    assert fresh.files() == before
