"""Makes the chunk of a text as ChatOpenAI makes it, without validating what is known to be valid."""

from copy import copy

from langchain_core.messages import AIMessageChunk
from langchain_core.outputs import ChatGenerationChunk

_METADATA = {"model_provider": "openai"}
_MESSAGE = AIMessageChunk(content="", additional_kwargs={}, id=None, tool_call_chunks=[])
_CHUNK = ChatGenerationChunk(message=_MESSAGE, generation_info=None)


def text_chunk(text: str) -> ChatGenerationChunk:
    """Make the chunk that ChatOpenAI makes of a frame which only adds text."""
    message = copy(_MESSAGE)
    message.__dict__.update(
        content=text,
        additional_kwargs={},
        response_metadata=_METADATA.copy(),
        tool_calls=[],
        invalid_tool_calls=[],
        tool_call_chunks=[],
    )
    chunk = copy(_CHUNK)
    chunk.__dict__.update(text=text, message=message)
    return chunk


def is_text_chunk(chunk: ChatGenerationChunk) -> bool:
    """Return whether the chunk adds text and nothing else, so that joining two of them loses nothing."""
    message = chunk.message
    return (
        type(message) is AIMessageChunk
        and type(message.content) is str
        and chunk.generation_info is None
        and message.response_metadata == _METADATA
        and not (message.tool_call_chunks or message.additional_kwargs or message.usage_metadata)
        and not (message.name or message.chunk_position)
    )
