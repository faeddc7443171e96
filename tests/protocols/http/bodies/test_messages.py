"""Which messages are read, in all shapes that LangChain's packages write them, and which are refused."""

from __future__ import annotations

from typing import Any

import pytest
from langchain_core.load import dumpd
from langchain_core.messages import (
    AIMessage,
    AIMessageChunk,
    HumanMessage,
    HumanMessageChunk,
    SystemMessageChunk,
    ToolMessage,
)
from langchain_core.messages.content import (
    create_audio_block,
    create_file_block,
    create_image_block,
    create_plaintext_block,
    create_reasoning_block,
    create_text_block,
    create_video_block,
)

from seltzer.errors import InvalidInput
from seltzer.protocols.http.bodies.messages import InputLimits, parse_input

CALL = {"name": "f", "args": {"a": 1}, "id": "c", "type": "tool_call"}
CALLING = AIMessage("", tool_calls=[CALL])
PARTS: dict[str, Any] = {
    "text": create_text_block("hi", annotations=[]),
    "image by url": create_image_block(url="https://example.org/a.png"),
    "image in base64": create_image_block(base64="aGk=", mime_type="image/png"),
    "image by id": create_image_block(file_id="f"),
    "audio": create_audio_block(base64="aGk=", mime_type="audio/wav"),
    "video": create_video_block(url="https://example.org/a.mp4"),
    "file": create_file_block(base64="aGk=", mime_type="application/pdf", filename="a.pdf"),
    "plain text": create_plaintext_block("hi", title="a", context="b"),
    "reasoning": create_reasoning_block("because"),
    "LangChain's image of before": {
        "type": "image",
        "source_type": "base64",
        "data": "aGk=",
        "mime_type": "x",
    },
    "LangChain's file of before": {"type": "file", "source_type": "text", "text": "hi", "metadata": {"a": 1}},
    "not standard": {"type": "non_standard", "value": {"anything": [1]}},
    "OpenAI's image": {
        "type": "image_url",
        "image_url": {"url": "data:image/png;base64,aGk=", "detail": "low"},
    },
    "OpenAI's image as a text": {"type": "image_url", "image_url": "https://example.org/a.png"},
    "OpenAI's audio": {"type": "input_audio", "input_audio": {"data": "aGk=", "format": "wav"}},
    "OpenAI's file": {"type": "file", "file": {"filename": "a.pdf", "file_data": "data:..", "file_id": None}},
    "Responses' image": {"type": "input_image", "image_url": "https://example.org/a.png", "detail": "auto"},
    "Responses' file": {"type": "input_file", "file_id": "f"},
    "Anthropic's image": {
        "type": "image",
        "source": {"type": "base64", "media_type": "image/png", "data": "aGk="},
        "cache_control": {"type": "ephemeral"},
    },
    "Anthropic's document": {
        "type": "document",
        "source": {"type": "content", "content": [{"type": "text", "text": "hi"}]},
        "title": None,
        "citations": {"enabled": True},
    },
    "Anthropic's search result": {
        "type": "search_result",
        "source": "https://example.org",
        "title": "a",
        "content": [{"type": "text", "text": "hi"}],
    },
    "Anthropic's tool result": {"type": "tool_result", "tool_use_id": "c", "content": "4", "is_error": False},
    "Google's media": {"type": "media", "mime_type": "video/mp4", "file_uri": "gs://a"},
    "vLLM's video": {"type": "video_url", "video_url": {"url": "https://example.org/a.mp4"}},
    "vLLM's audio": {"type": "audio_url", "audio_url": {"url": "https://example.org/a.wav"}},
    "Qwen's video as a text": {"type": "video_url", "video_url": "https://example.org/a.mp4", "fps": 2},
    "Mistral's document": {
        "type": "document_url",
        "document_url": "https://example.org/a.pdf",
        "document_name": "a",
    },
    "an index that is a whole float": {"type": "text", "text": "hi", "index": 0.0},
    "Bedrock's cache point": {"cachePoint": {"type": "default"}},
    "a text": "hi",
}
OF_ANSWERS: dict[str, Any] = {
    "a tool use": {"type": "tool_use", "id": "c", "name": "f", "input": {}, "partial_json": "{"},
    "thinking": {"type": "thinking", "thinking": "because", "signature": "s", "index": 0},
    "Mistral's thinking": {"type": "thinking", "thinking": [{"type": "text", "text": "because"}]},
    "redacted thinking": {"type": "redacted_thinking", "data": "x"},
    "Responses' reasoning": {
        "type": "reasoning",
        "id": "r",
        "summary": [{"type": "summary_text", "text": "x"}],
    },
    "Bedrock's reasoning": {
        "type": "reasoning_content",
        "reasoning_content": {"text": "x", "signature": "s"},
    },
    "a refusal": {"type": "refusal", "refusal": "no"},
    "a tool of the server": {"type": "server_tool_call", "id": "s", "name": "search", "args": {}},
    "what a provider has invented since": {"type": "hologram", "beam": 5, "data": [1], "source": {"url": 1}},
}
OF_TOOLS: dict[str, Any] = {
    "ToolNode's JSON": {"type": "json", "json": {"a": [1]}},
    "ToolNode's custom output": {"type": "custom_tool_call_output", "output": "4"},
    "MCP's resource": {"type": "resource", "resource": {"uri": "file:///a", "text": "hi"}},
    "a tool's own": {"type": "table", "title": 5, "content": {"rows": []}},
}


