"""Models whose answers are published to a listener, and servers that wait until it has each piece."""

import asyncio
import re
import uuid
from collections.abc import Awaitable, Callable, Sequence
from functools import cache
from typing import Any

from anyio.lowlevel import checkpoint
from langchain_core.callbacks import BaseCallbackHandler
from langchain_core.outputs import ChatResult, LLMResult
from langchain_core.tracers._streaming import _StreamingCallbackHandler
from langchain_openai import ChatOpenAI
from openai import Timeout

from seltzer.models.openai.accelerated import AcceleratedChatOpenAI
from seltzer.models.openai.accelerated.http.client import ModelHttpClient
from seltzer.models.openai.strict import StrictChatOpenAI
from tests.models.openai.dialects import DONE, frame
from tests.models.openai.wire import CHUNKED, END, Answer, chunked, read_request

RUN_ID = uuid.UUID(int=7)
MANY = 6  # rounds of the event loop, in which what was sent over loopback is read and handled
Pause = Callable[[int], Awaitable[None]]


class ByTheTask(AcceleratedChatOpenAI):
    """The model without the direct path: LangChain's own loop publishes its chunks."""

    async def _agenerate_with_cache(self, *args: Any, **kwargs: Any) -> ChatResult:
        return await StrictChatOpenAI._agenerate_with_cache(self, *args, **kwargs)


class RunHandler(BaseCallbackHandler):
    """A handler such as a run of ours has: it takes texts alone. A stock model is accelerated beside it."""

    run_inline = True

    def on_llm_texts(self, texts: Sequence[str], **kwargs: Any) -> None:
        """Do nothing with them."""


@cache
def _made(kind: type[ChatOpenAI]) -> ChatOpenAI:
    options: dict[str, Any] = {"max_retries": 0, "stream_usage": True}
    if kind is not ChatOpenAI:  # that one has the client which it makes by itself
        options["http_async_client"] = ModelHttpClient()
    return kind(model="m", api_key="k", base_url="http://x/v1", **options)


async def model_at(
    url: str, kind: type[ChatOpenAI] = AcceleratedChatOpenAI, *, read_s: float = 5, **changes: Any
) -> ChatOpenAI:
    """Return a model of this server; making one reads files, so it is done once and elsewhere."""
    made = await asyncio.to_thread(_made, kind)
    client = made.root_async_client.with_options(base_url=url, timeout=Timeout(5, read=read_s))
    return made.model_copy(
        update={"root_async_client": client, "async_client": client.chat.completions, **changes}
    )


class Listener(BaseCallbackHandler, _StreamingCallbackHandler):  # type: ignore[type-arg]  # of anything
    """Has a model stream, and records its calls.

    in_place has for each token whether no task was running, as where bytes arrive.
    """

    run_inline = True

    def __init__(self) -> None:
        self.calls: list[Any] = []
        self.ends: list[Any] = []
        self.in_place: list[bool] = []
        self._is_told = asyncio.Event()

    def on_llm_new_token(self, token: Any, *, chunk: Any = None, **kwargs: Any) -> Any:
        self.calls.append((token, chunk.model_dump(), chunk.message.model_dump(exclude_unset=True), kwargs))
        self.in_place.append(asyncio.current_task() is None)
        self._is_told.set()

    def on_llm_end(self, response: LLMResult, **kwargs: Any) -> None:
        self.ends.append(response.model_dump())

    def on_llm_error(self, error: BaseException, **kwargs: Any) -> None:
        self.ends.append(repr(error))

    @property
    def tokens(self) -> list[Any]:
        return [token for token, *_ in self.calls]

    async def wait_for(self, count: int) -> None:
        """Wait until that many tokens were published."""
        while len(self.calls) < count:
            self._is_told.clear()
            await self._is_told.wait()

    def tap_output_aiter(self, run_id: uuid.UUID, output: Any) -> Any:
        return output

    def tap_output_iter(self, run_id: uuid.UUID, output: Any) -> Any:
        return output


async def outcome(model: ChatOpenAI, listener: Listener) -> list[Any]:
    """Return the outcome of a run's call: the listener's calls, how it ended, the message or the error."""
    try:
        message = await model.ainvoke("q", {"callbacks": [listener, RunHandler()], "run_id": RUN_ID})
    except Exception as error:  # noqa: BLE001  any: all ways must fail alike
        return [listener.calls, listener.ends, f"{type(error).__name__}: {error}"]
    return [listener.calls, listener.ends, message.model_dump()]


def text_event(text: str) -> bytes:
    return frame({"content": text}).encode()


def spoken(*texts: str) -> list[bytes]:
    """Return the events of a whole answer of these texts."""
    return [*map(text_event, texts), frame({}, choice={"finish_reason": "stop"}).encode(), DONE.encode()]


def events_of(answer: bytes) -> list[bytes]:
    """Cut an answer into its events, if they end with two LF."""
    return [event for event in re.split(rb"(?<=\n\n)", answer) if event]


def in_pieces(pieces: Sequence[bytes], pause: Pause, *, head: bytes = CHUNKED) -> Answer:
    """Answer each request of a connection with these pieces, and a pause after each, which gets its index."""

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await read_request(reader)
        writer.write(head)
        for at, piece in enumerate(pieces):
            if piece:
                writer.write(chunked(piece))
            await pause(at)
        writer.write(END)
        await writer.drain()

    return answer


async def rounds(count: int = MANY) -> None:
    """Let the event loop go round."""
    for _ in range(count):
        await checkpoint()


async def a_while(_at: int) -> None:
    """Pause for long enough that the other end has handled the piece."""
    await rounds()


def until_published(listener: Listener) -> Pause:
    """Pause until the listener has a token for each piece so far."""

    async def pause(at: int) -> None:
        await listener.wait_for(at + 1)

    return pause
