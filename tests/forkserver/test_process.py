"""A forked process is to its user as a fresh one, so that what tests find out about it holds for both."""

from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from tests.forkserver.process import ROOT, ForkedProcess, start
from tests.patience import PATIENCE_S
from tests.serving import write_graphs

# It shows what a process has of its own, and waits for a signal if it is to.
GRAPH = """
import os, signal, sys
from langchain_core.runnables import RunnableLambda

print(sys.argv[1:], sys.path[0] == os.getcwd(), os.environ.get("OWN"), os.environ.get("PORT"))
print(sys.stdin.encoding, sys.stdin.errors, sys.stdout.encoding, sys.stdout.errors, sys.stderr.errors)
print([stream.line_buffering for stream in (sys.stdout, sys.stderr)], [os.isatty(each) for each in range(3)])
print(sorted(signal.getsignal(each).__class__.__name__ + str(each) for each in (2, 13, 15, 17)))
print(os.getpgid(0) == os.getpid(), sorted(os.listdir("/proc/self/fd"))[:3])
print([name for name in ("langchain_openai", "seltzer.models.choice") if name in sys.modules])
print(sys.modules["__main__"].__spec__.name)
if "wait" in os.environ.get("OWN", ""):
    print("waiting", flush=True)
    signal.pause()
graph = RunnableLambda(str.upper)
"""
Start = Callable[..., "subprocess.Popen[Any]"]


@pytest.fixture
def begin(tmp_path: Path) -> Start:
    folder = write_graphs(tmp_path / "graphs", {"shown": GRAPH}).parent
    given = {
        "PORT": "1",
        "LANG": "C.UTF-8",
        "PYTHONPATH": str(ROOT),
        "PATH": os.environ["PATH"],
        "HOME": str(tmp_path),
    }

    def begin(*arguments: str, own: str = "x", **options: Any) -> subprocess.Popen[Any]:
        environment = given | {"OWN": own}
        return start(arguments or ("graphs",), folder=folder, environment=environment, text=True, **options)

    return begin


def ended(process: subprocess.Popen[Any]) -> tuple[str, str, int]:
    with process:
        try:
            stdout, stderr = process.communicate(timeout=PATIENCE_S)
        finally:
            process.kill()
    return stdout, stderr, process.returncode


@pytest.mark.parametrize("arguments", [("graphs",), ("chat", "hello"), ("nonsense",), ("--version",)])
def test_what_it_has_and_prints_is_alike(begin: Start, arguments: tuple[str, ...]) -> None:
    pipes: dict[str, Any] = dict.fromkeys(("stdin", "stdout", "stderr"), subprocess.PIPE)

    forked = begin(*arguments, **pipes)
    shown = ended(forked)  # before the other begins: each locks the data folder
    fresh = begin(*arguments, is_fresh=True, **pipes)

    assert isinstance(forked, ForkedProcess)
    assert not isinstance(fresh, ForkedProcess)
    assert shown == ended(fresh)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_it_likewise(begin: Start, number: signal.Signals) -> None:
    def end(process: subprocess.Popen[Any]) -> int:
        assert process.stdout is not None
        while "waiting" not in process.stdout.readline():
            assert process.poll() is None
        process.send_signal(number)
        return ended(process)[2]

    run = partial(begin, own="wait", stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    assert end(run(is_fresh=False)) == end(run(is_fresh=True))


def test_waiting_for_one_that_runs_ends_after_the_timeout(begin: Start) -> None:
    process = begin(own="wait", stdout=subprocess.DEVNULL)

    assert process.poll() is None
    with pytest.raises(subprocess.TimeoutExpired):
        process.wait(0)

    process.kill()
    assert (process.wait(PATIENCE_S), process.poll()) == (-signal.SIGKILL, -signal.SIGKILL)


@pytest.mark.parametrize(
    "changed", [{"LANG": "C"}, {"LC_ALL": "C.UTF-8"}, {"PYTHONUTF8": "1"}, {"PYTHONPATH": ""}]
)
def test_what_python_reads_before_it_runs_makes_it_a_fresh_one(
    changed: dict[str, str], tmp_path: Path
) -> None:
    environment = {"LANG": "C.UTF-8", "PYTHONPATH": str(ROOT), "PATH": os.environ["PATH"]} | changed

    with start(["--version"], folder=ROOT, environment=environment, stdout=subprocess.DEVNULL) as process:
        assert not isinstance(process, ForkedProcess)
        assert process.wait(PATIENCE_S) == 0
