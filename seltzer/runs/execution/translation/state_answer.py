"""The answer in a graph's state: the truth, whatever was streamed.

It is the JSON of the structured response that this run has set, if any; else the text of the last AI message
of this turn; else, if the state ends with the message of a tool that returns directly, or with
one that an agent of several has written under its own name as a human's, that text.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final, NamedTuple

from langchain_core.messages import AIMessage, BaseMessage, HumanMessage, ToolMessage, convert_to_messages

from seltzer.runs.execution.translation.thinking import without_thinking
from seltzer.runs.jsonable import to_json
from seltzer.runs.text import clean
from seltzer.upstream import UpstreamMalformed, UpstreamTruncated, is_cut_off

STRUCTURED: Final = "structured_response"
_TEXT_BLOCKS: Final = ("text", "output_text")


class StateAnswer(NamedTuple):
    """A text, and the id of the message that has it, if one has."""

    text: str
    message_id: str | None = None


class Turn:
    """What a run has added to a state: the messages after the last one of a human that the run began with."""

    def __init__(self) -> None:
        self._begins_after: str | None = None
        self._has_begun = False
        self.has_structured = False  # this run has set a structured response

    def begin(self, values: Any) -> None:
        """Note where the turn begins; only the first call counts."""
        if not self._has_begun:
            self._has_begun = True
            humans = (each.id for each in reversed(_messages(values)) if isinstance(each, HumanMessage))
            self._begins_after = next(humans, None)

    def messages(self, values: Any) -> list[BaseMessage]:
        """Return the messages of the turn that are in the state, oldest first."""
        if isinstance(values, str):
            return [AIMessage(values)]
        found: list[BaseMessage] = []
        for message in reversed(_messages(values)):
            if message.id is not None and message.id == self._begins_after:
                break
            found.append(message)
        return found[::-1]

    def answer(self, values: Any) -> StateAnswer:
        """Return the answer; its text is empty if there is none."""
        if self.has_structured and isinstance(values, Mapping) and values.get(STRUCTURED) is not None:
            return StateAnswer(json.dumps(to_json(values[STRUCTURED]), ensure_ascii=False))
        messages = self.messages(values)
        if messages and isinstance(messages[-1], ToolMessage):
            return StateAnswer(text_of(messages[-1]), messages[-1].id)
        for message in reversed(messages):
            if isinstance(message, AIMessage) and (text := text_of(message)):
                return StateAnswer(text, message.id)
        if messages and isinstance(messages[-1], HumanMessage) and messages[-1].name:
            return StateAnswer(text_of(messages[-1]), messages[-1].id)
        return StateAnswer("")

    def check_end(self, values: Any) -> None:
        """Raise UpstreamTruncated or UpstreamMalformed if the turn ends with a call that can't be run."""
        messages = self.messages(values)
        last = messages[-1] if messages and not self.has_structured else None
        if not isinstance(last, AIMessage) or last.tool_calls or not last.invalid_tool_calls:
            return
        if is_cut_off(last.response_metadata):
            raise UpstreamTruncated("The model's answer was cut off amid the arguments of a tool call.")
        raise UpstreamMalformed("The model's last tool call has arguments that aren't a JSON object.")


def ai_messages(update: Any) -> Iterator[AIMessage]:
    """Yield the AI messages of a node's update or of a state, in all of LangGraph's spellings."""
    for part in update if isinstance(update, list | tuple) and not _is_pair(update) else [update]:
        for message in _messages(part):
            if isinstance(message, AIMessage):
                yield message


def text_of(message: BaseMessage) -> str:
    """Return a whole message's own text: its content without reasoning, tool calls and images."""
    text = raw_text_of(message)
    return without_thinking(text) if isinstance(message, AIMessage) else text


def raw_text_of(message: BaseMessage) -> str:
    """Return the text of a message or of a chunk of one, whose thinking may stand in it, too."""
    if isinstance(message.content, str):
        return clean(message.content)
    return clean(
        "".join(
            block if isinstance(block, str) else str(block.get("text", ""))
            for block in message.content
            if isinstance(block, str) or block.get("type") in _TEXT_BLOCKS
        )
    )


def _messages(values: Any) -> Sequence[BaseMessage]:
    """Return the messages of a state, or of what a node wrote to one; of anything else, none."""
    found = values.get("messages") if isinstance(values, Mapping) else values
    found = getattr(found, "value", found)  # of an Overwrite
    if isinstance(found, BaseMessage | Mapping) or _is_pair(found):
        found = [found]
    if not isinstance(found, list | tuple):
        return ()
    if all(isinstance(each, BaseMessage) for each in found):
        return found
    return [message for each in found for message in _converted(each)]


def _is_pair(value: Any) -> bool:
    """Return whether it is a message as `(role, text)`."""
    return isinstance(value, tuple) and len(value) == 2 and all(isinstance(each, str) for each in value)


def _converted(value: Any) -> Sequence[BaseMessage]:
    if isinstance(value, BaseMessage):
        return [value]
    if isinstance(value, list):  # one of several writes of a node
        return [message for each in value for message in _converted(each)]
    if not (_is_pair(value) or isinstance(value, Mapping)):
        return ()
    try:
        return convert_to_messages([value])
    except (ValueError, TypeError, KeyError, NotImplementedError):  # not a message
        return ()
