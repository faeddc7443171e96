"""Inputs and outputs that aren't of the type that a graph declares, which LangGraph lets pass."""

from __future__ import annotations

import json
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
DECLARED = """
from typing import Any
from langchain_core.messages import AIMessage
from langgraph.graph import START, MessagesState, StateGraph
from tests.runs.execution.answers import M
from typing_extensions import TypedDict

class State(MessagesState):
    answer: Any
    score: int
    notes: list

class Output(TypedDict, total=False):
    {keys}

model = M("The answer is here.")

async def collect(state):
    return {{"notes": ["n"]}}

async def answer(state):
    return {{{update}}}

builder = StateGraph(State, output_schema=Output).add_node(collect).add_node(answer)
graph = builder.add_edge(START, "collect").add_edge("collect", "answer").compile()
"""
RETURNS = """
from langchain_core.messages import AIMessage, AnyMessage
from langgraph.func import entrypoint

@entrypoint()
async def graph(messages: list[AnyMessage]):
    return {value}
"""
MODELS = '"answer": str((await model.ainvoke("?")).text).strip()'
# Graphs that take messages and return something else: the output, and its text.
OTHERS: dict[str, tuple[str, Any, str]] = {
    "its-text": (
        DECLARED.format(keys="answer: str", update=MODELS),
        {"answer": "The answer is here."},
        "The answer is here.",
    ),
    "beside-messages": (
        DECLARED.format(keys="answer: str", update='"answer": "yes", "messages": [AIMessage("not this")]'),
        {"answer": "yes"},
        "yes",
    ),
    "several-keys": (
        DECLARED.format(keys="answer: str; score: int", update='"answer": "yes", "score": 1'),
        {"answer": "yes", "score": 1},
        '{"answer": "yes", "score": 1}',
    ),
    "an-object": (
        DECLARED.format(keys="answer: dict", update='"answer": {"name": "Ada"}'),
        {"answer": {"name": "Ada"}},
        '{"name": "Ada"}',
    ),
    "nothing-written": (DECLARED.format(keys="answer: str", update='"score": 1'), {}, ""),
    "a-functions-object": (RETURNS.format(value='{"report": messages[-1].text}'), {"report": "hi"}, "hi"),
    "a-functions-empty-list": (RETURNS.format(value="[]"), [], "[]"),
    "a-functions-empty-object": (RETURNS.format(value="{}"), {}, ""),
    "a-functions-two-texts": (
        RETURNS.format(value='("paris", "france")'),
        ["paris", "france"],
        '["paris", "france"]',
    ),
    "a-functions-other-messages": (RETURNS.format(value='{"messages": "two"}'), {"messages": "two"}, "two"),
    "a-functions-list": (RETURNS.format(value='["a", 1]'), ["a", 1], '["a", 1]'),
}
# What functions on messages return that is messages, and its text.
SPELLED = {
    "a-pair": ('("ai", "yes")', "yes"),
    "a-list-of-pairs": ('[*messages, ("assistant", "yes")]', "yes"),
    "a-pair-in-an-object": ('{"messages": ("ai", "yes")}', "yes"),
    "no-messages": ('{"messages": []}', ""),
    "no-value": ("None", ""),
}
# What functions on messages declare to return: whether it may be messages or a text, by its JSON schema.
TYPES = {
    "any": ("Any", "messages", "string"),
    "a-text": ("str", '"yes"', "string"),
    "a-message": ("AIMessage | None", "AIMessage('yes')", "string"),
    "a-list-of-messages": ("list[AnyMessage]", "messages", "string"),
    "an-object-with-messages": ("MessagesState", '{"messages": messages}', "string"),
    "a-report": ("Report", "Report(text='yes')", "object"),
    "a-typed-dict": ("Facts", '{"count": 1}', "object"),
    "an-optional-one": ("Report | None", "Report(text='yes')", None),
    "texts": ("list[str]", '["yes", "no"]', "array"),
    "a-number": ("int", "1", "integer"),
}
TYPED = """
from typing import Any
from langchain_core.messages import AIMessage, AnyMessage
from langgraph.func import entrypoint
from langgraph.graph import MessagesState
from pydantic import BaseModel
from typing_extensions import TypedDict

class Report(BaseModel):
    text: str

class Facts(TypedDict):
    count: int

@entrypoint()
async def graph(messages: list[AnyMessage]) -> {kind}:
    return {value}
"""
LESS = """
from langgraph.graph import START, StateGraph
from typing_extensions import TypedDict

class Input(TypedDict):
    topic: str

class State(Input):
    joke: str
    draft: str

class Output(TypedDict):
    joke: str

async def tell(state):
    return {"joke": f"about {state['topic']}", "draft": "a draft"}

builder = StateGraph(State, input_schema=Input, output_schema=Output).add_node(tell)
graph = builder.add_edge(START, "tell").compile()
"""
# Of several keys: a model's text is never the answer. Each is run once.
SEVERAL = {
    "several-of-a-model": (
        DECLARED.format(keys="answer: str; score: int", update=f'{MODELS}, "score": 1'),
        1,
    ),
    "several-of-lists": (DECLARED.format(keys="answer: str; notes: list", update=MODELS), ["n"]),
}
GRAPHS |= {name: source for name, (source, _, _) in OTHERS.items()} | {"less": LESS}
GRAPHS |= {name: source for name, (source, _) in SEVERAL.items()}
GRAPHS |= {f"typed-{name}": TYPED.format(kind=kind, value=value) for name, (kind, value, _) in TYPES.items()}
GRAPHS |= {name: RETURNS.format(value=value) for name, (value, _) in SPELLED.items()}
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


