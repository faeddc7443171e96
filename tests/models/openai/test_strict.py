"""The real langchain-openai path, against an OpenAI-compatible server over loopback."""

import asyncio
from typing import Any

import pytest
from langchain_core.messages import AIMessage, AIMessageChunk, HumanMessage, ToolMessage
from langchain_core.messages.tool import tool_call_chunk
from openai import NotFoundError

from graphs import agent
from graphs.calculator import calculator
from seltzer.models import UpstreamTruncated
from seltzer.models.openai import openai_chat, openai_completion
from seltzer.models.openai.strict import StrictChatOpenAI, StrictOpenAI
from seltzer.runs.failure import classify
from tests.graphs.scripted import question
from tests.models.openai.dialects import STREAMS
from tests.models.openai.wire import CHUNKED, END, answering, chunked, sending
from tests.replies import Reply, ToolCall
from tests.upstream import Upstream

pytestmark = pytest.mark.anyio

SUM = ToolCall("calculator", {"expression": "2+2"})


def _piece(call_id: str) -> AIMessageChunk:
    return AIMessageChunk(
        content="", tool_call_chunks=[tool_call_chunk(index=0, id=call_id, name="f", args="{}")]
    )


JOINS_BY_INDEX = len((_piece("a") + _piece("b")).tool_call_chunks) == 1


@pytest.fixture(params=[True, False], ids=["accelerated", "plain"])
def chat(upstream: Upstream, request: pytest.FixtureRequest) -> StrictChatOpenAI:
    """The chat model; made outside the event loop, as making a client reads files."""
    return openai_chat("test-model", None, upstream.url, accelerate=request.param)


@pytest.fixture
def completion(upstream: Upstream) -> StrictOpenAI:
    """The completion model."""
    return openai_completion("test-model", "k", upstream.url)


async def _streamed(model: StrictChatOpenAI, *, in_loop: bool) -> AIMessageChunk:
    speaker = model.bind_tools([calculator])
    if in_loop:
        chunks: list[Any] = [chunk async for chunk in speaker.astream("q")]
    else:
        chunks = await asyncio.to_thread(lambda: list(speaker.stream("q")))
    whole: AIMessageChunk = sum(chunks[1:], chunks[0])
    return whole


async def test_text_streams_and_its_usage_is_reported(upstream: Upstream, chat: StrictChatOpenAI) -> None:
    upstream.script([Reply(text="one two three")] * 2)

    for in_loop in (True, False):
        whole = await _streamed(chat, in_loop=in_loop)

        assert whole.text == "one two three"
        assert whole.response_metadata["finish_reason"] == "stop"
        assert whole.usage_metadata
        assert whole.usage_metadata["input_tokens"] == 7


async def test_a_complete_tool_call_is_unchanged(upstream: Upstream, chat: StrictChatOpenAI) -> None:
    upstream.script([Reply(tool_calls=[SUM, SUM])])

    whole = await _streamed(chat, in_loop=True)

    assert [call["args"] for call in whole.tool_calls] == [{"expression": "2+2"}] * 2
    assert whole.invalid_tool_calls == []


@pytest.mark.parametrize("in_loop", [True, False])
async def test_a_stream_without_a_finish_reason_is_truncated(
    upstream: Upstream, in_loop: bool, chat: StrictChatOpenAI
) -> None:
    upstream.script([Reply(text="one two three four", breaks="truncated", after=2)])

    with pytest.raises(UpstreamTruncated, match="broke off"):
        await _streamed(chat, in_loop=in_loop)


async def test_an_answer_has_to_begin_in_time_whatever_the_retries(
    upstream: Upstream, chat: StrictChatOpenAI
) -> None:
    upstream.script([Reply(text="one", breaks="silence")] * 3)
    impatient = chat.model_copy(update={"first_chunk_timeout": 0.2})

    with pytest.raises(TimeoutError) as raised:
        await _streamed(impatient, in_loop=True)

    assert classify(raised.value).code == "upstream_timeout"
    assert len(upstream.requests) == 1


@pytest.mark.skipif(JOINS_BY_INDEX, reason="this langchain-core joins calls of one index, whatever their ids")
async def test_parallel_calls_that_are_all_sent_as_the_first_one_are_told_apart(
    upstream: Upstream, chat: StrictChatOpenAI
) -> None:
    calls = [ToolCall("calculator", {"expression": "1+1"}, "a"), ToolCall("calculator", '{"expr', "b")]
    upstream.script([Reply(tool_calls=calls, indexes=(0, 0))])

    whole = await _streamed(chat, in_loop=True)

    assert [(call["id"], call["args"]) for call in whole.tool_calls] == [("a", {"expression": "1+1"})]
    assert [call["id"] for call in whole.invalid_tool_calls] == ["b"]


@pytest.mark.parametrize("in_loop", [True, False])
@pytest.mark.parametrize(
    "arguments",
    [
        '{"expression": "2+',
        '{"expression": "2+2"',
        '{"expression": "2\\',
        '{"expression": 2+2}',
        '{"expression": NaN}',
        '{"expression": ["2", {"a": ',
        '"2+2"',
        '{"expr',
        "{",
        "",
    ],
)
async def test_arguments_that_are_not_a_complete_object_never_become_a_call(
    upstream: Upstream, arguments: str, in_loop: bool, chat: StrictChatOpenAI
) -> None:
    upstream.script([Reply(tool_calls=[ToolCall("calculator", arguments)], finish_reason="length")])

    whole = await _streamed(chat, in_loop=in_loop)

    assert whole.tool_calls == []
    assert [call["name"] for call in whole.invalid_tool_calls] == ["calculator"]


