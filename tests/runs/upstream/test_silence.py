"""A model's provider that falls silent is noticed, by whatever a run's callbacks show."""

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine
from types import SimpleNamespace
from typing import Any
from uuid import uuid4

import pytest
from langchain_core.language_models import BaseChatModel
from langchain_core.messages import AIMessage, AIMessageChunk
from langchain_core.outputs import ChatGeneration, ChatGenerationChunk, ChatResult
from langchain_core.rate_limiters import InMemoryRateLimiter

from seltzer.runs.execution.driver.run_listener import RunListener
from seltzer.runs.upstream.silence import SilenceWatch
from tests.patience import PATIENCE_S

pytestmark = pytest.mark.anyio

LIMIT_S = 0.02
PATIENT_S = 600
SHORT_S = 0.1
LONG_S = 0.3  # after which nothing more can come of it


class Silent(BaseChatModel):
    """A provider's model that begins an answer, if it has a text, and says nothing more."""

    provider: str = "openai"
    text: str = ""

    @property
    def _llm_type(self) -> str:
        return "silent"

    def _get_ls_params(self, *args: Any, **kwargs: Any) -> Any:
        return {"ls_provider": self.provider}

    def _generate(self, *args: Any, **kwargs: Any) -> ChatResult:
        raise NotImplementedError

    async def _agenerate(self, *args: Any, **kwargs: Any) -> ChatResult:
        await asyncio.Event().wait()
        raise AssertionError

    async def _astream(self, *args: Any, **kwargs: Any) -> AsyncIterator[ChatGenerationChunk]:
        if self.text:
            yield ChatGenerationChunk(message=AIMessageChunk(content=self.text))
        await asyncio.Event().wait()


class Optional(Silent):
    """One with options that packages' models have."""

    streaming: bool = False
    timeout: float | None = None
    client_kwargs: dict[str, Any] | None = None


class Answering(Silent):
    """A provider's model that answers."""

    def _generate(self, *args: Any, **kwargs: Any) -> ChatResult:
        return ChatResult(generations=[ChatGeneration(message=AIMessage("one"))])

    async def _agenerate(self, *args: Any, **kwargs: Any) -> ChatResult:
        return self._generate()


Call = Callable[[Silent, dict[str, Any]], Coroutine[Any, Any, Any]]


async def invoke(model: Silent, config: Any) -> None:
    await model.ainvoke("q", config)


async def stream(model: Silent, config: Any) -> None:
    async for _ in model.astream("q", config):
        pass


async def in_a_task(model: Silent, config: Any) -> None:
    await asyncio.create_task(invoke(model, config))


async def with_an_option(model: Silent, config: Any) -> None:
    await model.bind(user="u").ainvoke("q", config)


async def is_noticed(call: Call, model: Silent, *, limit_s: float | None = LIMIT_S, within_s: float) -> bool:
    """Return whether the model's silence is noticed while it is called."""
    noticed = asyncio.Event()
    watch = SilenceWatch(limit_s, noticed.set)
    calling = asyncio.create_task(call(model, {"callbacks": [RunListener(watch)]}))
    try:
        async with asyncio.timeout(within_s):
            await noticed.wait()
        return True
    except TimeoutError:
        return False
    finally:
        watch.close()
        calling.cancel()


SLOWER: dict[str, dict[str, Any]] = {
    "streaming": {"streaming": False},
    "disabled": {"disable_streaming": True},
    "rate limiter": {"rate_limiter": InMemoryRateLimiter(requests_per_second=0.001)},
    "timeout": {"timeout": PATIENT_S},
    "client": {"client_kwargs": {"timeout": PATIENT_S}},
}


@pytest.mark.parametrize("call", [invoke, stream, with_an_option])
@pytest.mark.parametrize("options", SLOWER)
async def test_options_are_those_of_the_model_itself(call: Call, options: str) -> None:
    """LangChain serializes neither this class nor a rate limiter."""
    assert not await is_noticed(call, Optional(**SLOWER[options]), within_s=SHORT_S)


