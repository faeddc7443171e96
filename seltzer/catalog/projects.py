"""The user's project: which of its folders belong on the import path, and how it is installed."""

import re
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from seltzer.catalog.file import LangGraphFile

_PROJECT_FILES = ("pyproject.toml", "setup.py", "setup.cfg")


def import_folders(file: LangGraphFile, root: Path) -> list[Path]:
    """Return the folders that hold the project's modules: langgraph.json's own, its local dependencies', and
    where the packages of each of them lie.

    A dependency is local if a folder of that name is there, with `./` or without. Of a uv project, or a
    workspace with its members, it is the folders that uv would install.
    """
    projects = [root, *(each for name in file.dependencies if (each := (root / name).resolve()).is_dir())]
    if file.source is not None:
        uv_root = (root / file.source.root).resolve()
        projects += [uv_root, *_members(uv_root)]
    folders = dict.fromkeys(projects)
    for project in projects:
        folders.update(dict.fromkeys(_package_folders(project)))
    return list(folders)


def missing_folders(file: LangGraphFile, root: Path) -> list[str]:
    """Return the dependencies that are written as folders and aren't there."""
    local = [each for each in file.dependencies if each.startswith(("./", "../")) or each == "."]
    return [each for each in local if not (root / each).exists()]


def install_hint(module: str, root: Path) -> str | None:
    """Return what to do about a module that wasn't found, if it is the project's own."""
    top = module.partition(".")[0]
    for project in (root, *root.parents[:2]):
        if any((project / each).is_file() for each in _PROJECT_FILES) and _has_package(project, top):
            return f"install your project, whose package {top!r} is: pip install -e {project}"
    return None


def _has_package(project: Path, top: str) -> bool:
    name = _toml(project).get("project", {}).get("name", "")
    if isinstance(name, str) and re.sub("[-.]+", "_", name).lower() == top.lower():
        return True
    return any((project / each).exists() for each in (top, f"{top}.py")) or any(project.glob(f"*/{top}/"))


def _package_folders(project: Path) -> Iterator[Path]:
    """Return the folders of a project, besides its own, in which its packages lie."""
    tools = _toml(project).get("tool", {})
    named = [*_setuptools_folders(tools), *_other_folders(tools)]
    if (project / "src").is_dir() and not (project / "src/__init__.py").exists():
        named.append("src")
    for each in named:
        folder = (project / each).resolve()
        if folder.is_dir() and folder != project:
            yield folder


def _setuptools_folders(tools: Mapping[str, Any]) -> Iterator[str]:
    setuptools = _table(tools, "setuptools")
    for package, folder in _table(setuptools, "package-dir").items():
        if isinstance(folder, str):
            is_last_part = Path(folder).name == package.rpartition(".")[2]
            yield folder if not package or not is_last_part else str(Path(folder).parent)
    where = _table(_table(setuptools, "packages"), "find").get("where", ())
    yield from (each for each in where if isinstance(each, str))


def _other_folders(tools: Mapping[str, Any]) -> Iterator[str]:
    packages = _table(tools, "poetry").get("packages", ())
    yield from (each["from"] for each in packages if isinstance(each, Mapping) and "from" in each)
    wheel = _table(_table(_table(_table(tools, "hatch"), "build"), "targets"), "wheel")
    yield from (str(Path(each).parent) for each in wheel.get("packages", ()) if isinstance(each, str))


def _members(root: Path) -> Sequence[Path]:
    """Return the folders of a uv workspace's members."""
    workspace = _table(_table(_toml(root).get("tool", {}), "uv"), "workspace")
    patterns = [each for each in workspace.get("members", ()) if isinstance(each, str)]
    found = (each for pattern in patterns for each in sorted(root.glob(pattern)))
    return [each.resolve() for each in found if (each / "pyproject.toml").is_file()]


def _table(of: Any, key: str) -> Mapping[str, Any]:
    value = of.get(key) if isinstance(of, Mapping) else None
    return value if isinstance(value, Mapping) else {}


def _toml(project: Path) -> dict[str, Any]:
    try:
        return tomllib.loads((project / "pyproject.toml").read_text(encoding="utf-8"))
    except (OSError, ValueError):  # none there, or one that isn't TOML: its own tools report that
        return {}
