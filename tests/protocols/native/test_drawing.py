"""The route of a graph's drawing: its sub-graphs, whatever the graph is, and what can't be drawn."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from fastapi.testclient import TestClient

from tests.conftest import choose_demo, make_app
from tests.serving import write_graphs

NESTED = """
from langgraph.graph import END, START, MessagesState, StateGraph

def same(state: MessagesState) -> dict:
    return {}

def again(state: MessagesState) -> str:
    return "look"

find = StateGraph(MessagesState).add_node("look", same).add_node("read", same)
find.add_edge(START, "look").add_edge("look", "read")
find.add_conditional_edges("read", again, {"more": "look", "enough": END})
inner = find.compile()
research = StateGraph(MessagesState).add_node("plan", same).add_node("find", inner)
research.add_edge(START, "plan").add_edge("plan", "find")
middle = research.compile()

async def call(state: MessagesState) -> dict:
    return await inner.ainvoke(state)

builder = StateGraph(MessagesState).add_node("research", middle).add_node("call", call)
builder.add_edge(START, "research").add_edge("research", "call")
"""
GRAPHS = {
    "nested": NESTED + "graph = builder.compile()",
    "made": NESTED + "def graph(config: dict):\n    return builder.compile()",
    "bare": "from langchain_core.runnables import RunnableLambda\ngraph = RunnableLambda(lambda text: text)",
    "odd": """
from langgraph.graph import START, MessagesState, StateGraph

builder = StateGraph(MessagesState)
builder.add_node("work", lambda state: {}, metadata={"lock": object(), "seen": {1, 2}})
graph = builder.add_edge(START, "work").compile()
""",
    "undrawn": """
from langgraph.graph import START, MessagesState, StateGraph
from langgraph.pregel.remote import RemoteGraph

class Away(RemoteGraph):
    def get_graph(self, config=None, **options):
        raise ConnectionError("the key is s3cret")

builder = StateGraph(MessagesState).add_node("away", Away("there", url="http://127.0.0.1:9"))
graph = builder.add_edge(START, "away").compile()
""",
}


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TestClient]:
    folder = tmp_path_factory.mktemp("drawn")
    with pytest.MonkeyPatch.context() as patch:
        choose_demo(patch)
        app = make_app(config=write_graphs(folder, GRAPHS), data=folder / "data")
    with TestClient(app) as client:
        yield client


def nodes(client: TestClient, graph: str, **query: str) -> set[str]:
    answer = client.get(f"/{graph}/graph", params=query)
    assert answer.status_code == 200, answer.text
    return {each["id"] for each in answer.json()["nodes"]} - {"__start__", "__end__"}


@pytest.mark.parametrize("graph", ["nested", "made"])
def test_sub_graphs_are_unfolded_as_deep_as_is_asked_for(client: TestClient, graph: str) -> None:
    call = {"call:__start__", "call:look", "call:read", "call:__end__"}

    assert nodes(client, graph) == nodes(client, graph, xray="false") == {"research", "call"}
    assert nodes(client, graph, xray="0") == {"research", "call"}
    assert nodes(client, graph, xray="1") == {"research:plan", "research:find"} | call
    whole = nodes(client, graph, xray="true")
    assert {"research:plan", "research:find:look", "research:find:read"} | call <= whole
    assert whole == nodes(client, graph, xray="100")


def test_edges_lead_into_sub_graphs_and_out_of_them(client: TestClient) -> None:
    edges = client.get("/nested/graph?xray=true").json()["edges"]

    assert {"source": "call:read", "target": "call:look", "data": "more", "conditional": True} in edges
    assert {"source": "__start__", "target": "research:plan"} in edges
    assert {"source": "call:__end__", "target": "__end__"} in edges


def test_a_bare_runnable_and_metadata_that_is_no_json_are_drawn(client: TestClient) -> None:
    assert len(nodes(client, "bare", xray="true")) == 1
    assert nodes(client, "odd", xray="true") == {"work"}


@pytest.mark.parametrize("xray", ["", "yes", "True", "-1", "1.5", "101", "1000", "٣", "null"])
def test_a_depth_that_is_none_is_refused_by_its_name(client: TestClient, xray: str) -> None:
    answer = client.get("/nested/graph", params={"xray": xray})

    assert (answer.status_code, answer.json()["code"]) == (422, "invalid_input")
    assert answer.json()["detail"].startswith("xray: must be true, false or a depth")


def test_a_graph_that_cannot_be_drawn_is_an_error_of_its_own(
    client: TestClient, caplog: pytest.LogCaptureFixture
) -> None:
    assert nodes(client, "undrawn") == {"away"}

    answer = client.get("/undrawn/graph?xray=true")

    assert (answer.status_code, answer.json()["code"]) == (501, "graph_not_drawn")
    assert answer.json()["detail"] == "graph 'undrawn' can't be drawn: LangGraph raised ConnectionError"
    assert "s3cret" not in answer.text
    assert "s3cret" in caplog.text


def test_another_query_is_refused(client: TestClient) -> None:
    assert client.get("/nested/graph?depth=1").status_code == 422