@pytest.mark.parametrize("options", [{}, {"streaming": True}, {"disable_streaming": "tool_calling"}])
async def test_a_model_that_streams_is_noticed(options: dict[str, Any]) -> None:
    assert await is_noticed(invoke, Optional(**options), within_s=PATIENCE_S)


async def test_a_call_that_asks_for_a_whole_answer_may_take_its_time() -> None:
    async def invoke_whole(model: Silent, config: Any) -> None:
        await model.ainvoke("q", config, stream=False)

    assert not await is_noticed(invoke_whole, Optional(), within_s=SHORT_S)


@pytest.mark.parametrize("call", [invoke, stream, in_a_task])
@pytest.mark.parametrize("text", ["", "one"])
async def test_a_silent_model_is_noticed(call: Call, text: str) -> None:
    assert await is_noticed(call, Silent(text=text), within_s=PATIENCE_S)


@pytest.mark.parametrize(
    ("model", "limit_s"),
    [(Silent(provider="somebody's"), LIMIT_S), (Silent(), None)],
)
async def test_a_model_that_may_take_its_time_is_not(model: Silent, limit_s: float | None) -> None:
    assert not await is_noticed(invoke, model, limit_s=limit_s, within_s=LONG_S)


async def after_one(model: Silent, config: Any) -> None:
    await Answering().ainvoke("q", config, timeout=PATIENT_S)
    await invoke(model, config)


async def after_one_in_a_thread(model: Silent, config: Any) -> None:
    await asyncio.to_thread(Answering().invoke, "q", config, timeout=PATIENT_S)
    await invoke(model, config)


async def after_one_that_failed(model: Silent, config: Any) -> None:
    with pytest.raises(NotImplementedError):
        await asyncio.to_thread(model.invoke, "q", config, timeout=PATIENT_S)
    await invoke(model, config)


async def after_one_that_was_given_up(model: Silent, config: Any) -> None:
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(LIMIT_S / 10):
            await model.ainvoke("q", config, timeout=PATIENT_S)
    await invoke(model, config)


async def beside_one(model: Silent, config: Any) -> None:
    patient = asyncio.create_task(model.ainvoke("q", config, timeout=PATIENT_S))
    await asyncio.gather(patient, invoke(model, config))


@pytest.mark.parametrize(
    "call",
    [
        after_one,
        after_one_in_a_thread,
        after_one_that_failed,
        after_one_that_was_given_up,
        beside_one,
    ],
)
async def test_a_call_that_may_take_longer_does_not_delay_the_notice(call: Call) -> None:
    assert await is_noticed(call, Silent(), within_s=PATIENCE_S)


@pytest.mark.parametrize("call", [invoke, stream])
async def test_a_call_that_its_node_has_given_up_is_not(call: Call) -> None:
    async def give_up_and_wait(model: Silent, config: Any) -> None:
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(LIMIT_S / 10):
                await call(model, config)
        await asyncio.Event().wait()

    assert not await is_noticed(give_up_and_wait, Silent(), within_s=LONG_S)


@pytest.mark.parametrize(
    "options",
    [
        {"timeout": 600},
        {"request_timeout": 600.0},
        {"default_request_timeout": 600},
        {"timeout": object()},
        {"client_kwargs": {"timeout": 600}},
        {"async_client_kwargs": {"timeout": 600.0}},
        {"client_args": {"timeout": 600}},
        {"config": SimpleNamespace(read_timeout=600)},
        {"disable_streaming": True},
        {"disable_streaming": "tool_calling", "tools": ["one"]},
        {"streaming": False},
        {"stream": False},
        {"rate_limiter": InMemoryRateLimiter()},
        None,
    ],
)
async def test_a_call_that_may_take_longer_is_not(options: dict[str, Any] | None) -> None:
    noticed = asyncio.Event()
    watch = SilenceWatch(LIMIT_S, noticed.set)

    watch.begin(uuid4(), {"ls_provider": "openai"}, options)

    with pytest.raises(TimeoutError):
        async with asyncio.timeout(LONG_S):
            await noticed.wait()
    watch.close()
