"""A run that has ended leaves no reference cycle: its memory is free at once, without the collector.

A circle keeps all that hangs on it, 40 KB a run, until the collector looks at it, which it seldom does. A
real server is asked, by a graph that collects in its process and returns how much it has found. Not asked of
/stream_log, where LangServe leaves some, and of runs that fail or ask a person: these end by an error, which
knows the frames it was raised in.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from tests.conftest import ROOT
from tests.e2e.processes import at_home, upstream_environment
from tests.patience import PATIENCE_S
from tests.serving import write_graphs
from tests.upstream import Upstream

RUNS = 5
COLLECTOR = """
    import gc

    from langchain_core.messages import AIMessage
    from langgraph.graph import START, MessagesState, StateGraph


    async def collect(state):
        gc.disable()  # nobody else is to collect until it is asked again
        for _ in range(int(state["messages"][-1].content)):
            circle = []
            circle.append(circle)
            del circle
        return {"messages": [AIMessage(str(gc.collect()))]}


    builder = StateGraph(MessagesState)
    builder.add_node(collect)
    builder.add_edge(START, "collect")
    graph = builder.compile()
"""
SHIPPED = json.loads((ROOT / "langgraph.json").read_text(encoding="utf-8"))["graphs"]
LANGSERVE = {"input": "hello", "config": {}, "kwargs": {}}
ROOT_OF_71 = {"input": "what is the square root of 71?"}
WAYS: dict[str, tuple[str, dict[str, Any], str]] = {  # path, body, what a whole answer has
    "runs": ("/llm/runs", {"input": "hello"}, "event: finished"),
    "stream": ("/llm/stream", LANGSERVE, "event: end"),
    "stream_events": ("/llm/stream_events", LANGSERVE, "event: end"),
    "invoke": ("/llm/invoke", LANGSERVE, "output"),
    "chat": ("/chat", {"text": "hello"}, "hello"),
    "agent": ("/agent/runs", ROOT_OF_71, "event: finished"),
    "completion": ("/completion/runs", {"input": "hello"}, "event: finished"),
}


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory, session_upstream: Upstream) -> Iterator[httpx.Client]:
    folder = tmp_path_factory.mktemp("home")
    graphs = {name: f"{ROOT / path}" for name, path in SHIPPED.items()}
    config = write_graphs(folder, graphs | {"collector": COLLECTOR})
    environment = upstream_environment(session_upstream) | {"COMPLETION_MODEL": "test-model"}
    with at_home(config, folder, **environment) as home:
        home.start()
        with httpx.Client(base_url=home.url, timeout=PATIENCE_S) as client:
            yield client


@pytest.mark.parametrize("way", WAYS)
def test_a_run_leaves_nothing_for_the_collector(way: str, client: httpx.Client, upstream: Upstream) -> None:
    assert left_by(client, *WAYS[way]) == 0


def test_the_collector_s_graph_finds_a_circle(client: httpx.Client) -> None:
    collected(client)

    assert collected(client, circles=3) >= 3


def left_by(client: httpx.Client, path: str, body: dict[str, Any], end: str) -> int:
    """Return how many objects of a few runs the collector finds."""
    for _ in range(2):  # what is made once may remain: a model's second chat is the first of the short way
        ask(client, path, body, end)
    collected(client)
    for _ in range(RUNS):
        ask(client, path, body, end)
    return collected(client)


def ask(client: httpx.Client, path: str, body: dict[str, Any], end: str) -> None:
    """Have a run, read to its end."""
    with client.stream("POST", path, json=body, headers={"accept": "text/event-stream"}) as answer:
        text = answer.read().decode()
    assert answer.is_success, text
    assert end in text


def collected(client: httpx.Client, *, circles: int = 0) -> int:
    """Return how many objects the collector finds in the server, once so many circles were made there."""
    question = {"messages": [{"type": "human", "content": str(circles)}]}
    answer = client.post("/collector/invoke", json={"input": question, "config": {}})
    return int(answer.json()["output"])
