"""Anything -> one line of JSON, whatever is in a graph's state."""

import dataclasses
import enum
import json
import math
import uuid
from collections import OrderedDict, UserDict, namedtuple
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from decimal import Decimal
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from langchain_core.messages import AIMessage, HumanMessage
from pydantic import BaseModel, ConfigDict, SecretStr, computed_field, field_serializer

from seltzer.runs.jsonable import DEPTH_LIMIT, dumps, to_json

LONE = "\ud800"  # one of these anywhere, and the value goes the slow way


class Thing:
    """A class JSON has no idea of; its repr is not for clients."""

    def __repr__(self) -> str:
        return "Thing(api_key='sk-secret')"


class Bad:
    """A class whose every method raises."""

    def __repr__(self) -> str:
        raise RuntimeError("no repr")

    def __str__(self) -> str:
        raise RuntimeError("no str")


class Colour(enum.Enum):
    RED = "red"


class Scaled(float):
    pass


Point = namedtuple("Point", "x y")


@dataclasses.dataclass
class Card:
    title: str
    things: Any = None


@dataclasses.dataclass
class Unset:
    title: str = dataclasses.field(init=False)


class Model(BaseModel):
    model_config = ConfigDict(arbitrary_types_allowed=True)

    title: str
    thing: Any = None


class BadSerializer(BaseModel):
    title: str

    @field_serializer("title")
    def _fail(self, title: str) -> str:
        raise ValueError(title)


class BadComputed(BaseModel):
    title: str

    @computed_field  # type: ignore[prop-decorator]  # as pydantic's documentation has it
    @property
    def length(self) -> int:
        raise KeyError("length")


class BadMapping(Mapping[str, int]):
    def __getitem__(self, key: str) -> int:
        raise RuntimeError

    def __iter__(self) -> Iterator[str]:
        raise RuntimeError

    def __len__(self) -> int:
        raise RuntimeError


NOW, ID = datetime(2024, 1, 2, tzinfo=UTC), uuid.UUID(int=7)
CASES: list[tuple[object, object]] = [
    ({3, 1, 2}, [1, 2, 3]),
    (frozenset({"b", "a"}), ["a", "b"]),
    ((1, (2,)), [1, [2]]),
    (Point(1, 2), [1, 2]),
    (b"abc", "YWJj"),
    (bytearray(b"abc"), "YWJj"),
    (memoryview(b"aXbXcX")[::2], "YWJj"),
    (Decimal("0.10"), "0.10"),
    (Fraction(1, 3), "1/3"),
    (1 + 2j, "(1+2j)"),
    (Scaled(1.5), 1.5),
    (ValueError("sk-secret"), {"error": "ValueError"}),
    (KeyboardInterrupt(), {"error": "KeyboardInterrupt"}),
    (Thing(), "<Thing>"),
    (Thing, "<type>"),
    (Bad(), "<Bad>"),
    ({Bad()}, "<set>"),
    (SecretStr("sk-secret"), "<SecretStr>"),
    (BadMapping(), "<BadMapping>"),
    (UserDict({"a": Thing()}), {"a": "<Thing>"}),
    (OrderedDict(a=1), {"a": 1}),
    (NOW, "2024-01-02T00:00:00+00:00"),
    (ID, str(ID)),
    (Colour.RED, "red"),
    (math.nan, None),
    (math.inf, None),
    (2**63, 2**63),
    (2**64, str(2**64)),
    (-(2**63) - 1, str(-(2**63) - 1)),
    (16**5000, "0x1" + "0" * 5000),
    (Card("a", {1}), {"title": "a", "things": [1]}),
    (Unset(), {}),
    (Model(title="a", thing=Thing()), {"title": "a", "thing": "<Thing>"}),
    (Model.model_construct(title=7), {"title": 7, "thing": None}),  # type: ignore[arg-type]  # on purpose
    (BadSerializer(title="a"), {"title": "a"}),
    (BadComputed(title="a"), {"title": "a"}),
    ({1: "a", 2**70: "b", (1, 2): "c", None: "d", ID: "f"},
     {"1": "a", str(2**70): "b", "(1, 2)": "c", "null": "d", str(ID): "f"}),
    ({Bad(): 1, NOW: 2}, {"<Bad>": 1, "2024-01-02T00:00:00+00:00": 2}),
]  # fmt: skip


def _name(value: object) -> str:
    return type(value).__name__


