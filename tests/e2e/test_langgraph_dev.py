"""The shipped langgraph.json and graphs run under `langgraph dev` as they are."""

import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from tests.patience import PATIENCE_S

ROOT = Path(__file__).parents[2]
STARTS_WITHIN_S = 60.0


@pytest.fixture
def langgraph_dev(demo_env: None, tmp_path: Path) -> Iterator[str]:
    """The URL of `langgraph dev` over a copy of the shipped graphs, as it writes into its folder."""
    shutil.copytree(ROOT / "graphs", tmp_path / "graphs")
    shutil.copy(ROOT / "langgraph.json", tmp_path)
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    command = [str(Path(sys.executable).parent / "langgraph"), "dev", "--no-browser", "--no-reload"]
    process = subprocess.Popen(
        [*command, "--port", str(port)],
        cwd=tmp_path,
        env={**os.environ, "LANGSMITH_TRACING": "false"},
        stdout=(tmp_path / "log").open("wb"),
        stderr=subprocess.STDOUT,
        start_new_session=True,
    )
    try:
        url = f"http://127.0.0.1:{port}"
        _wait_until_up(url, process, tmp_path / "log")
        yield url
    finally:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def _wait_until_up(url: str, process: "subprocess.Popen[bytes]", log: Path) -> None:
    """Poll until it answers: it has no other sign that it is up."""
    transport = httpx.HTTPTransport(retries=0)
    deadline = time.monotonic() + STARTS_WITHIN_S
    with httpx.Client(base_url=url, transport=transport, timeout=PATIENCE_S) as client:
        while time.monotonic() < deadline and process.poll() is None:
            try:
                if client.get("/ok").status_code == 200:
                    return
            except httpx.ConnectError:
                continue
    pytest.fail(f"langgraph dev didn't come up:\n{log.read_text(errors='replace')}")


@pytest.mark.filterwarnings("ignore::ResourceWarning")
def test_the_shipped_file_runs_under_langgraph_dev(langgraph_dev: str) -> None:
    body = {
        "assistant_id": "agent",
        "input": {"messages": [{"role": "user", "content": "what is the square root of 71?"}]},
    }

    state = httpx.post(f"{langgraph_dev}/runs/wait", json=body, timeout=PATIENCE_S).json()

    assert "8.426" in state["messages"][-1]["content"]

    with httpx.Client(base_url=langgraph_dev, timeout=PATIENCE_S) as client:
        thread_id = client.post("/threads", json={}).json()["thread_id"]
        runs = f"/threads/{thread_id}/runs/wait"
        email = "send an email to ada@example.org: hello"
        body = {"assistant_id": "approval", "input": {"messages": [{"role": "user", "content": email}]}}
        asked = client.post(runs, json=body).json()
        body = {"assistant_id": "approval", "command": {"resume": "yes"}}
        state = client.post(runs, json=body).json()

    assert asked["__interrupt__"][0]["value"]["tool"] == "send_email"
    assert "nothing was sent" in state["messages"][-1]["content"]
