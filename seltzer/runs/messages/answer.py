"""The answer's text, for protocols that can only send text and can't take it back (docs/decisions/0010).

What can only be the answer is sent as it arrives. What may turn out to be a step is buffered until the run
has ended. A text that was sent and turns out to be a step stays: the answer follows after an empty line.
"""

import json
from collections.abc import Iterable
from typing import Any, Final

from seltzer.runs.event import Event, Json, top_node

BREAK: Final = "\n\n"  # between a text that turned out to be a step and the one that follows it
AGAIN: Final = "-answer"  # ends the id under which a step's text is published again, as the answer it was


def output_text(output: Json) -> str:
    """Return the text of a run's output: itself, or the text of its only value; else its JSON."""
    if isinstance(output, dict) and len(output) < 2:
        return "".join(value_text(_message_text(each)) for each in output.values())
    return value_text(output)


def value_text(value: Json) -> str:
    """Return a text as it is, nothing for null, the JSON of anything else."""
    if value is None:
        return ""
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _message_text(value: Any) -> Any:
    """Return the text of a message that has become JSON; anything else as it is."""
    is_message = isinstance(value, dict) and isinstance(value.get("type"), str) and "content" in value
    if not is_message:
        return value
    content = value["content"]
    if not isinstance(content, list):
        return content
    return "".join(each if isinstance(each, str) else str(each.get("text", "")) for each in content)


class AnswerText:
    """Turns events into the answer's text chunks: one a token, or one for all that was buffered."""

    def __init__(self) -> None:
        self._buffered: dict[str, list[str]] = {}
        self._nodes: dict[str, str] = {}
        self._message_id: str | None = None  # of the last text that was sent
        self._sent: list[str] = []  # of that message
        self._has_called = False  # a tool, in that message: the same words in another one are new
        self._blank: dict[str, str] = {}  # what messages begin with that may have no text at all

    def text(self, events: Iterable[Event]) -> str:
        """Return all that a text stream sends for these events."""
        return "".join(chunk for event in events for chunk in self.chunks(event))

    def chunks(self, event: Event) -> Iterable[str]:
        """Return what a text stream sends for this event: nothing, a text, or a break and a text."""
        if event.kind == "token":
            return self._token(event.data) if event.data["channel"] == "answer" else ()
        if event.kind == "message":
            self._nodes[event.data["message_id"]] = top_node(event.data)
            if event.data["held"]:
                self._buffered[event.data["message_id"]] = []
        elif event.kind == "retracted":
            self._buffered.pop(event.data["message_id"], None)
        elif event.kind == "tool_call":
            self._has_called |= event.data["message_id"] == self._message_id
        elif event.kind == "started":
            self._buffered.clear()  # a new attempt begins from the state
        elif event.kind == "finished":
            return self._released()
        return ()

    def _token(self, data: dict[str, str]) -> Iterable[str]:
        text, message_id = data["text"], data["message_id"]
        if self._buffered and message_id in self._buffered:
            self._buffered[message_id].append(text)
            return ()
        if message_id == self._message_id:
            self._sent.append(text)
            return (text,)
        text = self._blank.pop(message_id, "") + text
        if not text.strip():
            self._blank[message_id] = text
            return ()
        is_first, self._message_id, self._sent = self._message_id is None, message_id, [text]
        self._has_called = False
        return (text,) if is_first else (BREAK, text)

    def _released(self) -> Iterable[str]:
        """Return the buffered text that is the answer, without what was sent already."""
        buffered = "".join(text for parts in self._buffered.values() for text in parts)
        is_new = self._has_called and f"{self._message_id}{AGAIN}" not in self._buffered
        sent = "" if is_new else "".join(self._sent)
        if sent and buffered.startswith(sent):
            buffered = buffered[len(sent) :]
            return (buffered,) if buffered.strip() else ()
        if not buffered or (sent.strip() and sent.strip() in buffered and self._is_same_node()):
            return ()  # in the latter case, its node has put something around it
        return (buffered,) if self._message_id is None else (BREAK, buffered)

    def _is_same_node(self) -> bool:
        sender = self._nodes.get(self._message_id or "")
        return any(self._nodes[message_id] == sender for message_id in self._buffered)
