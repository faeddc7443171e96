"""Graphs of kinds that people write, each asked on every route: the answer is plain LangGraph's."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path
from runpy import run_path
from typing import Any

import pytest
from fastapi.testclient import TestClient
from langchain_core.messages import HumanMessage

from seltzer.main import create_app
from seltzer.settings import Settings
from tests.protocols.test_running import PROTOCOLS, run
from tests.serving import write_graphs

IMPORTS = """
import operator
from dataclasses import dataclass, field
from typing import Annotated, Any, Literal
from langchain_core.messages import AIMessage, AnyMessage, HumanMessage, RemoveMessage, SystemMessage
from langchain_core.output_parsers import StrOutputParser
from langchain_core.prompts import ChatPromptTemplate, MessagesPlaceholder
from langchain_core.runnables import RunnableLambda
from langgraph.channels import EphemeralValue, UntrackedValue
from langgraph.config import get_stream_writer
from langgraph.graph import END, START, MessagesState, StateGraph, add_messages
from langgraph.graph.message import REMOVE_ALL_MESSAGES
from langgraph.managed import RemainingSteps
from langgraph.types import Command
from pydantic import BaseModel
from tests.runs.execution.answers import M
from typing_extensions import TypedDict

model = M("The answer is here.")

def only(node, state=MessagesState):
    return StateGraph(state).add_node("node", node).add_edge(START, "node").compile()
"""
KINDS = {
    "a-command-to-the-end": """
async def node(state) -> Command[Literal["__end__"]]:
    return Command(update={"messages": [await model.ainvoke("?")]}, goto=END)

graph = only(node)
""",
    "a-pydantic-state": """
class State(BaseModel):
    messages: Annotated[list[AnyMessage], add_messages]
    count: int = 0

async def node(state: State):
    return {"messages": [await model.ainvoke(state.messages)], "count": state.count + 1}

graph = only(node, State)
""",
    "a-dataclass-state": """
@dataclass
class State:
    messages: Annotated[list[AnyMessage], add_messages] = field(default_factory=list)

async def node(state: State):
    return {"messages": [await model.ainvoke(state.messages)]}

graph = only(node, State)
""",
    "a-deferred-node": """
class State(MessagesState):
    facts: Annotated[list, operator.add]

async def join(state):
    return {"messages": [AIMessage(f"Found {', '.join(sorted(state['facts']))}.")]}

builder = StateGraph(State).add_node("join", join, defer=True)
for name in ("x", "y"):
    builder.add_node(name, lambda state, name=name: {"facts": [name]})
    builder.add_edge(START, name).add_edge(name, "join")
graph = builder.compile()
""",
    "a-private-state": """
class Private(TypedDict):
    secret: str

def find(state: MessagesState) -> Private:
    return {"secret": "a secret"}

def answer(state: Private):
    return {"messages": [AIMessage(f"I know {state['secret']}.")]}

builder = StateGraph(MessagesState).add_sequence([find, answer])
graph = builder.add_edge(START, "find").compile()
""",
    "values-that-pass": """
class State(MessagesState):
    passing: Annotated[str, EphemeralValue]
    untracked: Annotated[Any, UntrackedValue]

def open_(state):
    return {"passing": "by", "untracked": object()}

def answer(state):
    return {"messages": [AIMessage(f"It went {state['passing']}.")]}

builder = StateGraph(State).add_sequence([("open", open_), ("answer", answer)])
graph = builder.add_edge(START, "open").compile()
""",
    "managed-values": """
class State(MessagesState):
    remaining_steps: RemainingSteps

graph = only(lambda state: {"messages": [AIMessage(f"Enough: {state['remaining_steps'] > 2}.")]}, State)
""",
    "a-history-written-anew": """
async def node(state):
    answer = await model.ainvoke("?")
    anew = [RemoveMessage(REMOVE_ALL_MESSAGES), SystemMessage("They talked."), HumanMessage("And?"), answer]
    return {"messages": anew}

graph = only(node)
""",
    "a-reducer-that-cuts": """
def newest(left, right):
    return [*(left or []), *(right if isinstance(right, list) else [right])][-3:]

class State(TypedDict):
    messages: Annotated[list, newest]

async def node(state):
    return {"messages": await model.ainvoke("?")}

graph = only(node, State)
""",
    "a-plain-string": """
graph = only(lambda state: {"messages": f"You said {state['messages'][-1].text}."})
""",
    "a-chain-to-text": """
prompt = ChatPromptTemplate.from_messages([("system", "Be kind."), MessagesPlaceholder("messages")])
graph = prompt | model | StrOutputParser()
""",
    "a-chain-to-a-message": """
prompt = ChatPromptTemplate.from_messages([("system", "Be kind."), MessagesPlaceholder("messages")])
graph = prompt | model
""",
    "a-chain-as-a-node": """
kept = RunnableLambda(lambda message: {"messages": [message]})
graph = only(RunnableLambda(lambda state: state["messages"]) | model | kept)
""",
    "an-object-as-a-node": """
class Bot:
    async def __call__(self, state: MessagesState):
        return {"messages": [await model.ainvoke(state["messages"])]}

graph = only(Bot())
""",
    "words-of-its-own": """
def node(state):
    write = get_stream_writer()
    write({"progress": 1})
    write("half")
    return {"messages": [AIMessage("Done.")]}

graph = only(node)
""",
    "a-subgraph-with-memory": """
async def inner(state):
    return {"messages": [await model.ainvoke(state["messages"])]}

memory = StateGraph(MessagesState).add_node(inner).add_edge(START, "inner").compile(checkpointer=True)
graph = only(memory)
""",
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("kinds")


@pytest.fixture(scope="module")
def client(folder: Path) -> Iterator[TestClient]:
    config = write_graphs(folder, {name: IMPORTS + source for name, source in KINDS.items()})
    settings = Settings(config=config, data=folder / "data")
    with TestClient(create_app(settings), base_url="http://127.0.0.1") as started:
        yield started


def plain(file: Path) -> str:
    """Return the text that LangGraph's own result ends with, or is."""
    found: Any = asyncio.run(run_path(str(file))["graph"].ainvoke({"messages": [HumanMessage("hi")]}))
    last = found["messages"][-1] if isinstance(found, dict) else found
    return str(getattr(last, "text", last)).strip()


@pytest.mark.parametrize("name", KINDS)
def test_the_answer_is_plain_langgraphs_on_every_route(client: TestClient, folder: Path, name: str) -> None:
    answers = {protocol: run(client, protocol, name).text.strip() for protocol in PROTOCOLS}

    assert answers == dict.fromkeys(PROTOCOLS, plain(folder / f"{name}.py"))
