"""What is told of a streamed answer, and what it adds up to, is what LangChain's own loop tells and makes."""

import asyncio
import uuid
import weakref
from collections.abc import AsyncIterator, Sequence
from typing import Any

import anyio
import pytest
from hypothesis import given
from hypothesis import strategies as st
from langchain_core.callbacks import (
    AsyncCallbackHandler,
    AsyncCallbackManagerForLLMRun,
    BaseCallbackHandler,
)
from langchain_core.language_models import BaseChatModel
from langchain_core.messages import AIMessageChunk, BaseMessage
from langchain_core.messages.ai import UsageMetadata
from langchain_core.messages.tool import tool_call_chunk
from langchain_core.outputs import ChatGenerationChunk, ChatResult
from langchain_core.tracers._streaming import _StreamingCallbackHandler

from seltzer.models.openai.accelerated.dispatch import Teller

pytestmark = pytest.mark.anyio

OPENAI = {"model_provider": "openai"}
USAGE = UsageMetadata(input_tokens=1, output_tokens=2, total_tokens=3)
CALL = tool_call_chunk(name="double", args='{"x":', id="c1", index=0)

messages = st.builds(
    AIMessageChunk,
    content=st.sampled_from(["", "one ", "two", "漢", [{"type": "text", "text": "block", "index": 0}]]),
    response_metadata=st.sampled_from([OPENAI, OPENAI, OPENAI, {}, {"finish_reason": "stop"}]),
    additional_kwargs=st.sampled_from([{}, {}, {}, {"reasoning_content": "hm"}]),
    usage_metadata=st.sampled_from([None, None, None, USAGE]),
    tool_call_chunks=st.sampled_from([[], [], [], [CALL]]),
    id=st.sampled_from([None, None, None, "other"]),
    name=st.sampled_from([None, None, None, "bob"]),
    chunk_position=st.sampled_from([None, None, None, "last"]),
)
chunks = st.builds(
    ChatGenerationChunk,
    message=messages,
    generation_info=st.sampled_from([None, None, None, {}, {"finish_reason": "stop"}]),
)


class Listener(BaseCallbackHandler, _StreamingCallbackHandler):  # type: ignore[type-arg]  # of anything
    """Has a model stream, and writes down what it is told."""

    run_inline = True

    def __init__(self) -> None:
        self.told: list[Any] = []

    def on_llm_new_token(self, token: Any, *, chunk: Any = None, **kwargs: Any) -> None:
        self.told.append((token, chunk.model_dump(), chunk.message.model_dump(exclude_unset=True), kwargs))

    def tap_output_aiter(self, run_id: uuid.UUID, output: Any) -> Any:
        return output

    def tap_output_iter(self, run_id: uuid.UUID, output: Any) -> Any:
        return output


class Saying(BaseChatModel):
    """Says these chunks."""

    says: Sequence[ChatGenerationChunk]

    @property
    def _llm_type(self) -> str:
        return "saying"

    def _generate(self, messages: list[BaseMessage], *args: Any, **kwargs: Any) -> ChatResult:
        raise NotImplementedError

    async def _astream(self, *args: Any, **kwargs: Any) -> AsyncIterator[ChatGenerationChunk]:
        for chunk in self.says:
            yield chunk.model_copy(deep=True)


def run_with(listener: BaseCallbackHandler) -> AsyncCallbackManagerForLLMRun:
    return AsyncCallbackManagerForLLMRun(
        run_id=uuid.UUID(int=1), handlers=[listener], inheritable_handlers=[]
    )


@given(st.lists(chunks, max_size=8))
async def test_listeners_and_the_result_are_those_of_langchains_loop(says: list[ChatGenerationChunk]) -> None:
    model, outcomes = Saying(says=says), list[Any]()
    for is_short in (True, False):
        listener = Listener()
        run = run_with(listener)
        try:
            result = await (
                Teller(run).tell(model._astream()) if is_short else model._agenerate_with_cache([], None, run)
            )
            outcomes.append((listener.told, result.model_dump(), repr(result)))
        except (ValueError, TypeError) as error:
            outcomes.append((listener.told, type(error), str(error)))

    assert outcomes[0] == outcomes[1]


async def test_a_piece_of_text_is_not_kept_once_it_was_told() -> None:
    kept: list[weakref.ref[Any]] = []

    class Chunk(ChatGenerationChunk):  # a class of its own: pydantic's can't be referred to weakly
        pass

    async def many() -> AsyncIterator[ChatGenerationChunk]:
        for _ in range(100):
            chunk = Chunk(message=AIMessageChunk(content="word ", response_metadata=OPENAI))
            kept.append(weakref.ref(chunk))
            yield chunk
            assert sum(each() is not None for each in kept) <= 3

    run = AsyncCallbackManagerForLLMRun(run_id=uuid.UUID(int=1), handlers=[], inheritable_handlers=[])

    assert (await Teller(run).tell(many())).generations[0].text == 100 * "word "


class Failing(BaseCallbackHandler):
    """Fails at the first token, and says so."""

    run_inline = raise_error = True

    def on_llm_new_token(self, *args: Any, **kwargs: Any) -> None:
        raise ZeroDivisionError


class Waiting(AsyncCallbackHandler):
    """Takes without end to hear of a token."""

    def __init__(self) -> None:
        self.is_told = asyncio.Event()

    async def on_llm_new_token(self, *args: Any, **kwargs: Any) -> None:
        self.is_told.set()
        await asyncio.Event().wait()


class Stream:
    """A model's stream of one token, which may be closed or left lying."""

    is_closed = False

    async def chunks(self) -> AsyncIterator[ChatGenerationChunk]:
        try:
            yield ChatGenerationChunk(message=AIMessageChunk(content="word "))
        finally:
            self.is_closed = True


async def test_a_listener_that_fails_ends_the_models_stream() -> None:
    stream, left = Stream(), []

    try:
        await Teller(run_with(Failing())).tell(stream.chunks())
    except ZeroDivisionError as error:
        left.append((error, stream.is_closed))  # the error holds on to the stream, as a task's does

    assert left[0][1]


async def test_a_cancel_while_a_listener_is_told_ends_the_models_stream() -> None:
    stream, listener = Stream(), Waiting()

    with anyio.fail_after(5):
        telling = asyncio.create_task(Teller(run_with(listener)).tell(stream.chunks()))
        await listener.is_told.wait()
        telling.cancel()
        await asyncio.wait((telling,))

    assert telling.cancelled()
    assert stream.is_closed
