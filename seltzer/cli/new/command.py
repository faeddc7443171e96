"""`seltzer new NAME`: write a project of one's own, with an agent, its server and a test."""

import re
import shlex
import sys
from collections.abc import Iterator
from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import Final

import typer

from seltzer.cli.program import activation

_NAME: Final = re.compile(r"[A-Za-z]([A-Za-z0-9._-]{0,62}[A-Za-z0-9])?")
_LIBRARY: Final = "seltzer"


def run(target: str) -> int:
    """Write the project into a new or empty folder. Raises a usage error for a name that can't be used."""
    folder = Path(target).resolve()
    _check(target, folder)
    try:
        if folder.exists() and any(folder.iterdir()):
            raise typer.BadParameter(f"{folder} isn't empty: choose another name", param_hint="NAME")
        for place, text in _written(folder.name):
            file = folder / place
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(text, encoding="utf-8")
    except OSError as error:
        print(f"seltzer: {folder} can't be written: {error.strerror or error}", file=sys.stderr)
        return 1
    print(_next_commands(folder))
    return 0


def _check(target: str, folder: Path) -> None:
    if not target or not _NAME.fullmatch(folder.name):
        why = f"{folder.name if target else ''!r} isn't a name: use letters, digits, - and _, a letter first"
        raise typer.BadParameter(why, param_hint="NAME")
    if re.sub(r"[-_.]+", "-", folder.name).lower() == _LIBRARY:
        raise typer.BadParameter("that is the library's own name: choose another", param_hint="NAME")


def _written(name: str) -> Iterator[tuple[str, str]]:
    """Yield each file's place in the project, and its text."""
    for place, source in _sources(files("seltzer.cli.new") / "template"):
        written = re.sub(r"(^|/)dot-", r"\1.", place.removesuffix(".tmpl"))
        yield written, source.read_text(encoding="utf-8").replace("{{name}}", name)


def _sources(folder: Traversable, within: str = "") -> Iterator[tuple[str, Traversable]]:
    for each in folder.iterdir():
        if each.is_dir():
            yield from _sources(each, f"{within}{each.name}/")
        elif each.name.endswith(".tmpl"):
            yield within + each.name, each


def _next_commands(folder: Path) -> str:
    here = Path.cwd()
    shown = folder.relative_to(here) if folder.is_relative_to(here) else folder
    steps = [] if folder == here else [f"  cd {shlex.quote(str(shown))}"]
    if script := activation():
        steps.append(f"  . {shlex.quote(str(script))}")
    return "\n".join([
        f"{folder.name} is written: an agent, its server and a test.",
        "",
        "Next",
        *steps,
        "  pip install -e '.[dev]'              # pytest, and the project itself",
        "  pytest                               # asks the agent over HTTP",
        "  seltzer serve --app app.main:app     # the demo model answers until .env names another",
        "  seltzer chat \"what is 6 * 7?\"        # in a second terminal",
    ])  # fmt: skip
