"""Streams of answers in a form that was asked for (`response_format`), which the SDK parses.

ChatOpenAI asks for these by `beta.chat.completions.stream`. The SDK makes events of each chunk, each with the
answer so far, parsed anew. Here a text is passed on as it arrives, and the SDK gets the texts in one piece
before each chunk of another kind: it makes the same events of those, and the same answer in the end.
"""

from collections.abc import AsyncIterator, Awaitable, Callable
from types import SimpleNamespace
from typing import Any, Final, Self

from openai import AsyncOpenAI, NotGiven, Omit
from openai.lib.streaming.chat import ChatCompletionStreamState
from openai.resources.chat import AsyncCompletions
from openai.types.chat import ChatCompletionChunk

from seltzer.models.openai.accelerated.direct_path import PublishedText
from seltzer.models.openai.accelerated.reading.frames import Frame, TextFrame
from seltzer.models.openai.accelerated.reading.stream import AcceleratedStream
from seltzer.upstream import BROKE_OFF, UpstreamTruncated

Open = Callable[[dict[str, Any]], Awaitable[AcceleratedStream]]
_CHUNK: Final = "chat.completion.chunk"
_ENVELOPE: Final = {"id": "", "object": _CHUNK, "created": 0, "model": ""}  # some servers leave it out
_NO_FRAME: Final[Frame] = {"choices": ({},)}
_NOT_OF_TEXTS: Final = {"choices", "usage"}


class ParsingClient:
    """The SDK's client, whose `beta.chat.completions` open their streams by `open_stream`.

    Such a stream has to yield TextFrames and the SDK's chunks alone, and what the direct path has published.
    """

    def __init__(self, client: AsyncOpenAI, open_stream: Open) -> None:
        self._client = client
        self.beta = SimpleNamespace(
            chat=SimpleNamespace(completions=_ParsedCompletions(client, open_stream)),
        )

    def __getattr__(self, name: str) -> Any:
        return getattr(self._client, name)


class _ParsedCompletions(AsyncCompletions):
    def __init__(self, client: AsyncOpenAI, open_stream: Open) -> None:
        super().__init__(client)
        self._open = open_stream
        self.opened: AcceleratedStream | None = None

    def stream(self, **payload: Any) -> Any:
        """Prepare the request as the SDK does, and return what sends it when it is entered."""
        state = ChatCompletionStreamState[Any](
            input_tools=payload.get("tools") or (), response_format=payload["response_format"]
        )
        return ParsedStream(super().stream(**payload), self, state)

    async def create(self, **payload: Any) -> Any:
        """Open the stream: the SDK's `stream` calls it, with all the options that there are."""
        given = {name: value for name, value in payload.items() if not isinstance(value, Omit | NotGiven)}
        self.opened = await self._open(given)
        return self.opened


class ParsedStream:
    """What ChatOpenAI reads of such an answer: frames of texts, the SDK's events of everything else."""

    def __init__(
        self, request: Any, completions: _ParsedCompletions, state: ChatCompletionStreamState[Any]
    ) -> None:
        self._request = request
        self._completions = completions
        self._state = state
        self._texts: list[str] = []  # which the state lacks
        self._first: Frame = _NO_FRAME  # of these texts, or of the last ones
        self._is_begun = False
        self._is_finished = False

    async def __aenter__(self) -> Self:
        await self._request.__aenter__()
        return self

    async def __aexit__(self, *error: Any) -> None:
        await self._request.__aexit__(*error)

    async def __aiter__(self) -> AsyncIterator[Any]:
        if self._completions.opened is None:
            return
        async for chunk in self._completions.opened:
            if not isinstance(chunk, ChatCompletionChunk):
                self._note_text(chunk)
                yield chunk
            elif chunk.object == _CHUNK:  # Azure's filters send others, which the SDK leaves out
                self._add_texts()
                if self._first is _NO_FRAME:  # all texts after it may be published directly
                    self._first = {**_NO_FRAME, **chunk.model_dump(exclude=_NOT_OF_TEXTS, warnings=False)}
                for event in self._events(chunk):
                    yield event

    async def get_final_completion(self) -> Any:
        """Return the whole answer as the SDK parses it. Raises UpstreamTruncated if it isn't whole."""
        if not self._is_finished:
            raise UpstreamTruncated(BROKE_OFF)
        self._add_texts()
        return self._state.get_final_completion()

    def _note_text(self, frame: Frame) -> None:
        if isinstance(frame, PublishedText):
            self._texts.append(str(frame.chunk.text))
        elif isinstance(frame, TextFrame):
            if not self._texts:
                self._first = frame
            self._texts.append(frame.text)

    def _add_texts(self) -> None:
        """Add the texts to the SDK's answer, as one chunk like the first of them."""
        if not self._texts:
            return
        delta = {"content": "".join(self._texts)} | ({} if self._is_begun else {"role": "assistant"})
        self._texts.clear()
        (choice,) = self._first["choices"]
        frame = {**_ENVELOPE, **self._first, "choices": [{"index": 0, **choice, "delta": delta}]}
        self._events(ChatCompletionChunk.construct(**frame))

    def _events(self, chunk: ChatCompletionChunk) -> list[Any]:
        self._is_begun = True
        self._is_finished = self._is_finished or any(
            getattr(each, "finish_reason", None) for each in chunk.choices or ()
        )
        return list(self._state.handle_chunk(chunk))