async def test_a_tool_without_parameters_may_be_called_with_nothing(
    upstream: Upstream, chat: StrictChatOpenAI
) -> None:
    upstream.script([Reply(tool_calls=[ToolCall("now", "")])])

    assert [call["args"] for call in (await _streamed(chat, in_loop=True)).tool_calls] == [{}]


@pytest.mark.parametrize("reason", ["length", "max_tokens", "MAX_TOKENS"])
async def test_a_call_without_arguments_is_not_one_where_the_answer_was_cut_off(
    upstream: Upstream, chat: StrictChatOpenAI, reason: str
) -> None:
    upstream.script([Reply(tool_calls=[ToolCall("now", "")], finish_reason=reason)])

    assert (await _streamed(chat, in_loop=True)).tool_calls == []


async def test_the_agent_reports_a_truncated_call_to_the_model_and_never_runs_it(
    upstream: Upstream, chat: StrictChatOpenAI
) -> None:
    cut = Reply(tool_calls=[ToolCall("calculator", '{"expression": "2+')], finish_reason="length")
    upstream.script([cut, Reply(text="I was cut off.")])
    graph = agent.build(chat)

    state: dict[str, Any] = {}
    async for mode, part in graph.astream(question("2+2?"), stream_mode=["messages", "values"]):
        if mode == "values":
            assert isinstance(part, dict)
            state = part

    messages = state["messages"]
    assert [m.type for m in messages] == ["human", "ai", "tool", "ai"]
    assert isinstance(messages[2], ToolMessage)
    assert messages[2].status == "error"
    assert upstream.requests[1].body["messages"][-1]["role"] == "tool"


async def test_the_agent_works_through_a_real_client(upstream: Upstream, chat: StrictChatOpenAI) -> None:
    upstream.script([Reply(tool_calls=[SUM]), Reply(text="It is 4.")])

    state = await agent.build(chat).ainvoke(question("2+2?"))

    assert [m.text for m in state["messages"]] == ["2+2?", "", "4", "It is 4."]
    assert upstream.requests[0].body["tools"][0]["function"]["name"] == "calculator"


async def test_a_call_answered_without_streaming_is_strict_too(
    upstream: Upstream, chat: StrictChatOpenAI
) -> None:
    upstream.script(
        [Reply(tool_calls=[ToolCall("calculator", '{"expression": "2+')], finish_reason="length")]
    )

    answer = await chat.bind_tools([calculator]).ainvoke("q")

    assert isinstance(answer, AIMessage)
    assert answer.tool_calls == []
    assert len(answer.invalid_tool_calls) == 1


@pytest.mark.parametrize("accelerate", [True, False])
async def test_reasoning_content_is_kept(accelerate: bool) -> None:
    async with answering(sending(CHUNKED, chunked(STREAMS["deepseek"]), END)) as url:
        model = await asyncio.to_thread(openai_chat, "m", "k", url, accelerate=accelerate)
        chunks = [chunk async for chunk in model.astream("q")]

    thoughts = [chunk.additional_kwargs.get("reasoning_content") for chunk in chunks]
    assert [each for each in thoughts if each] == ["Let me", " think"]
    assert "".join(chunk.text for chunk in chunks) == "Hi"


async def test_the_responses_api_is_left_alone(upstream: Upstream, chat: StrictChatOpenAI) -> None:
    model = chat.model_copy(update={"use_responses_api": True})

    with pytest.raises(NotFoundError):
        _ = [chunk async for chunk in model.astream("q")]
    with pytest.raises(NotFoundError):
        await asyncio.to_thread(lambda: list(model.stream("q")))
    assert {request.path for request in upstream.requests} == {"/v1/responses"}


async def test_the_completion_model_streams_and_reports_truncation(
    upstream: Upstream, completion: StrictOpenAI
) -> None:
    cut = Reply(text="one two three", breaks="truncated", after=2)
    upstream.script([Reply(text="one two"), Reply(text="one two"), cut, cut])

    assert [token async for token in completion.astream("p") if token] == ["one", " two"]
    assert [token for token in await asyncio.to_thread(lambda: list(completion.stream("p"))) if token] == [
        "one",
        " two",
    ]
    with pytest.raises(UpstreamTruncated):
        _ = [token async for token in completion.astream("p")]
    with pytest.raises(UpstreamTruncated):
        await asyncio.to_thread(lambda: list(completion.stream("p")))


async def test_a_reader_that_leaves_early_closes_the_upstream(
    upstream: Upstream, chat: StrictChatOpenAI
) -> None:
    upstream.script([Reply(text="one two three four", breaks="silence", after=2)])
    chunks: Any = chat._astream([HumanMessage("q")])
    await anext(chunks)

    await chunks.aclose()

    request = upstream.next_request()
    assert await asyncio.to_thread(request.left.wait, 5)


def test_waits_and_retries_are_bounded(chat: StrictChatOpenAI) -> None:
    completion = openai_completion("m", "k", None)

    timeouts: tuple[Any, ...] = (
        chat.root_client.timeout,
        chat.root_async_client.timeout,
        completion.request_timeout,
    )
    for timeout in timeouts:
        assert (timeout.connect, timeout.read) == (10, 60)
    assert (chat.max_retries, completion.max_retries) == (2, 2)
