"""The native routes by which a conversation is edited, over a real server."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from tests.patience import PATIENCE_S
from tests.protocols.following import all_events
from tests.protocols.native.test_threads import code_of, talk
from tests.serving import Served

THREADS = "/agent/threads"


@pytest.fixture
def client(server: Served) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=server.url, timeout=PATIENCE_S) as client:
        yield client


def run(client: httpx.Client, thread_id: str, **body: Any) -> str:
    """Run once on the thread, to the end; return the run's id."""
    response = client.post("/agent/runs", json={"thread_id": thread_id, **body})
    assert response.status_code == 201, response.text
    run_id: str = response.json()["run_id"]
    assert all_events(client, f"/agent/runs/{run_id}/events")[-1].kind == "finished"
    return run_id


def look(client: httpx.Client, thread_id: str, **query: str) -> dict[str, Any]:
    response = client.get(f"{THREADS}/{thread_id}", params=query)
    assert response.status_code == 200, response.text
    thread: dict[str, Any] = response.json()
    return thread


def asked(thread: dict[str, Any]) -> list[str]:
    """Return what the person has said in the thread."""
    return [each["content"] for each in thread["values"]["messages"] if each["type"] == "human"]


class TestAgain:
    def test_the_last_question_is_answered_again(self, client: httpx.Client, thread_id: str) -> None:
        talk(client, thread_id, "my name is Ada")
        talk(client, thread_id, "what is my name?")
        before = look(client, thread_id)

        again = run(client, thread_id)

        after = look(client, thread_id)
        assert asked(after) == ["my name is Ada", "what is my name?"]
        assert len(after["values"]["messages"]) == len(before["values"]["messages"])
        assert after["run_id"] == again
        earlier = look(client, thread_id, checkpoint_id=before["checkpoint_id"])
        assert earlier["values"] == before["values"] != after["values"]

    def test_a_question_is_asked_otherwise(self, client: httpx.Client, thread_id: str) -> None:
        talk(client, thread_id, "my name is Ada")
        talk(client, thread_id, "what is my name?")
        before = look(client, thread_id)

        first = before["values"]["messages"][0]["id"]
        run(client, thread_id, input="my name is Grace", from_message=first)

        assert asked(look(client, thread_id)) == ["my name is Grace"]
        assert look(client, thread_id, checkpoint_id=before["checkpoint_id"])["values"] == before["values"]

    def test_an_earlier_question_is_answered_again(self, client: httpx.Client, thread_id: str) -> None:
        talk(client, thread_id, "my name is Ada")
        talk(client, thread_id, "what is my name?")
        first_answer = look(client, thread_id)["values"]["messages"][1]["id"]

        run(client, thread_id, from_message=first_answer)

        assert asked(look(client, thread_id)) == ["my name is Ada"]

    def test_history_shows_where_turns_begin(self, client: httpx.Client, thread_id: str) -> None:
        talk(client, thread_id, "one")
        talk(client, thread_id, "two")

        states = client.get(f"{THREADS}/{thread_id}/history", params={"limit": 100}).json()["checkpoints"]
        begins = [each for each in states if each["source"] == "input"]

        assert [asked(each) if each["values"] else [] for each in begins] == [["one"], []]
        run(client, thread_id, from_checkpoint=begins[1]["checkpoint_id"])
        assert asked(look(client, thread_id)) == ["one"]

    def test_a_repeated_request_runs_once(self, client: httpx.Client, thread_id: str) -> None:
        talk(client, thread_id, "one")
        sent: dict[str, Any] = {
            "json": {"thread_id": thread_id},
            "headers": {"idempotency-key": f"again-{thread_id}"},
        }

        first = client.post("/agent/runs", **sent).json()["run_id"]
        all_events(client, f"/agent/runs/{first}/events")

        assert client.post("/agent/runs", **sent).json()["run_id"] == first

    @pytest.mark.parametrize(
        ("body", "status", "code", "field"),
        [
            ({}, 422, "invalid_input", "input"),
            ({"thread_id": "nobody-has-this"}, 404, "unknown_thread", ""),
            ({"thread_id": "{thread}", "from_message": "none"}, 422, "invalid_input", "from_message"),
            ({"thread_id": "{thread}", "from_message": ""}, 422, "invalid_input", "from_message"),
            ({"thread_id": "{thread}", "from_message": None}, 422, "invalid_input", "from_message"),
            ({"thread_id": "{thread}", "from_message": "x" * 257}, 422, "invalid_input", "from_message"),
            ({"from_message": "none", "input": "x"}, 422, "invalid_input", "thread_id"),
            (
                {"thread_id": "{thread}", "from_message": "x", "from_checkpoint": "x"},
                *(422, "invalid_input", "from_message"),
            ),
            ({"thread_id": "{thread}", "from_checkpoint": "none"}, 404, "unknown_checkpoint", ""),
            ({"thread_id": "{thread}", "from_checkpoint": "{foreign}"}, 404, "unknown_checkpoint", ""),
            (
                {"thread_id": "{thread}", "from_checkpoint": "{newest}"},
                422,
                "invalid_input",
                "from_checkpoint",
            ),
        ],
    )
    def test_what_cannot_be_run_again_is_refused_and_changes_nothing(
        self, client: httpx.Client, thread_id: str, body: dict[str, Any], status: int, code: str, field: str
    ) -> None:
        talk(client, thread_id, "one")
        talk(client, f"{thread_id}-other", "two")
        before = look(client, thread_id)
        places = {
            "{thread}": thread_id,
            "{newest}": before["checkpoint_id"],
            "{foreign}": look(client, f"{thread_id}-other")["checkpoint_id"],
        }

        response = client.post("/agent/runs", json={k: places.get(v, v) for k, v in body.items()})

        assert code_of(response) == (status, code)
        assert response.json()["detail"].startswith(f"{field}: " if field else "")
        assert look(client, thread_id) == before

    @pytest.mark.parametrize(
        ("value", "status"), [("none", 404), ("", 422), ("a b", 422), ("{foreign}", 404)]
    )
    def test_a_state_that_is_not_there_is_not_shown(
        self, client: httpx.Client, thread_id: str, value: str, status: int
    ) -> None:
        talk(client, thread_id, "one")
        talk(client, f"{thread_id}-other", "two")
        foreign = look(client, f"{thread_id}-other")["checkpoint_id"]

        asked = {"checkpoint_id": value.replace("{foreign}", foreign)}
        assert client.get(f"{THREADS}/{thread_id}", params=asked).status_code == status
