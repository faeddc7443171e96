"""How a thread's state becomes bytes and is read back."""

import dataclasses
import logging
from collections import deque
from collections.abc import Callable, Iterable, Mapping
from copy import copy
from pickle import PicklingError
from typing import Any, Final, Self

from langchain_core.messages import BaseMessage
from langgraph.checkpoint.serde.event_hooks import SerdeEvent, register_serde_event_listener
from langgraph.checkpoint.serde.jsonplus import JsonPlusSerializer
from langgraph.types import Interrupt, Send
from pydantic import BaseModel

from seltzer.runs.jsonable import to_json
from seltzer.stores.options import ClassName, SerdeOptions

log = logging.getLogger(__name__)

# Levels down to which single parts are replaced; below them, a whole part becomes JSON.
DEPTH_LIMIT: Final = 8
# What msgpack, pickle and a class's own methods raise for a value that can't be stored.
_REFUSALS: Final = (TypeError, ValueError, AttributeError, RecursionError, PicklingError)

_CARRIES: Final = {Send: "arg", Interrupt: "value"}


class NotStorable(TypeError):
    """A value has a part that can't be stored; type_name is the part's type."""

    def __init__(self, type_name: str) -> None:
        super().__init__(f"{type_name} can't be stored")
        self.type_name = type_name


class SafeSerializer(JsonPlusSerializer):
    """LangGraph's serializer, with three differences:

    1. It revives only LangGraph's own list of safe classes, those that the options allow, and those given to
       allowing(): all that a graph's state declares. LangGraph revives any class by default. An object of
       another class is read back as plain data; log_blocked_classes() logs which.
    2. Inside a message, and only there, a part that can't be stored is replaced by the nearest JSON: in a
       tool's artifact, a message's content, its kwargs or metadata. Libraries put things there that no
       graph's author has declared, and a run must not fail by them. So it is wherever the message lies: in a
       list, a tuple, a dict, or what a Send or an Interrupt carries.
    3. Any other part that can't be stored raises NotStorable, which names its type.
    """

    def __init__(self, options: SerdeOptions | None = None) -> None:
        options = options or SerdeOptions()
        allowed = options.allowed_msgpack_modules or None
        super().__init__(
            allowed_msgpack_modules=True
            if allowed is True
            else allowed and [tuple(each) for each in allowed],
            pickle_fallback=options.pickle_fallback,
        )

    def allowing(self, classes: Iterable[ClassName]) -> Self:
        """Return a serializer that also revives these classes."""
        allowing = self.with_msgpack_allowlist(classes)
        assert isinstance(allowing, type(self))  # LangGraph copies this one
        return allowing

    def dumps_typed(self, obj: Any) -> tuple[str, bytes]:
        """Return the value's type and bytes. Raises NotStorable."""
        try:
            return super().dumps_typed(obj)
        except _REFUSALS:
            with_messages = self._replace_in_messages(obj, DEPTH_LIMIT)
        try:
            return super().dumps_typed(with_messages)
        except _REFUSALS as error:
            raise NotStorable(_type_name(self._culprit(with_messages, DEPTH_LIMIT))) from error

    def to_storable(self, value: Any, depth: int = DEPTH_LIMIT) -> Any:
        """Return the value with only those parts replaced that can't be stored, by the nearest JSON."""
        if self._is_storable(value):
            return value
        if depth and isinstance(value, BaseMessage):
            return value.model_copy(update={name: self.to_storable(part, depth - 1) for name, part in value})
        if depth and isinstance(value, list | tuple):
            return [self.to_storable(part, depth - 1) for part in value]
        if depth and isinstance(value, Mapping) and self._is_storable(dict.fromkeys(value)):
            return {key: self.to_storable(part, depth - 1) for key, part in value.items()}
        return to_json(value)

    def _replace_in_messages(self, value: Any, depth: int) -> Any:
        if isinstance(value, BaseMessage):
            return self.to_storable(value)
        if depth and type(value) is dict:
            return {key: self._replace_in_messages(part, depth - 1) for key, part in value.items()}
        if depth and type(value) in (list, tuple):
            return type(value)(self._replace_in_messages(part, depth - 1) for part in value)
        if depth and isinstance(value, Send | Interrupt):
            carrier, name = copy(value), _CARRIES[type(value)]
            setattr(carrier, name, self._replace_in_messages(getattr(value, name), depth - 1))
            return carrier
        return value

    def _culprit(self, value: Any, depth: int) -> Any:
        """Return the innermost part that can't be stored."""
        for part in _parts(value):
            if depth and not self._is_storable(part):
                return self._culprit(part, depth - 1)
        return value

    def _is_storable(self, value: Any) -> bool:
        try:
            super().dumps_typed(value)
        except _REFUSALS:
            return False
        return True


def log_blocked_classes() -> Callable[[], None]:
    """Log each class once that isn't revived from a state, until the returned function is called."""
    logged: set[tuple[str, str]] = set()

    def log_blocked(event: SerdeEvent) -> None:
        place = event["module"], event["name"]
        if event["kind"] == "msgpack_blocked" and place not in logged:
            logged.add(place)
            log.warning(
                "a thread's state holds a %s.%s, which its graph's schema doesn't declare: it is read back as"
                ' plain data. To have the object, add ["%s", "%s"] to'
                " checkpointer.serde.allowed_msgpack_modules in langgraph.json, or declare the class there",
                *place,
                *place,
            )

    return register_serde_event_listener(log_blocked)


def _parts(value: Any) -> Iterable[Any]:
    """Return what LangGraph stores of a container, a dataclass or a pydantic model."""
    if isinstance(value, dict):
        return (*value, *value.values())
    if isinstance(value, list | tuple | set | frozenset | deque):
        return value
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return [getattr(value, field.name) for field in dataclasses.fields(value)]
    if isinstance(value, Send):
        return (value.arg,)
    return vars(value).values() if isinstance(value, BaseModel) else ()


def _type_name(value: Any) -> str:
    kind = type(value)
    return kind.__qualname__ if kind.__module__ == "builtins" else f"{kind.__module__}.{kind.__qualname__}"
