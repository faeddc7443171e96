"""Results of tool calls in a run's input: of the thread's last answer, for whose calls its client has tools.

A run whose graph ends on such calls has finished. The next input may have their results, all or some of them,
or none: the calls that are left get an error result, as providers accept no conversation without.
"""

import logging
from collections.abc import Mapping, Sequence
from typing import Any, Final, NamedTuple

from langchain_core.messages import AIMessage, ToolMessage
from langgraph.channels.base import BaseChannel

from seltzer.runs.graph import AnyPregel
from seltzer.runs.threads.appending import value_after
from seltzer.runs.threads.open_calls import open_calls, read_message, unanswered_calls

log = logging.getLogger(__name__)

MESSAGES: Final = "messages"
CONTINUED: Final = "This call has no result: the conversation was continued without one."


class Result(NamedTuple):
    """A result in an input. place: where its call's id is, below the input."""

    place: str
    call_id: str


def results_for_thread(input: Any) -> list[Result]:
    """Return those of the input's results whose calls no message before them in the input makes."""
    prefix, messages = _input_messages(input)
    called: set[str | None] = set()
    found = []
    for index, message in enumerate(messages):
        if isinstance(message, AIMessage):
            called.update(call["id"] for call in message.tool_calls)
        elif isinstance(message, ToolMessage) and message.tool_call_id not in called:
            found.append(Result(f"{prefix}{index}.tool_call_id", message.tool_call_id))
    return found


def first_not_open(results: Sequence[Result], messages: Sequence[Any]) -> Result | None:
    """Return the first result whose call isn't open in the thread; two for one call can't both be."""
    awaited = {call["id"] for call in open_calls(messages)}
    for each in results:
        if each.call_id not in awaited:
            return each
        awaited.discard(each.call_id)
    return None


def messages_of(values: Any) -> list[Any]:
    """Return the messages of a graph's state; none if it has none."""
    messages = values.get(MESSAGES) if isinstance(values, Mapping) else values
    return messages if isinstance(messages, list) else []


def complete_input(pregel: AnyPregel, input: Any, messages: Sequence[Any]) -> Any:
    """Return the input with a result for each of the thread's open calls, before all other messages.

    The input stays as it is where that isn't needed or wouldn't help: what the reducer makes of it is tried.
    """
    channel = pregel.channels.get(MESSAGES)
    _, given = _input_messages(input)
    if not (
        given and isinstance(input, Mapping) and isinstance(channel, BaseChannel) and open_calls(messages)
    ):
        return input
    if _is_whole(value_after(channel, messages, given)):
        return input
    completed = _completed(given, messages)
    if _is_whole(value_after(channel, messages, completed)):
        return {**input, MESSAGES: completed}
    log.warning("graph %s: the thread's open tool calls can't be given results", pregel.name)
    return input


def _completed(given: Sequence[Any], messages: Sequence[Any]) -> list[Any]:
    awaited = {call["id"] for call in open_calls(messages)}
    is_result = [isinstance(each, ToolMessage) and each.tool_call_id in awaited for each in given]
    results = [each for each, is_it in zip(given, is_result, strict=True) if is_it]
    others = [each for each, is_it in zip(given, is_result, strict=True) if not is_it]
    return [*results, *unanswered_calls([*messages, *results], CONTINUED), *others]


def _input_messages(input: Any) -> tuple[str, Sequence[Any]]:
    messages = input.get(MESSAGES) if isinstance(input, Mapping) else input
    prefix = f"{MESSAGES}." if isinstance(input, Mapping) else ""
    return prefix, messages if isinstance(messages, list) else ()


def _is_whole(messages: Any) -> bool:
    """Return whether each call has its result right after it."""
    if not isinstance(messages, list):
        return False
    due: set[str | None] = set()
    for message in map(read_message, messages):
        if isinstance(message, ToolMessage):
            due.discard(message.tool_call_id)
        elif due:
            return False
        elif isinstance(message, AIMessage):
            due = {call["id"] for call in message.tool_calls}
    return not due
