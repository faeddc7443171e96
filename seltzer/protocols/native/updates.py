"""An update of a state on the wire -> the values that a node would return."""

from typing import Any, Final

from langchain_core.messages import BaseMessage, RemoveMessage

from seltzer.errors import InvalidInput
from seltzer.protocols.http.bodies.messages import InputLimits, parse_message
from seltzer.runs.event import Json
from seltzer.runs.graph import Graph

REMOVE: Final = "remove"
REMOVE_ALL: Final = "__remove_all__"  # LangGraph's id for it
_SHOWN_CHARS: Final = 100


def parse_values(value: Any, graph: Graph, limits: InputLimits, state: Json) -> Any:
    """Return the values, with a graph's messages as LangChain's.

    state: the one that they update, whose messages may be removed. Raises InvalidInput naming the field.
    """
    if isinstance(value, list) and graph.schemas.takes_message_list:
        return _messages(value, "values", limits, state)
    known = graph.pregel.stream_channels_asis
    if not isinstance(value, dict) or isinstance(known, str):
        return value
    for key in value:
        if key not in known:
            raise InvalidInput(f"values.{key[:_SHOWN_CHARS]}", "is no key of the graph's state")
    if not graph.takes_messages or "messages" not in value:
        return value
    there = state.get("messages") if isinstance(state, dict) else None
    return {**value, "messages": _messages(value["messages"], "values.messages", limits, there)}


def _messages(value: Any, field: str, limits: InputLimits, there: Json) -> list[BaseMessage]:
    """Return the messages, each as in an input, or as the removal of one that is there."""
    if not isinstance(value, list):
        raise InvalidInput(field, "must be a list of messages")
    if len(value) > limits.messages:
        raise InvalidInput(field, f"has {len(value)} messages; at most {limits.messages}")
    ids = {each.get("id") for each in there or () if isinstance(each, dict)}
    return [_message(each, f"{field}.{index}", limits, ids) for index, each in enumerate(value)]


def _message(value: Any, field: str, limits: InputLimits, ids: set[Any]) -> BaseMessage:
    if not isinstance(value, dict) or REMOVE not in (value.get("type"), value.get("role")):
        return parse_message(value, field, limits)
    removed = value.get("id")
    if not isinstance(removed, str) or not (removed in ids or removed == REMOVE_ALL):
        raise InvalidInput(f"{field}.id", "is the id of none of the thread's messages")
    return RemoveMessage(id=removed)
