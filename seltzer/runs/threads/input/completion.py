"""An input completed with what its thread lacks, as providers accept no calls without results.

Calls that are left open get an error result. A result that is given again, after its run has failed, replaces
the first one; the unfinished answer to it is dropped.
"""

import logging
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from langchain_core.messages import AIMessage, RemoveMessage, ToolMessage
from langgraph.channels.base import BaseChannel
from langgraph.types import Overwrite

from seltzer.runs.graph import AnyPregel
from seltzer.runs.messages.spellings import MESSAGES, read_message
from seltzer.runs.threads.input.results import input_messages
from seltzer.runs.threads.repair.appending import value_after
from seltzer.runs.threads.repair.open_calls import given_results, open_calls, unanswered_calls
from seltzer.runs.threads.repair.partial_answers import is_incomplete
from seltzer.runs.threads.thread_messages import messages_channel

log = logging.getLogger(__name__)

CONTINUED: Final = "This call has no result: the conversation was continued without one."


def complete_input(pregel: AnyPregel, input: Any, channel_values: Mapping[str, Any]) -> Any:
    """Return the input with a result for each of the thread's open calls, before all other messages.

    The input stays as it is where that isn't needed or wouldn't help: what the reducer makes of it is tried.
    A function's input stays as it is, too: only its author knows what becomes of it.
    """
    name = messages_channel(pregel)
    channel = None if name is None else pregel.channels.get(name)
    messages = channel_values.get(name) if name else None
    _, given = input_messages(input)
    if not (given and isinstance(messages, list) and isinstance(channel, BaseChannel)):
        return input
    completion = _Completion(messages, given)
    if not completion.is_needed:
        return input
    for write in completion.writes():
        if _is_whole(value_after(channel, messages, write)):
            return {**input, MESSAGES: write} if isinstance(input, Mapping) else write
    log.warning("graph %s: the thread's open tool calls can't be given results", pregel.name)
    return input


class _Completion:
    """What may be written to a list of messages, so that it has those that are given and no open calls."""

    def __init__(self, messages: Sequence[Any], given: Sequence[Any]) -> None:
        self._messages = messages
        self._earlier = (
            given_results(messages) if any(isinstance(each, ToolMessage) for each in given) else {}
        )
        self._given = [self._in_place(each) for each in given]

    @property
    def is_needed(self) -> bool:
        return bool(open_calls(self._messages)) or any(self._is_again(each) for each in self._given)

    def writes(self) -> Iterator[Any]:
        """Yield the writes, the plainest first, which is what was given."""
        yield self._given
        awaited = {call["id"] for call in open_calls(self._messages)}
        is_result = [isinstance(each, ToolMessage) and each.tool_call_id in awaited for each in self._given]
        results = [each for each, is_it in zip(self._given, is_result, strict=True) if is_it]
        others = [each for each, is_it in zip(self._given, is_result, strict=True) if not is_it]
        completed = [*results, *unanswered_calls([*self._messages, *results], CONTINUED), *others]
        yield completed
        last = read_message(self._messages[-1])
        is_dropped = last is not None and is_incomplete(last)
        if is_dropped and last is not None and last.id:
            yield [*completed, RemoveMessage(id=last.id)]
        yield Overwrite(self._whole(completed, is_dropped=is_dropped))

    def _whole(self, completed: Sequence[Any], *, is_dropped: bool) -> list[Any]:
        """Return all of the messages as they are to be."""
        again = {each.tool_call_id: each for each in completed if self._is_again(each)}
        kept = [*(self._messages[:-1] if is_dropped else self._messages)]
        for index in reversed(range(len(kept))):
            message = read_message(kept[index])
            if isinstance(message, AIMessage) and message.tool_calls:
                break
            if isinstance(message, ToolMessage):
                kept[index] = again.get(message.tool_call_id, kept[index])
        return [*kept, *(each for each in completed if not self._is_again(each))]

    def _in_place(self, message: Any) -> Any:
        """Return a result that is given again with the id of the first one, which it replaces by that."""
        if not self._is_again(message):
            return message
        return message.model_copy(update={"id": self._earlier[message.tool_call_id].id})

    def _is_again(self, message: Any) -> bool:
        return isinstance(message, ToolMessage) and message.tool_call_id in self._earlier


def _is_whole(messages: Any) -> bool:
    """Return whether each call has its one result right after it, and no unfinished answer is last."""
    if not isinstance(messages, list):
        return False
    read = [read_message(each) for each in messages]
    if read and read[-1] is not None and is_incomplete(read[-1]):
        return False
    due: set[str | None] = set()
    given: set[str | None] = set()
    for message in read:
        if isinstance(message, ToolMessage):
            if message.tool_call_id in given:
                return False
            due.discard(message.tool_call_id)
            given.add(message.tool_call_id)
        elif due:
            return False
        elif isinstance(message, AIMessage) and message.tool_calls:
            due, given = {call["id"] for call in message.tool_calls}, set()
    return not due
