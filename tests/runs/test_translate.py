"""The short way of the answer's text says what the long way says."""

from collections.abc import Iterator
from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from langchain_core.messages import AIMessage, AIMessageChunk, HumanMessage, ToolMessage
from langchain_core.messages.ai import UsageMetadata
from langchain_core.messages.tool import tool_call_chunk

from app.runs.translate import Said, Translator
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


def said(translator: Translator, parts: list[tuple[str, Any]]) -> Iterator[Said]:
    for mode, value in parts:
        yield from translator.feed((), mode, value)


@given(st.lists(messages | updates, max_size=12))
def test_the_short_way_says_what_the_long_way_says(parts: list[tuple[str, Any]]) -> None:
    short, long = Translator(GRAPH), LongWay(GRAPH)

    assert list(said(short, parts)) == list(said(long, parts))
    assert (short.answer, short.usage) == (long.answer, long.usage)
