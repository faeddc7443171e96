"""A deep agent with todos, a file and a sub-agent."""

from __future__ import annotations

from collections.abc import Sequence

from deepagents import create_deep_agent
from langchain.agents.middleware import TodoListMiddleware
from langchain_core.messages import BaseMessage, ToolMessage

from tests.multiagent.scripted import Calls, ScriptedModel

_TODOS = [{"content": "read", "status": "completed"}, {"content": "answer", "status": "in_progress"}]
_LEAD: Sequence[str | Calls] = [
    {"task": {"description": "Read.", "subagent_type": "reader"}},
    {"write_todos": {"todos": _TODOS}},
    "The moon makes the tides.",
]
_READER: Sequence[str | Calls] = [
    {"write_file": {"file_path": "/notes.md", "content": "It is the moon."}},
    "My notes are in a file.",
]


def _lead(messages: Sequence[BaseMessage]) -> str | Calls:
    return _LEAD[sum(isinstance(each, ToolMessage) for each in messages)]


def _reader(messages: Sequence[BaseMessage]) -> str | Calls:
    return _READER[sum(isinstance(each, ToolMessage) for each in messages)]


graph = create_deep_agent(
    ScriptedModel(answer=_lead),
    middleware=[TodoListMiddleware()],
    subagents=[
        {
            "name": "reader",
            "description": "Reads.",
            "system_prompt": "You read.",
            "model": ScriptedModel(answer=_reader),
            "tools": [],
        }
    ],
)
