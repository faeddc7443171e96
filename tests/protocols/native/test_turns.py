"""The turns of a thread, over a real server."""

from __future__ import annotations

from collections.abc import Iterator

import httpx
import pytest

from tests.patience import PATIENCE_S
from tests.protocols.native.test_editing import run
from tests.protocols.native.test_threads import code_of, talk
from tests.serving import Served


@pytest.fixture
def client(server: Served) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=server.url, timeout=PATIENCE_S) as client:
        yield client


def test_turns_name_their_messages_and_their_runs(client: httpx.Client, thread_id: str) -> None:
    first = talk(client, thread_id, "my name is Ada")
    talk(client, thread_id, "what is my name?")
    again = run(client, thread_id)
    questions = [
        each["id"]
        for each in client.get(f"/agent/threads/{thread_id}").json()["values"]["messages"]
        if each["type"] == "human"
    ]

    page = client.get(f"/agent/threads/{thread_id}/turns", params={"limit": 1}).json()
    (newest,), before = page["turns"], page["next_before"]
    rest = client.get(f"/agent/threads/{thread_id}/turns", params={"before": before}).json()

    assert newest == {
        "checkpoint_id": before,
        "message_ids": questions[1:],
        "input": None,
        "is_input_omitted": False,
        "runs": [{"run_id": again, "is_whole": True}],
        "is_edited": False,
    }
    assert [(each["message_ids"], each["runs"][0]["run_id"]) for each in rest["turns"]] == [
        (questions[:1], first)
    ]
    assert rest["next_before"] is None


def test_what_cant_be_listed_is_refused(client: httpx.Client, thread_id: str) -> None:
    talk(client, thread_id)
    place = f"/agent/threads/{thread_id}/turns"

    assert code_of(client.get("/agent/threads/nobody/turns")) == (404, "unknown_thread")
    assert code_of(client.get(place, params={"before": "gone"})) == (404, "unknown_checkpoint")
    assert code_of(client.get(place, params={"limit": "0"})) == (422, "invalid_input")
