"""Which parts of JSON are attachments, in the shapes of LangChain and of the providers."""

from typing import Any

import pytest

from seltzer.runs.messages.attachments import LEAST_CHARS, attachments

DATA = "QUJD" * 500
URL = "data:image/png;base64," + DATA


@pytest.mark.parametrize(
    ("part", "path"),
    [
        ({"type": "image", "base64": DATA, "mime_type": "image/png"}, "base64"),
        ({"type": "image", "source_type": "base64", "data": DATA}, "data"),
        ({"type": "image", "source": {"type": "base64", "data": DATA}}, "source.data"),
        ({"type": "image", "url": URL}, "url"),
        ({"type": "image_url", "image_url": {"url": URL}}, "image_url.url"),
        ({"type": "image_url", "image_url": URL}, "image_url"),
        ({"type": "input_image", "image_url": URL}, "image_url"),
        ({"type": "input_audio", "input_audio": {"data": DATA, "format": "wav"}}, "input_audio.data"),
        ({"type": "file", "file": {"file_data": URL, "filename": "a.pdf"}}, "file.file_data"),
        ({"type": "input_file", "file_data": URL}, "file_data"),
        ({"type": "media", "data": DATA, "mime_type": "video/mp4"}, "data"),
        ({"type": "tool_result", "content": [{"type": "image", "base64": DATA}]}, "content.0.base64"),
    ],
)  # fmt: skip
def test_the_data_of_a_part_is_an_attachment(part: dict[str, Any], path: str) -> None:
    messages = {"input": {"messages": [{"role": "user", "content": [{"type": "text", "text": "hi"}, part]}]}}

    [found] = attachments(messages)

    assert found.path == f".input.messages.0.content.1.{path}"
    assert found.chars in (len(DATA), len(URL))
    assert abs(found.size_bytes - 1_500) < 20


@pytest.mark.parametrize(
    "value",
    [
        DATA,
        URL,
        [URL],
        {"data": DATA},
        {"input": {"data": DATA, "image": URL}},
        {"type": "text", "text": URL},
        {"type": "text", "data": DATA},
        {"type": "image_url", "image_url": {"url": "https://example.org/" + DATA}},
        {"type": "image", "base64": "x" * (LEAST_CHARS - 1)},
        {"type": "image", "caption": DATA},
        {"type": "tool_call", "name": "store", "args": {"data": DATA}},
        {"type": "function", "function": {"arguments": URL}},
        {"type": "tool_use", "name": "store", "input": {"type": "image", "data": DATA}},
        {"type": 5, "data": DATA},
        None,
    ],
)
def test_nothing_else_is(value: Any) -> None:
    assert list(attachments(value)) == []
