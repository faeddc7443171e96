"""The short way to a model's listeners tells them what LangChain's own way tells them."""

import uuid
from typing import Any

import pytest
from langchain_core.callbacks import AsyncCallbackHandler, AsyncCallbackManagerForLLMRun, BaseCallbackHandler
from langchain_core.messages import AIMessageChunk
from langchain_core.outputs import ChatGenerationChunk

from graphs.models.hearing import heard_in_place

pytestmark = pytest.mark.anyio


class Listener(BaseCallbackHandler):
    """Writes down what it is told; may be deaf, or raise."""

    run_inline = True

    def __init__(self, *, is_deaf: bool = False, raises: bool = False, raise_error: bool = False) -> None:
        self.told: list[Any] = []
        self.is_deaf = is_deaf
        self.raises = raises
        self.raise_error = raise_error

    @property
    def ignore_llm(self) -> bool:
        return self.is_deaf

    def on_llm_new_token(self, *args: Any, **kwargs: Any) -> None:
        self.told.append((args, kwargs))
        if self.raises:
            raise ValueError("I don't like it")


class Elsewhere(Listener):
    """One that LangChain calls in another thread."""

    run_inline = False


class Waited(AsyncCallbackHandler):
    run_inline = True

    async def on_llm_new_token(self, *args: Any, **kwargs: Any) -> None: ...


def run_with(*listeners: BaseCallbackHandler) -> AsyncCallbackManagerForLLMRun:
    return AsyncCallbackManagerForLLMRun(
        run_id=uuid.UUID(int=1),
        parent_run_id=uuid.UUID(int=2),
        handlers=list(listeners),
        inheritable_handlers=[],
        tags=["a tag"],
    )


async def tell(run: AsyncCallbackManagerForLLMRun) -> None:
    for text in ("one", "two"):
        chunk = ChatGenerationChunk(message=AIMessageChunk(content=text))
        await run.on_llm_new_token(text, chunk=chunk, more="given")


async def test_listeners_are_told_the_same_either_way() -> None:
    long, short = [Listener(), Listener(is_deaf=True)], [Listener(), Listener(is_deaf=True)]

    await tell(run_with(*long))
    run = heard_in_place(run_with(*short))
    await tell(run)

    assert [each.told for each in short] == [each.told for each in long]
    assert len(short[0].told) == 2
    assert type(run) is not AsyncCallbackManagerForLLMRun


@pytest.mark.parametrize("raise_error", [False, True])
async def test_a_listener_that_raises_does_what_it_does_the_long_way(raise_error: bool) -> None:
    long, short = (
        Listener(raises=True, raise_error=raise_error),
        Listener(raises=True, raise_error=raise_error),
    )
    outcomes = []

    for run in (run_with(long), heard_in_place(run_with(short))):
        try:
            await tell(run)
        except ValueError as error:
            outcomes.append(repr(error))
        else:
            outcomes.append("heard")

    assert outcomes[0] == outcomes[1] == ('ValueError("I don\'t like it")' if raise_error else "heard")
    assert short.told == long.told


@pytest.mark.parametrize("listener", [Elsewhere(), Waited()])
async def test_listeners_that_have_to_be_waited_for_are_told_the_long_way(
    listener: BaseCallbackHandler,
) -> None:
    run = run_with(Listener(), listener)

    assert heard_in_place(run) is run
