"""Serve an app with a real uvicorn on a free port, in a thread with an event loop of its own."""

from __future__ import annotations

import json
import socket
import textwrap
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import uvicorn
from fastapi import FastAPI

from tests.patience import PATIENCE_S

_STOP_S = 10


@dataclass(frozen=True, slots=True)
class Served:
    """A server that is up. url has no slash at its end."""

    url: str
    app: FastAPI

    @property
    def address(self) -> tuple[str, int]:
        """Host and port, for a raw socket."""
        host, _, port = self.url.removeprefix("http://").partition(":")
        return host, int(port)


class _Server(uvicorn.Server):
    """uvicorn that reports when it is up."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.is_up = threading.Event()

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self.is_up.set()


@contextmanager
def serving(app: FastAPI, *, root_path: str = "") -> Iterator[Served]:
    """Serve the app until the block ends; streams that are open then get ten seconds to end."""
    config = uvicorn.Config(
        app,
        root_path=root_path,
        lifespan="on",
        ws="none",
        log_config=None,
        access_log=False,
        timeout_graceful_shutdown=_STOP_S,
    )
    server = _Server(config)
    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=server.run, args=([listener],), name="uvicorn", daemon=True)
        thread.start()
        try:
            if not server.is_up.wait(PATIENCE_S):
                raise TimeoutError("uvicorn didn't start; its log says why")
            yield Served(f"http://127.0.0.1:{listener.getsockname()[1]}", app)
        finally:
            server.should_exit = True
            thread.join(_STOP_S + 5)
            if thread.is_alive():
                raise TimeoutError("uvicorn didn't stop: a connection or the lifespan still runs")


def write_graphs(folder: Path, graphs: Mapping[str, str]) -> Path:
    """Write langgraph.json into the folder and return its path.

    A value with a line break is Python source that defines `graph`, written to <name>.py; any other is an
    entry as langgraph.json has it, such as /path/to/agent.py:graph.
    """
    folder.mkdir(parents=True, exist_ok=True)
    entries = {}
    for name, value in graphs.items():
        entries[name] = value
        if "\n" in value:
            (folder / f"{name}.py").write_text(textwrap.dedent(value), encoding="utf-8")
            entries[name] = f"./{name}.py:graph"
    file = folder / "langgraph.json"
    file.write_text(json.dumps({"dependencies": ["."], "graphs": entries}), encoding="utf-8")
    return file
