"""Conversations that go from SQLite to Postgres and back: each server continues what the one before had."""

from __future__ import annotations

import signal
from contextlib import ExitStack
from pathlib import Path

import httpx

from tests.conftest import ROOT
from tests.e2e.processes import Home, at_home, upstream_environment
from tests.patience import PATIENCE_S
from tests.protocols.following import all_events
from tests.replies import Json, Reply, ToolCall
from tests.stores.postgres.server import create_database
from tests.upstream import Upstream


def reply(body: Json) -> Reply:
    """Echo the last message, but call a tool that asks first where a letter is to be written."""
    text = body["messages"][-1]["content"]
    if text != "write to Ada":
        return Reply(text=f"re {text}")
    letter: Json = {"to": "ada@example.org", "subject": "s", "body": "b"}
    return Reply(tool_calls=[ToolCall("send_email", letter, "e1")])


class Talker:
    """A client of the home's server."""

    def __init__(self, home: Home, closing: ExitStack) -> None:
        client = httpx.Client(base_url=home.url, timeout=PATIENCE_S)
        self._client = closing.enter_context(client)

    def post(self, path: str, **body: object) -> Json:
        """Start a run there, and return it when it has ended."""
        answer = self._client.post(path, json=body)
        assert answer.status_code == 201, answer.text
        run = f"{path.split('/')[1]}/runs/{answer.json()['run_id']}"
        all_events(self._client, f"{run}/events")
        return self.get(run)

    def get(self, path: str) -> Json:
        found: Json = self._client.get(path).raise_for_status().json()
        return found

    def texts(self, thread: str) -> list[str]:
        state = self.get(f"/agent/threads/{thread}")
        return [message["content"] for message in state["values"]["messages"]]

    def ends_of_turns(self, thread: str) -> list[str]:
        """Return the states with which the turns of the thread began, oldest first."""
        states = self.get(f"/agent/threads/{thread}/history?limit=100")["checkpoints"]
        return [each["checkpoint_id"] for each in reversed(states) if each["source"] == "input"]


def stop(home: Home) -> None:
    server = home.up()
    server.signal(signal.SIGTERM)
    assert server.wait() == 0, home.log.read_text()


def run(home: Home, *command: str, **environment: str) -> tuple[int, str]:
    process = home.spawn(*command, **environment)
    printed = process.communicate(timeout=PATIENCE_S)[0]
    return process.returncode, printed


def test_threads_are_continued_on_postgres_and_back_on_sqlite(tmp_path: Path, upstream: Upstream) -> None:
    config, environment, url = ROOT / "langgraph.json", upstream_environment(upstream), create_database()
    upstream.script(reply)
    with (
        ExitStack() as closing,
        at_home(config, tmp_path / "first", **environment) as first,
        at_home(config, tmp_path / "second", DATABASE_URL=url, **environment) as second,
        at_home(config, tmp_path / "third", **environment) as third,
    ):
        first.start()
        before = Talker(first, closing)
        for text in ("one", "two"):
            turn = before.post("/agent/runs", thread_id="talk", input=text)
        edited = before.post(
            "/agent/runs", thread_id="talk", input="other", from_checkpoint=before.ends_of_turns("talk")[1]
        )
        asked = before.post("/approval/runs", thread_id="letter", input="write to Ada")
        talked, listed = before.texts("talk"), before.get("/agent/threads")
        runs = before.get("/runs")
        stop(first)

        done = run(first, "import", str(first.data), DATABASE_URL=url)
        again = run(first, "import", str(first.data), DATABASE_URL=url)
        assert (done[0], again[0]) == (0, 1), first.log.read_text()
        assert "2 threads, 4 runs" in done[1]
        assert "in the database already" in first.log.read_text()

        second.start()
        during = Talker(second, closing)
        assert asked["status"] == "interrupted"
        assert during.texts("talk") == talked
        assert during.get("/agent/threads") == listed
        assert during.get("/runs") == runs
        assert during.get(f"/agent/runs/{edited['run_id']}")["output"] == edited["output"]
        answered = during.post(f"/approval/runs/{asked['run_id']}/resume", resume="yes")
        assert answered["status"] == "success"
        during.post("/agent/runs", thread_id="talk", input="three")
        forked = during.post("/agent/runs", thread_id="fork", input="four")
        during.post(
            "/agent/runs", thread_id="talk", input="five", from_checkpoint=during.ends_of_turns("talk")[1]
        )
        talked, runs = during.texts("talk"), during.get("/runs")
        assert talked[:2] == ["one", "re one"]
        assert talked[-2:] == ["five", "re five"]
        stop(second)

        done = run(second, "export", str(third.data))
        assert done[0] == 0, second.log.read_text()
        third.start()
        after = Talker(third, closing)
        assert after.texts("talk") == talked
        assert after.get("/runs") == runs
        assert after.get(f"/agent/runs/{turn['run_id']}")["output"] == turn["output"]
        assert after.get(f"/agent/runs/{forked['run_id']}")["status"] == "success"
        after.post("/agent/runs", thread_id="talk", input="six")
        assert after.texts("talk") == [*talked, "six", "re six"]
