"""One question, one answer: the client in one line."""

import sys
from collections.abc import AsyncGenerator, Generator
from contextlib import aclosing
from typing import Final, TextIO, Unpack

from seltzer.client.client import DEFAULT_GRAPH, PATIENCE_S, SILENCE_S, AsyncClient, Client
from seltzer.client.http.connection import DEFAULT_URL, Headers
from seltzer.client.http.requests import Query, RunOptions
from seltzer.client.streams.parts import Interrupted, Part, Restarted, Retracted, Token
from seltzer.client.streams.seamless import Seamless

ANEW: Final = "[the server was restarted; the answer begins anew]"


async def get_stream(
    query: str,
    url: str = DEFAULT_URL,
    *,
    graph: str = DEFAULT_GRAPH,
    thread_id: str | None = None,
    out: TextIO | None = None,
    headers: Headers | None = None,
) -> str:
    """Print the answer to out (default: stdout) token by token as it arrives, and return all of it.

    Broken connections and server restarts don't show. If the graph interrupts itself with a question,
    the run's id is printed. headers are sent with every request.
    Raises ServerUnreachable, ServerError and AnswerCutOff.
    """
    out = sys.stdout if out is None else out
    seamless, answer = Seamless(), _Answer()
    async with aclosing(astream(query, url, graph=graph, headers=headers, thread_id=thread_id)) as parts:
        async for part in parts:
            answer.add(part)
            for shown in seamless.take(part):
                out.write(_printed(shown))
                out.flush()
    out.write("\n")
    return answer.text


def astream(
    query: Query,
    url: str = DEFAULT_URL,
    *,
    graph: str = DEFAULT_GRAPH,
    silence_s: float | None = SILENCE_S,
    patience_s: float = PATIENCE_S,
    headers: Headers | None = None,
    **options: Unpack[RunOptions],
) -> AsyncGenerator[Part, None]:
    """Start a run, and yield the answer's parts: AsyncClient(url).stream(query)."""
    client = AsyncClient(url, silence_s=silence_s, patience_s=patience_s, headers=headers)
    return client.stream(query, graph=graph, **options)


def stream(
    query: Query,
    url: str = DEFAULT_URL,
    *,
    graph: str = DEFAULT_GRAPH,
    silence_s: float | None = SILENCE_S,
    patience_s: float = PATIENCE_S,
    headers: Headers | None = None,
    **options: Unpack[RunOptions],
) -> Generator[Part, None, None]:
    """Do what astream does, without asyncio."""
    client = Client(url, silence_s=silence_s, patience_s=patience_s, headers=headers)
    return client.stream(query, graph=graph, **options)


class _Answer:
    """The answer's text so far: without what was retracted, or emitted by an attempt that died."""

    def __init__(self) -> None:
        self.text = ""

    def add(self, part: Part) -> None:
        match part:
            case Token(text):
                self.text += text
            case Retracted() | Restarted():
                self.text = ""


def _printed(part: Part) -> str:
    match part:
        case Token(text):
            return text
        case Retracted():
            return "\n\n"
        case Restarted():
            return f"\n{ANEW}\n"
        case Interrupted(run_id):
            return f"[run {run_id} waits for an answer]"
        case _:
            return ""
