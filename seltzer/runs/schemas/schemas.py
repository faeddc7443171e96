"""What a graph takes and returns, as far as its types can be described.

Departs from LangGraph's own schemas:
1. none of them raises: LangGraph's would stop the server over one type that pydantic can't describe;
2. a state's keys are optional in an input unless the graph declares an input schema of its own: LangGraph
   writes the keys that are given, and the thread may have the others.
"""

import operator
from collections.abc import Mapping
from functools import cached_property, partial
from typing import Any, Final, Literal, NotRequired, TypeAlias, cast, get_origin

from langchain_core.runnables import Runnable
from langgraph.channels import BinaryOperatorAggregate
from langgraph.graph import add_messages
from langgraph.graph.state import CompiledStateGraph
from langgraph.pregel import Pregel
from pydantic import BaseModel, RootModel, ValidationError
from typing_extensions import is_typeddict

from seltzer.runs.messages.spellings import MESSAGES
from seltzer.runs.schemas.annotations import (
    UNDESCRIBABLE,
    adapter,
    describable,
    fields_of,
    is_describable,
    is_message_list,
    may_be_messages,
    object_type,
    optional,
)

ROOT: Final = "__root__"  # the only channel of a state that is one value, such as a list
_FORMATTING = cast(Any, add_messages)(format="langchain-openai")  # with options alone, it returns a partial
_MESSAGE_REDUCERS: Final = (add_messages, _FORMATTING.func)
Problem: TypeAlias = tuple[str, str]  # a dotted path in the value ("" for the whole), and what is wrong there


class GraphSchemas:
    """The types of one graph, each described when it is first asked for.

    served is what the graph's file has: pregel, or the Runnable that pregel was made of.
    """

    def __init__(self, pregel: Pregel[Any, Any, Any, Any], served: Runnable[Any, Any]) -> None:
        self._builder = pregel.builder if isinstance(pregel, CompiledStateGraph) else None
        self._name = served.get_name
        self._served = served
        self._context_type: Any = pregel.context_schema

    @cached_property
    def input_keys(self) -> tuple[str, ...] | None:
        """The keys that an input may have; None if it isn't an object of a state's keys."""
        builder = self._builder
        return None if builder is None or self._is_root else tuple(self._channels(builder.input_schema))

    @cached_property
    def takes_message_list(self) -> bool:
        """Whether the graph's input is a list of messages itself: an entrypoint's, or a state that is one."""
        if self._builder is not None and self._is_root:
            return merges_messages(self._builder.channels[ROOT]) or is_message_list(self._declared("input"))
        is_function = self._builder is None and isinstance(self._served, Pregel)
        return is_function and is_message_list(self._declared("input"))

    @cached_property
    def takes_messages(self) -> bool:
        """Whether the graph's input is messages, or an object with a key `messages`."""
        if self.input_keys is not None:
            return MESSAGES in self.input_keys
        schema = self.input_model.model_json_schema()
        named = schema.get("$defs", {}).get(schema.get("$ref", "").rpartition("/")[2], schema)
        return self.takes_message_list or MESSAGES in named.get("properties", {})

    @cached_property
    def may_return_messages(self) -> bool:
        """Whether the graph's output may be messages or a text: unless a function declares something else."""
        is_function = self._builder is None and isinstance(self._served, Pregel)
        return not is_function or may_be_messages(self._declared("output"))

    @cached_property
    def input_model(self) -> type[BaseModel]:
        """A model of the graph's input; its JSON schema can always be made."""
        name = self._name("Input")
        if self._builder is None or self._is_root:
            return _model(name, self._declared("input"))
        return _root_model(name, object_type(self._builder.input_schema.__name__, self._input_fields()))

    @cached_property
    def output_model(self) -> type[BaseModel]:
        """A model of the graph's output; its JSON schema can always be made."""
        name = self._name("Output")
        if self._builder is None or ROOT in self._builder.schemas[self._builder.output_schema]:
            return _model(name, self._declared("output"))
        kind = self._builder.output_schema
        return _root_model(name, object_type(kind.__name__, optional(self._channels(kind))))

    @cached_property
    def context_model(self) -> type[BaseModel] | None:
        """A model of the context that the graph declares; None if it declares none."""
        return None if self._context_type is None else _model(self._name("Context"), self._context_type)

    @cached_property
    def context_keys(self) -> tuple[str, ...]:
        """The keys of the context that the graph declares."""
        return () if self._context_type is None else tuple(fields_of(self._context_type))

    def input_problem(self, value: Any) -> Problem | None:
        """Return the first problem of an input, None if there is none.

        Two things aren't checked: a key with a reducer of its own, as only that decides what it accepts, and
        messages, which the protocols parse.
        """
        if self._is_root and _has_own_reducer(cast(Any, self._builder).channels[ROOT]):
            return None
        if self.input_keys is None:
            return _problem(self.input_model, value, but_for=MESSAGES if self.takes_messages else None)
        return _key_problem(value, self.input_keys) or _problem(self._checked_model, value)

    def context_problem(self, value: Any) -> Problem | None:
        """Return the first problem of a context, None if there is none.

        The value None is a context that is left out: then the declared class makes one of its defaults, if it
        has them. All keys of a TypedDict may be left out: a node reads them with get().
        """
        if value is None:
            return self._missing_context
        if self.context_model is None:
            return "", "is not known; the graph declares no context_schema"
        return _key_problem(value, self.context_keys) or _problem(self.context_model, value)

    def make_context(self, value: Mapping[str, Any] | None) -> Any:
        """Return a run's context: an object of the declared class, or the mapping if that is a TypedDict.

        Without a value it is made of the class's defaults; None if a field has no default, or if the graph
        declares no context. Raises ValueError for a value that has a problem.
        """
        kind = self._context_type
        if kind is None:
            return None
        if is_typeddict(kind):
            return dict(value or {})
        if value is None and self._missing_context is not None:
            return None
        return adapter(kind).validate_python(value or {}) if is_describable(kind) else kind(**(value or {}))

    @cached_property
    def _missing_context(self) -> Problem | None:
        if self._context_type is None or is_typeddict(self._context_type):
            return None
        for key, kind in fields_of(self._context_type).items():
            if get_origin(kind) is not NotRequired:
                return key, "is missing; the graph's context has no default for it"
        return None

    @cached_property
    def _checked_model(self) -> type[BaseModel]:
        return _root_model("Checked", object_type("Checked", self._input_fields(is_checked=True)))

    def _input_fields(self, *, is_checked: bool = False) -> dict[str, Any]:
        builder = self._builder
        assert builder is not None  # only asked of a state's graph
        declared = self._channels(builder.input_schema)
        if is_checked:
            declared = {
                key: kind
                for key, kind in declared.items()
                if key != MESSAGES and not _has_own_reducer(builder.channels[key])
            }
        return optional(declared) if builder.input_schema is builder.state_schema else declared

    @property
    def _is_root(self) -> bool:
        """Whether the graph's state is one value, without keys."""
        return self._builder is not None and ROOT in self._builder.schemas[self._builder.input_schema]

    def _channels(self, kind: type) -> dict[str, Any]:
        """Return the keys of a schema that are a state's channels, with their types."""
        builder, declared = self._builder, fields_of(kind)
        assert builder is not None  # only asked of a state's graph
        return {key: declared.get(key, Any) for key in builder.schemas[kind] if key in builder.channels}

    def _declared(self, side: Literal["input", "output"]) -> Any:
        """Return the type of what a graph without keys takes or returns; Any if it doesn't declare one."""
        served = self._served
        if self._builder is not None:
            return self._builder.input_schema if side == "input" else self._builder.output_schema
        try:
            if isinstance(served, Pregel):
                return served.InputType if side == "input" else served.OutputType
            return served.get_input_schema() if side == "input" else served.get_output_schema()
        except UNDESCRIBABLE:
            return Any


