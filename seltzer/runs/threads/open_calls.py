"""Tool calls without a result: providers refuse a conversation that has one, at every later turn.

A conversation is a list of messages, be they LangChain's or dicts in OpenAI's form.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Final, NamedTuple, TypeAlias

from langchain_core.messages import (
    AIMessage,
    BaseMessage,
    InvalidToolCall,
    ToolCall,
    ToolMessage,
    convert_to_messages,
)

NO_RESULT: Final = "This call has no result: the run was stopped before the tool had answered."

Call: TypeAlias = ToolCall | InvalidToolCall


class _End(NamedTuple):
    """The last answer of a conversation, in its own form too, and the results after it."""

    answer: AIMessage
    form: Any
    results: list[ToolMessage]


def is_conversation(value: Any) -> bool:
    """Return whether the value is a list that ends with a message."""
    return isinstance(value, list) and bool(value) and read_message(value[-1]) is not None


def open_calls(messages: Sequence[Any]) -> list[Call]:
    """Return the calls of the last answer that have no result, in their order.

    Their results are to be appended: there are none if other messages than results follow the calls.
    """
    end = _end(messages)
    if end is None:
        return []
    answered = {result.tool_call_id for result in end.results}
    calls: list[Call] = [*end.answer.tool_calls, *end.answer.invalid_tool_calls]
    return [call for call in calls if call["id"] and call["id"] not in answered]


def unanswered_calls(messages: Sequence[Any], text: str = NO_RESULT) -> list[Any]:
    """Return an error result for each open call, in the order of the calls and the form of the answer."""
    end, calls = _end(messages), open_calls(messages)
    if end is not None and isinstance(end.form, Mapping):
        return [{"role": "tool", "tool_call_id": call["id"], "content": text} for call in calls]
    return [ToolMessage(text, name=call["name"], tool_call_id=call["id"], status="error") for call in calls]


def read_message(value: Any) -> BaseMessage | None:
    """Return the value as the message that it is; None if it is something else."""
    if isinstance(value, BaseMessage):
        return value
    if not isinstance(value, Mapping) or not ("role" in value or "type" in value):
        return None
    try:
        [message] = convert_to_messages([dict(value)])
    except (ValueError, TypeError, KeyError, NotImplementedError, AttributeError):
        return None
    return message


def _end(messages: Sequence[Any]) -> _End | None:
    results: list[ToolMessage] = []
    for each in reversed(messages):
        message = read_message(each)
        if isinstance(message, AIMessage):
            return _End(message, each, results)
        if not isinstance(message, ToolMessage):
            return None
        results.append(message)
    return None
