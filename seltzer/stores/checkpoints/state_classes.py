"""The classes that a graph's state declares: those that may be revived when a thread's state is read.

LangGraph collects them by itself only where LANGGRAPH_STRICT_MSGPACK is set for the whole process, and by a
private function. This one stands on public names. It finds the same classes and a few more: named tuples,
secrets, arguments of generic classes, and what subgraphs declare.
"""

import dataclasses
import sys
from collections.abc import Iterable, Iterator
from enum import Enum
from typing import Annotated, Any, Literal, get_args, get_origin, get_type_hints

from pydantic import BaseModel
from typing_extensions import is_typeddict

from seltzer.runs.graph import AnyPregel
from seltzer.stores.options import ClassName


def state_classes(pregel: AnyPregel) -> set[ClassName]:
    """Return module and name of each class that the graph's state or a subgraph's declares."""
    return {(each.__module__, each.__name__) for each in _declared(_annotations(pregel)) if _is_stored(each)}


def _annotations(pregel: AnyPregel) -> Iterator[Any]:
    """Yield what the graphs' schemas and channels hold, by their annotations."""
    subgraphs = [subgraph for _, subgraph in pregel.get_subgraphs(recurse=True)]
    for each in (pregel, *subgraphs):
        yield from getattr(getattr(each, "builder", None), "schemas", ())  # of a StateGraph
        for channel in getattr(each, "channels", {}).values():
            yield getattr(channel, "ValueType", None)
            yield getattr(channel, "UpdateType", None)


def _declared(annotations: Iterable[Any]) -> Iterator[type]:
    """Yield each class in the annotations, and in those of its fields."""
    waiting, seen = list(annotations), set()
    while waiting:
        each = waiting.pop()
        key = _key(each)
        if key in seen:
            continue
        seen.add(key)
        waiting += _parts(each)
        if isinstance(each, type):
            yield each


def _key(annotation: Any) -> object:
    try:
        hash(annotation)
    except TypeError:  # Annotated with something unhashable, such as a list
        return id(annotation)
    return annotation


def _parts(annotation: Any) -> Iterable[Any]:
    """Return the annotations that this one is made of."""
    if isinstance(annotation, list):  # a callable's arguments
        return annotation
    origin = get_origin(annotation)
    if origin is Literal:
        return ()
    if origin is Annotated:
        return get_args(annotation)[:1]
    if origin is not None:  # a union, Required, a container, a generic class
        return (origin, *get_args(annotation))
    if isinstance(annotation, type):
        return _field_types(annotation) if is_typeddict(annotation) or _has_fields(annotation) else ()
    wrapped = ("__supertype__", "__value__", "__bound__")  # NewType, a `type` statement, TypeVar
    return [inner for name in wrapped if (inner := getattr(annotation, name, None)) is not None]


def _has_fields(kind: type) -> bool:
    """Return whether it is a pydantic model (of either version), a dataclass or a named tuple."""
    is_model = issubclass(kind, BaseModel) or hasattr(kind, "__fields__")
    return (
        is_model or dataclasses.is_dataclass(kind) or (issubclass(kind, tuple) and hasattr(kind, "_fields"))
    )


def _is_stored(kind: type) -> bool:
    """Return whether LangGraph stores objects of the class by the class's name."""
    return _has_fields(kind) or issubclass(kind, Enum) or hasattr(kind, "get_secret_value")


def _field_types(kind: type) -> Iterable[Any]:
    """Return the annotations of the class's fields, as far as they can be resolved."""
    module = sys.modules.get(kind.__module__)
    try:
        hints = get_type_hints(kind, vars(module) if module else None, dict(vars(kind)), include_extras=True)
    except Exception:  # noqa: BLE001  # an annotation may be any expression
        hints = {}
    # A pydantic model has resolved its own: a generic one's hints name type variables only.
    fields = {**getattr(kind, "__dataclass_fields__", {}), **getattr(kind, "model_fields", {})}
    found = (getattr(each, "annotation", None) or getattr(each, "type", None) for each in fields.values())
    return [*hints.values(), *(each for each in found if each is not None)]
