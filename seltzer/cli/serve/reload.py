"""`seltzer serve --reload`: which files are watched.

Departs from uvicorn's StatReload, which would look at every file of a .venv in the working directory four
times a second: hidden folders and virtual environments are left out, langgraph.json and .env are watched too.
"""

import os
import signal
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from socket import socket

import uvicorn
from uvicorn.supervisors.statreload import StatReload

from seltzer.cli.serve.signals import STOPPING

_SKIPPED = frozenset({"node_modules", "__pycache__"})


class SourceReload(StatReload):
    """Serves in a child process, which is replaced when a source file changes.

    target gets the listening sockets; it is pickled, so it must be importable by name.
    """

    def __init__(
        self,
        config: uvicorn.Config,
        target: Callable[[list[socket] | None], None] | partial[None],
        sockets: list[socket],
        *,
        graphs_file: Path,
    ) -> None:
        super().__init__(config, target, sockets)
        self._graphs_file = graphs_file.resolve()

    def startup(self) -> None:
        super().startup()
        if signal.SIGHUP in STOPPING:
            signal.signal(signal.SIGHUP, self.signal_handler)

    def iter_py_files(self) -> Iterator[Path]:
        yield self._graphs_file
        yield Path(".env").resolve()
        for root in {self._graphs_file.parent, Path.cwd(), Path(__file__).resolve().parents[2]}:
            yield from _sources_below(root)


def _sources_below(root: Path) -> Iterator[Path]:
    for folder, names, files in os.walk(root):
        names[:] = [name for name in names if _is_watched(Path(folder, name))]
        yield from (Path(folder, file) for file in files if file.endswith(".py"))


def _is_watched(folder: Path) -> bool:
    return not (folder.name.startswith(".") or folder.name in _SKIPPED or (folder / "pyvenv.cfg").exists())
