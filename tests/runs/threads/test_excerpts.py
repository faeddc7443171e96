"""What is shown of a state's values where they are longer than they may be."""

import threading
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from langchain_core.messages import AIMessage, HumanMessage
from pydantic import BaseModel

from seltzer.runs.jsonable import dumps, to_json
from seltzer.runs.threads.excerpts import Extent, changes, excerpt, excerpt_within
from seltzer.runs.threads.snapshots import shown_state

LINES = [f"line {number:3}" for number in range(100)]  # of 10 bytes each as JSON
FILES = {"a.md": "x" * 500}
LOCK = threading.Lock()

scalars = st.none() | st.booleans() | st.integers(-9, 9) | st.text("ab\u2028é", max_size=9)
lists = st.lists(scalars | st.dictionaries(st.text("xy"), scalars, max_size=3), max_size=12)
states = st.dictionaries(st.sampled_from(["messages", "notes", "n", "files"]), lists | scalars) | lists


@pytest.mark.parametrize(
    "values",
    [
        {"messages": [HumanMessage("hi", id="1"), AIMessage("ok", id="2")], "n": 5},
        [HumanMessage("hi", id="1")],
        {"files": FILES, "lines": LINES, "pair": (1, 2)},
        {"odd": {1: {2, 1}}, "none": None},
        {5: "a key that is no text"},
        "a text",
        None,
        {},
        {"lock": [LOCK], "n": 10**30},
    ],
)
def test_all_of_a_state_is_its_json(values: Any) -> None:
    assert excerpt(values) == (to_json(values), {}, excerpt(values).size_bytes)


@given(states, states, st.integers(0, 300), st.integers(1, 20))
def test_what_is_shown_is_the_end_of_each_list_and_fits(
    values: Any, parent: Any, limit_bytes: int, count: int
) -> None:
    named = values if isinstance(values, dict) else {"__root__": values}
    for shown in (
        excerpt(values, Extent(limit_bytes)),
        excerpt(values, Extent(items=count)),
        changes(values, parent, limit_bytes, is_cut=True),
        changes(values, parent, 10**6, is_cut=False),
    ):
        assert shown is not None
        named_shown = shown.values if isinstance(values, dict) else {"__root__": shown.values}
        for name, value in named.items():
            start = shown.omitted.get(name, 0)
            if start is None:
                assert name not in named_shown or named_shown[name] is None
            else:
                assert named_shown[name] == (value[start:] if isinstance(value, list) else value)
    cut = changes(values, parent, limit_bytes, is_cut=True)
    assert cut is not None
    assert cut.size_bytes <= limit_bytes
    assert (excerpt_within(values, limit_bytes) is None) == (excerpt(values).size_bytes > limit_bytes)


def test_the_last_items_of_a_long_list_are_shown() -> None:
    shown = excerpt({"lines": LINES, "n": 1}, Extent(limit_bytes=112))

    assert shown.values == {"lines": LINES[-10:], "n": 1}
    assert shown.omitted == {"lines": 90}


def test_pages_lead_through_a_list_of_which_one_item_is_longer_than_a_page() -> None:
    lines = ["one", "two", "x" * 500, "four", "five"]

    pages, before = [], None
    while before != 0:
        shown = excerpt({"lines": lines}, Extent(limit_bytes=20, key="lines", before=before))
        pages.append(shown.values["lines"])
        before = shown.omitted.get("lines", 0)

    assert pages == [["four", "five"], ["x" * 500], ["one", "two"]]


def test_only_as_many_items_as_are_asked_for_are_shown() -> None:
    shown = excerpt({"lines": LINES, "few": [1]}, Extent(items=2))

    assert (shown.values, shown.omitted) == ({"lines": LINES[-2:], "few": [1]}, {"lines": 98})


def test_a_key_is_shown_alone() -> None:
    values = {"lines": LINES, "n": 5}

    assert excerpt(values, Extent(key="n")).values == {"n": 5}
    shown = excerpt(values, Extent(key="lines", before=3, items=2))
    assert (shown.values, shown.omitted) == ({"lines": LINES[1:3]}, {"lines": 1})
    assert excerpt(LINES, Extent(key="__root__", before=1)).values == LINES[:1]


def test_a_short_list_is_whole_beside_a_long_one() -> None:
    shown = excerpt({"a": LINES, "b": LINES[:5], "c": LINES}, Extent(limit_bytes=1_000))

    assert shown.values["b"] == LINES[:5]
    assert [len(shown.values[name]) for name in ("a", "c")] == [42, 43]
    assert shown.size_bytes <= 1_000


def test_what_else_a_state_has_is_shown_whole() -> None:
    shown = excerpt({"files": FILES, "lines": LINES}, Extent(limit_bytes=100))

    assert (shown.values, shown.omitted) == ({"files": FILES, "lines": LINES[-1:]}, {"lines": 99})


class Message(BaseModel):
    """Equal to each other by its own account; as JSON it isn't."""

    text: str

    def __eq__(self, other: object) -> bool:
        raise ValueError("as an array of numbers does it")


@pytest.mark.parametrize(
    ("values", "parent", "shown", "omitted"),
    [
        ({"l": [1, 2, 3]}, {"l": [1, 2]}, {"l": [3]}, {"l": 2}),
        ({"l": [1, 2]}, {"l": [1, 2]}, {"l": []}, {"l": 2}),
        ({"l": [1]}, {"l": [1, 2]}, {"l": []}, {"l": 1}),
        ({"l": [1, 9, 3]}, {"l": [1, 2, 3]}, {"l": [9, 3]}, {"l": 1}),
        ({"l": [2]}, {"l": [1, 2]}, {"l": [2]}, {}),
        ({"l": [1]}, {"l": None}, {"l": [1]}, {}),
        ({"n": 1, "m": 2}, {"n": 1}, {"m": 2}, {"n": None}),
        ({"n": None}, {}, {"n": None}, {}),
        ([1, 2], [1], [2], {"__root__": 1}),
        ([1, 2], {}, [1, 2], {}),
        ("a", "a", None, {"__root__": None}),
        ([Message(text="a"), Message(text="b")], [Message(text="a")], [{"text": "b"}], {"__root__": 1}),
    ],
)  # fmt: skip
def test_changes_are_what_the_parent_has_not(values: Any, parent: Any, shown: Any, omitted: Any) -> None:
    found = changes(values, parent, 1_000, is_cut=False)

    assert found is not None
    assert (found.values, found.omitted) == (shown, omitted)


def test_changes_that_are_too_long_are_cut_to_fit_if_they_may_be() -> None:
    values = {"files": FILES, "lines": LINES, "n": 5}

    shown = changes(values, {}, 111, is_cut=True)

    assert shown is not None
    assert shown.values == {"lines": LINES[-10:], "n": 5}
    assert shown.omitted == {"files": None, "lines": 90}
    assert changes(values, {}, 112, is_cut=False) is None


def test_a_state_is_whole_if_it_fits() -> None:
    size = len(dumps(LINES)) - 1  # its brackets aren't counted, but a comma after each item is

    assert excerpt_within(LINES, size) == (LINES, {}, size)
    assert excerpt_within(LINES, size - 1) is None


@pytest.mark.anyio
async def test_the_state_that_a_later_attempt_begins_with_is_bounded_in_its_event() -> None:
    short = await shown_state({"lines": LINES})
    long = await shown_state({"lines": ["x" * 1_000] * 1_000})

    assert short == {"values": {"lines": LINES}}
    assert len(dumps(long)) < 300_000
    assert long["omitted"]["lines"] == 1_000 - len(long["values"]["lines"])
