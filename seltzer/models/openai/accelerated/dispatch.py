"""Tells a streamed answer to its listeners, and makes one message of it.

Departs from LangChain's own loop: that keeps each chunk until the answer's end, 2 KB a token; here pieces of
plain text become one chunk as they come.
"""

from collections.abc import AsyncIterator, Sequence
from contextlib import aclosing
from typing import Any, Final

from langchain_core.callbacks import AsyncCallbackManagerForLLMRun
from langchain_core.language_models.chat_models import generate_from_stream
from langchain_core.messages import AIMessageChunk, BaseMessageChunk
from langchain_core.outputs import ChatGenerationChunk, ChatResult
from langchain_core.utils.utils import LC_ID_PREFIX

from seltzer.models.openai.accelerated.callbacks import InPlace
from seltzer.models.openai.accelerated.direct_path import Direct

_METADATA: Final = {"model_provider": "openai"}  # what it is when joined to itself


class Teller:
    """Tells one answer to its run's listeners, and adds it up.

    direct is the way for text that the stream may take by itself; None if LangChain tells the listeners.
    """

    def __init__(self, run: AsyncCallbackManagerForLLMRun) -> None:
        self._run = run
        self._answer = Answer()
        self._message_id = f"{LC_ID_PREFIX}-{run.run_id}"
        self.direct = _direct(run, self._answer, self._message_id) if isinstance(run, InPlace) else None

    async def tell(self, chunks: AsyncIterator[ChatGenerationChunk]) -> ChatResult:
        """Tell each chunk as it comes, and return what they add up to.

        chunks is a generator, and is closed however this ends: a cancel while a listener is told ends the
        upstream's call too. Raises what making a chunk or telling it raises, and ValueError if there is none.
        """
        run, answer = self._run, self._answer
        message: BaseMessageChunk | None = None
        async with aclosing(chunks):  # type: ignore[type-var]  # typed as an iterator, is a generator
            async for chunk in chunks:
                message = chunk.message
                if message.id is None:
                    message.id = self._message_id
                message.response_metadata = {**(chunk.generation_info or {}), **message.response_metadata}
                await run.on_llm_new_token(message.content, chunk=chunk)
                answer.add(chunk)
                if self.direct:
                    self.direct.is_open = answer.ends_in_text and message.id == self._message_id
        if isinstance(message, AIMessageChunk) and not message.chunk_position:
            content: str | list[str | dict[str, Any]] = [] if isinstance(message.content, list) else ""
            nothing = AIMessageChunk(content=content, id=self._message_id, chunk_position="last")
            chunk = ChatGenerationChunk(message=nothing)
            await run.on_llm_new_token("", chunk=chunk)
            answer.add(chunk)
        return answer.result()


class Answer:
    """The chunks of an answer, those that only add text joined to one."""

    def __init__(self) -> None:
        self._chunks: list[ChatGenerationChunk] = []
        self._texts: list[str] = []  # of what is joined, behind the last of the chunks

    def add(self, chunk: ChatGenerationChunk) -> None:
        """Take the next chunk. It isn't changed: listeners may have kept it."""
        is_text = _is_text(chunk)
        if is_text and self._texts and chunk.message.id == self._chunks[-1].message.id:
            self._texts.append(chunk.text)
            return
        self._join()
        self._chunks.append(chunk)
        if is_text:
            self._texts.append(chunk.text)

    @property
    def ends_in_text(self) -> bool:
        return bool(self._texts)

    def add_texts(self, texts: Sequence[str]) -> None:
        """Take chunks that only add text to the last one, which is such a chunk too."""
        self._texts += texts

    def result(self) -> ChatResult:
        """Return the whole. Raises ValueError if there was no chunk."""
        self._join()
        result = generate_from_stream(iter(self._chunks))
        for each in result.generations:
            each.message.response_metadata = {
                **(each.generation_info or {}),
                **each.message.response_metadata,
            }
        return result

    def _join(self) -> None:
        if len(self._texts) > 1:
            message = self._chunks[-1].message.model_copy(update={"content": "".join(self._texts)})
            self._chunks[-1] = ChatGenerationChunk(message=message)
        self._texts.clear()


def _direct(run: InPlace, answer: Answer, message_id: str) -> Direct:
    """Return the way by which more of the text is told that was told last.

    It doesn't know the teller, which knows it: a circle would keep all of the run, 40 KB, for the collector.
    """

    def say(texts: Sequence[str]) -> None:
        run.tell_texts(texts, message_id)
        answer.add_texts(texts)

    async def tell(text: str) -> None:
        await run.on_more_text(text, message_id)
        answer.add_texts((text,))

    return Direct(say if run.are_never_awaited else None, tell)


def _is_text(chunk: ChatGenerationChunk) -> bool:
    """Tell whether the chunk says text and nothing else, so that joining two of them loses nothing."""
    message = chunk.message
    return (
        type(message) is AIMessageChunk
        and type(message.content) is str
        and chunk.generation_info is None
        and message.response_metadata == _METADATA
        and not (message.tool_call_chunks or message.additional_kwargs or message.usage_metadata)
        and not (message.name or message.chunk_position)
    )
