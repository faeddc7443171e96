"""An answer with its steps, from /{graph}/stream_events."""

from __future__ import annotations

import json
from typing import Any

import anyio
import pytest

from app.client import (
    AnswerCutOff,
    Done,
    Part,
    ServerError,
    Token,
    ToolCall,
    ToolResult,
    stream_events,
)
from tests.client.rawserver import END, RawServer, answering, chunk, head
from tests.serving import Served

pytestmark = pytest.mark.anyio

SSE = head(content_type="text/event-stream", x_run_id="r1", x_thread_id="t1")


def event(name: str, kind: str, parents: tuple[str, ...] = (), **data: Any) -> bytes:
    body = {"event": kind, "name": name, "parent_ids": list(parents), "data": data}
    return chunk(f"event: data\r\ndata: {json.dumps(body)}\r\n\r\n".encode())


def token(text: str) -> bytes:
    return event("agent", "on_chain_stream", chunk=text)


THE_END = chunk(b"event: end\r\n\r\n") + END


async def read(url: str, question: str = "q", **options: Any) -> list[Part]:
    with anyio.fail_after(10):
        return [part async for part in stream_events("agent", question, url, **options)]


async def test_an_answer_comes_as_tokens_and_done(talker: Served) -> None:
    *tokens, done = await read(talker.url, "hello", thread_id="t")

    assert "".join(part.text for part in tokens if isinstance(part, Token)) == "You said hello, number 1."
    assert len(tokens) == 5
    assert isinstance(done, Done)
    assert done.thread_id == "t"
    assert done.run_id


async def test_steps_come_between(talker: Served) -> None:
    parts = await read(talker.url, "tool")

    assert parts[:2] == [ToolCall("double", {"number": 21}), ToolResult("double", "42", is_error=False)]
    assert [Token("It "), Token("is "), Token("42")] == parts[2:-1]


async def test_a_failed_tool_is_said(talker: Served) -> None:
    parts = await read(talker.url, "broken tool")

    results = [part for part in parts if isinstance(part, ToolResult)]
    assert [result.is_error for result in results] == [True]


async def test_a_run_that_fails_in_the_middle_raises_its_code(talker: Served) -> None:
    parts = stream_events("agent", "fail", talker.url)
    assert [await anext(parts), await anext(parts)] == [Token("You"), Token(" said")]

    with pytest.raises(ServerError) as caught:
        await anext(parts)

    assert caught.value.code == "graph_error"


async def test_an_unknown_graph_is_a_404(talker: Served) -> None:
    with pytest.raises(ServerError) as caught:
        await anext(stream_events("no such/graph", "q", talker.url))

    assert caught.value.status == 404


async def test_inner_chains_and_other_frames_are_passed_over() -> None:
    frames = (
        chunk(b"event: metadata\ndata: {}\n\n"),
        chunk(b": ping\n\n"),
        event("inner", "on_chain_stream", ("root",), chunk="inner"),
        event("agent", "on_chain_stream", chunk={"messages": []}),
        event("agent", "on_chain_end", output="whole"),
        chunk(b"event: data\ndata: []\n\n"),
    )
    with answering(SSE, *frames, token("a"), THE_END) as server:
        assert await read(server.url) == [Token("a"), Done("r1", "t1")]


@pytest.mark.parametrize(
    ("sent", "result"),
    [
        (event("t", "on_tool_end", output="plain"), ToolResult("t", "plain", is_error=False)),
        (
            event("t", "on_tool_end", output={"content": "x", "status": "error"}),
            ToolResult("t", "x", is_error=True),
        ),
        (
            event("t", "on_tool_end", output={"content": [{"text": "é"}]}),
            ToolResult("t", '[{"text": "é"}]', is_error=False),
        ),
        (event("t", "on_tool_end", output=None), ToolResult("t", "", is_error=False)),
        (event("t", "on_tool_error", error="boom"), ToolResult("t", "boom", is_error=True)),
    ],
)
async def test_a_tools_answer_is_text(sent: bytes, result: ToolResult) -> None:
    with answering(SSE, sent, THE_END) as server:
        assert await read(server.url) == [result, Done("r1", "t1")]


async def test_the_question_is_sent_as_a_message() -> None:
    with answering(SSE, THE_END) as server:
        await read(server.url, "¿qué?", thread_id="t1")

    assert sent_body(server) == {
        "input": {"messages": [{"type": "human", "content": "¿qué?"}]},
        "config": {"configurable": {"thread_id": "t1"}},
    }


async def test_without_a_thread_the_server_chooses() -> None:
    with answering(SSE, THE_END) as server:
        await read(server.url)

    assert sent_body(server)["config"] == {}


def sent_body(server: RawServer) -> dict[str, Any]:
    body: dict[str, Any] = json.loads(server.request.partition(b"\r\n\r\n")[2])
    return body


@pytest.mark.parametrize(
    "ending",
    [
        pytest.param(b"", id="the connection breaks"),
        pytest.param(END, id="the body ends without an end event"),
        pytest.param(chunk(b"event: data\ndata: {nonsense\n\n") + END, id="a frame isn't JSON"),
    ],
)
async def test_a_stream_without_its_end_is_cut_off(ending: bytes) -> None:
    with answering(SSE, token("half"), ending) as server, pytest.raises(AnswerCutOff) as caught:
        await read(server.url)

    assert caught.value.text == "half"


async def test_an_error_event_raises_with_code_and_status() -> None:
    error = b'event: error\ndata: {"status_code": 504, "message": "silent", "code": "upstream_timeout"}\n\n'
    with answering(SSE, chunk(error), END) as server, pytest.raises(ServerError) as caught:
        await read(server.url)

    assert (caught.value.code, caught.value.status, caught.value.detail) == (
        "upstream_timeout",
        504,
        "silent",
    )


async def test_closing_the_stream_hangs_up() -> None:
    with answering(SSE, token("a"), stays=True) as server, anyio.fail_after(5):
        parts = stream_events("agent", "q", server.url)
        assert await anext(parts) == Token("a")

        await parts.aclose()

        await anyio.to_thread.run_sync(server.client_left.wait, 5)
        assert server.client_left.is_set()
