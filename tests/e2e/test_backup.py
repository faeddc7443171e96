"""A backup that is made while an answer streams: a server on it continues that, and the conversation."""

from __future__ import annotations

from pathlib import Path

import httpx

from tests.conftest import ROOT
from tests.e2e.processes import Home, at_home, upstream_environment
from tests.patience import PATIENCE_S
from tests.protocols.following import all_events
from tests.replies import Json, Reply
from tests.upstream import Upstream


def start(home: Home, text: str) -> str:
    """Start a turn on the thread, and return where its run is."""
    body = {"input": text, "thread_id": "talk"}
    answer = httpx.post(f"{home.url}/agent/runs", json=body, timeout=PATIENCE_S)
    return f"/agent/runs/{answer.raise_for_status().json()['run_id']}"


def end_of(home: Home, run: str) -> Json:
    with httpx.Client(base_url=home.url, timeout=PATIENCE_S) as client:
        all_events(client, f"{run}/events")
        ended: Json = client.get(run).json()
        return ended


def contents(home: Home) -> list[str]:
    state = httpx.get(f"{home.url}/agent/threads/talk", timeout=PATIENCE_S).raise_for_status().json()
    return [message["content"] for message in state["values"]["messages"]]


def test_a_server_on_a_backup_continues_where_the_other_was(tmp_path: Path, upstream: Upstream) -> None:
    config, environment = ROOT / "langgraph.json", upstream_environment(upstream)
    with (
        at_home(config, tmp_path / "first", **environment) as first,
        at_home(config, tmp_path / "second", **environment) as second,
    ):
        upstream.script(lambda body: Reply(text=f"re {body['messages'][-1]['content']}"))
        first.start()
        end_of(first, start(first, "one"))
        upstream.next_request()
        upstream.script(lambda _body: Reply(text=["re ", "two"], breaks="silence", after=1))
        active = start(first, "two")
        upstream.next_request()

        backup = first.spawn("backup", str(second.data))
        printed = backup.communicate(timeout=PATIENCE_S)[0]

        assert backup.returncode == 0, first.log.read_text()
        assert f"is backed up in {second.data}" in printed
        upstream.resume()
        assert end_of(first, active)["output"] == "re two"  # the first server takes no harm
        first.kill()
        second.start()
        assert end_of(second, active)["output"] == "re two"
        upstream.script(lambda body: Reply(text=f"re {body['messages'][-1]['content']}"))
        assert end_of(second, start(second, "three"))["output"] == "re three"
        assert contents(second) == ["one", "re one", "two", "re two", "three", "re three"]