def merges_messages(channel: object) -> bool:
    """Return whether a channel is a list of messages that add_messages merges."""
    if not isinstance(channel, BinaryOperatorAggregate):
        return False
    reducer = channel.operator
    return (reducer.func if isinstance(reducer, partial) else reducer) in _MESSAGE_REDUCERS


def _has_own_reducer(channel: object) -> bool:
    return isinstance(channel, BinaryOperatorAggregate) and channel.operator not in (
        operator.add,
        operator.or_,
    )


def _model(name: str, kind: Any) -> type[BaseModel]:
    kind = describable(kind)
    return kind if isinstance(kind, type) and issubclass(kind, BaseModel) else _root_model(name, kind)


def _root_model(name: str, kind: Any) -> type[BaseModel]:
    """Return a model of a type that can be described."""
    return type(name, (RootModel,), {"__annotations__": {"root": kind}, "__module__": __name__})


def _key_problem(value: Any, known: tuple[str, ...]) -> Problem | None:
    if not isinstance(value, Mapping):
        return "", "must be an object"
    for key in value:
        if key not in known:
            return str(key), f"is not known; known: {', '.join(known) or 'none'}"
    return None


def _problem(model: type[BaseModel], value: Any, *, but_for: str | None = None) -> Problem | None:
    """Return the first problem of the value, but for those of one of its keys."""
    try:
        model.model_validate(value)
    except ValidationError as error:
        for each in error.errors(include_input=False, include_url=False):
            path = [str(part) for part in each["loc"] if part != "root"]
            if path[:1] != [but_for]:
                return ".".join(path), each["msg"]
    except TypeError:  # a type's own check fails on what it doesn't know: LangGraph would pass the value
        return None
    return None
