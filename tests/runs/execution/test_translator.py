"""The short way of the answer's text says what the long way says."""

from collections.abc import Iterator
from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from langchain_core.messages import AIMessage, AIMessageChunk, HumanMessage, ToolMessage
from langchain_core.messages.ai import UsageMetadata
from langchain_core.messages.tool import tool_call_chunk

from seltzer.runs.execution.translator import Emission, Translator
from tests.runs.scripted import agent

GRAPH = agent(["unused"])
USAGE = UsageMetadata(input_tokens=1, output_tokens=2, total_tokens=3)
REASONING = {"reasoning_content": "hm"}

ids = st.sampled_from(["a", "b"])
texts = st.sampled_from(["", "one ", "two", "漢"])
chunks = st.builds(
    lambda id, content, usage, extra, calls: AIMessageChunk(
        content=content, id=id, usage_metadata=usage, additional_kwargs=extra, tool_call_chunks=calls
    ),
    ids,
    texts | st.just([{"type": "text", "text": "block"}]),
    st.sampled_from([None, None, None, USAGE]),
    st.sampled_from([{}, {}, {}, REASONING]),
    st.sampled_from([[], [], [], [tool_call_chunk(name="double", args="{}", id="c1", index=0)]]),
)
wholes = st.builds(lambda id, content: AIMessage(content, id=id), ids, texts)
others = st.sampled_from([HumanMessage("hi"), ToolMessage("42", tool_call_id="c1")])
messages = st.tuples(
    st.just("messages"),
    st.tuples(
        chunks | wholes | others, st.sampled_from([{"langgraph_node": "model"}, {"langgraph_node": "tools"}])
    ),
)
updates = st.tuples(
    st.just("updates"),
    st.builds(lambda id, content: {"model": {"messages": [AIMessage(content, id=id)]}}, ids, texts),
)


class LongWay(Translator):
    def _is_more_of_the_answer(self, message: Any) -> bool:
        return False


def said(translator: Translator, parts: list[tuple[str, Any]]) -> Iterator[Emission]:
    for mode, value in parts:
        yield from translator.feed((), mode, value)


@given(st.lists(messages | updates, max_size=12))
def test_the_short_way_says_what_the_long_way_says(parts: list[tuple[str, Any]]) -> None:
    short, long = Translator(GRAPH), LongWay(GRAPH)

    assert list(said(short, parts)) == list(said(long, parts))
    assert (short.answer, short.usage) == (long.answer, long.usage)


def shortened(parts: list[tuple[str, Any]]) -> list[tuple[str, Any]]:
    """Return the parts; chunks that only add text to what their message said last become parts `texts`."""
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
    return type(message.content) is str and not others


@given(st.lists(messages | updates, max_size=16))
def test_a_text_says_what_its_chunk_would_say(parts: list[tuple[str, Any]]) -> None:
    short, long = Translator(GRAPH), LongWay(GRAPH)

    assert list(said(short, shortened(parts))) == list(said(long, parts))
    assert (short.answer, short.usage) == (long.answer, long.usage)


def test_a_text_with_half_a_character_is_cleaned_as_a_chunk_is() -> None:
    metadata = {"langgraph_node": "model"}
    parts: list[tuple[str, Any]] = [
        ("messages", (AIMessageChunk(content=text, id="a"), metadata)) for text in ("one ", "\ud83e", "two")
    ]

    assert list(said(Translator(GRAPH), shortened(parts))) == list(said(LongWay(GRAPH), parts))
    assert [mode for mode, _ in shortened(parts)] == ["messages", "texts", "texts"]
