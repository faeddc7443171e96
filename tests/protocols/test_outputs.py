"""Inputs and outputs that aren't of the type that a graph declares, which LangGraph lets pass."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from fastapi.testclient import TestClient

from seltzer.main import create_app
from seltzer.settings import Settings
from tests.protocols.test_running import LANGSERVE, Outcome, run
from tests.serving import write_graphs

FUNCTION = """
from langgraph.func import entrypoint

@entrypoint()
async def graph(topic: str){returns}:
    return {value}
"""
STATE = """
import operator
from typing import Annotated, Any
from langchain_core.messages import AIMessage, AnyMessage
from langgraph.graph import START, StateGraph, add_messages
from pydantic import BaseModel
from typing_extensions import TypedDict

class State({base}):
    {key}: {kind}

async def answer(state):
    return {{"{key}": {value}}}

graph = StateGraph(State).add_node(answer).add_edge(START, "answer").compile()
"""
FUNCTIONS = {
    "texts": (" -> list[str]", '[topic, "dogs"]', ["cats", "dogs"]),
    "text": (" -> str", "topic.upper()", "CATS"),
    "unannotated": ("", '{"of": topic}', {"of": "cats"}),
    "mistyped": (" -> list[str]", "{topic: 1}", {"cats": 1}),
    "number": (" -> str", "7", 7),
}
STATES = {
    "counted": ("TypedDict", "count", "int", '"many"', {"count": "many"}),
    "nothing": ("TypedDict", "count", "int", "None", {"count": None}),
    "nested": ("TypedDict", "found", "dict[str, int]", '{"a": "b"}', {"found": {"a": "b"}}),
}
GRAPHS = {
    **{name: FUNCTION.format(returns=kind, value=value) for name, (kind, value, _) in FUNCTIONS.items()},
    **{
        name: STATE.format(base=base, key=key, kind=kind, value=value)
        for name, (base, key, kind, value, _) in STATES.items()
    },
    "generation": STATE.format(base="TypedDict", key="generation", kind="str", value='AIMessage("x")'),
    "history": STATE.format(
        base="TypedDict",
        key="history",
        kind="Annotated[list[AnyMessage], add_messages]",
        value='[AIMessage(state["history"][-1].text + "!")]',
    ),
    "plain": STATE.format(
        base="TypedDict",
        key="history",
        kind="Annotated[list[AnyMessage], operator.add]",
        value='[AIMessage("!")]',
    ),
}
PROTOCOLS = (*LANGSERVE, "native")
WHOLE = ("invoke", "batch", "hash", "native")


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TestClient]:
    folder = tmp_path_factory.mktemp("outputs")
    settings = Settings(config=write_graphs(folder, GRAPHS), data=folder / "data")
    with TestClient(create_app(settings), base_url="http://127.0.0.1") as started:
        yield started


def seen(outcome: Outcome, expected: Any) -> Any:
    """Return the output: a text as it is, anything else out of its JSON."""
    assert outcome.status < 300, outcome
    return outcome.text if isinstance(expected, str) else outcome.seen


@pytest.mark.parametrize("protocol", PROTOCOLS)
@pytest.mark.parametrize("graph", FUNCTIONS)
def test_a_functions_value_is_the_output_whatever_is_annotated(
    client: TestClient, protocol: str, graph: str
) -> None:
    expected = FUNCTIONS[graph][2]

    outcome = run(client, protocol, graph, input="cats")

    assert outcome.status < 300, outcome
    if protocol in WHOLE:
        assert seen(outcome, expected) == expected


@pytest.mark.parametrize("protocol", PROTOCOLS)
@pytest.mark.parametrize("graph", STATES)
def test_a_states_value_is_the_output_whatever_is_annotated(
    client: TestClient, protocol: str, graph: str
) -> None:
    expected = STATES[graph][4]

    outcome = run(client, protocol, graph, input={})

    assert outcome.status < 300, outcome
    if protocol in WHOLE:
        assert seen(outcome, expected) == expected


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_a_message_where_a_text_is_declared_is_the_output(client: TestClient, protocol: str) -> None:
    outcome = run(client, protocol, "generation", input={})

    assert outcome.status < 300, outcome
    if protocol in WHOLE:
        assert outcome.seen["generation"]["content"] == "x"


@pytest.mark.parametrize("protocol", PROTOCOLS)
@pytest.mark.parametrize(("graph", "answer"), [("history", "hi!"), ("plain", "!")])
def test_messages_under_another_key_may_be_written_as_langgraph_reads_them(
    client: TestClient, protocol: str, graph: str, answer: str
) -> None:
    outcome = run(client, protocol, graph, input={"history": [{"role": "user", "content": "hi"}]})

    assert outcome.status < 300, outcome
    if protocol in WHOLE:
        assert [each["content"] for each in outcome.seen["history"]] == ["hi", answer]


@pytest.mark.parametrize("side", ["input", "output"])
@pytest.mark.parametrize("graph", ["counted", "history"])
def test_the_schemas_stay_as_they_are_declared(client: TestClient, graph: str, side: str) -> None:
    schema = client.get(f"/{graph}/{side}_schema").json()

    name, kind = {"counted": ("count", "integer"), "history": ("history", "array")}[graph]
    described = [schema, *schema.get("$defs", {}).values()]
    [properties] = [each["properties"] for each in described if name in each.get("properties", {})]
    assert properties[name]["type"] == kind
