"""The tutorial's chat: POST /chat, whose body is the answer's tokens as plain text."""

import codecs
import sys
from collections.abc import AsyncGenerator, Iterator
from contextlib import aclosing
from typing import Final, TextIO

from app.client.connection import DEFAULT_URL, aposted, posted, reading

SILENCE_S: Final = 300.0  # /chat sends no pings: a slow tool or model is silence too


async def get_stream(
    query: str, url: str = DEFAULT_URL, *, thread_id: str | None = None, out: TextIO | None = None
) -> str:
    """Print the answer to out (default: stdout) token by token as it comes, and return it whole.

    Raises ServerUnreachable, ServerError and AnswerCutOff.
    """
    out = sys.stdout if out is None else out
    received: list[str] = []
    async with aclosing(astream_chat(query, url, thread_id=thread_id)) as tokens:
        async for token in tokens:
            out.write(token)
            out.flush()
            received.append(token)
    out.write("\n")
    return "".join(received)


async def astream_chat(
    query: str,
    url: str = DEFAULT_URL,
    *,
    thread_id: str | None = None,
    silence_s: float | None = SILENCE_S,
) -> AsyncGenerator[str, None]:
    """Yield the answer's text in the pieces in which it arrives; closing it stops the run.

    Without a thread_id the server begins a new thread. Waits at most silence_s between two pieces.
    Raises ServerUnreachable, ServerError and AnswerCutOff.
    """
    received: list[str] = []
    decoder = _decoder()
    async with aposted(url, "/chat", _body(query, thread_id), silence_s) as response:
        with reading(received):
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
) -> Iterator[str]:
    """Yield what astream_chat yields, without asyncio."""
    received: list[str] = []
    decoder = _decoder()
    with posted(url, "/chat", _body(query, thread_id), silence_s) as response, reading(received):
        for piece in response.iter_bytes():
            if text := decoder.decode(piece):
                received.append(text)
                yield text
    if rest := decoder.decode(b"", final=True):
        yield rest


def _decoder() -> codecs.IncrementalDecoder:
    """Return a decoder that keeps the bytes of a half-arrived character for the next piece."""
    return codecs.getincrementaldecoder("utf-8")(errors="replace")


def _body(query: str, thread_id: str | None) -> dict[str, str]:
    return {"text": query} if thread_id is None else {"text": query, "thread_id": thread_id}