def parsed(*messages: Any) -> list[Any]:
    return list(parse_input([*messages], "input", InputLimits()))


@pytest.mark.parametrize("name", PARTS)
def test_a_part_that_langchain_or_a_provider_reads_is_kept_as_it_is(name: str) -> None:
    [message] = parsed({"role": "user", "content": [PARTS[name]]})

    assert message.content == [PARTS[name]]


@pytest.mark.parametrize("name", [*OF_ANSWERS, *PARTS])
def test_an_answers_part_is_kept_as_it_is(name: str) -> None:
    part = {**OF_ANSWERS, **PARTS}[name]

    [_, message, _] = parsed("hi", {"role": "assistant", "content": [part]}, "and?")

    assert message.content == [part]


@pytest.mark.parametrize("name", [*OF_TOOLS, *PARTS])
def test_a_part_of_a_tools_result_is_kept_as_it_is(name: str) -> None:
    part = {**OF_TOOLS, **PARTS}[name]
    result = {"role": "tool", "tool_call_id": "c", "content": [part]}

    for spelled in (result, {**result, "type": "tool"}, dumpd(ToolMessage([part], tool_call_id="c"))):
        [_, _, message] = parsed("hi", CALLING, spelled)
        assert message.content == [part]


@pytest.mark.parametrize(
    ("part", "place", "reason"),
    [
        ({"type": "image_url"}, ".image_url", "is missing"),
        ({"type": "image_url", "image_url": 5}, ".image_url", "must be a string or an object"),
        ({"type": "image_url", "image_url": None}, ".image_url", "must be a string or an object"),
        ({"type": "image_url", "image_url": {}}, ".image_url.url", "is missing"),
        ({"type": "video_url"}, ".video_url", "is missing"),
        ({"type": "audio_url", "audio_url": {"url": 5}}, ".audio_url.url", "must be a string"),
        ({"type": "document_url", "document_url": {}}, ".document_url", "must be a string"),
        ({"type": "text", "text": "x", "index": 0.5}, ".index", "must be an integer or a string"),
        ({"type": "json", "json": {}}, ".type", "is not known"),
        ({"type": "image_url", "image_url": {"url": ["x"]}}, ".image_url.url", "must be a string"),
        ({"type": "image", "url": 5}, ".url", "must be a string"),
        ({"type": "image", "source": {"data": 5}}, ".source.data", "must be a string"),
        ({"type": "image", "mime_type": "image/png"}, "", "has nothing to show"),
        ({"type": "input_audio", "input_audio": "x"}, ".input_audio", "must be an object"),
        ({"type": "file", "file": {"file_id": 5}}, ".file.file_id", "must be a string"),
        ({"type": "tool_result", "tool_use_id": True}, ".tool_use_id", "must be a string"),
        ({"type": "text", "text": "x", "annotations": "y"}, ".annotations", "must be a list"),
        ({"type": "text", "text": "x", "index": True}, ".index", "must be an integer or a string"),
        ({"type": "text", "text": "x", "cache_control": []}, ".cache_control", "must be an object"),
        ({"type": "weird"}, ".type", "is not known"),
        ({"type": ["text"]}, ".type", "is not known"),
        (5, "", "must be a string or an object with a type"),
        (None, "", "must be a string or an object with a type"),
    ],
)
def test_a_part_with_a_field_of_a_wrong_type_is_refused(part: Any, place: str, reason: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        parsed({"role": "user", "content": ["x", part]})

    assert refused.value.field == f"input.0.content.1{place}"
    assert refused.value.reason.startswith(reason)


@pytest.mark.parametrize(
    ("fields", "place"),
    [
        ({"id": 5}, "id"),
        ({"id": ["x"]}, "id"),
        ({"name": {}}, "name"),
        ({"additional_kwargs": []}, "additional_kwargs"),
        ({"additional_kwargs": {"tool_calls": 5}}, "additional_kwargs.tool_calls"),
        ({"response_metadata": "x"}, "response_metadata"),
        ({"usage_metadata": 5}, "usage_metadata"),
        ({"usage_metadata": {"input_tokens": "x"}}, "usage_metadata.input_tokens"),
        ({"usage_metadata": {"input_tokens": 1.5}}, "usage_metadata.input_tokens"),
        ({"usage_metadata": {"input_tokens": True}}, "usage_metadata.input_tokens"),
        ({"additional_kwargs": {"tool_calls": [{"id": 5}]}}, "additional_kwargs.tool_calls"),
        ({"additional_kwargs": {"function_call": {"name": []}}}, "additional_kwargs.function_call"),
        (
            {"usage_metadata": {"output_token_details": {"reasoning": []}}},
            "usage_metadata.output_token_details",
        ),
        ({"tool_calls": {}}, "tool_calls"),
        ({"tool_calls": ["f"]}, "tool_calls.0"),
        ({"tool_calls": [{"args": {}, "id": "c"}]}, "tool_calls.0.name"),
        ({"tool_calls": [{"name": "f", "args": "{}", "id": "c"}]}, "tool_calls.0.args"),
        ({"tool_calls": [CALL, {**CALL, "id": 5}]}, "tool_calls.1.id"),
        ({"tool_calls": [{"id": "c", "function": "f"}]}, "tool_calls.0.function"),
        ({"tool_calls": [{"id": "c", "function": {"name": "f", "arguments": "{"}}]}, "tool_calls.0.function"),
        (
            {"tool_calls": [{"id": "c", "function": {"name": "f", "arguments": "[]"}}]},
            "tool_calls.0.function",
        ),
        ({"invalid_tool_calls": [5]}, "invalid_tool_calls.0"),
        ({"tool_call_id": 5}, "tool_call_id"),
        ({"status": "odd"}, "status"),
        ({"example": "yes"}, "example"),
        ({"content": 0}, "content"),
        ({"content": {}}, "content"),
    ],
)
def test_a_field_of_a_wrong_type_is_refused_by_its_name(fields: dict[str, Any], place: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        parsed("hi", {"role": "assistant", "content": "x", **fields}, "and?")

    assert refused.value.field.startswith(f"input.1.{place}")


@pytest.mark.parametrize("key", ["role", "type"])
@pytest.mark.parametrize("name", ["HumanMessage", "AIMessage", "SystemMessage", "ToolMessage"])
@pytest.mark.parametrize("end", ["", "Chunk"])
def test_a_message_may_be_named_by_its_class(name: str, end: str, key: str) -> None:
    called = {"tool_call_id": "c"} if name == "ToolMessage" else {}

    [_, _, message, _] = parsed("hi", CALLING, {key: name + end, "content": "x", **called}, "and?")

    assert (type(message).__name__, message.content) == (name, "x")


@pytest.mark.parametrize("kind", ["function", "remove", "chat", "FunctionMessage", "Human", "AIMESSAGE", ""])
def test_an_unknown_role_is_refused_with_those_that_are_known(kind: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        parsed({"role": kind, "content": "x", "name": "f"})

    assert "unknown role" in refused.value.reason


@pytest.mark.parametrize("role", [[1], {"a": 1}, 5, True], ids=repr)
@pytest.mark.parametrize("key", ["role", "type"])
def test_a_role_that_is_no_text_is_refused(role: Any, key: str) -> None:
    with pytest.raises(InvalidInput):
        parsed({key: role, "content": "x"})


@pytest.mark.parametrize("content", [5, {"temperature": 5}, [5]], ids=repr)
def test_a_tools_answer_is_a_text_or_parts(content: Any) -> None:
    with pytest.raises(InvalidInput) as refused:
        parsed("hi", CALLING, {"role": "tool", "tool_call_id": "c", "content": content})

    assert refused.value.field.startswith("input.2.content")


@pytest.mark.parametrize(
    "message",
    [
        HumanMessage("hi", id="m", name="ada", response_metadata={"a": 1}, additional_kwargs={"b": 2}),
        AIMessage("hi", id="m", additional_kwargs={"refusal": None}, response_metadata={"model_name": "x"}),
        AIMessage("", id="m", tool_calls=[CALL]),
        AIMessageChunk(content="hi", id="m", tool_calls=[CALL]),
        HumanMessageChunk(content="hi", id="m"),
        SystemMessageChunk(content="hi", id="m"),
    ],
)
def test_a_message_that_langchain_has_written_is_read(message: Any) -> None:
    as_object = dumpd(message)

    [plain, constructed] = [parsed("?", each, "!")[1] for each in (message.model_dump(), as_object)]

    for found in (plain, constructed):
        assert (found.content, found.id, found.name) == (message.content, message.id, message.name)
        assert found.response_metadata == message.response_metadata
        assert getattr(found, "tool_calls", []) == getattr(message, "tool_calls", [])


def test_null_is_a_field_that_is_left_out() -> None:
    keys = ("id", "name", "additional_kwargs", "response_metadata", "usage_metadata", "tool_calls")

    [_, message, _] = parsed("?", {"role": "assistant", "content": None} | dict.fromkeys(keys), "!")

    assert message == AIMessage("")


@pytest.mark.parametrize(
    "kept",
    [
        {"tool_calls": [{"id": None, "function": {"name": "f", "arguments": "{}"}, "type": "function"}]},
        {"tool_calls": [{"function": {"name": None, "arguments": "{}"}}]},
        {"tool_calls": [{"id": "c", "function": {"name": "f", "arguments": None}}]},
        {"tool_calls": [{"id": "c", "type": "custom", "custom": {"name": "f", "input": "x"}}]},
        {"function_call": {"name": None, "arguments": ""}},
        {"function_call": {"arguments": "{}"}},
    ],
    ids=repr,
)
@pytest.mark.parametrize("calls", [None, [], [CALL]], ids=["null", "none", "one"])
def test_calls_that_langchain_has_kept_of_a_provider_are_read(kept: dict[str, Any], calls: Any) -> None:
    answer = {"role": "assistant", "content": "x", "additional_kwargs": kept, "tool_calls": calls}

    [_, message, _] = parsed("?", answer, "!")

    assert message.additional_kwargs == kept
    assert not calls or message.tool_calls == calls


def test_a_whole_float_is_a_count() -> None:
    usage = {
        "input_tokens": 1.0,
        "output_tokens": 2.0,
        "total_tokens": 3,
        "input_token_details": {"audio": 1.0},
    }

    [_, message, _] = parsed("?", {"role": "assistant", "content": "x", "usage_metadata": usage}, "!")

    assert message.content == "x"


def test_openais_calls_and_results_are_read() -> None:
    call = {"id": "c", "type": "function", "function": {"name": "f", "arguments": '{"a": 1}'}}

    [_, calling, result] = parsed(
        "?",
        {"role": "assistant", "content": None, "tool_calls": [call]},
        {"role": "tool", "tool_call_id": "c", "content": [{"type": "text", "text": "4"}]},
    )

    assert calling.tool_calls == [CALL]
    assert result == ToolMessage([{"type": "text", "text": "4"}], tool_call_id="c")
