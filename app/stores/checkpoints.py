"""LangGraph's checkpointers: where threads live."""

from collections.abc import Mapping
from typing import Any, Final

from langchain_core.messages import BaseMessage
from langgraph._internal._serde import build_serde_allowlist
from langgraph.checkpoint.base import BaseCheckpointSaver
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.checkpoint.serde.jsonplus import JsonPlusSerializer

from app.runs.graph import AnyPregel
from app.runs.jsonable import to_json

# Levels above which an odd part is looked for; below them, the whole level becomes JSON.
DEPTH_LIMIT: Final = 8


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
        except (TypeError, RecursionError):
            return super().dumps_typed(self._storable(obj, DEPTH_LIMIT))

    def _storable(self, value: Any, depth: int) -> Any:
        """Return the value with only those parts of it replaced that can't be stored."""
        if self._is_storable(value):
            return value
        if depth and isinstance(value, BaseMessage):
            return value.model_copy(update={name: self._storable(part, depth - 1) for name, part in value})
        if depth and isinstance(value, list | tuple):
            return [self._storable(part, depth - 1) for part in value]
        if depth and isinstance(value, Mapping) and self._is_storable(dict.fromkeys(value)):
            return {key: self._storable(part, depth - 1) for key, part in value.items()}
        return to_json(value)

    def _is_storable(self, value: Any) -> bool:
        try:
            super().dumps_typed(value)
        except (TypeError, RecursionError):
            return False
        return True


def for_graph(saver: BaseCheckpointSaver[Any], pregel: AnyPregel) -> BaseCheckpointSaver[Any]:
    """Return a view of the saver that also revives the classes which the graph's own state declares.

    LangGraph does so by itself only where LANGGRAPH_STRICT_MSGPACK is set for the whole process; its function
    for it is private, hence the import from `_internal`.
    """
    builder = getattr(pregel, "builder", None)
    if builder is None:  # made by @entrypoint: no declared state
        return saver
    return saver.with_allowlist(
        build_serde_allowlist(schemas=list(builder.schemas), channels=builder.channels)
    )


def in_memory() -> InMemorySaver:
    """Return a saver that keeps threads in this process's memory."""
    return InMemorySaver(serde=SafeSerializer())
