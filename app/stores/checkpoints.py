"""LangGraph's checkpointers: where threads live."""

from collections.abc import Mapping
from typing import Any

from langchain_core.messages import BaseMessage
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.checkpoint.serde.jsonplus import JsonPlusSerializer

from app.runs.jsonable import to_json


class SafeSerializer(JsonPlusSerializer):
    """LangGraph's serializer, departing from it in two points:

    1. it never revives a class that isn't on its list of safe ones (its default still does, with a warning);
    2. what can't be stored, such as a tool's artifact, is stored as the nearest JSON, where LangGraph's would
       end the run, and with it every later turn.
    """

    def __init__(self) -> None:
        super().__init__(allowed_msgpack_modules=None)

    def dumps_typed(self, obj: Any) -> tuple[str, bytes]:
        try:
            return super().dumps_typed(obj)
        except TypeError:
            return super().dumps_typed(self._storable(obj))

    def _storable(self, value: Any) -> Any:
        """Return the value with only those parts of it replaced that can't be stored."""
        try:
            super().dumps_typed(value)
        except TypeError:
            if isinstance(value, BaseMessage):
                return value.model_copy(update={name: self._storable(part) for name, part in value})
            if isinstance(value, Mapping) and all(isinstance(key, str) for key in value):
                return {key: self._storable(part) for key, part in value.items()}
            if isinstance(value, list | tuple):
                return [self._storable(part) for part in value]
            return to_json(value)
        return value


def in_memory() -> InMemorySaver:
    """Return a saver that keeps threads in this process's memory."""
    return InMemorySaver(serde=SafeSerializer())
