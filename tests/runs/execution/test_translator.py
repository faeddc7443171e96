"""The short way of a message's text has the events of the long way."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from langchain_core.messages import AIMessage, AIMessageChunk, HumanMessage, ToolMessage
from langchain_core.messages.ai import UsageMetadata
from langchain_core.messages.tool import tool_call_chunk

from seltzer.runs.execution.translation.answer_shape import AnswerShape
from seltzer.runs.execution.translation.translator import Emission, Translator
from tests.runs.scripted import agent

GRAPH = agent(["unused"])
USAGE = UsageMetadata(input_tokens=1, output_tokens=2, total_tokens=3)
REASONING = {"reasoning_content": "hm"}

ids = st.sampled_from(["a", "b"])
texts = st.sampled_from(["", "one ", "two", "漢"])
chunks = st.builds(
    lambda id, content, usage, extra, calls, position: AIMessageChunk(
        content=content,
        id=id,
        usage_metadata=usage,
        additional_kwargs=extra,
        tool_call_chunks=calls,
        chunk_position=position,
    ),
    ids,
    texts | st.just([{"type": "text", "text": "block"}]),
    st.sampled_from([None, None, None, USAGE]),
    st.sampled_from([{}, {}, {}, REASONING]),
    st.sampled_from([[], [], [], [tool_call_chunk(name="double", args="{}", id="c1", index=0)]]),
    st.sampled_from([None, None, None, "last"]),
)
wholes = st.builds(lambda id, content: AIMessage(content, id=id), ids, texts)
others = st.sampled_from([HumanMessage("hi"), ToolMessage("42", tool_call_id="c1")])
messages = st.tuples(
    st.just("messages"),
    st.tuples(
        chunks | wholes | others, st.sampled_from([{"langgraph_node": "model"}, {"langgraph_node": "tools"}])
    ),
)
states = st.tuples(
    st.just("values"),
    st.builds(lambda id, content: {"messages": [AIMessage(content, id=id)]}, ids, texts),
)
updates = st.tuples(
    st.just("updates"),
    st.builds(lambda id, content: {"model": {"messages": [AIMessage(content, id=id)]}}, ids, texts),
)


class OtherChunk(AIMessageChunk):
    """A chunk that the short way doesn't recognise."""


def lengthened(parts: list[tuple[str, Any]]) -> list[tuple[str, Any]]:
    """Return the parts with chunks that go the long way."""
    return [
        (mode, (OtherChunk(**vars(value[0])), value[1]))
        if mode == "messages" and type(value[0]) is AIMessageChunk
        else (mode, value)
        for mode, value in parts
    ]


def events(parts: list[tuple[str, Any]]) -> tuple[list[Emission], Any]:
    translator = Translator(AnswerShape(GRAPH))
    found = [each for mode, value in parts for each in translator.feed((), mode, value)]
    return [*found, *translator.finish()], translator.usage


@given(st.lists(messages | updates | states, max_size=12))
def test_the_short_way_has_the_events_of_the_long_way(parts: list[tuple[str, Any]]) -> None:
    assert events(parts) == events(lengthened(parts))


def shortened(parts: list[tuple[str, Any]]) -> list[tuple[str, Any]]:
    """Return the parts; chunks that only add text to their message become parts `texts`."""
    found: list[tuple[str, Any]] = []
    open_ids: set[str] = set()
    for mode, value in parts:
        message = value[0] if mode == "messages" else None
        if isinstance(message, AIMessageChunk) and message.id:
            is_text = _is_only_text(message)
            if is_text and message.id in open_ids:
                found.append(("texts", (message.id, [message.content])))
                continue
            (open_ids.add if is_text else open_ids.discard)(message.id)
        found.append((mode, value))
    return found


def _is_only_text(message: AIMessageChunk) -> bool:
    others = message.tool_call_chunks or message.usage_metadata or message.additional_kwargs
    return type(message.content) is str and not (others or message.chunk_position)


@given(st.lists(messages | updates | states, max_size=16))
def test_a_text_has_the_events_of_its_chunk(parts: list[tuple[str, Any]]) -> None:
    assert events(shortened(parts)) == events(lengthened(parts))


def test_a_text_with_half_a_character_is_cleaned_as_a_chunk_is() -> None:
    metadata = {"langgraph_node": "model"}
    parts: list[tuple[str, Any]] = [
        ("messages", (AIMessageChunk(content=text, id="a"), metadata)) for text in ("one ", "\ud83e", "two")
    ]

    assert events(shortened(parts)) == events(lengthened(parts))
    assert [mode for mode, _ in shortened(parts)] == ["messages", "texts", "texts"]


@pytest.mark.parametrize("namespace", [(), ("flow:1", "sort:2")], ids=["as it is", "of an older langgraph"])
def test_the_message_of_a_called_task_is_one_of_the_graph_that_called_it(namespace: tuple[str, ...]) -> None:
    path = ("__pregel_push", ("__pregel_push", ("__pregel_pull", "flow"), 0, True), 0, True)
    metadata = {
        "langgraph_node": "look",
        "langgraph_path": path,
        "langgraph_checkpoint_ns": "flow:1|sort:2|look:3",
    }
    translator = Translator(AnswerShape(GRAPH))

    head, *_ = translator.feed(namespace, "messages", (AIMessageChunk(content="x", id="a"), metadata))

    assert (head.kind, head.data["namespace"]) == ("message", [])
