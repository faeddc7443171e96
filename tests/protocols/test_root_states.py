"""Graphs whose state is one value instead of keys: a list of messages, any list, a number."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from fastapi.testclient import TestClient

from seltzer.main import create_app
from seltzer.settings import Settings
from tests.protocols.test_running import LANGSERVE, PROTOCOLS, run
from tests.serving import write_graphs

STATE = """
import operator
from typing import Annotated
from langchain_core.messages import AIMessage, AnyMessage
from langgraph.graph import START, StateGraph, add_messages
from langgraph.types import interrupt

def answer(state):
    return {value}

graph = StateGraph({kind}).add_node(answer).add_edge(START, "answer").compile()
"""
SAVES = """
from langchain_core.messages import AIMessage, AnyMessage
from langgraph.func import entrypoint

@entrypoint()
async def graph(inputs: list[AnyMessage], *, previous=None):
    messages = [*(previous or ()), *inputs]
    answer = AIMessage(f"answer {len(messages)}")
    return entrypoint.final(value=answer, save=[*messages, answer])
"""
TYPES = {
    "bare": "Annotated[list, add_messages]",
    "typed": "Annotated[list[AnyMessage], add_messages]",
    "formatted": 'Annotated[list, add_messages(format="langchain-openai")]',
}
REPLY = 'AIMessage(f"You said {state[-1].text}.")'
OTHERS: dict[str, tuple[str, str, Any, Any]] = {
    "a-list": ("list", "[*state, len(state)]", [1, 2], [1, 2, 2]),
    "appended": ("Annotated[list[int], operator.add]", "[9]", [1], [1, 9]),
    "a-number": ("Annotated[int, operator.add]", "2", 3, 5),
    "an-object": ("dict", '{"was": state}', {"a": 1}, {"was": {"a": 1}}),
}
GRAPHS = {
    **{name: STATE.format(kind=kind, value=REPLY) for name, kind in TYPES.items()},
    **{name: STATE.format(kind=kind, value=value) for name, (kind, value, _, _) in OTHERS.items()},
    "asks": STATE.format(kind=TYPES["bare"], value='AIMessage("It is " + interrupt("sure?") + ".")'),
    "calls": STATE.format(
        kind=TYPES["bare"],
        value='AIMessage("", tool_calls=[{"name": "f", "args": {}, "id": "c"}]) if len(state) < 2 else 1 / 0',
    ).replace(".compile()", '.add_edge("answer", "again").add_node("again", answer).compile()'),
    "saves": SAVES,
}
SPELLINGS: dict[str, Any] = {
    "a text": "hi",
    "texts": ["hello", "hi"],
    "a message": {"role": "user", "content": "hi"},
    "messages": [{"role": "user", "content": "hi"}],
    "typed": [{"type": "human", "content": "hi"}],
    "a pair": [["user", "hi"]],
    "under their key": {"messages": "hi"},
}


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TestClient]:
    folder = tmp_path_factory.mktemp("roots")
    settings = Settings(config=write_graphs(folder, GRAPHS), data=folder / "data")
    with TestClient(create_app(settings), base_url="http://127.0.0.1") as started:
        yield started


def followed(client: TestClient, graph: str, input: Any, thread_id: str) -> dict[str, Any]:
    """Run it on the thread, and return how it has ended."""
    created = client.post(f"/{graph}/runs", json={"input": input, "thread_id": thread_id})
    client.get(f"{created.headers['location']}/events")
    return dict(client.get(created.headers["location"]).json())


@pytest.mark.parametrize("protocol", PROTOCOLS)
@pytest.mark.parametrize("graph", TYPES)
def test_a_state_that_is_messages_is_asked_on_every_route(
    client: TestClient, graph: str, protocol: str
) -> None:
    assert run(client, protocol, graph).text == "You said hi."


@pytest.mark.parametrize("protocol", [*LANGSERVE, "native"])
@pytest.mark.parametrize("spelling", SPELLINGS)
def test_its_input_is_messages_in_every_spelling(client: TestClient, spelling: str, protocol: str) -> None:
    assert run(client, protocol, "bare", input=SPELLINGS[spelling]).text == "You said hi."


@pytest.mark.parametrize("protocol", [*LANGSERVE, "native"])
@pytest.mark.parametrize("input", [{"__root__": ["hi"]}, {"history": ["hi"]}, 5, [], [5], {}], ids=repr)
def test_what_is_no_messages_is_refused(client: TestClient, input: Any, protocol: str) -> None:
    outcome = run(client, protocol, "bare", input=input)

    assert (outcome.status, outcome.code) == (422, "invalid_input")


@pytest.mark.parametrize("protocol", ["invoke", "batch", "hash", "native"])
@pytest.mark.parametrize("graph", OTHERS)
def test_any_other_value_is_input_and_output_as_it_is(client: TestClient, graph: str, protocol: str) -> None:
    _, _, input, output = OTHERS[graph]

    assert run(client, protocol, graph, input=input).seen == output


def test_a_thread_of_messages_has_its_state_its_history_and_its_title(client: TestClient) -> None:
    for text in ("one", "two"):
        followed(client, "bare", text, "t1")

    thread = client.get("/bare/threads/t1").json()
    history = client.get("/bare/threads/t1/history").json()["checkpoints"]
    [listed] = [each for each in client.get("/bare/threads").json()["threads"] if each["thread_id"] == "t1"]

    assert [each["content"] for each in thread["values"]] == ["one", "You said one.", "two", "You said two."]
    assert [len(each["values"]) for each in history][:3] == [4, 3, 2]
    assert listed["title"] == "one"


def test_its_question_is_answered_on_the_thread(client: TestClient) -> None:
    asked = followed(client, "asks", "hi", "t2")

    resumed = client.post(f"/asks/runs/{asked['run_id']}/resume", json={"resume": "right"})
    client.get(f"{resumed.headers['location']}/events")

    assert [each["value"] for each in asked["interrupts"]] == ["sure?"]
    assert client.get(resumed.headers["location"]).json()["output"] == "It is right."


def test_a_call_that_a_failed_run_leaves_gets_a_result(client: TestClient) -> None:
    assert followed(client, "calls", "hi", "t3")["status"] == "error"

    values = client.get("/calls/threads/t3").json()["values"]

    assert [(each["type"], each.get("tool_call_id")) for each in values][1:] == [("ai", None), ("tool", "c")]


@pytest.mark.parametrize(
    ("graph", "texts"),
    [
        ("bare", ["hi", "You said hi.", "hi", "You said hi."]),
        ("saves", ["hi", "answer 1", "hi", "answer 3"]),
    ],
)
def test_chat_has_the_history_wherever_the_graph_keeps_it(
    client: TestClient, graph: str, texts: list[str]
) -> None:
    for _ in range(2):
        followed(client, graph, "hi", "t4")
    question = {"text": "and?", "graph": graph, "thread_id": "t4"}

    answer = client.post("/chat", json=question, headers={"accept": "application/json"}).json()

    assert [each["content"] for each in answer["chat_history"]] == texts


@pytest.mark.parametrize("graph", [*TYPES, *OTHERS])
@pytest.mark.parametrize("path", ["input_schema", "output_schema", "graph"])
def test_its_schemas_and_its_drawing_are_there(client: TestClient, graph: str, path: str) -> None:
    assert client.get(f"/{graph}/{path}").status_code == 200
