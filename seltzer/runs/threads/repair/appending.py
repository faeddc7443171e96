"""Messages appended to a state's list of them, whatever its reducer does with what it is given.

A reducer may add, as add_messages does, add and cut, or replace the list; and a list may have none.
"""

from collections.abc import Sequence
from typing import Any

from langchain_core.messages import ToolMessage
from langgraph.channels.base import BaseChannel
from langgraph.errors import EmptyChannelError
from langgraph.types import Overwrite

from seltzer.runs.authors_code import AuthorsCodeFailed, call_authors_code
from seltzer.runs.messages.spellings import read_message


class NotAppendable(Exception):
    """Whatever is written to the channel, its list doesn't end with the messages."""


def write_appending(channel: BaseChannel[Any, Any, Any], current: Sequence[Any], new: Sequence[Any]) -> Any:
    """Return what has to be written to the channel, so that its list ends with the new messages.

    Tried on a copy of the channel: the messages alone, the whole list with them, and the whole list past the
    reducer. What precedes them must stay, back to the last message that is no result. Raises NotAppendable.
    """
    whole = [*current, *new]
    end = _keys(whole[-(_results_at_the_end(current) + 1 + len(new)) :])
    for write in ([*new], whole, Overwrite(whole)):
        after = value_after(channel, current, write)
        if isinstance(after, list) and _keys(after[-len(end) :]) == end:
            return write
    raise NotAppendable


def value_after(channel: BaseChannel[Any, Any, Any], current: Sequence[Any], write: Any) -> Any:
    """Return the value that the channel would have after the write; None if its reducer refuses it."""
    copy = channel.from_checkpoint([*current])
    try:
        call_authors_code(copy.update, [write])
        return copy.get()
    except (AuthorsCodeFailed, EmptyChannelError):
        return None


def _results_at_the_end(messages: Sequence[Any]) -> int:
    count = 0
    while count < len(messages) and isinstance(read_message(messages[-1 - count]), ToolMessage):
        count += 1
    return count


def _keys(messages: Sequence[Any]) -> list[Any]:
    """Return what stays the same of messages whose reducer gives them ids, or another form."""
    return [_key(each) for each in messages]


def _key(value: Any) -> Any:
    message = read_message(value)
    if isinstance(message, ToolMessage):
        return message.tool_call_id
    return message and (message.type, message.text)
