"""How the terminal's own commands are written, so that they work when they are copied."""

import shlex
import shutil
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Final

_NAME: Final = "seltzer"


def command_line(words: Sequence[str]) -> str:
    """Return the words as a command of this program, quoted for a shell in this folder.

    It names the installation that runs now: as `seltzer` where that is what PATH has.
    """
    script = _script()
    if not script.is_file():
        return f"{shlex.quote(sys.executable)} -m seltzer.cli {shlex.join(words)}"
    here = Path.cwd()
    shown = script.relative_to(here) if script.is_relative_to(here) else script
    return shlex.join([_NAME if _is_on_path(script) else str(shown), *words])


def activation() -> Path | None:
    """Return the script that puts this installation on PATH; None if it is there, or there is no script."""
    script = _script()
    file = script.parent / "activate"
    return None if _is_on_path(script) or not file.is_file() else file


def _script() -> Path:
    script = Path(sys.argv[0])
    if script.name != _NAME:  # python -m seltzer.cli
        script = Path(sys.executable).parent / _NAME
    return script.absolute()


def _is_on_path(script: Path) -> bool:
    found = shutil.which(_NAME)
    return found is not None and script.is_file() and Path(found).samefile(script)
