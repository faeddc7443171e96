"""Messages with attachments: on every route that takes messages, within their own limits, stored once."""

from __future__ import annotations

import base64
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from random import Random
from typing import Any

import httpx
import pytest

from seltzer.main import create_app
from seltzer.settings import Settings
from tests.patience import PATIENCE_S
from tests.serving import serving, write_graphs

GRAPH = """
from langchain_core.messages import AIMessage
from langgraph.graph import START, MessagesState, StateGraph

def look(state: MessagesState):
    return {}

def answer(state: MessagesState):
    return {"messages": [AIMessage("a fine photo")]}

builder = StateGraph(MessagesState).add_node(look).add_node(answer)
graph = builder.add_edge(START, "look").add_edge("look", "answer").compile()
"""
ASKING = """
from langchain_core.messages import HumanMessage
from langgraph.graph import START, MessagesState, StateGraph
from langgraph.types import interrupt

def ask(state: MessagesState):
    return {"messages": [HumanMessage([interrupt("a photo?")])]}

graph = StateGraph(MessagesState).add_node(ask).add_edge(START, "ask").compile()
"""
EVENTS = {"accept": "text/event-stream"}


def photo(size_bytes: int, seed: int = 0) -> str:
    return base64.b64encode(Random(seed).randbytes(size_bytes)).decode()


PHOTO = photo(400_000)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("photos")


@pytest.fixture(scope="module")
def client(folder: Path) -> Iterator[httpx.Client]:
    """A client of a server with the limits that there are by default."""
    config = write_graphs(folder, {"agent": GRAPH, "asking": ASKING})
    app = create_app(Settings(config=config, data=folder / "data"))
    with (
        serving(app) as served,
        httpx.Client(base_url=served.url, timeout=PATIENCE_S, headers=EVENTS) as client,
    ):
        yield client


def part(data: str) -> dict[str, Any]:
    return {"type": "image_url", "image_url": {"url": f"data:image/jpeg;base64,{data}"}}


def message(*parts: object) -> dict[str, Any]:
    return {"messages": [{"role": "user", "content": list(parts)}]}


def send(client: httpx.Client, way: str, thread_id: str, run_input: Any) -> httpx.Response:
    """Send the input to the route."""
    config = {"configurable": {"thread_id": thread_id}}
    if way == "runs":
        return client.post("/agent/runs", json={"input": run_input, "thread_id": thread_id})
    if way == "batch":
        return client.post("/agent/batch", json={"inputs": [run_input], "config": config})
    if way == "state":
        client.post("/agent/runs", json={"input": "hi", "thread_id": thread_id})
        return client.post(f"/agent/threads/{thread_id}/state", json={"values": run_input})
    return client.post(f"/agent/{way}", json={"input": run_input, "config": config})


WAYS = ["runs", "state", "invoke", "stream", "batch", "chat/invoke"]


@pytest.mark.parametrize("way", WAYS)
def test_a_photo_is_accepted_by_default(client: httpx.Client, thread_id: str, way: str) -> None:
    answer = send(client, way, thread_id, message({"type": "text", "text": "what is it?"}, part(PHOTO)))

    assert answer.status_code in (200, 201), answer.text
    state = client.get(f"/agent/threads/{thread_id}").json()
    [sent] = [each for each in state["values"]["messages"] if each["content"] not in ("hi", "a fine photo")]
    assert sent["content"][1] == part(PHOTO)


def test_a_photo_may_be_an_answer(client: httpx.Client, thread_id: str) -> None:
    asked = client.post("/asking/runs", json={"input": "hi", "thread_id": thread_id})

    answered = client.post(f"/asking/runs/{asked.headers['x-run-id']}/resume", json={"resume": part(PHOTO)})

    assert "event: finished" in answered.text
    last = client.get(f"/asking/threads/{thread_id}").json()["values"]["messages"][-1]
    assert last["content"] == [part(PHOTO)]


@pytest.mark.parametrize(
    ("way", "content"),
    [
        ("runs", "input.messages.0.content"),
        ("state", "values.messages.0.content"),
        ("invoke", "input.messages.0.content"),
        ("batch", "inputs.0.messages.0.content"),
    ],
)
def test_a_part_that_is_too_large_is_named_with_its_limit(
    client: httpx.Client, thread_id: str, way: str, content: str
) -> None:
    text = {"type": "text", "text": "x" * 300_000}

    large = send(client, way, thread_id, message("hi", part(photo(5_300_000))))
    long = send(client, way, thread_id, message(text, part(PHOTO)))

    assert [(each.status_code, each.json()["code"]) for each in (large, long)] == [(422, "invalid_input")] * 2
    assert large.json()["detail"] == f"{content}.1.image_url.url: is an attachment larger than 5242880 bytes"
    assert long.json()["detail"] == f"{content}: is larger than 262144 bytes without its attachments"


@pytest.mark.parametrize("way", ["runs", "state", "invoke"])
def test_a_body_that_is_too_large_is_refused_with_its_limit(
    client: httpx.Client, thread_id: str, way: str
) -> None:
    photos = [part(photo(3_700_000))] * 2

    texts = send(client, way, thread_id, message({"type": "text", "text": "x" * 1_100_000}))
    together = send(client, way, thread_id, message(*photos))

    for answer, limit in ((texts, "1048576 bytes, attachments not counted"), (together, "9437184 bytes")):
        assert (answer.status_code, answer.json()["code"]) == (413, "body_too_large")
        assert answer.json()["detail"] == f"the body is larger than {limit}"


def test_routes_that_take_no_messages_take_no_more_than_before(client: httpx.Client, thread_id: str) -> None:
    send(client, "runs", thread_id, message(part(PHOTO)))
    large = {"text": "hi", "config": {"metadata": part(photo(1_000_000))}}

    for answer in (
        client.post("/chat", json=large),
        client.patch(f"/agent/threads/{thread_id}", json={"title": "x" * 1_100_000}),
    ):
        assert (answer.status_code, answer.json()["code"]) == (413, "body_too_large")


def test_a_photo_is_stored_once(client: httpx.Client, folder: Path, thread_id: str) -> None:
    own = photo(100_000, seed=1)
    send(client, "runs", thread_id, message(part(own)))
    for question in ("what is it?", "and what else?"):
        send(client, "runs", thread_id, question)
    client.post("/agent/runs", json={"thread_id": thread_id})  # answered again, on another branch

    found = holders(folder / "data" / "seltzer.db", own[:100])

    assert found == {"checkpoint_messages.blob": 1}


def holders(file: Path, text: str) -> dict[str, int]:
    """Return in which columns of the file the text is, and in how many of their rows."""
    counts = {}
    with closing(sqlite3.connect(file)) as connection:
        for (table,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'").fetchall():
            for _, column, *_ in connection.execute(f"PRAGMA table_info({table})").fetchall():
                [count] = connection.execute(
                    f'SELECT count(*) FROM {table} WHERE instr(CAST("{column}" AS BLOB), ?)', (text.encode(),)
                ).fetchone()
                counts[f"{table}.{column}"] = count
    return {place: count for place, count in counts.items() if count}


def test_a_thread_that_begins_with_a_photo_is_called_by_what_it_is(
    client: httpx.Client, thread_id: str
) -> None:
    send(client, "runs", thread_id, message(part(PHOTO)))

    assert client.get(f"/agent/threads/{thread_id}").json()["title"] == "Image"
