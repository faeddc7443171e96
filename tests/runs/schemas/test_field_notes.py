"""A graph's schemas say of its fields what their class says, for forms."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum
from typing import Annotated, Any

import pytest
from langgraph.graph import START, StateGraph
from pydantic import BaseModel, Field
from pydantic.dataclasses import dataclass as pydantic_dataclass
from typing_extensions import TypedDict

from seltzer.runs.schemas.schemas import GraphSchemas


class Mood(Enum):
    """A default that JSON hasn't."""

    CALM = "calm"


class Model(BaseModel):
    topic: str = Field(description="What it is about", examples=["cats"])
    length: int = Field(3, title="How long")
    mood: Mood = Mood.CALM


class Keys(TypedDict):
    topic: Annotated[str, Field(description="What it is about", examples=["cats"])]
    length: Annotated[int, Field(title="How long", default=3)]
    mood: Mood


@dataclass
class Plain:
    topic: str = field(metadata={"description": "What it is about", "examples": ["cats"]})
    length: Annotated[int, Field(title="How long")] = 3
    mood: Mood = Mood.CALM
    opaque: object = field(default_factory=object)


@pydantic_dataclass
class Validated:
    topic: str = Field(description="What it is about", examples=["cats"])
    length: int = Field(3, title="How long")
    mood: Mood = Mood.CALM


@pytest.mark.parametrize("kind", [Model, Keys, Plain, Validated])
@pytest.mark.parametrize("side", ["input_model", "context_model"])
def test_descriptions_examples_and_defaults_are_in_the_schema(kind: Any, side: str) -> None:
    builder: Any = StateGraph(kind, context_schema=kind)
    graph = builder.add_node("work", lambda state: {}).add_edge(START, "work").compile()

    schema = getattr(GraphSchemas(graph, graph), side).model_json_schema()
    shape = schema.get("$defs", {}).get(kind.__name__, schema)
    topic, length, mood = (shape["properties"][name] for name in ("topic", "length", "mood"))

    assert (topic["description"], topic["examples"]) == ("What it is about", ["cats"])
    assert "default" not in topic
    assert (length["title"], length["default"]) == ("How long", 3)
    assert mood["$ref"] == "#/$defs/Mood"


@pytest.mark.parametrize("kind", [Model, Keys, Plain, Validated])
def test_a_default_leaves_an_input_as_it_is_given(kind: Any) -> None:
    builder: Any = StateGraph(kind)
    graph = builder.add_node("work", lambda state: {}).add_edge(START, "work").compile()
    schemas = GraphSchemas(graph, graph)

    assert schemas.input_problem({"topic": "cats"}) is None
    assert schemas.input_problem({"length": "long"}) is not None
