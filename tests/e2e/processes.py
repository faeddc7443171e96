"""Server processes that tests kill, stop and start again on the same data folder."""

from __future__ import annotations

import os
import random
import re
import signal
import socket
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.conftest import ROOT
from tests.forkserver.process import start
from tests.patience import PATIENCE_S
from tests.upstream import Upstream

_URL = re.compile(r"is up at (http://\S+)")


class Server:
    """A running `seltzer serve`. is_dead is set once it has been killed or has ended."""

    def __init__(self, process: subprocess.Popen[str], url: str) -> None:
        self._process = process
        self.url = url
        self.is_dead = threading.Event()

    def kill(self) -> None:
        """Kill -9; returns when it is gone."""
        self._process.kill()
        self.wait()

    def signal(self, number: signal.Signals) -> None:
        self._process.send_signal(number)

    def wait(self) -> int:
        """Wait for its end and return its exit code."""
        code = self._process.wait(PATIENCE_S)
        if self._process.stdout is not None:
            self._process.stdout.close()
        self.is_dead.set()
        return code


class Home:
    """A folder with langgraph.json and the data: what outlives its servers, of which one runs at a time.

    Threads ask for the server that runs by up(), and wait for it meanwhile. Its output is in `log`.
    """

    def __init__(self, config: Path, folder: Path, environment: dict[str, str]) -> None:
        self.config = config
        self.data = folder / "data"
        self.log = folder / "log"
        self.port = _free_port()
        self.environment = environment | {
            "PATH": os.environ["PATH"],
            "HOME": str(folder),
            "PYTHONPATH": str(ROOT),
            "LANG": "C.UTF-8",
            "SELTZER_DATA": str(self.data),
        }
        self._server: Server | None = None
        self._changed = threading.Condition()
        folder.mkdir(parents=True, exist_ok=True)

    @property
    def url(self) -> str:
        """Where each of the servers is."""
        return f"http://127.0.0.1:{self.port}"

    def start(self, **environment: str) -> Server:
        """Start a server, and return it when it reports that it is up."""
        process = self.spawn("serve", "--port", str(self.port), "--config", str(self.config), **environment)
        server = Server(process, self._url_of(process))
        with self._changed:
            self._server = server
            self._changed.notify_all()
        return server

    def _url_of(self, process: subprocess.Popen[str]) -> str:
        """Read the banner up to where the server is; one that doesn't start is killed."""
        assert process.stdout is not None
        too_late = threading.Timer(2 * PATIENCE_S, process.kill)
        too_late.start()
        try:
            for line in process.stdout:
                if found := _URL.search(line):
                    return found[1]
        finally:
            too_late.cancel()
        raise AssertionError(f"it ended with {process.wait()}:\n{self.log.read_text(errors='replace')}")

    def spawn(self, *arguments: str, **environment: str) -> subprocess.Popen[str]:
        """Start a command of the terminal, whose standard output can be read."""
        with self.log.open("ab") as log:
            return start(
                arguments,
                folder=self.config.parent,
                environment=self.environment | environment,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
            )

    @property
    def is_up(self) -> bool:
        return self._server is not None and not self._server.is_dead.is_set()

    def kill(self) -> None:
        """Kill the server, if there is one."""
        if self._server is not None:
            self._server.kill()

    def up(self) -> Server:
        """Return the server that runs, as soon as there is one."""
        with self._changed:
            assert self._changed.wait_for(lambda: self.is_up, PATIENCE_S)
            assert self._server is not None
            return self._server


@contextmanager
def at_home(config: Path, folder: Path, **environment: str) -> Iterator[Home]:
    """Make a home; its last server is killed at the block's end."""
    home = Home(config, folder, environment)
    try:
        yield home
    finally:
        home.kill()


def until(is_so: Callable[[], bool]) -> None:
    """Poll until it is so: for what a server only answers on request."""
    deadline = time.monotonic() + PATIENCE_S
    while not is_so():
        assert time.monotonic() < deadline, "it never was so"


def upstream_environment(upstream: Upstream) -> dict[str, str]:
    """Return what makes the upstream a server's model."""
    return {"OPENAI_BASE_URL": upstream.url, "OPENAI_API_KEY": "test-key", "MODEL": "openai:test-model"}


def _free_port() -> int:
    """Return a port that the system gives to no client, so that nobody takes it between two servers."""
    for _ in range(100):
        port = random.randrange(20_000, 30_000)
        try:
            with socket.create_server(("127.0.0.1", port)):
                return port
        except OSError:
            continue
    raise AssertionError("no port is free")
