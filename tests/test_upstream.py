"""The test upstream itself, through the clients that will be pointed at it."""

from __future__ import annotations

import socket

import httpx
import pytest
from langchain_core.messages import AIMessageChunk, ToolMessage
from langchain_core.tools import tool
from langchain_openai import ChatOpenAI, OpenAI
from openai import (
    APIError,
    APITimeoutError,
    AuthenticationError,
    BadRequestError,
    InternalServerError,
    PermissionDeniedError,
    RateLimitError,
)

from tests.patience import PATIENCE_S
from tests.replies import (
    CONTEXT_TOO_LONG,
    FORBIDDEN,
    RATE_LIMITED,
    SERVER_ERROR,
    UNAUTHORIZED,
    Refusal,
    Reply,
    ToolCall,
)
from tests.upstream import Upstream


@tool
def calculator(expression: str) -> str:
    """Compute an expression."""
    return expression


def chat(upstream: Upstream, **options: object) -> ChatOpenAI:
    return ChatOpenAI(model="test-model", base_url=upstream.url, api_key="k", max_retries=0, **options)


def gather(model: ChatOpenAI, text: str) -> AIMessageChunk:
    total = AIMessageChunk(content="")
    for chunk in model.stream(text):
        assert isinstance(chunk, AIMessageChunk)
        total += chunk
    return total


def test_a_scripted_text_streams_word_by_word(upstream: Upstream) -> None:
    upstream.script([Reply(text="The square root")])

    chunks = [chunk.content for chunk in chat(upstream).stream("hi")]

    assert [chunk for chunk in chunks if chunk] == ["The", " square", " root"]


def test_chunks_are_sent_unchanged(upstream: Upstream) -> None:
    upstream.script([Reply(text=["al", "l in", "\u2028one"])])

    chunks = [chunk.content for chunk in chat(upstream).stream("hi")]

    assert [chunk for chunk in chunks if chunk] == ["al", "l in", "\u2028one"]


def test_streamed_and_plain_answers_have_the_same_text(upstream: Upstream) -> None:
    reply = Reply(text="Let me see.", tool_calls=[ToolCall("calculator", {"expression": "2+2"}, "c1")])
    upstream.script([reply, reply])

    streamed = gather(chat(upstream), "2+2?")
    whole = chat(upstream).invoke("2+2?")

    assert "Let me see." == streamed.content == whole.content
    assert streamed.tool_calls == whole.tool_calls
    assert whole.tool_calls[0]["args"] == {"expression": "2+2"}
    assert whole.tool_calls[0]["id"] == "c1"
    assert {"tool_calls"} == {each.response_metadata["finish_reason"] for each in (streamed, whole)}


def test_usage_is_sent_only_when_requested(upstream: Upstream) -> None:
    upstream.script([Reply(text="one two"), Reply(text="one two")])

    asked = gather(chat(upstream, stream_usage=True), "hi")
    unasked = gather(chat(upstream, stream_usage=False), "hi")

    assert asked.usage_metadata is not None
    assert asked.usage_metadata["output_tokens"] == 2
    assert unasked.usage_metadata is None


def test_by_habit_it_calls_the_calculator_then_repeats_its_result(upstream: Upstream) -> None:
    model = chat(upstream).bind_tools([calculator])

    call = model.invoke("what is 2 + 2, please?")
    answer = model.invoke([("user", "2 + 2?"), call, ToolMessage("4", tool_call_id="call_0")])

    assert [one["args"] for one in call.tool_calls] == [{"expression": "2 + 2"}]
    assert answer.content == "4"
    assert chat(upstream).invoke("hello").content == "hello"


def test_a_completion_is_streamed_or_returned(upstream: Upstream) -> None:
    model = OpenAI(model="test-model", base_url=upstream.url, api_key="k", max_retries=0)
    upstream.script([Reply(text="a b c"), Reply(text="a b c")])

    streamed = list(model.stream("hi"))
    whole = model.invoke("hi")

    assert [text for text in streamed if text] == ["a", " b", " c"]
    assert whole == "a b c"
    assert upstream.requests[0].body["prompt"] == "hi"


def test_the_models_are_listed(upstream: Upstream) -> None:
    assert httpx.get(f"{upstream.url}/models", timeout=PATIENCE_S).json()["data"][0]["id"] == "test-model"


