"""Tools that the client runs, over the native routes and LangServe's."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient

from seltzer.main import create_app
from seltzer.settings import Settings
from tests.serving import write_graphs

CALLING = """
from langchain_core.messages import AIMessage
from langgraph.graph import START, MessagesState, StateGraph

async def model(state):
    last = state["messages"][-1]
    if last.type == "tool":
        return {"messages": [AIMessage(f"You are in {last.text}.")]}
    calls = [{"name": "where_am_i", "args": {"precise": True}, "id": call} for call in ("loc1", "loc2")]
    return {"messages": [AIMessage("", tool_calls=calls)]}

graph = StateGraph(MessagesState).add_node(model).add_edge(START, "model").compile()
"""
RESULTS = [{"role": "tool", "content": "Berlin", "tool_call_id": name} for name in ("loc1", "loc2")]


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TestClient]:
    folder: Path = tmp_path_factory.mktemp("calling")
    config = write_graphs(folder, {"calling": CALLING})
    app = create_app(Settings(config=config, data=folder / "data"))
    with TestClient(app, base_url="http://127.0.0.1:8000") as client:
        yield client


def ended(client: TestClient, thread_id: str, messages: Any) -> Any:
    """Run to the end; return the run."""
    body = {"thread_id": thread_id, "input": {"messages": messages}}
    started = client.post("/calling/runs", json=body)
    assert started.status_code == 201, started.text
    client.get(f"{started.headers['location']}/events").raise_for_status()
    return client.get(started.headers["location"]).json()


@pytest.mark.parametrize("count", [1, 2])
def test_the_calls_are_in_the_output_and_the_next_input_has_results(client: TestClient, count: int) -> None:
    run = ended(client, f"t{count}", ["where am I?"])
    call = {"name": "where_am_i", "args": {"precise": True}}

    answered = ended(client, f"t{count}", RESULTS[:count])

    assert (run["status"], run["error"]) == ("success", None)
    assert run["output"] == {"text": "", "tool_calls": [call | {"id": "loc1"}, call | {"id": "loc2"}]}
    assert answered["status"] == "success"
    messages = client.get(f"/calling/threads/t{count}").json()["values"]["messages"]
    assert [each["type"] for each in messages] == ["human", "ai", "tool", "tool", "ai"]
    assert {each["status"] for each in messages[2:4]} == ({"success", "error"} if count == 1 else {"success"})


def test_a_call_may_have_failed(client: TestClient) -> None:
    ended(client, "failing", ["where am I?"])

    ended(client, "failing", [{**each, "status": "error"} for each in RESULTS])

    messages = client.get("/calling/threads/failing").json()["values"]["messages"]
    assert [each["status"] for each in messages if each["type"] == "tool"] == ["error", "error"]


@pytest.mark.parametrize("thread_id", ["t", "unknown", None])
def test_results_of_calls_that_are_not_open_are_refused_by_their_field(
    client: TestClient, thread_id: str | None
) -> None:
    ended(client, "t", ["where am I?"])
    foreign = {**RESULTS[0], "tool_call_id": "nobody"}
    body = {"input": {"messages": [foreign]}} | ({"thread_id": thread_id} if thread_id else {})

    response = client.post("/calling/runs", json=body)

    assert (response.status_code, response.json()["code"]) == (422, "invalid_input")
    assert response.json()["detail"].startswith("input.messages.0.tool_call_id: ")
    assert "nobody" not in response.text


def test_langserve_takes_results_too(client: TestClient) -> None:
    config = {"configurable": {"thread_id": "served"}}
    first = client.post("/calling/invoke", json={"input": "where am I?", "config": config}).json()

    second = client.post("/calling/invoke", json={"input": {"messages": RESULTS}, "config": config}).json()
    again = client.post("/calling/invoke", json={"input": {"messages": RESULTS}, "config": config})

    assert (first["output"], second["output"]) == ("", "You are in Berlin.")
    assert (again.status_code, again.json()["code"]) == (422, "invalid_input")


def test_a_batch_names_the_input(client: TestClient) -> None:
    body = {"inputs": [{"messages": ["hi"]}, {"messages": RESULTS}], "config": {}}

    response = client.post("/calling/batch", json=body)

    assert (response.status_code, response.json()["code"]) == (422, "invalid_input")
    assert response.json()["detail"].startswith("inputs.1.messages.0.tool_call_id: ")
