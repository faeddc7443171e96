"""A run is started in one process, and followed, cancelled and answered in others."""

from __future__ import annotations

import uuid
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx
import pytest

from tests.e2e.postgres.conftest import Three
from tests.protocols.following import Seen, all_events, following, text_of
from tests.replies import Reply, ToolCall

WHOLE = "one two three"


def start(client: httpx.Client, status: int = 201, graph: str = "agent", **body: Any) -> Any:
    headers = body.pop("headers", {})
    response = client.post(f"/{graph}/runs", json={"input": "count", **body}, headers=headers)
    assert response.status_code == status, response.text
    return response.json()


def path_of(run: dict[str, Any], graph: str = "agent") -> str:
    return f"/{graph}/runs/{run['run_id']}"


def up_to_second_word(client: httpx.Client, path: str) -> list[Seen]:
    """Follow a run until all has come that the model gives."""
    read: list[Seen] = []
    with following(client, f"{path}/events") as events:
        for event in events:
            read.append(event)
            if text_of(read) == "one two ":
                break
    return read


def test_a_run_is_followed_live_and_exactly_wherever_it_is_read(three: Three) -> None:
    path = path_of(start(three.a))
    halves = [up_to_second_word(client, path) for client in (three.a, three.b, three.c)]
    with ThreadPoolExecutor(3) as reading:
        readers = [
            reading.submit(all_events, client, f"{path}/events", halves[0][-1].id)
            for client in (three.a, three.b, three.c)
        ]
        three.upstream.resume()
        rests = [reader.result() for reader in readers]

    replays = [all_events(client, f"{path}/events") for client in (three.a, three.b, three.c)]
    assert halves[0] == halves[1] == halves[2]
    assert rests[0] == rests[1] == rests[2]
    assert replays == [halves[0] + rests[0]] * 3
    assert (text_of(replays[2]), replays[2][-1].kind) == (WHOLE, "finished")


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("POST", "/agent/stream", {"input": "count"}),
        ("POST", "/chat", {"text": "count"}),
    ],
)
def test_an_attached_run_is_followed_and_cancelled_in_another_process(
    three: Three, method: str, path: str, body: dict[str, Any]
) -> None:
    with three.a.stream(method, path, json=body) as answer:
        run = f"/agent/runs/{answer.headers['x-run-id']}"
        with following(three.b, f"{run}/events") as events:
            read = []
            for event in events:
                read.append(event)
                if text_of(read) == "one two " and event.kind == "token":
                    assert three.c.post(f"{run}/cancel").is_success

    assert read[-1].kind == "cancelled"
    assert three.a.get(run).json()["status"] == "cancelled"


def test_a_run_is_cancelled_from_another_process(three: Three) -> None:
    thread_id = uuid.uuid4().hex
    path = path_of(start(three.a, thread_id=thread_id))
    up_to_second_word(three.b, path)

    assert three.c.post(f"{path}/cancel").is_success

    assert all_events(three.b, f"{path}/events")[-1].kind == "cancelled"
    kept = three.b.get(f"/agent/threads/{thread_id}").json()["values"]["messages"]
    assert [each["content"] for each in kept] == ["count", "one two "]


def test_a_busy_thread_is_busy_everywhere_and_a_key_is_the_same_run_everywhere(three: Three) -> None:
    thread_id, key = uuid.uuid4().hex, {"idempotency-key": uuid.uuid4().hex}
    run = start(three.a, thread_id=thread_id, headers=key)

    busy = start(three.b, 409, thread_id=thread_id)
    same = three.c.post("/agent/runs", json={"input": "count", "thread_id": thread_id}, headers=key)
    other = three.c.post("/agent/runs", json={"input": "other", "thread_id": thread_id}, headers=key)

    assert busy["code"] == "thread_busy"
    assert same.json()["run_id"] == run["run_id"]
    assert (other.status_code, other.json()["code"]) == (409, "idempotency_conflict")
    three.upstream.resume()
    assert all_events(three.b, f"{path_of(run)}/events")[-1].kind == "finished"


@pytest.mark.parametrize(
    ("on_busy", "ends", "asked"),
    [
        ("enqueue", "finished", ["count", "then"]),
        ("interrupt", "cancelled", ["count", "then"]),
        ("rollback", "cancelled", ["then"]),
    ],
)
def test_a_later_run_waits_for_stops_or_undoes_one_of_another_process(
    three: Three, on_busy: str, ends: str, asked: list[str]
) -> None:
    thread_id = uuid.uuid4().hex
    first = path_of(start(three.a, thread_id=thread_id))
    up_to_second_word(three.a, first)

    second = path_of(start(three.b, input="then", thread_id=thread_id, on_busy=on_busy))
    if on_busy != "enqueue":
        up_to_second_word(three.c, second)
    three.upstream.resume()

    assert all_events(three.c, f"{first}/events")[-1].kind == ends
    assert all_events(three.c, f"{second}/events")[-1].kind == "finished"
    messages = three.a.get(f"/agent/threads/{thread_id}").json()["values"]["messages"]
    assert [each["content"] for each in messages if each["type"] == "human"] == asked


def test_what_one_process_asks_is_answered_in_another(three: Three) -> None:
    email = {"to": "ada@example.org", "subject": "Hello", "body": "Hi."}
    replies = iter([Reply(tool_calls=[ToolCall("send_email", email, "c1")])])
    three.upstream.script(lambda _body: next(replies, Reply(text=WHOLE)))
    asked = path_of(start(three.a, graph="approval"), "approval")
    assert all_events(three.b, f"{asked}/events")[-1].kind == "interrupted"

    answered = three.b.post(f"{asked}/resume", json={"resume": "yes"})

    assert answered.status_code == 201, answered.text
    read = all_events(three.c, f"{path_of(answered.json(), 'approval')}/events")
    assert (text_of(read), read[-1].kind) == (WHOLE, "finished")