@pytest.mark.parametrize(("value", "plain"), CASES, ids=_name)
def test_what_json_has_no_word_for_becomes_the_nearest_thing(value: object, plain: object) -> None:
    assert to_json(value) == plain


@pytest.mark.parametrize(("value", "plain"), CASES, ids=_name)
def test_an_odd_neighbour_changes_nothing(value: object, plain: object) -> None:
    assert to_json([value, LONE]) == [plain, "?"]
    assert to_json({"a": value, LONE: 1}) == {"a": plain, "?": 1}


def test_a_surrogate_is_replaced_wherever_it_is() -> None:
    assert to_json({LONE: [f"a{LONE}b", {"\udfff": Card(LONE)}]}) == {
        "?": ["a?b", {"?": {"title": "?", "things": None}}]
    }


def test_a_list_that_contains_itself_ends() -> None:
    twice: list[Any] = [1]
    twice += [twice, twice]

    assert to_json(twice) == [1, "<too deep>", "<too deep>"]


def test_what_contains_itself_in_another_way_ends_too() -> None:
    model, card = Model(title="a"), Card("b")
    model.thing, card.things = [model], {"card": card}

    assert dumps(model).count(b"<too deep>") == 1
    assert to_json(model)["title"] == "a"
    assert to_json(card) == {"title": "b", "things": {"card": "<too deep>"}}


def test_the_same_object_twice_is_written_twice() -> None:
    same = {"a": LONE}

    assert to_json([same, same]) == [{"a": "?"}, {"a": "?"}]


@pytest.mark.parametrize("depth", [DEPTH_LIMIT, 1_000, 100_000])
def test_what_is_too_deep_is_cut(depth: int) -> None:
    value: list[Any] = [LONE]
    for _ in range(depth):
        value = [value]

    assert dumps(value) == b"[" * DEPTH_LIMIT + b'"<too deep>"' + b"]" * DEPTH_LIMIT


@pytest.mark.parametrize("end", ["\u2028", "\u2029", "\x85"])
def test_what_some_clients_read_as_a_line_end_is_escaped(end: str) -> None:
    data = dumps({f"a{end}": [f"b{end}", Thing(), "é漢"]})

    assert end not in data.decode()
    assert f"\\u{ord(end):04x}".encode() in data
    assert json.loads(data) == {f"a{end}": [f"b{end}", "<Thing>", "é漢"]}


def test_messages_keep_their_fields() -> None:
    human, ai = to_json([HumanMessage("hi", id="1"), AIMessage(f"a{LONE}", id="2")])

    assert (human["type"], human["content"], human["id"]) == ("human", "hi", "1")
    assert (ai["type"], ai["content"], ai["id"]) == ("ai", "a?", "2")


scalars = st.none() | st.booleans() | st.integers() | st.floats() | st.text(st.characters()) | st.binary()
numbers = st.decimals().filter(lambda number: not number.is_snan()) | st.complex_numbers() | st.fractions()
named = st.datetimes() | st.uuids() | st.just(Colour.RED) | st.builds(Bad)
single = scalars | numbers | named
hashable = single | st.tuples(single, single) | st.frozensets(single, max_size=3)
anything: st.SearchStrategy[object] = st.recursive(
    hashable | st.builds(Thing) | st.builds(ValueError),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(hashable, inner, max_size=4)
        | st.builds(Card, st.text(st.characters()), inner)
        | st.builds(Model, title=st.text(), thing=inner)
        | st.builds(UserDict, st.dictionaries(hashable, inner, max_size=2))
        | st.builds(Point, inner, inner)
    ),
)


@given(anything)
def test_it_never_fails_and_returns_one_line_of_json(value: object) -> None:
    text = dumps(value).decode()

    assert text.splitlines() == [text]
    json.loads(text, parse_constant=pytest.fail)
    assert to_json(value) == json.loads(text)


plain_numbers = st.integers(-(2**63), 2**64 - 1) | st.floats(allow_nan=False, allow_infinity=False)
json_values = st.recursive(
    st.none() | st.booleans() | plain_numbers | st.text(),
    lambda inner: st.lists(inner, max_size=5) | st.dictionaries(st.text(), inner, max_size=5),
)


@given(json_values)
def test_what_is_json_already_stays_as_it_is(value: object) -> None:
    assert to_json(value) == value
    assert to_json([value, LONE]) == [value, "?"]
