"""A project in the working directory: langgraph.json and its modules, written and loaded."""

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest

from seltzer import catalog
from seltzer.catalog import Catalog
from seltzer.errors import LoadError
from seltzer.runs.graph import Graph

CONFIG = Path("langgraph.json")
BUILDER = """\
from langgraph.graph import START, MessagesState, StateGraph

builder = StateGraph(MessagesState)
builder.add_node("say", lambda state: {"messages": [("ai", "hello")]})
builder.add_edge(START, "say")
"""


def declare(entry: Any = "./agent.py:graph", source: str = "", *, name: str = "agent", **others: Any) -> None:
    """Write langgraph.json with one graph, and agent.py."""
    declare_all({name: entry}, source, **others)


def declare_all(entries: dict[str, Any], source: str, /, **others: Any) -> None:
    """Write langgraph.json with these graphs, and agent.py."""
    Path("agent.py").write_text(source, encoding="utf-8")
    CONFIG.write_text(json.dumps({"graphs": entries, **others}, indent=2), encoding="utf-8")


def load(entry: Any = "./agent.py:graph", source: str = "", **others: Any) -> Graph:
    """Write a project of one graph, and load it."""
    declare(entry, source, **others)
    return only_graph(catalog.load(CONFIG))


def opened(loaded: Catalog) -> Catalog:
    """Make what only a running loop can make, in a loop that ends then."""
    asyncio.run(loaded.open())
    return loaded


def only_graph(loaded: Catalog) -> Graph:
    """Return the only graph there is, made if it has to be."""
    (graph,) = opened(loaded).graphs.values()
    return graph


def refused(**options: Any) -> tuple[str, str, str]:
    """Load, and return the lines of the error: what, why, what to do."""
    with pytest.raises(LoadError) as error:
        opened(catalog.load(CONFIG, **options))
    what, why, todo = str(error.value).splitlines()
    assert why.startswith("  why: ")
    assert todo.startswith("  do:  ")
    return what, why.removeprefix("  why: "), todo.removeprefix("  do:  ")


def answer(graph: Graph) -> Any:
    """Return what the graph answers."""
    return graph.pregel.invoke({"messages": [("human", "hi")]})["messages"][-1].text
