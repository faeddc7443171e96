"""The terminal's world: real processes in a folder of their own, on a graph controlled by the question."""

from __future__ import annotations

import os
import re
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

import httpx
import pytest

from tests.cli.terminal import Terminal
from tests.conftest import ROOT, Serve
from tests.forkserver.process import run, start
from tests.patience import PATIENCE_S
from tests.serving import Served, write_graphs

TALKER = Path(__file__).parent / "talker.py"
BARE = """
from langchain_core.runnables import RunnableLambda
graph = RunnableLambda(lambda text: text.upper())
"""
READ_BY_LINE: dict[str, Any] = {
    "stdin": subprocess.DEVNULL,
    "stdout": subprocess.PIPE,
    "stderr": subprocess.PIPE,
    "text": True,
}
_URL = re.compile(r"is up at (http://\S+)")


@dataclass(frozen=True, slots=True)
class Desk:
    """A folder with langgraph.json, whose graph `agent` is talker.py, and the environment to work in.

    mark is the file that the graph writes when it is stopped; port is free.
    """

    folder: Path
    environment: dict[str, str]
    port: int
    closing: ExitStack

    @property
    def mark(self) -> Path:
        return self.folder / "stopped"

    @property
    def go(self) -> Path:
        """The file that the graph waits for."""
        return self.folder / "go"

    def run(
        self, *arguments: str, question: str | bytes = b"", **environment: str
    ) -> subprocess.CompletedProcess[str]:
        """Run a command to its end, with the question on standard input."""
        given = question.encode() if isinstance(question, str) else question
        return run(arguments, folder=self.folder, environment=self.environment | environment, question=given)

    def run_with(self, redirection: str, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run a command to its end, its streams redirected as a shell writes it, such as `<&-`."""
        return subprocess.run(
            ["sh", "-c", f'exec "$@" {redirection}', "sh", *command(arguments)],
            cwd=self.folder,
            env=self.environment,
            capture_output=True,
            text=True,
            timeout=PATIENCE_S,
            check=False,
        )

    def start(self, *arguments: str, **environment: str) -> subprocess.Popen[str]:
        """Start a command whose output is read by the line while it runs; it is killed at the test's end."""
        given = self.environment | environment
        return self._to_close(start(arguments, folder=self.folder, environment=given, **READ_BY_LINE))

    def start_with(self, wrapper: str, *arguments: str) -> subprocess.Popen[str]:
        """Start a command as an argument of another command."""
        words = [wrapper, *command(arguments)]
        return self._to_close(subprocess.Popen(words, cwd=self.folder, env=self.environment, **READ_BY_LINE))

    def _to_close(self, process: subprocess.Popen[str]) -> subprocess.Popen[str]:
        self.closing.enter_context(process)
        self.closing.callback(process.kill)
        return process

    def open_terminal(self, *arguments: str, **environment: str) -> Terminal:
        """Start a command in a terminal of its own."""
        return self.closing.enter_context(
            Terminal(arguments, self.folder, self.environment | environment, PATIENCE_S)
        )


def command(arguments: tuple[str, ...]) -> list[str]:
    return [sys.executable, "-m", "seltzer.cli", *arguments]


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    folder = write_graphs(tmp_path / "desk", {"agent": f"{TALKER}:graph"}).parent
    port = free_port()
    environment = {
        "PATH": os.environ["PATH"],
        "HOME": str(tmp_path),
        "PYTHONPATH": str(ROOT),
        "LANG": "C.UTF-8",
        "TERM": "xterm",
        "PROMPT_TOOLKIT_NO_CPR": "1",  # the test's terminal doesn't answer where its cursor is
        "PORT": str(port),
        "TALKER_LOG": str(folder / "stopped"),
        "TALKER_GO": str(folder / "go"),
    }
    with ExitStack() as closing:
        yield Desk(folder, environment, port, closing)


@pytest.fixture
def talker(serve: Serve, desk: Desk, monkeypatch: pytest.MonkeyPatch) -> Served:
    """A server with the same graph as the desk's, and one that isn't on messages."""
    monkeypatch.setenv("TALKER_LOG", str(desk.mark))
    monkeypatch.setenv("TALKER_GO", str(desk.go))
    return serve({"agent": f"{TALKER}:graph", "shout": BARE})


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port: int = listener.getsockname()[1]
        return port


def wait_for(file: Path) -> None:
    """Wait until the file is there: another process or thread writes it."""
    subprocess.run(
        ["sh", "-c", 'until [ -e "$0" ]; do sleep 0.05; done', str(file)], timeout=PATIENCE_S, check=True
    )


def wait_for_line(stream: IO[str], text: str) -> str:
    """Read lines until one has the text, and return it."""
    for line in stream:
        if text in line:
            return line
    raise AssertionError(f"ended without {text!r}")


def get(url: str, **options: Any) -> httpx.Response:
    """Ask a server that may be slow, on a machine that may be busy."""
    return httpx.get(url, timeout=PATIENCE_S, **options)


def post(url: str, **options: Any) -> httpx.Response:
    """Ask a server that may be slow, on a machine that may be busy."""
    return httpx.post(url, timeout=PATIENCE_S, **options)


def banner_of(process: subprocess.Popen[str]) -> str:
    """Read what the server prints up to how to stop it."""
    assert process.stdout is not None
    banner = ""
    while "Ctrl-C stops it." not in banner:
        line = process.stdout.readline()
        assert line, f"it ended: {process.communicate()}"
        banner += line
    return banner


def url_in(banner: str) -> str:
    found = _URL.search(banner)
    assert found
    return found[1]
