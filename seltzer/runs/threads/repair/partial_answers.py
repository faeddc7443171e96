"""The answer a run had begun when it stopped, read from its events, be they live or from the log."""

from typing import Any, Final

from langchain_core.messages import AIMessage, BaseMessage

from seltzer.runs.event import Event, top_node

INCOMPLETE: Final = {"incomplete": True}


def is_incomplete(message: BaseMessage) -> bool:
    """Return whether it is the unfinished answer of a run that was stopped."""
    return message.response_metadata.get("incomplete") is True


class PartialAnswer:
    """Follows a run's events; keeps the text of the last answer.

    returned_by: the node that has returned it to the thread, if one has. A message whose `message` event
    wasn't fed is ignored: its text would begin in the middle.
    """

    def __init__(self) -> None:
        self._nodes: dict[str | None, str] = {}  # message id -> the node of the graph itself that streams it
        self._message_id: str | None = None
        self._parts: list[str] = []
        self.returned_by: str | None = None

    def feed(self, event: Event) -> None:
        """Read the next event. A later attempt's may follow an earlier one's."""
        data = event.data
        if event.kind == "message":
            self._nodes[data["message_id"]] = top_node(data)
        elif event.kind == "token":
            if data["channel"] == "answer" and data["message_id"] in self._nodes:
                self._add(data["message_id"], data["text"])
        elif event.kind == "retracted":
            if data["message_id"] == self._message_id:
                self._message_id = None
        elif event.kind == "update":
            # What a subgraph's node returns is in the thread only once the node around it has returned.
            if not data["namespace"] and data["node"] == self._nodes.get(self._message_id):
                self.returned_by = data["node"]
            elif not data["namespace"] and self.returned_by is not None:
                self._message_id = None  # a later step has ended
        elif event.kind == "state":  # a new attempt continues from there, and readers drop what they had
            self._message_id = None

    def message(self) -> AIMessage | None:
        """Return the text as the message it would have become, marked incomplete; None if there is none.

        What a node has returned isn't unfinished.
        """
        return None if self.returned_by is not None else self._message(dict(INCOMPLETE))

    def returned(self) -> AIMessage | None:
        """Return the text that returned_by has returned; None if there is none."""
        return None if self.returned_by is None else self._message({})

    def _message(self, metadata: dict[str, Any]) -> AIMessage | None:
        text = "".join(self._parts)
        if self._message_id is None or not text.strip():
            return None
        return AIMessage(text, id=self._message_id or None, response_metadata=metadata)

    def _add(self, message_id: str, text: str) -> None:
        if message_id != self._message_id:
            self._message_id, self.returned_by = message_id, None
            self._parts.clear()
        self._parts.append(text)
