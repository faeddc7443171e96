"""Bodies and queries as pydantic models: what validates them, and what /docs shows of them."""

from collections.abc import Callable, Mapping
from typing import Annotated, Any, Final, TypeVar

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    ValidationError,
    WithJsonSchema,
    model_validator,
)

from seltzer.errors import InvalidInput
from seltzer.runs.text import is_storable
from seltzer.runs.thread import check_thread_id

_SHOWN_CHARS: Final = 100
# An answer may be null; an id that a client has lost must not have its request done elsewhere.
_NOT_OMITTED: Final = frozenset(
    {"resume", "thread_id", "from_checkpoint", "from_message", "checkpoint_id", "interrupt_id"}
)
_Json = dict[str, Any]
_Model = TypeVar("_Model", bound="Fields")


class Fields(BaseModel):
    """An object on the wire: strict about types, and without fields that aren't declared.

    null counts as left out where a field may be left out, but for an answer and for ids.
    """

    model_config = ConfigDict(strict=True, extra="forbid", frozen=True)

    @model_validator(mode="before")
    @classmethod
    def _without_nulls(cls, value: Any) -> Any:
        if not isinstance(value, dict) or None not in value.values():
            return value
        fields = cls.model_fields
        omitted = {key for key in value if key in fields and not fields[key].is_required()} - _NOT_OMITTED
        return {key: each for key, each in value.items() if each is not None or key not in omitted}

    @classmethod
    def parse(cls: type[_Model], value: object) -> _Model:
        """Return the model of the value. Raises InvalidInput naming the first wrong field."""
        if not isinstance(value, dict):
            raise InvalidInput("body", "must be an object")
        try:
            return cls.model_validate(value)
        except ValidationError as error:
            errors = error.errors(include_input=False, include_url=False)
        first = errors[0]
        if first["type"] == "extra_forbidden":
            known = ", ".join(_fields_at(cls, first["loc"][:-1])) or "none"
            path = ".".join(str(part)[:_SHOWN_CHARS] for part in first["loc"])
            raise InvalidInput(path, f"is not known; known: {known}")
        raise InvalidInput.first_of(errors)


def checked(check: Callable[[Any, str], Any]) -> BeforeValidator:
    """Return the validator that a check of the core is; the model names the field."""

    def validate(value: Any) -> Any:
        try:
            return check(value, "")
        except InvalidInput as error:
            raise ValueError(error.reason) from None

    return BeforeValidator(validate)


def storable(text: str) -> str:
    """Return the text if every store can keep it: by a body's guard it can, but not by a query's."""
    if not is_storable(text):
        raise ValueError("has a NUL or a lone surrogate")
    return text


ThreadId = Annotated[
    str, checked(check_thread_id), WithJsonSchema({"type": "string", "minLength": 1, "maxLength": 128})
]


class Config(Fields):
    """How the graph runs."""

    configurable: dict[str, Any] = Field(
        default_factory=dict, description="What the graph reads from its config."
    )
    recursion_limit: Annotated[int, WithJsonSchema({"type": "integer", "minimum": 1})] = Field(
        default_factory=int, description="The most steps the run may take; left out: the graph's own limit."
    )
    tags: list[str] = Field(default_factory=list, description="Tags of the run, in its config.")
    metadata: dict[str, Any] = Field(
        default_factory=dict, description="The run's metadata, in its config: the graph and traces have it."
    )
    run_name: str = Field(default_factory=str, description="What traces call the run.")


def documented(
    *,
    body: type[BaseModel] | None = None,
    is_body_required: bool = True,
    query: type[BaseModel] | None = None,
    headers: Mapping[str, str] | None = None,
    responses: _Json | None = None,
) -> _Json:
    """Return what OpenAPI shows of the body, query and headers that a route reads itself.

    The example is the one in the body's own schema.
    """
    shown: _Json = {"parameters": _parameters(query, headers or {})}
    if body is not None:
        schema = inlined(body)
        example = {"example": schema.pop("example")} if "example" in schema else {}
        content = {"application/json": {"schema": schema, **example}}
        shown["requestBody"] = {"required": is_body_required, "content": content}
    if responses is not None:
        shown["responses"] = responses
    return shown


def inlined(model: type[BaseModel]) -> _Json:
    """Return the model's JSON schema with its definitions in place."""
    schema = model.model_json_schema()
    definitions = schema.pop("$defs", {})

    def resolve(value: Any) -> Any:
        if isinstance(value, list):
            return [resolve(each) for each in value]
        if not isinstance(value, dict):
            return value
        if "$ref" in value:
            found = resolve(definitions[value["$ref"].rpartition("/")[2]])
            return {**found, **{key: each for key, each in value.items() if key != "$ref"}}
        return {key: resolve(each) for key, each in value.items()}

    resolved: _Json = resolve(schema)
    return resolved


def _parameters(query: type[BaseModel] | None, headers: Mapping[str, str]) -> list[_Json]:
    text = {"type": "string"}
    shown: list[_Json] = []
    if query is not None:
        schema = inlined(query)
        shown += [
            {"name": name, "in": "query", "required": name in schema.get("required", ()), "schema": each}
            for name, each in schema["properties"].items()
        ]
    shown += [
        {"name": name, "in": "header", "required": False, "schema": text, "description": description}
        for name, description in headers.items()
    ]
    return shown


def _fields_at(model: type[BaseModel], place: tuple[str | int, ...]) -> list[str]:
    """Return the fields of the model at the place in another one."""
    for key in place:
        inner = model.model_fields[str(key)].annotation
        if not (isinstance(inner, type) and issubclass(inner, BaseModel)):
            return []
        model = inner
    return list(model.model_fields)
