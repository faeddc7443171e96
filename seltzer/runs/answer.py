"""Which text is the final answer, for protocols that can only send text and can't take it back.

While a run goes on, nobody can know whether a message that begins with text will end in a tool call. So text
is shown as it comes; where it turns out to be a step, the log says `retracted`. Protocols that can show
that, do. A text stream keeps what it has sent and goes on after an empty line: docs/decisions/0002.
"""

from collections.abc import Iterable
from typing import Final

from seltzer.runs.event import Event

BREAK: Final = "\n\n"  # between a text that was retracted and the one that follows it


class AnswerText:
    """Turns events into the answer's text chunks, one a token; the chunks joined are the answer."""

    def __init__(self) -> None:
        self._message_id: str | None = None

    def text(self, events: Iterable[Event]) -> str:
        """Return all that a text stream sends for these events."""
        return "".join(chunk for event in events for chunk in self.chunks(event))

    def chunks(self, event: Event) -> Iterable[str]:
        """Return what a text stream sends for this event: nothing, a token, or a break and a token."""
        if event.kind != "token" or event.data["channel"] != "answer":
            return ()
        text, message_id = event.data["text"], event.data["message_id"]
        is_next_message = self._message_id not in (None, message_id)
        self._message_id = message_id
        return (BREAK, text) if is_next_message else (text,)
