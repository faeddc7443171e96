"""Graphs of several agents by langgraph-supervisor and langgraph-swarm, and one of models of its own."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from langchain.agents import create_agent
from langchain_core.messages import BaseMessage, ToolMessage
from langchain_core.tools import tool
from langgraph_supervisor import create_supervisor
from langgraph_swarm import create_handoff_tool, create_swarm

from tests.multiagent.scripted import Calls, ScriptedModel


@tool
def add(a: int, b: int) -> int:
    """Add two numbers."""
    return a + b


def _lead(messages: Sequence[BaseMessage]) -> str | Calls:
    return "Together that is 42." if isinstance(messages[-1], ToolMessage) else {"transfer_to_adder": {}}


def _adder(messages: Sequence[BaseMessage]) -> str | Calls:
    is_added = isinstance(messages[-1], ToolMessage) and messages[-1].name == "add"
    return "I make it 42." if is_added else {"add": {"a": 40, "b": 2}}


def _alice(messages: Sequence[BaseMessage]) -> str | Calls:
    return {"transfer_to_bob": {}}


def _bob(messages: Sequence[BaseMessage]) -> str | Calls:
    return f"Ahoy, Bob heard {sum(each.type == 'human' for each in messages)} of you."


def _agent(name: str, answer: Any, *tools: Any) -> Any:
    return create_agent(ScriptedModel(answer=answer), list(tools), name=name)


supervisor = create_supervisor(
    [_agent("adder", _adder, add)], model=ScriptedModel(answer=_lead), prompt="You lead."
)
swarm = create_swarm(
    [
        _agent("alice", _alice, create_handoff_tool(agent_name="bob")),
        _agent("bob", _bob, create_handoff_tool(agent_name="alice")),
    ],
    default_active_agent="alice",
)
