"""Edits and runs that are sent again by their Idempotency-Key, over a real server."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from tests.patience import PATIENCE_S
from tests.protocols.following import all_events
from tests.protocols.native.test_editing import asked, look
from tests.protocols.native.test_threads import code_of, talk
from tests.serving import Served


@pytest.fixture
def client(server: Served) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=server.url, timeout=PATIENCE_S) as client:
        yield client


def key(thread_id: str) -> dict[str, str]:
    return {"idempotency-key": f"edit-{thread_id}"}


def question(client: httpx.Client, thread_id: str) -> str:
    """Return a run that waits for an answer."""
    body = {"input": "send an email to ada@example.org: hello", "thread_id": thread_id}
    run_id: str = client.post("/approval/runs", json=body).json()["run_id"]
    assert all_events(client, f"/approval/runs/{run_id}/events")[-1].kind == "interrupted"
    return run_id


@pytest.mark.parametrize("what", ["remove", "copy", "take back", "as a node"])
def test_an_update_is_made_once(client: httpx.Client, thread_id: str, what: str) -> None:
    talk(client, thread_id, "one")
    early = look(client, thread_id)
    talk(client, thread_id, "two")
    last = look(client, thread_id)["values"]["messages"][-1]["id"]
    bodies: dict[str, Any] = {
        "remove": {"values": {"messages": [{"type": "remove", "id": last}]}, "as_node": "__end__"},
        "copy": {"as_node": "__copy__", "checkpoint_id": early["checkpoint_id"]},
        "take back": {"as_node": "__copy__", "from_message": last},
        "as a node": {"values": {"messages": [["assistant", "by hand"]]}, "as_node": "model"},
    }
    path = f"/agent/threads/{thread_id}/state"

    first = client.post(path, json=bodies[what], headers=key(thread_id))
    again = client.post(path, json=bodies[what], headers=key(thread_id))
    other = client.post(path, json={"as_node": "__end__"}, headers=key(thread_id))

    assert first.status_code == 200, first.text
    assert again.json() == first.json() == look(client, thread_id)
    assert code_of(other) == (409, "idempotency_conflict")
    talk(client, thread_id, "three")
    late = client.post(path, json=bodies[what], headers=key(thread_id)).json()
    assert (late["checkpoint_id"], late["values"]) == (first.json()["checkpoint_id"], first.json()["values"])
    assert asked(look(client, thread_id))[-1] == "three"


def test_an_update_that_was_refused_is_refused_again(client: httpx.Client, thread_id: str) -> None:
    talk(client, thread_id, "one")
    before = look(client, thread_id)
    path, body = f"/agent/threads/{thread_id}/state", {"values": {"messages": ["x"]}, "as_node": "nobody"}

    first, again = (client.post(path, json=body, headers=key(thread_id)) for _ in range(2))

    assert code_of(first) == code_of(again) == (422, "invalid_input")
    assert first.json()["detail"] == again.json()["detail"]
    assert look(client, thread_id) == before


def test_a_question_is_withdrawn_once(client: httpx.Client, thread_id: str) -> None:
    run_id = question(client, thread_id)
    path = f"/approval/runs/{run_id}/withdraw"

    first = client.post(path, headers=key(thread_id))
    again = client.post(path, json={}, headers=key(thread_id))

    assert (first.status_code, again.status_code) == (201, 201)
    assert again.json() == first.json()
    assert again.headers["location"] == first.headers["location"]
    second = question(client, thread_id)
    other = client.post(f"/approval/runs/{second}/withdraw", headers=key(thread_id))
    assert code_of(other) == (409, "idempotency_conflict")


@pytest.mark.parametrize("value", ["", "a b", "é".encode(), "x" * 256])
def test_a_key_that_is_none_is_refused(client: httpx.Client, thread_id: str, value: Any) -> None:
    talk(client, thread_id, "one")

    refused = client.post(
        f"/agent/threads/{thread_id}/state",
        json={"as_node": "__end__"},
        headers={"idempotency-key": value},
    )

    assert code_of(refused) == (422, "invalid_input")
    assert refused.json()["detail"].startswith("Idempotency-Key: ")


@pytest.mark.parametrize(
    "more",
    [
        {"input": "one"},
        {},
        {"input": "two", "from_message": "{message}"},
        {"from_message": "{message}"},
        {"input": "two", "from_checkpoint": "{checkpoint}"},
    ],
)
def test_the_key_of_a_deleted_threads_run_is_gone(
    client: httpx.Client, thread_id: str, more: dict[str, Any]
) -> None:
    talk(client, thread_id, "zero")
    state = look(client, thread_id)
    places = {"{message}": state["values"]["messages"][0]["id"], "{checkpoint}": state["checkpoint_id"]}
    body = {"thread_id": thread_id, **{name: places.get(value, value) for name, value in more.items()}}
    run_id = client.post("/agent/runs", json=body, headers=key(thread_id)).json()["run_id"]
    all_events(client, f"/agent/runs/{run_id}/events")

    client.delete(f"/agent/threads/{thread_id}")

    assert code_of(client.post("/agent/runs", json=body, headers=key(thread_id))) == (410, "run_deleted")


def test_the_keys_of_a_deleted_threads_edits_are_gone(client: httpx.Client, thread_id: str) -> None:
    run_id = question(client, thread_id)
    withdraw, update = f"/approval/runs/{run_id}/withdraw", f"/approval/threads/{thread_id}/state"
    other = {"idempotency-key": f"other-{thread_id}"}
    client.post(withdraw, headers=key(thread_id))
    assert client.post(update, json={"as_node": "__end__"}, headers=other).status_code == 200

    client.delete(f"/approval/threads/{thread_id}")

    assert code_of(client.post(withdraw, headers=key(thread_id))) == (410, "run_deleted")
    assert code_of(client.post(update, json={"as_node": "__end__"}, headers=other)) == (410, "run_deleted")
    assert code_of(client.post(update, json={"as_node": "__end__"})) == (404, "unknown_thread")
    assert code_of(client.post(withdraw)) == (404, "unknown_run")


def test_a_turn_is_taken_back_by_its_message(client: httpx.Client, thread_id: str) -> None:
    talk(client, thread_id, "one")
    talk(client, thread_id, "two")
    whole = look(client, thread_id)
    first, last = whole["values"]["messages"][0]["id"], whole["values"]["messages"][-1]["id"]
    path = f"/agent/threads/{thread_id}/state"

    back = client.post(path, json={"as_node": "__copy__", "from_message": last})
    empty = client.post(path, json={"as_node": "__copy__", "from_message": first})

    assert asked(back.json()) == ["one"]
    assert (empty.json()["values"].get("messages", []), empty.json()["next"]) == ([], [])
    talk(client, thread_id, "three")
    assert asked(look(client, thread_id)) == ["three"]
    assert look(client, thread_id, checkpoint_id=whole["checkpoint_id"])["values"] == whole["values"]


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"from_message": "{message}"}, "from_message"),
        ({"from_message": "{message}", "as_node": "__end__"}, "from_message"),
        ({"from_message": "{message}", "as_node": "model", "values": {}}, "from_message"),
        ({"from_message": "none", "as_node": "__copy__"}, "from_message"),
        ({"from_message": "", "as_node": "__copy__"}, "from_message"),
        ({"from_message": 5, "as_node": "__copy__"}, "from_message"),
        ({"from_message": "x" * 257, "as_node": "__copy__"}, "from_message"),
        ({"from_message": "{message}", "as_node": "__copy__", "values": {}}, "values"),
        (
            {"from_message": "{message}", "as_node": "__copy__", "checkpoint_id": "{checkpoint}"},
            "from_message",
        ),
    ],
)
def test_a_turn_that_cannot_be_taken_back_is_refused(
    client: httpx.Client, thread_id: str, body: dict[str, Any], field: str
) -> None:
    talk(client, thread_id, "one")
    before = look(client, thread_id)
    message, checkpoint = before["values"]["messages"][0]["id"], before["checkpoint_id"]
    places = {"{message}": message, "{checkpoint}": checkpoint}

    response = client.post(
        f"/agent/threads/{thread_id}/state", json={k: places.get(str(v), v) for k, v in body.items()}
    )

    assert code_of(response) == (422, "invalid_input")
    assert response.json()["detail"].startswith(f"{field}: ")
    assert look(client, thread_id) == before
