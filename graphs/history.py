"""Which messages of a thread the model sees, and in what shape: pure functions on lists of messages."""

import json
from collections.abc import Sequence
from itertools import takewhile

from langchain_core.messages import (
    AIMessage,
    AnyMessage,
    HumanMessage,
    InvalidToolCall,
    ToolCall,
    ToolMessage,
)
from langchain_core.messages.tool import invalid_tool_call

from seltzer.models import is_cut_off

NO_RESULT = "This call has no result: the run was stopped before the tool had answered."
NOT_RUN = (
    "This call was not run: its arguments are not complete, valid JSON. Make it again, or answer without it."
)


def last_exchanges(messages: Sequence[AnyMessage], count: int) -> list[AnyMessage]:
    """Return the current exchange and the `count` before it.

    An exchange begins at a human message, so a tool call is never separated from its results.
    """
    begins = [i for i, message in enumerate(messages) if isinstance(message, HumanMessage)]
    return list(messages[begins[-count - 1] :] if len(begins) > count else messages)


def this_turn(messages: Sequence[AnyMessage]) -> list[AnyMessage]:
    """Return the messages after the last human one."""
    begin = max((i for i, m in enumerate(messages) if isinstance(m, HumanMessage)), default=-1)
    return list(messages[begin + 1 :])


def open_calls(messages: Sequence[AnyMessage]) -> list[ToolCall]:
    """Return the calls of the last AI message that have no result yet, in its order."""
    for i, message in reversed(list(enumerate(messages))):
        if isinstance(message, AIMessage):
            answered = _answered(messages[i + 1 :])
            return [call for call in message.tool_calls if call["id"] not in answered]
    return []


def with_every_call_answered(messages: Sequence[AnyMessage]) -> list[AnyMessage]:
    """Insert an error result right after each message whose tool calls lack one.

    A run stopped in the middle of a tool leaves such calls in the thread, and providers refuse them.
    """
    repaired: list[AnyMessage] = []
    for i, message in enumerate(messages):
        repaired.append(message)
        if isinstance(message, AIMessage):
            answered = _answered(messages[i + 1 :])
            calls: list[ToolCall | InvalidToolCall] = [*message.tool_calls, *message.invalid_tool_calls]
            repaired += [_error(call, NO_RESULT) for call in calls if call["id"] not in answered]
    return repaired


def without_broken_calls(answer: AIMessage) -> list[AnyMessage]:
    """Return an answer with an error result for each call that can't be run as it is.

    None of the calls of an answer that was cut off is run: their arguments may be incomplete.
    """
    if answer.tool_calls and is_cut_off(answer.response_metadata):
        cut = [
            invalid_tool_call(name=c["name"], args=json.dumps(c["args"]), id=c["id"], error="cut off")
            for c in answer.tool_calls
        ]
        broken = [*answer.invalid_tool_calls, *cut]
        answer = answer.model_copy(update={"tool_calls": [], "invalid_tool_calls": broken})
    return [answer, *(_error(call, NOT_RUN) for call in answer.invalid_tool_calls)]


def _answered(following: Sequence[AnyMessage]) -> set[str]:
    """Return the ids of the calls whose results come first among the messages that follow them."""
    results = takewhile(lambda m: isinstance(m, ToolMessage), following)
    return {m.tool_call_id for m in results if isinstance(m, ToolMessage)}


def _error(call: ToolCall | InvalidToolCall, why: str) -> ToolMessage:
    return ToolMessage(why, name=call["name"], tool_call_id=call["id"] or "", status="error")
