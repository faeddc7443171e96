"""An update of a state on the wire -> the values that a node would return."""

from collections.abc import Collection
from typing import Any, Final

from langchain_core.messages import BaseMessage, RemoveMessage

from seltzer.errors import InvalidInput
from seltzer.protocols.http.bodies.messages import InputLimits, parse_message
from seltzer.runs.graph import Graph

REMOVE: Final = "remove"
REMOVE_ALL: Final = "__remove_all__"  # LangGraph's id for it
_SHOWN_CHARS: Final = 100


def parse_values(value: Any, graph: Graph, limits: InputLimits, ids: Collection[str | None]) -> Any:
    """Return the values, with a graph's messages as LangChain's.

    ids: those of the state's messages, which may be removed. Raises InvalidInput naming the field.
    """
    if isinstance(value, list) and graph.schemas.takes_message_list:
        return _messages(value, "values", limits, ids)
    known = graph.pregel.stream_channels_asis
    if not isinstance(value, dict) or isinstance(known, str):
        return value
    for key in value:
        if key not in known:
            raise InvalidInput(f"values.{key[:_SHOWN_CHARS]}", "is no key of the graph's state")
    if not graph.takes_messages or "messages" not in value:
        return value
    return {**value, "messages": _messages(value["messages"], "values.messages", limits, ids)}


def _messages(value: Any, field: str, limits: InputLimits, ids: Collection[str | None]) -> list[BaseMessage]:
    """Return the messages, each as in an input, or as the removal of one that is there."""
    if not isinstance(value, list):
        raise InvalidInput(field, "must be a list of messages")
    if len(value) > limits.messages:
        raise InvalidInput(field, f"has {len(value)} messages; at most {limits.messages}")
    return [_message(each, f"{field}.{index}", limits, ids) for index, each in enumerate(value)]


def _message(value: Any, field: str, limits: InputLimits, ids: Collection[str | None]) -> BaseMessage:
    if not isinstance(value, dict) or REMOVE not in (value.get("type"), value.get("role")):
        return parse_message(value, field, limits)
    removed = value.get("id")
    if not isinstance(removed, str) or not (removed in ids or removed == REMOVE_ALL):
        raise InvalidInput(f"{field}.id", "is the id of none of the thread's messages")
    return RemoveMessage(id=removed)
