"""An answer with its steps, read from LangServe's POST /{graph}/stream_events (v2 events)."""

import json
from collections.abc import AsyncGenerator, Iterator
from dataclasses import dataclass
from typing import Any, Final, TypeAlias
from urllib.parse import quote

import httpx

from app.client.connection import DEFAULT_URL, aposted, reading
from app.client.errors import AnswerCutOff, ServerError
from app.client.sse import Decoder, Frame

SILENCE_S: Final = 60.0  # the server pings every 5 s; an older LangServe every 15 s


@dataclass(frozen=True, slots=True)
class Token:
    """A piece of the answer's text."""

    text: str


@dataclass(frozen=True, slots=True)
class ToolCall:
    """The agent calls a tool. args is the object given to it, or the raw text if it isn't JSON."""

    name: str
    args: Any


@dataclass(frozen=True, slots=True)
class ToolResult:
    """A tool has answered."""

    name: str
    content: str
    is_error: bool


@dataclass(frozen=True, slots=True)
class Retracted:
    """The text shown so far was a step, not the answer."""


@dataclass(frozen=True, slots=True)
class Done:
    """The answer is whole."""

    run_id: str
    thread_id: str


Part: TypeAlias = Token | ToolCall | ToolResult | Retracted | Done


async def stream_events(
    graph: str,
    query: str,
    url: str = DEFAULT_URL,
    *,
    thread_id: str | None = None,
    silence_s: float | None = SILENCE_S,
) -> AsyncGenerator[Part, None]:
    """Yield the answer's tokens and steps as they are made, ending with Done; closing it stops the run.

    The graph must be one on messages. Waits at most silence_s between two frames or pings.
    Raises ServerUnreachable, ServerError (also for a run that failed in the middle) and AnswerCutOff.
    """
    received: list[str] = []
    decoder = Decoder()
    path = f"/{quote(graph, safe='')}/stream_events"
    async with aposted(url, path, _body(query, thread_id), silence_s) as response:
        with reading(received):
            async for piece in response.aiter_bytes():
                for frame in decoder.feed(piece):
                    if frame.event == "end":
                        yield _done(response)
                        return
                    for part in _parts(frame):
                        received.append(part.text if isinstance(part, Token) else "")
                        yield part
    raise AnswerCutOff("".join(received), "the stream ended without an end event")


def _done(response: httpx.Response) -> Done:
    return Done(response.headers.get("x-run-id", ""), response.headers.get("x-thread-id", ""))


def _body(query: str, thread_id: str | None) -> dict[str, Any]:
    config = {} if thread_id is None else {"configurable": {"thread_id": thread_id}}
    return {"input": {"messages": [{"type": "human", "content": query}]}, "config": config}


def _parts(frame: Frame) -> Iterator[Part]:
    """Yield what a frame says about the answer. Raises ServerError for an error frame."""
    if frame.event == "error":
        raise _failure(frame.data)
    if frame.event != "data":
        return
    event = _object(frame.data)
    data = event.get("data") or {}
    match event.get("event"):
        case "on_chain_stream" if not event.get("parent_ids") and isinstance(data.get("chunk"), str):
            yield Token(data["chunk"])
        case "on_tool_start":
            yield ToolCall(event.get("name", ""), data.get("input"))
        case "on_tool_end":
            content, is_error = _tool_output(data.get("output"))
            yield ToolResult(event.get("name", ""), content, is_error)
        case "on_tool_error":
            yield ToolResult(event.get("name", ""), _text(data.get("error")), is_error=True)


def _failure(data: str) -> ServerError:
    error = _object(data)
    return ServerError(
        code=str(error.get("code") or "run_failed"),
        status=int(error.get("status_code") or 500),
        detail=str(error.get("message") or "The run failed"),
    )


def _object(text: str) -> dict[str, Any]:
    value = json.loads(text)
    return value if isinstance(value, dict) else {}


def _tool_output(output: Any) -> tuple[str, bool]:
    """Return a tool's answer as text, and whether it is an error."""
    if isinstance(output, dict) and "content" in output:
        return _text(output["content"]), output.get("status") == "error"
    return _text(output), False


def _text(value: Any) -> str:
    if isinstance(value, str):
        return value
    return "" if value is None else json.dumps(value, ensure_ascii=False)