@pytest.mark.parametrize(
    ("refusal", "error"),
    [
        (UNAUTHORIZED, AuthenticationError),
        (FORBIDDEN, PermissionDeniedError),
        (RATE_LIMITED, RateLimitError),
        (SERVER_ERROR, InternalServerError),
        (CONTEXT_TOO_LONG, BadRequestError),
    ],
)
def test_a_refusal_is_the_error_it_names(
    upstream: Upstream, refusal: Refusal, error: type[Exception]
) -> None:
    upstream.script([refusal])

    with pytest.raises(error, match=refusal.message.split(".")[0]):
        chat(upstream).invoke("hi")


def test_a_rate_limit_has_a_retry_after(upstream: Upstream) -> None:
    upstream.script([RATE_LIMITED])

    assert (
        httpx.post(f"{upstream.url}/chat/completions", json={"messages": []}, timeout=PATIENCE_S).headers[
            "retry-after"
        ]
        == "1"
    )


def test_an_exhausted_script_is_an_error(upstream: Upstream) -> None:
    upstream.script([])

    with pytest.raises(BadRequestError, match="no more answers"):
        chat(upstream).invoke("hi")


def test_a_reset_follows_its_tokens(upstream: Upstream) -> None:
    upstream.script([Reply(text="one two three", breaks="reset", after=2)])
    seen = []

    with pytest.raises((httpx.ReadError, APIError)):  # noqa: PT012  # what arrived before the error counts too
        for chunk in chat(upstream).stream("hi"):
            seen.append(chunk.text)

    assert [text for text in seen if text] == ["one", " two"]


def test_a_truncated_answer_ends_without_a_finish_reason(upstream: Upstream) -> None:
    upstream.script([Reply(text="one two three", breaks="truncated", after=2)])

    answer = gather(chat(upstream), "hi")

    assert answer.content == "one two"
    assert "finish_reason" not in answer.response_metadata


def test_a_malformed_frame_is_an_error_after_its_tokens(upstream: Upstream) -> None:
    upstream.script([Reply(text="one two three", breaks="malformed", after=1)])

    with pytest.raises((ValueError, APIError)):
        gather(chat(upstream), "hi")


def test_broken_arguments_are_sent_unchanged(upstream: Upstream) -> None:
    upstream.script(
        [Reply(tool_calls=[ToolCall("calculator", '{"expression": "2+')], finish_reason="length")]
    )

    answer = chat(upstream).invoke("hi")

    assert answer.invalid_tool_calls[0]["args"] == '{"expression": "2+'
    assert answer.response_metadata["finish_reason"] == "length"


def test_silence_lasts_until_the_client_leaves(upstream: Upstream) -> None:
    upstream.script([Reply(text="never", breaks="silence")])

    with pytest.raises(APITimeoutError):
        chat(upstream, timeout=0.2).invoke("hi")

    assert upstream.next_request().left.wait(5)


def test_silence_in_mid_answer_can_be_ended(upstream: Upstream) -> None:
    upstream.script([Reply(text="one two three", breaks="silence", after=1)])
    stream = chat(upstream).stream("hi")
    seen = next(text for text in (chunk.text for chunk in stream) if text)

    upstream.resume()

    assert seen == "one"
    assert "".join(chunk.text for chunk in stream) == " two three"
    assert not upstream.closed_early.is_set()


def test_a_client_that_leaves_in_mid_answer_is_noticed(upstream: Upstream) -> None:
    upstream.script([Reply(text="one two", breaks="silence", after=1)])
    body = {"messages": [], "stream": True}

    with httpx.stream("POST", f"{upstream.url}/chat/completions", json=body, timeout=PATIENCE_S) as answer:
        pieces = answer.iter_raw()  # kept: httpx closes the connection with the iterator
        assert b"role" in next(pieces)
        assert not upstream.closed_early.is_set()

    assert upstream.closed_early.wait(5)
    assert upstream.requests[0].left.is_set()


def test_it_records_what_was_asked(upstream: Upstream) -> None:
    chat(upstream).invoke("hi")

    request = upstream.next_request()
    assert request.path == "/v1/chat/completions"
    assert request.headers["authorization"] == "Bearer k"
    assert request.body["messages"] == [{"role": "user", "content": "hi"}]


def test_a_silent_client_is_disconnected(upstream: Upstream) -> None:
    host, port = upstream.url.removeprefix("http://").removesuffix("/v1").split(":")

    with socket.create_connection((host, int(port))):
        pass

    assert httpx.get(f"{upstream.url}/models", timeout=PATIENCE_S).is_success
    assert [request.path for request in upstream.requests] == ["/v1/models"]
