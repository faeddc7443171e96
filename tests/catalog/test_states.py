"""How a graph's types describe its input, output and context, whatever the types are."""

import json
from typing import Any

import pytest

from seltzer.runs.graph import Graph
from tests.catalog.project import load

HEAD = """\
import dataclasses, operator, typing
from collections.abc import Callable
from typing import Annotated, Any, Optional
from typing_extensions import NotRequired, Required
from pydantic import BaseModel, Field
from langchain_core.messages import AIMessage, AnyMessage
from langgraph.func import entrypoint
from langgraph.graph import START, StateGraph, add_messages

class Table: ...

def made(state, **schemas):
    builder = StateGraph(state, **schemas)
    builder.add_node("say", lambda state: {})
    return builder.add_edge(START, "say").compile()
"""
DICT = "class S(typing.TypedDict):\n    "
DATA = "@dataclasses.dataclass\nclass S:\n    "
MODEL = "class S(BaseModel, arbitrary_types_allowed=True):\n    "
ANY_ITEMS = {"type": "array", "items": {}}
ANY_OBJECT = {"type": "object", "additionalProperties": True}
KINDS = {
    "dataclass": "@dataclasses.dataclass\nclass C:\n    user: str\n    depth: int = 3\n",
    "model": "class C(BaseModel):\n    user: str\n    depth: int = 3\n",
    "dict": "class C(typing.TypedDict):\n    user: str\n    depth: NotRequired[int]\n",
}
KINDS["odd"] = KINDS["dataclass"] + "    table: Table = None\n"
KINDS["odd_model"] = KINDS["odd"].replace(
    "@dataclasses.dataclass\nclass C", "class C(BaseModel, arbitrary_types_allowed=True)"
)


def graph_of(source: str) -> Graph:
    return load(source=HEAD + source)


def properties(schema: dict[str, Any]) -> dict[str, Any]:
    """Return an object schema's properties, which may be a reference."""
    name = schema.get("$ref", "").rpartition("/")[2]
    found: dict[str, Any] = (schema["$defs"][name] if name else schema)["properties"]
    return {key: {k: v for k, v in each.items() if k != "title"} for key, each in found.items()}


class TestStates:
    @pytest.mark.parametrize(
        ("state", "described"),
        [
            (DICT + "a: int", {"a": {"type": "integer"}}),
            ("class S(typing.TypedDict, total=False):\n    a: int", {"a": {"type": "integer"}}),
            ("class S(typing.TypedDict, total=False):\n    a: Required[int]", {"a": {"type": "integer"}}),
            (DICT + "a: NotRequired[int]", {"a": {"type": "integer"}}),
            (DICT + "a: Table\n    b: str", {"a": {}, "b": {"type": "string"}}),
            (DICT + "a: list[Table]", {"a": ANY_ITEMS}),
            (DICT + "a: Callable[[], int]", {"a": {}}),
            (DICT + "a: dict[str, Table]", {"a": ANY_OBJECT}),
            (DICT + "a: Table | None", {"a": {"anyOf": [{}, {"type": "null"}]}}),
            (DICT + "a: Annotated[list, operator.add]", {"a": ANY_ITEMS}),
            (DATA + "a: Table\n    b: int = 3", {"a": {}, "b": {"type": "integer", "default": 3}}),
            (MODEL + "a: Table\n    b: int", {"a": {}, "b": {"type": "integer"}}),
            ("S = typing.TypedDict('S', {'model_config': int, '_x': str, 'class': int})",
             {"model_config": {"type": "integer"}, "_x": {"type": "string"}, "class": {"type": "integer"}}),
        ],
    )  # fmt: skip
    def test_the_schema_describes_what_it_can(self, state: str, described: dict[str, Any]) -> None:
        schemas = graph_of(f"{state}\ngraph = made(S)").schemas

        assert properties(schemas.input_model.model_json_schema()) == described
        assert properties(schemas.output_model.model_json_schema()) == described

    def test_a_nested_dict_is_described_within(self) -> None:
        schemas = graph_of(
            "class Inner(typing.TypedDict, total=False):\n    a: Required[int]\n    t: Table\n"
            + DICT
            + "one: Inner\n    many: list[Inner]\ngraph = made(S)"
        ).schemas

        schema = schemas.input_model.model_json_schema()

        assert schema["$defs"]["Inner"]["required"] == ["a"]
        assert schemas.input_problem({"one": {"a": 1}, "many": [{"a": 2, "t": 7}]}) is None
        assert schemas.input_problem({"many": [{"a": 2}, {"t": 7}]}) == ("many.1.a", "Field required")

    @pytest.mark.parametrize(
        "state",
        [
            DICT + "messages: Annotated[list, add_messages]\n    t: Table",
            "class S(typing.TypedDict, total=False):\n    messages: Annotated[list, add_messages]",
            DICT + "messages: Required[Annotated[list, add_messages]]",
            DATA + "messages: Annotated[list, add_messages]\n    t: Table = None",
            "class S(BaseModel):\n    messages: Annotated[list[AnyMessage], add_messages] = []",
        ],
    )
    def test_a_state_with_messages_accepts_messages(self, state: str) -> None:
        graph = graph_of(f"{state}\ngraph = made(S)")

        assert graph.takes_messages
        assert "messages" in properties(graph.schemas.input_model.model_json_schema())

    @pytest.mark.parametrize(
        ("signature", "taken", "returned"),
        [
            ("topic: str) -> list[str]", {"type": "string"}, {"type": "array", "items": {"type": "string"}}),
            ("topic: Table) -> Table", {}, {}),
            ("topic)", {}, {}),
            ("topic: dict) -> int | str", ANY_OBJECT, {"anyOf": [{"type": "integer"}, {"type": "string"}]}),
            ("topic: list[Table]) -> str", ANY_ITEMS, {"type": "string"}),
        ],
    )  # fmt: skip
    def test_a_functions_annotations_are_its_schemas(
        self, signature: str, taken: dict[str, Any], returned: dict[str, Any]
    ) -> None:
        schemas = graph_of(f"@entrypoint()\ndef graph({signature}: ...").schemas

        for model, described in ((schemas.input_model, taken), (schemas.output_model, returned)):
            schema = model.model_json_schema()
            assert {
                key: value for key, value in schema.items() if key not in ("title", "description")
            } == described


