"""Start a process of the terminal's command, forked where it can be from one whose imports are done."""

from __future__ import annotations

import atexit
import fcntl
import json
import os
import select
import signal
import socket
import subprocess
import sys
import termios
import threading
from collections.abc import Mapping, Sequence
from functools import cache, partial
from pathlib import Path
from typing import Any, Final

from tests.forkserver.server import MODULE, NUMBER
from tests.patience import PATIENCE_S

ROOT: Final = Path(__file__).parents[2]
# What Python reads of the environment before it runs anything: with other values, a process is a fresh one.
_PYTHONS_OWN: Final = {"LANG": "C.UTF-8", "PYTHONPATH": str(ROOT)}


def start(
    arguments: Sequence[str],
    *,
    folder: Path,
    environment: Mapping[str, str],
    in_terminal: bool = False,
    is_fresh: bool = False,
    **streams: Any,
) -> subprocess.Popen[Any]:
    """Start `python -m seltzer.cli` with the arguments.

    in_terminal: its standard input is a terminal, which becomes that of a session of its own.
    is_fresh: it imports all that it needs itself.
    streams: as subprocess.Popen takes them.
    """
    read = {name: value for name, value in environment.items() if name.startswith(("LANG", "LC_", "PYTHON"))}
    if not is_fresh and read == _PYTHONS_OWN:
        return ForkedProcess(arguments, folder, environment, in_terminal, **streams)
    return subprocess.Popen(
        [sys.executable, "-m", MODULE, *arguments],
        cwd=folder,
        env=environment,
        start_new_session=in_terminal,
        preexec_fn=partial(_prepare, in_terminal),
        **streams,
    )


def run(
    arguments: Sequence[str], *, folder: Path, environment: Mapping[str, str], question: bytes = b""
) -> subprocess.CompletedProcess[str]:
    """Run `python -m seltzer.cli` to its end, with the question on standard input."""
    pipes: dict[str, Any] = dict.fromkeys(("stdin", "stdout", "stderr"), subprocess.PIPE)
    with start(arguments, folder=folder, environment=environment, **pipes) as process:
        try:
            stdout, stderr = process.communicate(question, PATIENCE_S)
        finally:
            process.kill()
    return subprocess.CompletedProcess(process.args, process.returncode, stdout.decode(), stderr.decode())


def _prepare(in_terminal: bool) -> None:
    signal.signal(signal.SIGINT, signal.SIG_DFL)  # it is ignored where the tests run in the background
    if in_terminal:  # which must be the session's own for its Ctrl-C to become a signal
        fcntl.ioctl(0, termios.TIOCSCTTY, 0)


class ForkedProcess(subprocess.Popen[Any]):
    """A process whose parent is the server; to its user, it is as any other.

    Departs from subprocess: it overrides Popen's own _execute_child, _wait and _internal_poll. In a Python
    that has others, every test that starts a process fails at once.
    """

    def __init__(
        self,
        arguments: Sequence[str],
        folder: Path,
        environment: Mapping[str, str],
        in_terminal: bool,
        **streams: Any,
    ) -> None:
        self._request = {
            "arguments": [*arguments],
            "folder": str(folder),
            "environment": dict(environment),
            "in_terminal": in_terminal,
        }
        self._reading = threading.Lock()
        super().__init__([sys.executable, "-m", MODULE, *arguments], **streams)

    def _execute_child(self, *given: Any) -> None:
        """Have the server fork it. The pipes' ends are among the arguments, -1 for a stream that is ours."""
        pipes = given[10:16]
        ends = [ours if end == -1 else end for ours, end in enumerate((pipes[0], pipes[3], pipes[5]))]
        self._report, theirs = socket.socketpair()
        with theirs:
            _server().request(self._request, [*ends, theirs.fileno()])
        self._close_pipe_fds(*pipes)  # type: ignore[attr-defined]  # Popen's own
        self.pid = self._read_report()
        self._child_created = True

    def _wait(self, timeout: float | None) -> int:
        while self.returncode is None:
            if not select.select([self._report], [], [], timeout)[0]:
                raise subprocess.TimeoutExpired(self.args, timeout or 0)
            self._internal_poll()
        return self.returncode

    def _internal_poll(self, *_: object, **__: object) -> int | None:
        with self._reading:
            if (
                self.returncode is None
                and self._child_created
                and select.select([self._report], [], [], 0)[0]
            ):
                self.returncode = self._read_report()
                self._report.close()
        return self.returncode

    def _read_report(self) -> int:
        read = self._report.recv(NUMBER.size, socket.MSG_WAITALL)
        if not read:
            self._report.close()
            raise RuntimeError("the server that forks has ended; its error is on the tests' standard error")
        number: int = NUMBER.unpack(read)[0]
        return number


class _Server:
    """The process that forks, one for this process."""

    def __init__(self) -> None:
        self._requests, theirs = socket.socketpair()
        self._requesting = threading.Lock()
        with theirs:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "tests.forkserver.server", str(theirs.fileno())],
                cwd=ROOT,
                env={**_PYTHONS_OWN, "PATH": os.environ["PATH"], "OPENBLAS_NUM_THREADS": "1"},
                stdin=subprocess.DEVNULL,
                pass_fds=[theirs.fileno()],
            )

    def request(self, wanted: Mapping[str, Any], descriptors: Sequence[int]) -> None:
        body = json.dumps(wanted).encode()
        with self._requesting:
            socket.send_fds(self._requests, [NUMBER.pack(len(body))], descriptors)
            self._requests.sendall(body)

    def stop(self) -> None:
        self._requests.close()
        self._process.wait()


@cache
def _server() -> _Server:
    server = _Server()
    atexit.register(server.stop)
    return server
