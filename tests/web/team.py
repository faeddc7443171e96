"""A graph with sub-graphs in sub-graphs, of which one runs several times at once; and a large graph."""

from __future__ import annotations

import asyncio
import operator
import threading
from typing import Annotated, Any

from langchain_core.messages import AIMessage
from langgraph.graph import END, START, MessagesState, StateGraph
from langgraph.types import Send
from typing_extensions import TypedDict

from tests.golden.graphs import Model, counted

GATE = threading.Event()
"""While it isn't set, the researchers stop amid their first sentence."""
GATE.set()
TOPICS = ("tides", "moons", "ships")
ENOUGH = "when it is good enough to be published as it is, with no further change"


class Team(MessagesState):
    notes: Annotated[list[str], operator.add]


class Topic(TypedDict):
    topic: str
    notes: list[str]


async def _look(state: Topic) -> dict[str, Any]:
    answer = ""
    model = Model(script=lambda messages: ["Looking", f" at {state['topic']}.", counted(30, 12)])
    async for chunk in model.astream(state["topic"]):
        answer += chunk.text
        await asyncio.to_thread(GATE.wait)
    return {"notes": [answer]}


def _skim(state: Topic) -> dict[str, Any]:
    return {}


def _fan_out(state: Team) -> list[Send]:
    return [Send("research", {"topic": topic, "notes": []}) for topic in TOPICS]


async def _write(state: Team) -> dict[str, Any]:
    text = " ".join(sorted(set(state["notes"])))
    return {"messages": [await Model(script=lambda messages: [text, counted(200, 40)]).ainvoke([])]}


def _plan(state: Team) -> dict[str, Any]:
    if "fail" in state["messages"][-1].text:
        raise ValueError("there is no plan")
    return {}


async def _advise(state: Team) -> dict[str, Any]:
    adviser = (
        StateGraph(MessagesState)
        .add_node("advise", lambda state: {"messages": [AIMessage("Fine.")]})
        .add_edge(START, "advise")
        .compile()
    )
    await adviser.ainvoke({"messages": state["messages"]})
    return {}


_digest = (
    StateGraph(Topic)
    .add_node("skim", _skim)
    .add_node("note", _skim)
    .add_edge(START, "skim")
    .add_edge("skim", "note")
    .add_conditional_edges("note", lambda state: "done", {"again": "skim", "done": END})
    .compile()
)
_research = (
    StateGraph(Topic)
    .add_node("look", _look)
    .add_node("digest", _digest)
    .add_edge(START, "look")
    .add_edge("look", "digest")
    .compile()
)
team = (
    StateGraph(Team)
    .add_node("plan", _plan)
    .add_node("research", _research)
    .add_node("write", _write)
    .add_node("advise", _advise)
    .add_edge(START, "plan")
    .add_conditional_edges("plan", _fan_out, ["research"])
    .add_edge("research", "write")
    .add_edge("write", "advise")
    .add_conditional_edges("advise", lambda state: ENOUGH, {ENOUGH: END, "revise": "plan"})
    .compile()
)


def large(count: int = 100) -> Any:
    """Return a graph of so many nodes, each of which leads to two others."""
    builder = StateGraph(Team)
    for number in range(count):
        builder.add_node(f"node {number}", _skim)
    builder.add_edge(START, "node 0")
    for number in range(1, count):
        builder.add_edge(f"node {(number - 1) // 2}", f"node {number}")
    return builder.compile()
