"""Conversations as the model has them, and what a provider accepts of them."""

from collections.abc import Sequence
from typing import NamedTuple

from langchain_core.messages import AIMessage, BaseMessage, HumanMessage, ToolMessage

from seltzer.runs.threads.input.completion import CONTINUED


class Shown(NamedTuple):
    """A message. calls: the ids of the calls that it makes, or of the one that it answers."""

    kind: str
    text: str
    calls: tuple[str, ...] = ()


def shown(messages: Sequence[BaseMessage]) -> tuple[Shown, ...]:
    return tuple(Shown(message.type, message.text, _calls(message)) for message in messages)


def _calls(message: BaseMessage) -> tuple[str, ...]:
    if isinstance(message, ToolMessage):
        return (message.tool_call_id,)
    return tuple(str(call["id"]) for call in message.tool_calls) if isinstance(message, AIMessage) else ()


def last_human(messages: Sequence[BaseMessage]) -> str:
    """Return the text of the newest question; empty, if all were removed."""
    return next((each.text for each in reversed(messages) if isinstance(each, HumanMessage)), "")


def open_calls(messages: Sequence[Shown]) -> list[str]:
    """Return the ids of the calls at the end that have no result."""
    answered: list[str] = []
    for each in reversed(messages):
        if each.kind == "tool":
            answered += each.calls
        else:
            return [call for call in each.calls if call not in answered] if each.kind == "ai" else []
    return []


def completed(messages: tuple[Shown, ...], given: tuple[Shown, ...]) -> tuple[Shown, ...]:
    """Return the messages with what is given, and before anything else a result for each open call."""
    results = tuple(each for each in given if each.kind == "tool")
    missing = open_calls((*messages, *results))
    return (
        *messages,
        *results,
        *(Shown("tool", CONTINUED, (call,)) for call in missing),
        *(each for each in given if each.kind != "tool"),
    )


def is_accepted(messages: Sequence[Shown]) -> bool:
    """Return whether a provider accepts it: the calls of each answer have one result each right after it."""
    due: set[str] = set()
    for each in messages:
        if (each.kind == "tool") != bool(due) or (due and not due.issuperset(each.calls)):
            return False
        due = due.difference(each.calls) if due else set(each.calls if each.kind == "ai" else ())
    return not due
