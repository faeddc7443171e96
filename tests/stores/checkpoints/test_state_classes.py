"""The classes found in a graph's state: all that LangGraph's private function finds, and more."""

import dataclasses
from collections import deque
from collections.abc import Callable
from enum import Enum
from typing import (
    Annotated,
    Any,
    Generic,
    Literal,
    NamedTuple,
    NewType,
    NotRequired,
    Optional,
    Required,
    TypeVar,
)

import pytest
import typing_extensions
from langchain_core.messages import AnyMessage
from langgraph.checkpoint.base import BaseCheckpointSaver
from langgraph.graph import START, StateGraph, add_messages
from pydantic import BaseModel, SecretStr
from typing_extensions import TypedDict

from seltzer.stores.checkpoints.state_classes import state_classes

T = TypeVar("T")


class Colour(Enum):
    RED = 1


class Leaf(BaseModel):
    colour: Colour


class Tree(BaseModel):
    leaves: "list[Leaf]"
    parent: "Tree | None" = None


@dataclasses.dataclass
class Step:
    tree: Tree | None


@dataclasses.dataclass
class Unresolvable:
    step: "Nowhere"  # type: ignore[name-defined]  # noqa: F821  # what cannot be resolved
    colour: Colour


class Place(NamedTuple):
    leaf: Leaf


class Box(BaseModel, Generic[T]):
    content: T


class Deep(TypedDict, total=False):
    step: Required[Step]
    tree: NotRequired[Tree]


class Message(TypedDict):
    messages: Annotated[list[AnyMessage], add_messages]


TreeId = NewType("TreeId", Tree)
ANNOTATIONS: list[Any] = [
    int,
    Any,
    None,
    object,
    Colour,
    Leaf,
    Tree,
    Step,
    Unresolvable,
    TreeId,
    Deep,
    Box[Leaf],
    Message,
    list[Leaf],
    dict[str, list[Step]],
    tuple[Leaf, ...],
    set[Colour],
    frozenset[Colour],
    deque[Leaf],
    Leaf | None,
    Optional[Leaf],  # noqa: UP045  # the older spelling
    Leaf | Step | str,
    Literal["a", "b"],
    Annotated[Leaf, "note"],
    Annotated[list[Step], ["unhashable"]],
    Callable[[Leaf], Step],
    type[Leaf],
    T,
    "list[Leaf]",
    typing_extensions.Literal[Colour.RED],
]


def graph(annotation: Any) -> Any:
    state: Any = TypedDict("state", {"value": annotation, "n": int})
    builder = StateGraph(state)
    builder.add_node("node", lambda _: {})
    builder.add_edge(START, "node")
    return builder.compile()


@pytest.mark.parametrize("annotation", ANNOTATIONS, ids=range(len(ANNOTATIONS)))
def test_they_are_all_that_langgraph_finds(annotation: Any) -> None:
    serde = pytest.importorskip("langgraph._internal._serde", exc_type=ImportError)
    pregel = graph(annotation)
    theirs = serde.collect_allowlist_from_schemas(
        schemas=list(pregel.builder.schemas), channels=pregel.builder.channels
    )

    ours = state_classes(pregel)

    assert theirs <= ours
    assert {name for _, name in ours - theirs} <= {"Leaf", "Step", "Tree", "Colour"}


@pytest.mark.parametrize(
    ("annotation", "names"),
    [
        (Place, {"Place", "Leaf", "Colour"}),
        (Place | None, {"Place", "Leaf", "Colour"}),
        (SecretStr, {"SecretStr"}),
        (Box[Leaf], {"Box[Leaf]", "Leaf", "Colour"}),
        (Callable[[Leaf], None], {"Leaf", "Colour"}),
        (Colour, {"Colour"}),
        (int | str | None, set()),
    ],
)
def test_a_class_is_found_wherever_it_is_declared(annotation: Any, names: set[str]) -> None:
    assert {name for _, name in state_classes(graph(annotation))} == names


def test_what_subgraphs_and_nodes_declare_is_found() -> None:
    class Mine(TypedDict):
        n: int

    def node(state: Deep) -> Mine:
        return {"n": 1}

    inner = StateGraph(Mine)
    inner.add_node("node", node)
    inner.add_edge(START, "node")
    outer = StateGraph(Mine)
    outer.add_node("inner", inner.compile())
    outer.add_edge(START, "inner")

    assert {name for _, name in state_classes(outer.compile())} == {"Step", "Tree", "Leaf", "Colour"}


def test_langgraph_savers_accept_what_is_found() -> None:
    saver: BaseCheckpointSaver[Any] = BaseCheckpointSaver()

    assert saver.with_allowlist(state_classes(graph(Leaf))) is not None