class TestInputs:
    STATE = (
        DICT + "topic: str\n    joke: str\n    n: Annotated[int, operator.add]\n"
        "    docs: Annotated[list, lambda old, new: new]\n    messages: Annotated[list, add_messages]\n"
    )

    @pytest.mark.parametrize("value", [
        {"topic": "cats"}, {}, {"n": 3}, {"docs": "delete"}, {"messages": "hi"}, {"messages": {"role": "x"}},
        {"topic": "cats", "joke": "x", "n": 1},
    ])  # fmt: skip
    def test_a_states_keys_are_optional(self, value: dict[str, Any]) -> None:
        assert graph_of(self.STATE + "graph = made(S)").schemas.input_problem(value) is None

    @pytest.mark.parametrize(
        ("value", "field"),
        [
            ({"topic": 5}, "topic"),
            ({"n": "x"}, "n"),
            ({"tpoic": "x"}, "tpoic"),
            ([], ""),
            ("hi", ""),
            (None, ""),
        ],
    )
    def test_a_wrong_key_or_type_is_named(self, value: Any, field: str) -> None:
        problem = graph_of(self.STATE + "graph = made(S)").schemas.input_problem(value)

        assert problem is not None
        assert problem[0] == field

    @pytest.mark.parametrize("declared", [
        "class I(typing.TypedDict):\n    topic: str\n    joke: NotRequired[str]\n",
        "class I(BaseModel):\n    topic: str\n    joke: str = ''\n",
        "@dataclasses.dataclass\nclass I:\n    topic: str\n    joke: str = ''\n",
    ])  # fmt: skip
    def test_an_input_schema_lists_what_is_required(self, declared: str) -> None:
        schemas = graph_of(self.STATE + declared + "graph = made(S, input_schema=I)").schemas

        assert schemas.input_keys == ("topic", "joke")
        assert schemas.input_problem({"topic": "cats"}) is None
        assert schemas.input_problem({"joke": "x"}) == ("topic", "Field required")
        assert schemas.input_problem({"topic": "x", "n": 3}) == ("n", "is not known; known: topic, joke")


class TestContexts:
    STATE = DICT + "a: int\n"

    @pytest.mark.parametrize("kind", KINDS)
    def test_a_context_is_checked_by_its_schema(self, kind: str) -> None:
        schemas = graph_of(self.STATE + KINDS[kind] + "graph = made(S, context_schema=C)").schemas

        assert schemas.context_problem({"user": "Ada"}) is None
        assert schemas.context_problem({"depth": 2}) == ("user", "Field required")
        assert schemas.context_problem({"user": "Ada", "depth": "x"})[0] == "depth"  # type: ignore[index]  # it has one
        assert schemas.context_problem({"user": "Ada", "dpeth": 2})[0] == "dpeth"  # type: ignore[index]  # it has one
        assert schemas.context_problem("Ada") == ("", "must be an object")

    @pytest.mark.parametrize("kind", KINDS)
    def test_a_run_gets_an_object_of_the_declared_class(self, kind: str) -> None:
        graph = graph_of(self.STATE + KINDS[kind] + "graph = made(S, context_schema=C)")

        context = graph.schemas.make_context({"user": "Ada"})

        if kind == "dict":
            assert context == {"user": "Ada"}
        else:
            assert (context.user, context.depth, type(context).__name__) == ("Ada", 3, "C")

    @pytest.mark.parametrize(("kind", "given"), [("dataclass", None), ("model", None), ("dict", {})])
    def test_without_a_context_a_run_gets_what_the_defaults_make(self, kind: str, given: Any) -> None:
        source = self.STATE + KINDS[kind] + "graph = made(S, context_schema=C)"

        assert graph_of(source).schemas.make_context(None) == given
        if kind != "dict":
            whole = graph_of(source.replace("user: str", "user: str = 'nobody'").replace("'S'", "'S2'"))
            assert whole.schemas.make_context(None).user == "nobody"

    def test_a_graph_without_a_context_accepts_none(self) -> None:
        schemas = graph_of(self.STATE + "graph = made(S)").schemas

        assert schemas.context_problem({"user": "Ada"}) == (
            "", "is not known; the graph declares no context_schema",
        )  # fmt: skip
        assert (schemas.context_model, schemas.context_keys, schemas.make_context(None)) == (None, (), None)


class TestBoundConfigs:
    @pytest.mark.parametrize(
        ("bound", "limit"),
        [
            ("", None),
            (".with_config({'recursion_limit': 200})", 200),
            (".with_config({'tags': ['a']})", None),
            (".with_config({'tags': ['a']}).with_config({'recursion_limit': 7})", 7),
            (".with_types(input_type=dict).with_config({'recursion_limit': 9})", 9),
        ],
    )
    def test_the_authors_limit_is_kept(self, bound: str, limit: int | None) -> None:
        graph = graph_of(f"{DICT}a: int\ngraph = made(S){bound}")

        assert graph.recursion_limit == limit
        assert not graph.is_wrapped

    def test_json_schemas_are_json(self) -> None:
        graph = graph_of(DICT + "a: Annotated[Table, 'x']\ngraph = made(S)")

        assert json.loads(json.dumps(graph.schemas.input_model.model_json_schema()))
