"""What a class says of its fields beside their types: a title, a description, examples, a default.

A form shows them. Types alone don't have them where the class is a dataclass or a pydantic model.
"""

import json
from collections.abc import Iterator, Mapping
from dataclasses import MISSING, fields, is_dataclass
from typing import Annotated, Any

from pydantic import BaseModel, Field
from pydantic.fields import FieldInfo
from pydantic_core import PydanticUndefined


def notes_of(kind: Any) -> dict[str, FieldInfo]:
    """Return the notes of those fields of a dataclass or a pydantic model that have some."""
    return {key: note for key, found in _found(kind) if (note := _note(found)) is not None}


def noted(kind: Any, note: FieldInfo | None) -> Any:
    """Return the type with the note."""
    return kind if note is None else Annotated[kind, note]


def _found(kind: Any) -> Iterator[tuple[str, Mapping[str, Any]]]:
    if isinstance(kind, type) and issubclass(kind, BaseModel):
        declared: Mapping[str, FieldInfo] = kind.model_fields
    else:
        declared = getattr(kind, "__pydantic_fields__", {})  # of pydantic's own dataclasses
    for key, info in declared.items():
        names = ("title", "description", "examples", "default")
        yield key, {name: getattr(info, name) for name in names}
    if not declared and isinstance(kind, type) and is_dataclass(kind):
        yield from ((each.name, {**each.metadata, "default": each.default}) for each in fields(kind))


def _note(found: Mapping[str, Any]) -> FieldInfo | None:
    texts = ((name, found.get(name)) for name in ("title", "description"))
    given: dict[str, Any] = {name: text for name, text in texts if isinstance(text, str)}
    if isinstance(examples := found.get("examples"), list) and _is_json(examples):
        given["examples"] = examples
    default = found["default"]
    if default is not MISSING and default is not PydanticUndefined and _is_json(default):
        given["default"] = default
    note: FieldInfo | None = Field(**given) if given else None
    return note


def _is_json(value: Any) -> bool:
    """Return whether a schema can have the value: another one would be a warning, and be left out."""
    try:
        return bool(json.loads(json.dumps(value)) == value)
    except (TypeError, ValueError, RecursionError):
        return False
