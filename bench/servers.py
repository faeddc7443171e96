"""Starts what is measured, pinned to its core: the upstream, Seltzer, and the peers."""

import contextlib
import http.client
import json
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from bench.database import Database, postgres
from bench.machine import OTHER_CORE, ROOT, SERVER_CORE, cpu_s, family, memory_kb

BUILD = ROOT / "bench" / ".build"
_BIN = Path(sys.executable).parent
_GRAPHS = ROOT / "bench" / "peers" / "graph.py"
_PEERS_FILE = {
    "dependencies": [str(ROOT)],
    "graphs": {name: f"{_GRAPHS}:{name}" for name in ("llm", "tool")},
}
_STARTS_WITHIN_S = 60.0
_PEERS = {
    "passthrough": "passthrough",
    "fastapi": "fastapi_astream",
    "fastapi_others": "fastapi_others",
    "langserve": "langserve_graph",
}
_CONFIGS = {  # the servers that are Seltzer
    "seltzer": "langgraph.json",
    "seltzer_postgres": "langgraph.json",
    "seltzer_others": "others.json",
}


class NotUp(Exception):
    """A server didn't start; the text has its log."""


@dataclass(frozen=True, slots=True)
class Server:
    """A running server. `folder` holds its log, and Seltzer's data, unless these are in a database."""

    name: str
    port: int
    process: "subprocess.Popen[bytes]"
    folder: Path
    database: Database | None = None

    @property
    def pids(self) -> list[int]:
        return family(self.process.pid)

    @property
    def data(self) -> Path:
        return self.folder / "data"

    @property
    def log(self) -> str:
        return (self.folder / "log").read_text(errors="replace")

    def cpu_s(self) -> float:
        return cpu_s(self.pids)

    def memory_kb(self) -> int:
        return memory_kb(self.pids)

    def stop(self) -> None:
        """Ask it to end, and wait until it has."""
        self.process.terminate()
        try:
            self.process.wait(timeout=60)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()


@contextlib.contextmanager
def upstream() -> Iterator[Server]:
    """Run the fake upstream beside the load generator."""
    port = free_port()
    with _running("upstream", port, [str(BUILD / "upstream"), str(port)], core=OTHER_CORE) as server:
        wait_until_up(server, None)
        yield server


@contextlib.contextmanager
def serving(name: str, upstream_port: int) -> Iterator[Server]:
    """Run a server by its row's name until the block ends."""
    port = free_port()
    with contextlib.ExitStack() as stack:
        database = stack.enter_context(postgres(free_port())) if name == "seltzer_postgres" else None
        server = stack.enter_context(
            _running(name, port, command(name, port), upstream_port=upstream_port, database=database)
        )
        wait_until_up(server, ready_path(name))
        yield server


def command(name: str, port: int) -> list[str]:
    """Return how a server is started."""
    if name in _CONFIGS:
        return [str(_BIN / "seltzer"), "serve", "--port", str(port)]
    if name == "langgraph_dev":
        options = [
            "--no-browser",
            "--no-reload",
            "--n-jobs-per-worker",
            "200",
            "--server-log-level",
            "WARNING",
        ]
        return [str(_BIN / "langgraph"), "dev", "--port", str(port), *options]
    app = f"bench.peers.{_PEERS[name]}:app"
    options = ["--loop", "asyncio", "--http", "h11", "--log-level", "warning"]
    return [str(_BIN / "uvicorn"), app, "--port", str(port), *options]


def ready_path(name: str) -> str:
    """Return a path that is answered once the server is up."""
    return "/health" if name in _CONFIGS else {"langgraph_dev": "/ok"}.get(name, "/")


def environment(
    folder: Path, upstream_port: int, name: str = "seltzer", database: Database | None = None
) -> dict[str, str]:
    """Return what a server sees: nothing of this shell's own settings."""
    return {
        **({"DATABASE_URL": database.url} if database else {}),
        "PATH": f"{_BIN}:{os.defpath}",
        "HOME": str(folder),
        "PYTHONPATH": str(ROOT),
        "LANGSMITH_TRACING": "false",
        "OPENAI_BASE_URL": f"http://127.0.0.1:{upstream_port}/v1",
        "OPENAI_API_KEY": "bench",
        "MODEL": "openai:gpt-4o-mini",
        "SELTZER_CONFIG": str(ROOT / "bench" / _CONFIGS.get(name, _CONFIGS["seltzer"])),
        "SELTZER_DATA": str(folder / "data"),
    }


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port: int = free.getsockname()[1]
        return port


def wait_until_up(server: Server, path: str | None) -> None:
    """Connect, or ask for the path, until that goes well. Raises NotUp."""
    deadline = time.monotonic() + _STARTS_WITHIN_S
    while time.monotonic() < deadline and server.process.poll() is None:
        if answers(server.port, path):
            return
        time.sleep(0.002)
    raise NotUp(f"{server.name} didn't come up:\n{server.log[-4000:]}")


def answers(port: int, path: str | None) -> bool:
    """Return whether something listens on the port, and if a path is given, answers it."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    try:
        connection.connect()
        if path is None:
            return True
        connection.request("GET", path)
        return connection.getresponse().status < 500
    except (ConnectionError, http.client.HTTPException, TimeoutError):
        return False
    finally:
        connection.close()


@contextlib.contextmanager
def _running(
    name: str,
    port: int,
    what: list[str],
    *,
    upstream_port: int = 0,
    core: int = SERVER_CORE,
    database: Database | None = None,
) -> Iterator[Server]:
    folder = Path(tempfile.mkdtemp(prefix=f"bench-{name}-"))
    (folder / "langgraph.json").write_text(json.dumps(_PEERS_FILE))  # langgraph dev's, which writes beside it
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(
            ["taskset", "-c", str(core), *what],
            cwd=folder,
            env=environment(folder, upstream_port, name, database),
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
        )
    server = Server(name, port, process, folder, database)
    try:
        yield server
    finally:
        server.stop()
        shutil.rmtree(folder, ignore_errors=True)
