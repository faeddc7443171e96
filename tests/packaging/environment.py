"""A fresh virtual environment with the built wheel in it, beside the libraries the tests run with.

The libraries come from the running environment by a .pth file; what makes this honest: such a file adds a
directory and does not read the .pth files in there, so the editable install of this repository is not seen;
and `imported_from` lets each test check where seltzer came from.
"""

from __future__ import annotations

import os
import subprocess
import sys
import sysconfig
import venv
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

_COMMAND_S = 120.0


@dataclass(frozen=True, slots=True)
class Environment:
    """A virtual environment in a folder."""

    folder: Path

    @property
    def bin(self) -> Path:
        return self.folder / "bin"

    @property
    def packages(self) -> Path:
        """The folder that installed packages go to."""
        return self.folder / f"lib/python{sys.version_info.major}.{sys.version_info.minor}/site-packages"

    def files(self) -> set[str]:
        """Return every file there is, but for compiled modules."""
        return {
            str(file.relative_to(self.folder))
            for file in self.folder.rglob("*")
            if file.is_file() and "__pycache__" not in file.parts
        }

    def install(self, *what: str) -> None:
        """Install wheels or projects, without a network and without what they depend on."""
        self._pip("install", "--no-deps", "--no-index", "--no-build-isolation", *what)

    def uninstall(self, name: str) -> None:
        self._pip("uninstall", "--yes", name)

    def python(self, code: str, cwd: Path) -> str:
        """Run Python code in the folder and return what it prints."""
        return run([str(self.bin / "python"), "-c", code], cwd).strip()

    def imported_from(self, cwd: Path) -> Path:
        """Return the folder that `import seltzer` finds its package in."""
        return Path(self.python("import seltzer; print(seltzer.__path__[0])", cwd)).parent

    def _pip(self, *arguments: str) -> None:
        python = str(self.bin / "python")
        quiet = ("--quiet", "--disable-pip-version-check")
        run([sys.executable, "-m", "pip", "--python", python, *quiet, *arguments], self.folder)


def make_environment(folder: Path) -> Environment:
    """Make an environment that sees the running one's libraries, but not this repository."""
    venv.create(folder, symlinks=True)
    made = Environment(folder)
    (made.packages / "libraries.pth").write_text(sysconfig.get_path("purelib") + "\n", encoding="utf-8")
    return made


def run(command: Sequence[str], cwd: Path) -> str:
    """Run a command to its end and return its output. Raises AssertionError with the output if it fails."""
    done = subprocess.run(
        command,
        cwd=cwd,
        env=clean_environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=_COMMAND_S,
        check=False,
    )
    assert done.returncode == 0, f"{command} ends with {done.returncode}:\n{done.stdout}"
    return done.stdout


def clean_environment(**given: str) -> dict[str, str]:
    """Return the variables of a shell that knows nothing of this repository."""
    kept = {name: os.environ[name] for name in ("PATH", "HOME", "TMPDIR", "LANG") if name in os.environ}
    return {**kept, "LANGSMITH_TRACING": "false", "DEMO_TTFT_MS": "0", "DEMO_TPS": "0", **given}
