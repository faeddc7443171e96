"""Instructs a model without tool calling to call tools: as JSON, with the conversation in JSON too."""

import json
from collections.abc import Iterable, Sequence
from typing import Any

from langchain_core.messages import AIMessage, BaseMessage, HumanMessage, SystemMessage, ToolMessage

_FORM = """\
Respond with exactly one JSON object and nothing else, not even a code fence.
{use}To answer the user:
{{"action": "Final Answer", "action_input": "your answer, as one JSON string"}}"""
_USE = """\
You can use these tools:
{tools}
To use one:
{{"action": "<the tool's name>", "action_input": <its input, as its JSON schema says>}}
Its result comes back as an observation.
"""


def as_react(messages: Sequence[BaseMessage], tools: Sequence[dict[str, Any]]) -> list[BaseMessage]:
    """Rewrite a conversation for a model without tool calling: instructions first, calls and results as text.

    tools are in OpenAI's form: {"type": "function", "function": {"name", "description", "parameters"}}.
    """
    given = [m.text for m in messages if isinstance(m, SystemMessage)]
    instructions = SystemMessage("\n\n".join([*given, _instructions(tools)]))
    others = (m for m in messages if not isinstance(m, SystemMessage))
    return [instructions, *(rewritten for message in others for rewritten in _rewritten(message))]


def arguments_for(value: Any, tool: dict[str, Any] | None) -> dict[str, Any]:
    """Turn an action's input into arguments: an object as it is, else as the only parameter's value."""
    if isinstance(value, dict):
        return value
    if value is None:
        return {}
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    parameters = tool["function"].get("parameters", {}).get("properties", {}) if tool else {}
    if len(parameters) != 1:
        return _object_in(text) or {"input": value}
    ((name, schema),) = parameters.items()
    wrapped = _object_in(text)
    if wrapped and name in wrapped:
        return wrapped
    return {name: text if schema.get("type") == "string" else value}


def _instructions(tools: Sequence[dict[str, Any]]) -> str:
    if not tools:
        return _FORM.format(use="")
    lines = (
        f"- {tool['function']['name']}: {tool['function'].get('description', '')}\n"
        f"  JSON schema of its input: {json.dumps(tool['function'].get('parameters', {}))}"
        for tool in tools
    )
    return _FORM.format(use=_USE.format(tools="\n".join(lines)))


def _rewritten(message: BaseMessage) -> Iterable[BaseMessage]:
    if isinstance(message, AIMessage):
        for call in message.tool_calls:
            yield AIMessage(_written(call["name"], call["args"]))
        if message.text and not message.tool_calls:
            yield AIMessage(_written("Final Answer", message.text))
    elif isinstance(message, ToolMessage):
        yield HumanMessage(f"Observation from {message.name or 'the tool'}: {message.text}")
    else:
        yield message


def _written(action: str, given: Any) -> str:
    return json.dumps({"action": action, "action_input": given}, ensure_ascii=False)


def _object_in(text: str) -> dict[str, Any] | None:
    try:
        value = json.loads(text)
    except ValueError:
        return None
    return value if isinstance(value, dict) else None
