"""The process that forks: it imports what the terminal's commands import, and runs none of them itself.

A request is a message on the socket that is its first argument, with four descriptors: the new process's
standard streams, and a socket that the server writes its pid to, and its exit status when it has ended.

The new process is as if just started by `python -m seltzer.cli`: its streams, folder, environment, arguments
and session are its own. It differs in that the modules are there, and in what Python reads of the environment
before it runs: process.py starts a fresh process where that matters.
"""

from __future__ import annotations

import fcntl
import gc
import importlib
import io
import json
import os
import runpy
import signal
import socket
import struct
import sys
import termios
import time
from typing import Any, Final, TextIO

NUMBER: Final = struct.Struct("<q")
MODULE: Final = "seltzer.cli"
# Without those that a server looks for among the imported modules: langchain_openai, seltzer.models.choice.
PRELOADED: Final = (
    "anyio.streams.text",
    "httpcore",
    "langchain.agents",
    "langchain.chat_models",
    "langgraph.store.sqlite.aio",
    "openai.resources.chat",
    "psycopg_pool",
    "seltzer.cli.chat.command",
    "seltzer.cli.chat.in_process",
    "seltzer.cli.chat.repl",
    "seltzer.cli.configuration",
    "seltzer.cli.doctor",
    "seltzer.cli.graphs",
    "seltzer.cli.serve.command",
    "seltzer.stores.postgres.store",
    "seltzer.stores.sqlite.items",
    "tiktoken",
    "uvicorn.lifespan.on",
    "uvicorn.loops.uvloop",
    "uvicorn.protocols.http.httptools_impl",
)


def main() -> bool:
    """Fork a process for each request until the other side is gone. Returns whether it is such a one."""
    requests = socket.socket(fileno=int(sys.argv[1]))
    for name in PRELOADED:
        importlib.import_module(name)
    gc.collect()
    gc.freeze()
    while (request := _receive(requests)) is not None:
        given, descriptors = request
        if os.fork() == 0:
            requests.close()
            _begin(given, descriptors)
            return True
        for each in descriptors:
            os.close(each)
        _forget_ended()
    return False


def _receive(requests: socket.socket) -> tuple[dict[str, Any], list[int]] | None:
    head, descriptors, _, _ = socket.recv_fds(requests, NUMBER.size, 4)
    if not head:
        return None
    with requests.makefile("rb", buffering=0) as body:
        [size] = NUMBER.unpack(head)
        text = b""
        while len(text) < size:
            text += body.read(size - len(text)) or b""
    return json.loads(text), descriptors


def _forget_ended() -> None:
    try:
        while os.waitpid(-1, os.WNOHANG)[0]:
            pass
    except ChildProcessError:
        pass


def _begin(given: dict[str, Any], descriptors: list[int]) -> None:
    """Fork once more: the child returns, to run the command; this process reports its end, and ends too."""
    *streams, report = descriptors
    pid = os.fork()
    if pid == 0:
        os.close(report)
        _become(given, streams)
        return
    for each in streams:
        os.close(each)
    os.write(report, NUMBER.pack(pid))
    _, status = os.waitpid(pid, 0)
    os.write(report, NUMBER.pack(os.waitstatus_to_exitcode(status)))
    os._exit(0)


def _become(given: dict[str, Any], streams: list[int]) -> None:
    """Make this process the command's: all that a new process has of its own, and the module it runs."""
    if given["in_terminal"]:
        os.setsid()
        fcntl.ioctl(streams[0], termios.TIOCSCTTY, 0)
    for number, descriptor in enumerate(streams):
        os.dup2(descriptor, number)
    for descriptor in streams:
        os.close(descriptor)
    os.chdir(given["folder"])
    os.environ.clear()
    os.environ.update(given["environment"])
    time.tzset()
    _renew_streams()
    sys.path[0] = given["folder"]
    sys.argv = ["-m", *given["arguments"]]


def _renew_streams() -> None:
    """Give Python's streams the new descriptors, and what follows of these: whether lines are flushed."""
    sys.stdin = sys.__stdin__ = _stream(0, "r", sys.stdin)  # type: ignore[misc]
    sys.stdout = sys.__stdout__ = _stream(1, "w", sys.stdout)  # type: ignore[misc]
    sys.stderr = sys.__stderr__ = _stream(2, "w", sys.stderr)  # type: ignore[misc]


def _stream(descriptor: int, mode: str, old: TextIO) -> io.TextIOWrapper:
    made = io.TextIOWrapper(
        open(descriptor, f"{mode}b", closefd=False),  # noqa: SIM115  # the process's own, to its end
        encoding=old.encoding,
        errors=old.errors,
    )
    made.reconfigure(line_buffering=made.isatty() or descriptor == 2)
    return made


if __name__ == "__main__":
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C over the tests is for the tests
    if main():
        signal.signal(signal.SIGINT, signal.default_int_handler)
        runpy.run_module(MODULE, run_name="__main__", alter_sys=True)
