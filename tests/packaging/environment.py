"""A fresh virtual environment with the built wheel in it, beside the libraries the tests run with.

The libraries come from the running environment by a .pth file; what makes this honest: such a file adds a
directory and does not read the .pth files in there, so the editable install of this repository is not seen;
and `imported_from` lets each test check where seltzer was imported from.
"""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import sysconfig
import time
import venv
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import httpx

from tests.patience import PATIENCE_S

_COMMAND_S = 300.0


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


@contextmanager
def serving(environment: Environment, project: Path, *arguments: str) -> Iterator[str]:
    """Run `seltzer serve` on a free port in the project's folder, and give its URL."""
    command = [str(environment.bin / "seltzer"), "serve", *arguments, "--port", "0"]
    process = subprocess.Popen(
        command,
        cwd=project,
        env=clean_environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    with process:
        assert process.stdout is not None
        first_line = process.stdout.readline()
        try:
            assert " is up at " in first_line, process.communicate()
            yield first_line.split()[-1]
        finally:
            process.terminate()


@contextmanager
def langgraph_dev(environment: Environment, project: Path) -> Iterator[str]:
    """Run the project under `langgraph dev`, and give its URL."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    command = [str(environment.bin / "python"), "-m", "langgraph_cli", "dev", "--no-browser", "--no-reload"]
    log = project.parent / "langgraph-dev.log"
    with log.open("wb") as output:
        process = subprocess.Popen(
            [*command, "--port", str(port)],
            cwd=project,
            env=clean_environment(),
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    url = f"http://127.0.0.1:{port}"
    try:
        _wait_until_up(process, url, log)
        yield url
    finally:
        with suppress(ProcessLookupError):  # it has ended by itself: the log says why
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def _wait_until_up(process: subprocess.Popen[bytes], url: str, log: Path) -> None:
    """Ask until it answers: it has no other way to announce that it is up."""
    deadline = time.monotonic() + _COMMAND_S
    while not _answers(f"{url}/ok"):
        with suppress(subprocess.TimeoutExpired):
            process.wait(0.2)
        assert process.poll() is None, log.read_text(errors="replace")
        assert time.monotonic() < deadline, log.read_text(errors="replace")


def _answers(url: str) -> bool:
    try:
        return httpx.get(url, timeout=PATIENCE_S).is_success
    except httpx.TransportError:
        return False


def streamed(url: str, question: str) -> list[str]:
    """Ask the graph `agent` over POST /agent/stream and return the tokens, one an event."""
    with httpx.stream(
        "POST", f"{url}/agent/stream", json={"input": question}, timeout=PATIENCE_S
    ) as response:
        response.raise_for_status()
        lines = list(response.iter_lines())
    return [
        json.loads(line.removeprefix("data: "))
        for before, line in pairwise(lines)
        if before == "event: data" and line.startswith("data: ")
    ]


def asked_under_dev(url: str, question: str) -> str:
    """Ask the graph `agent` of a langgraph dev and return the answer."""
    messages = [{"role": "user", "content": question}]
    body = {"assistant_id": "agent", "input": {"messages": messages}}
    state = httpx.post(f"{url}/runs/wait", json=body, timeout=PATIENCE_S).raise_for_status().json()
    text: str = state["messages"][-1]["content"]
    return text
