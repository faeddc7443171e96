"""Tells a streamed answer to its listeners, and makes one message of it.

Departs from LangChain's own loop: that keeps each chunk until the answer's end, 2 KB a token; here pieces of
plain text become one chunk as they come.
"""

from collections.abc import AsyncIterator
from contextlib import aclosing
from typing import Any, Final

from langchain_core.callbacks import AsyncCallbackManagerForLLMRun
from langchain_core.language_models.chat_models import generate_from_stream
from langchain_core.messages import AIMessageChunk, BaseMessageChunk
from langchain_core.outputs import ChatGenerationChunk, ChatResult
from langchain_core.utils.utils import LC_ID_PREFIX

_METADATA: Final = {"model_provider": "openai"}  # what it is when joined to itself


async def told(chunks: AsyncIterator[ChatGenerationChunk], run: AsyncCallbackManagerForLLMRun) -> ChatResult:
    """Tell the run's listeners each chunk as it comes, and return what they add up to.

    chunks is a generator, and is closed however this ends: a cancel while a listener is told ends the
    upstream's call too. Raises what making a chunk or telling it raises, and ValueError if there is none.
    """
    answer, message_id = Answer(), f"{LC_ID_PREFIX}-{run.run_id}"
    message: BaseMessageChunk | None = None
    async with aclosing(chunks):  # type: ignore[type-var]  # typed as an iterator, is a generator
        async for chunk in chunks:
            message = chunk.message
            if message.id is None:
                message.id = message_id
            message.response_metadata = {**(chunk.generation_info or {}), **message.response_metadata}
            await run.on_llm_new_token(message.content, chunk=chunk)
            answer.add(chunk)
    if isinstance(message, AIMessageChunk) and not message.chunk_position:
        content: str | list[str | dict[str, Any]] = [] if isinstance(message.content, list) else ""
        nothing = AIMessageChunk(content=content, id=message_id, chunk_position="last")
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
