"""Types as graphs declare them -> types that pydantic can describe.

Nothing here raises: a part that pydantic can't describe (a plain class, a callable, `typing.TypedDict` before
Python 3.12) is replaced by one it can, `Any` at the least.
"""

import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import MISSING, fields, is_dataclass
from functools import lru_cache
from types import UnionType
from typing import Annotated, Any, Final, NotRequired, Required, Union, get_args, get_origin

import typing_extensions
from langchain_core.messages import BaseMessage
from pydantic import BaseModel, PydanticUserError, TypeAdapter
from typing_extensions import TypedDict, is_typeddict

from seltzer.runs.messages.spellings import MESSAGES
from seltzer.runs.schemas.field_notes import noted, notes_of

# What pydantic raises for a type it can't describe; a class's own hook may raise some of these, too.
UNDESCRIBABLE: Final = (PydanticUserError, NameError, TypeError, ValueError, AttributeError, RecursionError)
_QUALIFIERS: Final = (Required, NotRequired, typing_extensions.ReadOnly)
_UNIONS: Final = (Union, UnionType)
_SEQUENCES: Final = (list, tuple, Sequence, Iterable)
_CONTAINERS: Final = (list, set, frozenset, tuple, dict)


def describable(kind: Any) -> Any:
    """Return the type, with only those parts of it replaced that pydantic can't describe."""
    return _describable(kind, ())


def is_describable(kind: Any) -> bool:
    """Return whether pydantic can describe the whole type."""
    if sys.version_info < (3, 12) and is_typeddict(kind) and type(kind).__module__ == "typing":
        return False
    return _has_schema(kind) if _is_hashable(kind) else _has_schema.__wrapped__(kind)


def object_type(name: str, declared: Mapping[str, Any]) -> Any:
    """Return a TypedDict of these fields, whatever their names and types are."""
    return _object(name, declared, ())


def fields_of(kind: Any) -> dict[str, Any]:
    """Return the fields of a TypedDict, dataclass or pydantic model; NotRequired if they may be left out."""
    hints = _hints(kind)
    if is_typeddict(kind):
        optional = set(kind.__optional_keys__) | {key for key, each in hints.items() if _is_optional(each)}
        optional -= {key for key, each in hints.items() if Required in _qualifiers(each)}
    elif isinstance(kind, type) and issubclass(kind, BaseModel):
        optional = {key for key, field in kind.model_fields.items() if not field.is_required()}
        hints = {key: hints.get(key, Any) for key in kind.model_fields}
    elif is_dataclass(kind):
        given = [each for each in fields(kind) if each.init]
        defaults = {each.name: (each.default, each.default_factory) for each in given}
        optional = {key for key, each in defaults.items() if each != (MISSING, MISSING)}
        hints = {each.name: hints.get(each.name, Any) for each in given}
    else:
        optional = set(hints)
    notes = notes_of(kind)
    declared = {key: noted(unqualified(each), notes.get(key)) for key, each in hints.items()}
    return {key: NotRequired[each] if key in optional else each for key, each in declared.items()}


def optional(declared: Mapping[str, Any]) -> dict[str, Any]:
    """Return the fields, all of which may be left out."""
    return {key: NotRequired[unqualified(kind)] for key, kind in declared.items()}


def is_message_list(kind: Any) -> bool:
    """Return whether a type is a sequence of messages, or a union that has one."""
    kind = _bare(kind)
    if get_origin(kind) in _UNIONS:
        return any(is_message_list(each) for each in get_args(kind))
    return get_origin(kind) in _SEQUENCES and any(_is_message(each) for each in get_args(kind))


def may_be_messages(kind: Any) -> bool:
    """Return whether a value of a type may be a text, messages or an object that has some."""
    kind = _bare(kind)
    origin, args = get_origin(kind), get_args(kind)
    if origin in _UNIONS:
        return any(may_be_messages(each) for each in args if each is not type(None))
    if origin in _SEQUENCES:
        return any(each is not str and may_be_messages(each) for each in args)
    if is_typeddict(kind):
        return MESSAGES in fields_of(kind)
    if not isinstance(kind, type) or kind in (Any, object, type(None)):
        return origin not in (set, frozenset)  # a dict of something may have messages
    return issubclass(kind, (str, BaseMessage, list, tuple, dict))


def unqualified(kind: Any) -> Any:
    """Return the type without Required, NotRequired and ReadOnly around it."""
    while get_origin(kind) in _QUALIFIERS:
        kind = get_args(kind)[0]
    return kind


def adapter(kind: Any) -> TypeAdapter[Any]:
    """Return pydantic's adapter of a type. Raises UNDESCRIBABLE."""
    return _cached_adapter(kind) if _is_hashable(kind) else TypeAdapter(kind)


@lru_cache(maxsize=256)
def _cached_adapter(kind: Any) -> TypeAdapter[Any]:
    return TypeAdapter(kind)


@lru_cache(maxsize=256)
def _has_schema(kind: Any) -> bool:
    """Return whether pydantic can make a schema of the type: of messages, that takes a tenth of a second."""
    try:
        adapter(kind).json_schema()
    except UNDESCRIBABLE:
        return False
    return True


def _is_hashable(kind: Any) -> bool:
    try:
        hash(kind)
    except TypeError:
        return False
    return True


def _describable(kind: Any, within: tuple[Any, ...]) -> Any:
    if kind is None or is_describable(kind):
        return kind
    if any(kind is each for each in within):  # a recursive type
        return Any
    within = (*within, kind)
    if is_typeddict(kind) or (isinstance(kind, type) and (is_dataclass(kind) or issubclass(kind, BaseModel))):
        return _object(kind.__name__, fields_of(kind), within)
    origin, args = get_origin(kind), get_args(kind)
    rebuilt: Any = Any
    if origin is Annotated:
        rebuilt = _describable(args[0], within)
    elif origin in _UNIONS:
        rebuilt = Union[tuple(_describable(each, within) for each in args)]  # noqa: UP007  # made of a tuple
    elif origin in _CONTAINERS:
        rebuilt = origin[tuple(each if each is ... else _describable(each, within) for each in args)]
    return rebuilt if is_describable(rebuilt) else Any


def _object(name: str, declared: Mapping[str, Any], within: tuple[Any, ...]) -> Any:
    described: dict[str, Any] = {}
    for key, kind in declared.items():
        qualifier = NotRequired if get_origin(kind) is NotRequired else Required
        described[key] = qualifier[_describable(unqualified(kind), within)]
    return TypedDict(name, described)  # type: ignore[operator]  # a type that is computed


def _hints(kind: Any) -> dict[str, Any]:
    try:
        return typing_extensions.get_type_hints(kind, include_extras=True)
    except UNDESCRIBABLE:
        return dict(getattr(kind, "__annotations__", {}))


def _is_message(kind: Any) -> bool:
    kind = _bare(kind)
    if get_origin(kind) in _UNIONS:
        return any(_is_message(each) for each in get_args(kind))
    return isinstance(kind, type) and issubclass(kind, BaseMessage)


def _bare(kind: Any) -> Any:
    """Return the type without what is annotated to it."""
    return get_args(kind)[0] if get_origin(kind) is Annotated else kind


def _is_optional(kind: Any) -> bool:
    """Return whether a field is marked NotRequired: where annotations are strings, Python misses it."""
    return NotRequired in _qualifiers(kind)


def _qualifiers(kind: Any) -> Iterator[Any]:
    while (origin := get_origin(kind)) in _QUALIFIERS or origin is Annotated:
        yield origin
        kind = get_args(kind)[0]
