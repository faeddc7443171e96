"""Results of tool calls in a run's input: of the thread's last answer, for whose calls its client has tools.

A run whose graph ends on such calls has finished. The next input may have their results, all or some of them,
or none (completion.py).
"""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from langchain_core.messages import AIMessage, ToolMessage

from seltzer.runs.messages.spellings import MESSAGES
from seltzer.runs.threads.repair.open_calls import given_results, open_calls


class Result(NamedTuple):
    """A result in an input. place: where its call's id is, below the input."""

    place: str
    call_id: str


def results_for_thread(input: Any) -> list[Result]:
    """Return those of the input's results whose calls no message before them in the input makes."""
    prefix, messages = input_messages(input)
    called: set[str | None] = set()
    found = []
    for index, message in enumerate(messages):
        if isinstance(message, AIMessage):
            called.update(call["id"] for call in message.tool_calls)
        elif isinstance(message, ToolMessage) and message.tool_call_id not in called:
            found.append(Result(f"{prefix}{index}.tool_call_id", message.tool_call_id))
    return found


def first_not_open(results: Sequence[Result], messages: Sequence[Any]) -> Result | None:
    """Return the first result whose call isn't open in the thread; two for one call can't both be.

    A result may be given again as long as nothing has come of it: the run that it was given to has failed.
    """
    if not results:
        return None
    awaited = {call["id"] for call in open_calls(messages)} | given_results(messages).keys()
    for each in results:
        if each.call_id not in awaited:
            return each
        awaited.discard(each.call_id)
    return None


def input_messages(input: Any) -> tuple[str, Sequence[Any]]:
    """Return the input's messages, and what precedes their numbers in a field's name."""
    messages = input.get(MESSAGES) if isinstance(input, Mapping) else input
    prefix = f"{MESSAGES}." if isinstance(input, Mapping) else ""
    return prefix, messages if isinstance(messages, list) else ()