@pytest.mark.parametrize("protocol", WHOLE)
@pytest.mark.parametrize("graph", OTHERS)
def test_a_graph_on_messages_that_returns_something_else_has_that_as_its_output(
    client: TestClient, protocol: str, graph: str
) -> None:
    assert run(client, protocol, graph).seen == OTHERS[graph][1]


@pytest.mark.parametrize("protocol", WHOLE)
@pytest.mark.parametrize("graph", SPELLED)
def test_what_a_function_returns_as_messages_is_their_answer(
    client: TestClient, graph: str, protocol: str
) -> None:
    assert run(client, protocol, graph).text == SPELLED[graph][1]


@pytest.mark.parametrize("accept", ["*/*", "application/json", "text/event-stream"])
@pytest.mark.parametrize("graph", OTHERS)
def test_the_text_of_another_output_is_its_only_text_or_its_json(
    client: TestClient, graph: str, accept: str
) -> None:
    answer = client.post("/chat", json={"text": "hi", "graph": graph}, headers={"accept": accept})

    if accept == "application/json":
        text = answer.json()["output"]
    elif accept == "text/event-stream":
        text = "".join(json.loads(data) for event, data in frames(answer.text) if event == "data")
    else:
        text = answer.text
    assert text.strip() == OTHERS[graph][2]


def test_what_a_node_writes_to_the_only_output_is_live(client: TestClient) -> None:
    body, headers = {"input": "hi"}, {"accept": "text/event-stream"}

    events = [
        (event, json.loads(data))
        for event, data in frames(client.post("/its-text/runs", json=body, headers=headers).text)
    ]

    [message] = [data for event, data in events if event == "message"]
    tokens = [data["text"] for event, data in events if event == "token"]
    assert not message["held"]
    assert [each.strip() for each in tokens] == ["The", "answer", "is", "here."]
    assert "retracted" not in dict(events)


@pytest.mark.parametrize("graph", SEVERAL)
def test_an_output_of_several_keys_is_its_json_alone_from_the_first_run_on(
    client: TestClient, graph: str
) -> None:
    text = client.post("/chat", json={"text": "hi", "graph": graph}).text

    other = "score" if graph == "several-of-a-model" else "notes"
    assert json.loads(text) == {"answer": "The answer is here.", other: SEVERAL[graph][1]}


@pytest.mark.parametrize("protocol", WHOLE)
def test_an_output_has_the_keys_of_its_schema_alone(client: TestClient, protocol: str) -> None:
    assert run(client, protocol, "less", input={"topic": "cats"}).seen == {"joke": "about cats"}


def frames(body: str) -> Iterator[tuple[str, str]]:
    """Yield the event and the data of each frame."""
    for frame in body.replace("\r\n", "\n").split("\n\n"):
        fields = dict(line.split(": ", 1) for line in frame.splitlines() if line[0] != ":")
        if "event" in fields:
            yield fields["event"], fields.get("data", "null")


@pytest.mark.parametrize("name", TYPES)
def test_a_functions_type_decides_what_langserve_streams_and_describes(client: TestClient, name: str) -> None:
    kind, graph = TYPES[name][2], f"typed-{name}"

    invoked = client.post(f"/{graph}/invoke", json={"input": "hi"}).json()["output"]
    streamed = client.post(f"/{graph}/stream", json={"input": "hi"}).text
    chunks = [json.loads(data) for event, data in frames(streamed) if event == "data"]

    assert client.get(f"/{graph}/output_schema").json().get("type") == kind
    assert client.get(f"/{graph}/chat/playground/").status_code == (200 if kind == "string" else 404)
    if kind == "string":
        assert "".join(chunks) == invoked
    else:
        assert chunks == [{"graph": invoked}]


@pytest.mark.parametrize("side", ["input", "output"])
@pytest.mark.parametrize("graph", ["counted", "history"])
def test_the_schemas_stay_as_they_are_declared(client: TestClient, graph: str, side: str) -> None:
    schema = client.get(f"/{graph}/{side}_schema").json()

    name, kind = {"counted": ("count", "integer"), "history": ("history", "array")}[graph]
    described = [schema, *schema.get("$defs", {}).values()]
    [properties] = [each["properties"] for each in described if name in each.get("properties", {})]
    assert properties[name]["type"] == kind
