"""A thread whose states are longer than an answer may be, over the native routes and by the client."""

from __future__ import annotations

import json
from collections.abc import Iterator
from functools import partial

import anyio
import httpx
import pytest

from seltzer.client import AsyncClient, Checkpoint, Client, ThreadState
from seltzer.main import create_app
from seltzer.settings import Settings
from tests.patience import PATIENCE_S
from tests.protocols.following import all_events
from tests.serving import Served, serving, write_graphs

COUNT = 20
LIMIT_BYTES = 6_000
GRAPH = """
from langchain_core.messages import AIMessage
from langgraph.graph import START, MessagesState, StateGraph

def say(state: MessagesState):
    return {"messages": [AIMessage("x" * 1_000, id=f"m{number}") for number in range(20)]}

graph = StateGraph(MessagesState).add_node(say).add_edge(START, "say").compile()
"""
LIST = """
import operator
from typing import Annotated
from langgraph.graph import START, StateGraph

builder = StateGraph(Annotated[list, operator.add])
builder.add_node("write", lambda state: ["x" * 1_000 for _ in range(20)])
graph = builder.add_edge(START, "write").compile()
"""


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """A server whose graphs write twenty long items to their states."""
    folder = tmp_path_factory.mktemp("long")
    config = write_graphs(folder, {"agent": GRAPH, "list": LIST})
    with serving(
        create_app(Settings(config=config, data=folder / "data", page_limit_bytes=LIMIT_BYTES))
    ) as served:
        yield served


@pytest.fixture
def client(served: Served) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=served.url, timeout=PATIENCE_S) as client:
        yield client


def talk(client: httpx.Client, thread_id: str, graph: str = "agent") -> str:
    """Run once on the thread, and return its path."""
    run_input = {"messages": "hi"} if graph == "agent" else ["first"]
    run = client.post(f"/{graph}/runs", json={"input": run_input, "thread_id": thread_id})
    assert all_events(client, f"/{graph}/runs/{run.json()['run_id']}/events")[-1].kind == "finished"
    return f"/{graph}/threads/{thread_id}"


def ids(state: ThreadState) -> list[str]:
    return [each["id"] for each in state.values["messages"][1:]]


def test_a_states_messages_are_read_page_by_page(client: httpx.Client, thread_id: str) -> None:
    path = talk(client, thread_id)

    pages = [client.get(path)]
    place = pages[0].json()["checkpoint_id"]
    while omitted := pages[-1].json().get("omitted"):
        asked = {"checkpoint_id": place, "key": "messages", "before": omitted["messages"]}
        pages.append(client.get(path, params=asked))

    messages = [each for page in reversed(pages) for each in page.json()["values"]["messages"]]
    assert [each["id"] for each in messages[1:]] == [f"m{number}" for number in range(COUNT)]
    assert all(len(page.content) < LIMIT_BYTES + 1_000 for page in pages)


def test_as_many_as_are_asked_for_are_shown(client: httpx.Client, thread_id: str) -> None:
    state = client.get(talk(client, thread_id), params={"limit": 2}).json()

    assert [each["id"] for each in state["values"]["messages"]] == ["m18", "m19"]
    assert state["omitted"] == {"messages": COUNT - 1}


def test_the_history_is_bounded(client: httpx.Client, thread_id: str) -> None:
    path = talk(client, thread_id)

    page = client.get(f"{path}/history")

    newest, begun, asked = page.json()["checkpoints"]
    assert len(page.content) < LIMIT_BYTES + 2_000
    assert newest["omitted"]["messages"] == COUNT + 1 - len(newest["values"]["messages"])
    assert ("omitted" in begun, "omitted" in asked) == (False, False)


def test_a_state_that_is_a_list_is_bounded_too(client: httpx.Client, thread_id: str) -> None:
    path = talk(client, thread_id, "list")

    state = client.get(path).json()
    first = client.get(path, params={"key": "__root__", "before": 1}).json()
    whole = Client(str(client.base_url)).thread("list", thread_id)

    assert len(state["values"]) + state["omitted"]["__root__"] == COUNT + 1
    assert (first["values"], "omitted" in first) == (["first"], False)
    assert (len(whole.values), whole.values[0], whole.omitted) == (COUNT + 1, "first", {})


def test_an_update_answers_with_what_fits(client: httpx.Client, thread_id: str) -> None:
    path = talk(client, thread_id)
    change = {"messages": [{"type": "remove", "id": "m0"}]}

    answer = client.post(f"{path}/state", json={"values": change})
    whole = Client(str(client.base_url)).update_state(
        "agent", thread_id, {"messages": [{"type": "remove", "id": "m1"}]}
    )

    assert len(answer.content) < LIMIT_BYTES + 1_000
    assert answer.json()["omitted"]["messages"] == COUNT - len(answer.json()["values"]["messages"])
    assert (ids(whole), whole.omitted) == ([f"m{number}" for number in range(2, COUNT)], {})


def test_an_answer_of_chat_has_the_end_of_the_conversation(client: httpx.Client, thread_id: str) -> None:
    talk(client, thread_id)

    answer = client.post(
        "/chat", json={"text": "hi", "thread_id": thread_id}, headers={"accept": "application/json"}
    )

    assert answer.json()["chat_history"] == [{"type": "ai", "content": "x" * 1_000}] * 5


def test_the_client_reads_all_of_a_state(client: httpx.Client, thread_id: str) -> None:
    talk(client, thread_id)
    sync, asynchronous = Client(str(client.base_url)), AsyncClient(str(client.base_url))

    async def read(limit: int | None = None) -> ThreadState:
        return await asynchronous.thread("agent", thread_id, limit=limit)

    states = sync.thread("agent", thread_id), anyio.run(read)
    few = sync.thread("agent", thread_id, limit=2), anyio.run(partial(read, 2))

    assert states[0] == states[1]
    assert (ids(states[0]), states[0].omitted) == ([f"m{number}" for number in range(COUNT)], {})
    assert few[0] == few[1]
    assert (len(few[0].values["messages"]), few[0].omitted) == (2, {"messages": COUNT - 1})


def test_the_client_reads_the_whole_history(client: httpx.Client, thread_id: str) -> None:
    path = talk(client, thread_id)
    sync, asynchronous = Client(str(client.base_url)), AsyncClient(str(client.base_url))
    listed = client.get(f"{path}/history", params={"limit": 100}).json()["checkpoints"]

    async def read() -> list[Checkpoint]:
        return [each async for each in asynchronous.iter_history("agent", thread_id, select=["step"])]

    states = [*sync.iter_history("agent", thread_id, limit=1)]
    selected = anyio.run(read)

    assert [each.checkpoint_id for each in states] == [each["checkpoint_id"] for each in listed]
    assert [each.values for each in selected] == [None] * len(listed)
    assert [each.step for each in selected] == [each["step"] for each in listed]
    assert sync.history("agent", thread_id, limit=1, select=["step"]) == (selected[0],)
    assert json.dumps(states[-1].values) == json.dumps(listed[-1]["values"])
