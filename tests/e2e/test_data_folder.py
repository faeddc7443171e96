"""The data folder outlives its servers: whatever the clock does, and one of them at a time."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.conftest import ROOT
from tests.e2e.processes import Home, at_home, upstream_environment
from tests.patience import PATIENCE_S
from tests.protocols.following import all_events
from tests.replies import Json, Reply
from tests.upstream import Upstream

CLOCK = Path(__file__).parent / "clock"
AN_HOUR_BACK = {"PYTHONPATH": os.pathsep.join([str(CLOCK), str(ROOT)]), "CLOCK_SHIFT_S": "-3600"}


@pytest.fixture
def home(tmp_path: Path, upstream: Upstream) -> Iterator[Home]:
    with at_home(ROOT / "langgraph.json", tmp_path, **upstream_environment(upstream)) as made:
        yield made


@pytest.fixture
def client(home: Home) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=home.url, timeout=PATIENCE_S) as client:
        yield client


def say(client: httpx.Client, text: str) -> Json:
    """Take a turn on the thread, and return its run when it has ended."""
    run = client.post("/agent/runs", json={"input": text, "thread_id": "talk"}).raise_for_status().json()
    path = f"/agent/runs/{run['run_id']}"
    all_events(client, f"{path}/events")
    ended: Json = client.get(path).json()
    return ended


def contents(client: httpx.Client) -> list[Any]:
    state = client.get("/agent/threads/talk").raise_for_status().json()
    return [message["content"] for message in state["values"]["messages"]]


def test_nothing_is_lost_when_the_clock_steps_back_an_hour(
    home: Home, client: httpx.Client, upstream: Upstream
) -> None:
    upstream.script(lambda body: Reply(text=f"re {body['messages'][-1]['content']}"))
    home.start()
    before = say(client, "one")
    home.kill()

    home.start(**AN_HOUR_BACK)
    assert contents(client) == ["one", "re one"]
    after = say(client, "two")
    say(client, "three")

    since = datetime.fromisoformat(after["created_at"]) - datetime.fromisoformat(before["created_at"])
    assert timedelta(hours=-1) < since < timedelta(minutes=-50)  # the clock was back indeed
    output = ["one", "re one", "two", "re two", "three", "re three"]
    assert contents(client) == output
    shown = [message["content"] for message in upstream.requests[-1].body["messages"]]
    assert shown[1:] == output[:-1]
    home.kill()
    home.start()
    assert contents(client) == output
    assert say(client, "four")["output"] == "re four"
    assert contents(client) == [*output, "four", "re four"]


def test_a_run_continues_when_the_clock_steps_back_while_the_server_is_down(
    home: Home, client: httpx.Client, upstream: Upstream
) -> None:
    upstream.script(lambda _body: Reply(text=["one ", "two"], breaks="silence", after=1))
    home.start()
    run = client.post("/agent/runs", json={"input": "count", "thread_id": "talk"}).json()
    upstream.next_request()
    home.kill()

    upstream.resume()
    home.start(**AN_HOUR_BACK)

    output = all_events(client, f"/agent/runs/{run['run_id']}/events")
    assert output[-1].kind == "finished"
    assert contents(client) == ["count", "one two"]


def test_a_second_server_on_the_folder_is_refused_in_a_line(home: Home, client: httpx.Client) -> None:
    home.start()
    before = home.log.read_text()

    second = home.spawn("serve", "--port", "0", "--config", str(home.config))

    output = second.communicate(timeout=PATIENCE_S)[0]
    complaint = home.log.read_text().removeprefix(before)
    assert (output, second.returncode) == ("", 1)
    assert complaint.startswith(f"seltzer: {home.data} is in use by process ")
    assert len(complaint.splitlines()) == 1
    assert client.get("/health").status_code == 200  # the first one takes no harm


def test_uvicorns_second_worker_is_refused(home: Home) -> None:
    with subprocess.Popen(
        [sys.executable, "-m", "uvicorn", "app.main:app", "--workers", "2", "--port", str(home.port)],
        cwd=ROOT,
        env=home.environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    ) as workers:
        assert workers.stdout is not None
        try:
            refused = next(line for line in workers.stdout if "is in use by" in line)
        finally:
            workers.terminate()  # killed, it would leave its workers
            workers.communicate(timeout=2 * PATIENCE_S)
    assert f"a sibling of this one: process {workers.pid} started both: run one worker" in refused


def test_a_chat_in_process_on_the_folder_is_refused_in_a_line(home: Home) -> None:
    home.start()

    chat = home.spawn("chat", "hello", "--config", str(home.config), PORT="9")  # where no server is

    output, complaint = chat.communicate(timeout=PATIENCE_S)[0], home.log.read_text()
    assert (output, chat.returncode) == ("", 1)
    assert [line for line in complaint.splitlines() if "is in use by process" in line] == [
        complaint.splitlines()[-1]
    ]
    assert "Traceback" not in complaint


def test_a_killed_server_leaves_the_folder_free(home: Home, client: httpx.Client) -> None:
    home.start()
    home.kill()

    home.start()

    assert client.get("/ready").status_code == 200
