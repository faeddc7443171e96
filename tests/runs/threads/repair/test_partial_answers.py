"""The partial answer of a run that was stopped."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from langchain_core.messages import AIMessage, HumanMessage
from langchain_core.runnables import RunnableConfig
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.graph import END, START, StateGraph

from seltzer.runs.event import Event, Json, Kind
from seltzer.runs.execution.driver.graph_driver import in_place_driver
from seltzer.runs.execution.driver.graph_stream import Part
from seltzer.runs.execution.translation.answer_shape import AnswerShape
from seltzer.runs.execution.translation.translator import Translator
from seltzer.runs.graph import AnyPregel
from seltzer.runs.threads.repair.partial_answers import PartialAnswer
from tests.runs.scripted import Messages, agent, call

pytestmark = pytest.mark.anyio


def _message(message_id: str, node: str = "model", *namespace: str) -> tuple[Kind, Json]:
    data = {"message_id": message_id, "node": node, "namespace": list(namespace), "model": None}
    return "message", data


def _token(message_id: str, text: str, channel: str = "answer") -> tuple[Kind, Json]:
    return "token", {"message_id": message_id, "text": text, "channel": channel}


def _update(node: str, *namespace: str) -> tuple[Kind, Json]:
    return "update", {"node": node, "namespace": list(namespace), "values": None}


def _retracted(message_id: str) -> tuple[Kind, Json]:
    return "retracted", {"message_id": message_id}


STARTED: tuple[Kind, Json] = ("started", {})
STATE: tuple[Kind, Json] = ("state", {"values": {}})


def _partial(*emitted: tuple[Kind, Json]) -> AIMessage | None:
    partial = PartialAnswer()
    for seq, (kind, data) in enumerate(emitted, 1):
        partial.feed(Event(1, seq, kind, data))
    return partial.message()


def _text(*emitted: tuple[Kind, Json]) -> str | None:
    left = _partial(*emitted)
    return None if left is None else left.text


def test_the_tokens_of_an_unfinished_answer_are_a_message_marked_incomplete() -> None:
    left = _partial(STARTED, _message("m"), _token("m", "It"), _token("m", " is"))

    assert left is not None
    assert (left.id, left.text, left.response_metadata) == ("m", "It is", {"incomplete": True})


@pytest.mark.parametrize(
    "emitted",
    [
        (),
        (STARTED, _message("m")),
        (_message("m"), _token("m", " \n")),
        (_message("m"), _token("m", "It"), _update("model")),
        (_message("m"), _token("m", "Let me see"), _retracted("m")),
        (_message("m"), _token("m", "thinking", "step")),
        (_token("m", "the end of it")),
    ],
    ids=["nothing", "no token", "blank", "finished", "retracted", "a step", "no beginning"],
)
def test_without_an_unfinished_answer_there_is_no_message(emitted: Any) -> None:
    assert _partial(*([emitted] if emitted and isinstance(emitted[0], str) else emitted)) is None


def test_the_newest_message_counts_and_another_nodes_update_changes_nothing() -> None:
    first = (_message("a"), _token("a", "Wait."), _update("model"))
    second = (_message("b"), _token("b", "It"), _update("log"), _update("model", "sub:1"), _retracted("a"))

    assert _text(*first, *second, _token("b", " is")) == "It is"


def test_a_subgraphs_answer_is_unfinished_until_the_node_around_it_has_returned() -> None:
    emitted = (
        _message("m", "model", "writer:1f", "model:2e"),
        _token("m", "It is."),
        _update("model", "writer:1f"),
    )

    assert _text(*emitted) == "It is."
    assert _text(*emitted, _update("writer")) is None


def test_an_attempt_that_continues_from_the_thread_drops_the_text_of_the_one_before() -> None:
    before = (STARTED, _message("m"), _token("m", "It"))

    assert _text(*before, STARTED) == "It"  # the next attempt has given up at once
    assert _text(*before, STARTED, STATE) is None
    assert _text(*before, STARTED, STATE, _message("n"), _token("n", "No")) == "No"


async def _log(pregel: AnyPregel, into: list[Event]) -> None:
    """Run the graph and log all its events."""
    translator = Translator(AnswerShape(pregel))

    def take(part: Part) -> None:
        for emitted in translator.feed(*part):
            into.append(Event(1, len(into) + 1, emitted.kind, emitted.data))

    pregel = pregel.copy({"checkpointer": InMemorySaver()})
    config: RunnableConfig = {"configurable": {"thread_id": "t"}}
    async for _ in in_place_driver()(pregel, {"messages": [HumanMessage("hi")]}, config, take):
        pass


def _within(inner: AnyPregel) -> AnyPregel:
    builder = StateGraph(Messages)
    builder.add_node("writer", inner)
    builder.add_edge(START, "writer")
    builder.add_edge("writer", END)
    return builder.compile()


@pytest.mark.parametrize("is_nested", [False, True])
async def test_at_every_moment_of_a_real_run_it_is_what_a_reader_sees_of_the_answer(is_nested: bool) -> None:
    plain = agent(["Let me", " see.", call("double", '{"x": 4}')], ["It", " is", " 8."])
    log: list[Event] = []
    await _log(_within(plain) if is_nested else plain, log)

    partial, seen = PartialAnswer(), []
    for event in log:
        partial.feed(event)
        left = partial.message()
        seen.append(left.text if left else "")

    steps = [text for text, before in zip(seen, ["", *seen], strict=False) if text != before]
    assert steps == ["Let me", "Let me see.", "", "It", "It is", "It is 8.", ""]


_TEXTS = st.lists(st.text(max_size=5), max_size=8)


@given(_TEXTS)
def test_the_tokens_joined_are_the_text(texts: list[str]) -> None:
    joined = "".join(texts)

    assert _text(_message("m"), *(_token("m", text) for text in texts)) == (
        joined if joined.strip() else None
    )


async def test_a_model_that_fails_in_mid_answer_leaves_its_text_so_far() -> None:
    log: list[Event] = []
    with pytest.raises(RuntimeError, match="gone"):
        await _log(agent(["some", " text", RuntimeError("gone")]), log)

    assert _text(*((event.kind, event.data) for event in log)) == "some text"
