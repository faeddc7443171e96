"""The answer in a graph's state: the truth, whatever was streamed.

It is the JSON of the structured response that this run has set, if any; else the text of the last AI message
of this turn; else, if the state ends with the message of a tool that returns directly, or with a human's that
the graph has added (a plain string, or what an agent of several writes under its own name), that text. Of a
graph whose output has no messages, it is the output (declared_output.py).
"""

import json
from collections.abc import Mapping
from typing import Any, Final, NamedTuple

from langchain_core.messages import AIMessage, BaseMessage, HumanMessage, ToolMessage

from seltzer.runs.execution.translation.declared_output import DeclaredOutput
from seltzer.runs.jsonable import to_json
from seltzer.runs.messages.spellings import as_answer, messages_in, text_of
from seltzer.upstream import UpstreamMalformed, UpstreamTruncated, is_cut_off

STRUCTURED: Final = "structured_response"


class StateAnswer(NamedTuple):
    """A text, and the id of the message that has it, if one has."""

    text: str
    message_id: str | None = None


class Turn:
    """What a run has added to a state: the messages after the last one of a human that the run began with."""

    def __init__(self, output: DeclaredOutput) -> None:
        self._output = output
        self._begins_after: str | None = None
        self._has_begun = False
        self.has_structured = False  # this run has set a structured response

    def begin(self, values: Any) -> None:
        """Note where the turn begins; only the first call counts."""
        if not self._has_begun:
            self._has_begun = True
            humans = (each.id for each in reversed(messages_in(values)) if isinstance(each, HumanMessage))
            self._begins_after = next(humans, None)

    def messages(self, values: Any) -> list[BaseMessage]:
        """Return the messages of the turn that are in the state, oldest first."""
        text = self._output.text_without_messages(values)
        return self._added(values) if text is None else [AIMessage(text)]

    def answer(self, values: Any) -> StateAnswer:
        """Return the answer; its text is empty if there is none."""
        if (only := self._output.text_without_messages(values)) is not None:
            return StateAnswer(only)
        if self.has_structured and isinstance(values, Mapping) and values.get(STRUCTURED) is not None:
            return StateAnswer(json.dumps(to_json(values[STRUCTURED]), ensure_ascii=False))
        messages = self.messages(values)
        if messages and isinstance(messages[-1], ToolMessage):
            return StateAnswer(text_of(messages[-1]), messages[-1].id)
        for message in reversed(messages):
            if as_answer(message) is not None and (text := text_of(message)).strip():
                return StateAnswer(text, message.id)
        if messages and isinstance(messages[-1], HumanMessage) and self._is_graphs(messages[-1]):
            return StateAnswer(text_of(messages[-1]), messages[-1].id)
        return StateAnswer("")

    def check_end(self, values: Any) -> None:
        """Raise UpstreamTruncated or UpstreamMalformed if the turn ends with a call that can't be run."""
        messages = self._added(values)
        last = messages[-1] if messages and not self.has_structured else None
        if not isinstance(last, AIMessage) or last.tool_calls or not last.invalid_tool_calls:
            return
        if is_cut_off(last.response_metadata):
            raise UpstreamTruncated("The model's answer was cut off amid the arguments of a tool call.")
        raise UpstreamMalformed("The model's last tool call has arguments that aren't a JSON object.")

    def _is_graphs(self, message: HumanMessage) -> bool:
        """Return whether the graph has added a human's message: it has a name, or follows the user's own."""
        return bool(message.name) or (self._begins_after is not None and message.id is not None)

    def _added(self, values: Any) -> list[BaseMessage]:
        if isinstance(values, str):
            return [AIMessage(values)]
        found: list[BaseMessage] = []
        for message in reversed(messages_in(values)):
            is_last = message.id is not None and message.id == self._begins_after
            if is_last and isinstance(message, HumanMessage):
                break
            found.append(message)
            if is_last:  # an answer that has replaced the question, by its id
                break
        return found[::-1]
