"""Tool calls without a result: providers refuse a conversation that has one, at every later turn.

A conversation is a list of messages, be they LangChain's or dicts in OpenAI's form.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Final, NamedTuple, TypeAlias

from langchain_core.messages import AIMessage, HumanMessage, InvalidToolCall, ToolCall, ToolMessage

from seltzer.runs.messages.spellings import read_message
from seltzer.runs.threads.repair.partial_answers import is_incomplete

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


def given_results(messages: Sequence[Any]) -> dict[str, ToolMessage]:
    """Return the results of the last calls, by the calls' ids, while no whole answer follows them.

    A turn that has failed leaves them there, perhaps with a human's message and an unfinished answer.
    """
    read = [message for message in map(read_message, messages) if message is not None]
    while read and (isinstance(read[-1], HumanMessage) or is_incomplete(read[-1])):
        read.pop()
    end = _end(read)
    made = {call["id"] for call in end.answer.tool_calls} if end else set()
    return {each.tool_call_id: each for each in end.results if each.tool_call_id in made} if end else {}


def unanswered_calls(messages: Sequence[Any], text: str = NO_RESULT) -> list[Any]:
    """Return an error result for each open call, in the order of the calls and the form of the answer."""
    end, calls = _end(messages), open_calls(messages)
    if end is not None and isinstance(end.form, Mapping):
        return [{"role": "tool", "tool_call_id": call["id"], "content": text} for call in calls]
    return [ToolMessage(text, name=call["name"], tool_call_id=call["id"], status="error") for call in calls]


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
