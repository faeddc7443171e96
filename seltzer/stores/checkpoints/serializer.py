"""How a thread's state becomes bytes and comes back."""

from collections.abc import Mapping
from typing import Any, Final

from langchain_core.messages import BaseMessage
from langgraph.checkpoint.serde.jsonplus import JsonPlusSerializer

from seltzer.runs.jsonable import to_json
from seltzer.stores.options import SerdeOptions

# Levels above which an odd part is looked for; below them, the whole level becomes JSON.
DEPTH_LIMIT: Final = 8


class SafeSerializer(JsonPlusSerializer):
    """LangGraph's serializer, departing from it in two points:

    1. it never revives a class that isn't on its list of safe ones (its default still does, with a warning);
    2. what can't be stored, such as a tool's artifact, is stored as the nearest JSON, where LangGraph's would
       end the run, and with it every later turn.
    """

    def __init__(self, options: SerdeOptions | None = None) -> None:
        options = options or SerdeOptions()
        super().__init__(
            allowed_msgpack_modules=options.allowed_msgpack_modules or None,
            pickle_fallback=options.pickle_fallback,
        )

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
