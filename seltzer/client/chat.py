"""The tutorial's chat: POST /chat, whose response body is the answer's tokens as plain text."""

import codecs
from collections.abc import AsyncGenerator, Iterator
from typing import Final

from seltzer.client.http.connection import (
    DEFAULT_URL,
    Headers,
    aclient,
    aopen_response,
    client,
    map_read_errors,
    open_response,
)
from seltzer.client.http.requests import Request

SILENCE_S: Final = 300.0  # /chat sends no pings: a slow tool or model is silence too


async def astream_chat(
    query: str,
    url: str = DEFAULT_URL,
    *,
    thread_id: str | None = None,
    silence_s: float | None = SILENCE_S,
    headers: Headers | None = None,
) -> AsyncGenerator[str, None]:
    """Yield the answer's text in the pieces in which it arrives; closing it stops the run.

    Without a thread_id the server begins a new thread. Waits at most silence_s between two pieces.
    headers are sent beside the client's own.
    Raises ServerUnreachable, ServerError and AnswerCutOff.
    """
    received: list[str] = []
    decoder = _decoder()
    async with (
        aclient(url, silence_s, headers) as connections,
        aopen_response(connections, url, _request(query, thread_id)) as response,
    ):
        with map_read_errors(received):
            async for piece in response.aiter_bytes():
                if text := decoder.decode(piece):
                    received.append(text)
                    yield text
    if rest := decoder.decode(b"", final=True):
        yield rest


def stream_chat(
    query: str,
    url: str = DEFAULT_URL,
    *,
    thread_id: str | None = None,
    silence_s: float | None = SILENCE_S,
    headers: Headers | None = None,
) -> Iterator[str]:
    """Yield what astream_chat yields, without asyncio."""
    received: list[str] = []
    decoder = _decoder()
    with (
        client(url, silence_s, headers) as connections,
        open_response(connections, url, _request(query, thread_id)) as response,
        map_read_errors(received),
    ):
        for piece in response.iter_bytes():
            if text := decoder.decode(piece):
                received.append(text)
                yield text
    if rest := decoder.decode(b"", final=True):
        yield rest


def _decoder() -> codecs.IncrementalDecoder:
    """Return a decoder that keeps the bytes of a half-arrived character for the next piece."""
    return codecs.getincrementaldecoder("utf-8")(errors="replace")


def _request(query: str, thread_id: str | None) -> Request:
    return Request(
        "POST", "/chat", {"text": query} if thread_id is None else {"text": query, "thread_id": thread_id}
    )
