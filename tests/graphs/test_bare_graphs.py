"""The graphs of one node: a chat model, and a completion model, which streams like one."""

import json
import runpy
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from langchain_core.language_models import FakeListLLM
from langchain_core.messages import AIMessage, BaseMessage, HumanMessage, SystemMessage
from langgraph.checkpoint.memory import InMemorySaver

from graphs.bare import build
from seltzer.models.completion import CompletionChatModel
from seltzer.models.demo import DemoChatModel, DemoCompletion
from seltzer.models.openai import StrictOpenAI, openai_completion
from seltzer.models.transcript import as_messages, as_prompt
from tests.graphs.scripted import ScriptedChatModel, question, streamed, texts_of
from tests.replies import Reply
from tests.upstream import Upstream

pytestmark = pytest.mark.anyio

ROOT = Path(__file__).parents[2]
HELLO = question("hi there!")


@pytest.mark.parametrize("model", [DemoChatModel(), CompletionChatModel(completion=DemoCompletion())])
async def test_tokens_stream_as_the_model_makes_them(model: DemoChatModel | CompletionChatModel) -> None:
    graph = build(model)

    tokens = texts_of(await streamed(graph, HELLO))

    assert tokens[:4] == ["Hello!", " I'm", " a", " scripted"]
    assert "".join(tokens) == (await graph.ainvoke(HELLO))["messages"][-1].text


@pytest.mark.parametrize(
    "model",
    [
        ScriptedChatModel(answers=[AIMessage("all at once")]),
        CompletionChatModel(completion=FakeListLLM(responses=["all at once"])),
    ],
)
async def test_a_model_that_cant_stream_answers_in_one_chunk(model: Any) -> None:
    parts = await streamed(build(model), HELLO)

    assert [part.text for part in parts if part.text] == ["all at once"]


async def test_a_thread_remembers() -> None:
    config: Any = {"configurable": {"thread_id": "t"}}
    for model in (DemoChatModel(), CompletionChatModel(completion=DemoCompletion())):
        graph = build(model)
        graph.checkpointer = InMemorySaver()

        await graph.ainvoke(question("my name is Bob"), config)
        state = await graph.ainvoke(question("what is my name?"), config)

        assert "Bob" in state["messages"][-1].text


@pytest.fixture
def openai(upstream: Upstream) -> StrictOpenAI:
    """OpenAI's completion model; made outside the event loop, as making a client reads files."""
    return openai_completion("test-model", "k", upstream.url)


async def test_the_completion_model_is_asked_in_a_real_completions_request(
    upstream: Upstream, openai: StrictOpenAI
) -> None:
    upstream.script([Reply(text="one two", finish_reason="length")])
    model = CompletionChatModel(completion=openai)

    parts = await streamed(build(model), question(HumanMessage("a"), AIMessage("b"), HumanMessage("c")))

    assert [m.text for m in parts if m.text] == ["one", " two"]
    assert parts[-1].response_metadata["finish_reason"] == "length"
    request = upstream.requests[0]
    assert request.path == "/v1/completions"
    assert request.body["prompt"] in ("Human: a\nAI: b\nHuman: c\nAI:", ["Human: a\nAI: b\nHuman: c\nAI:"])
    assert request.body["stop"] == ["\nHuman:"]


async def test_every_graph_langgraph_json_names_is_one(demo_env: None) -> None:
    entries = json.loads((ROOT / "langgraph.json").read_text())["graphs"]

    for name, entry in entries.items():
        path, _, variable = entry.partition(":")
        loaded = runpy.run_path(str(ROOT / path))[variable]

        assert "scripted" in (await loaded.ainvoke(HELLO))["messages"][-1].text, name


def test_one_question_is_a_prompt_as_it_is() -> None:
    assert as_prompt([HumanMessage("Once upon a time")]) == "Once upon a time"
    assert as_messages("Once upon a time") == [HumanMessage("Once upon a time")]


_LINES = st.text("abc 日本", min_size=1).map(str.strip).filter(bool)
_TALK = st.lists(
    st.builds(HumanMessage, _LINES) | st.builds(AIMessage, _LINES) | st.builds(SystemMessage, _LINES),
    min_size=2,
    max_size=5,
)


@given(_TALK)
def test_a_transcript_reads_back_as_the_messages(messages: list[BaseMessage]) -> None:
    assert [(m.type, m.text) for m in as_messages(as_prompt(messages))] == [
        (m.type, m.text) for m in messages
    ]
