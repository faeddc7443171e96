"""The demo model as a completion model: the same script, for LangChain's older kind of model."""

import time
from collections.abc import AsyncIterator, Iterator
from typing import Any

from langchain_core.callbacks import AsyncCallbackManagerForLLMRun, CallbackManagerForLLMRun
from langchain_core.language_models import LLM
from langchain_core.outputs import GenerationChunk

from seltzer.models.demo.pace import Pace
from seltzer.models.demo.script import Fail, Text, plan
from seltzer.models.errors import DemoFailure
from seltzer.models.transcript import as_messages


class DemoCompletion(LLM):
    """A scripted completion model. Raises DemoFailure in mid-stream when the prompt asks for it."""

    model_name: str = "demo"
    pace: Pace = Pace()

    @property
    def _llm_type(self) -> str:
        return "demo-completion"

    @property
    def _identifying_params(self) -> dict[str, Any]:
        return {"model_name": self.model_name}

    def _call(
        self,
        prompt: str,
        stop: list[str] | None = None,
        run_manager: CallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> str:
        return "".join(chunk.text for chunk in self._stream(prompt))

    async def _acall(
        self,
        prompt: str,
        stop: list[str] | None = None,
        run_manager: AsyncCallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> str:
        return "".join([chunk.text async for chunk in self._astream(prompt)])

    def _stream(
        self,
        prompt: str,
        stop: list[str] | None = None,
        run_manager: CallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> Iterator[GenerationChunk]:
        started_s = time.monotonic()
        for index, token in enumerate(_tokens(prompt)):
            self.pace.wait(index, started_s)
            if run_manager:
                run_manager.on_llm_new_token(token)
            yield GenerationChunk(text=token)

    async def _astream(
        self,
        prompt: str,
        stop: list[str] | None = None,
        run_manager: AsyncCallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> AsyncIterator[GenerationChunk]:
        started_s = time.monotonic()
        for index, token in enumerate(_tokens(prompt)):
            await self.pace.await_turn(index, started_s)
            if run_manager:
                await run_manager.on_llm_new_token(token)
            yield GenerationChunk(text=token)


def _tokens(prompt: str) -> Iterator[str]:
    for part in plan(as_messages(prompt)):
        if isinstance(part, Fail):
            raise DemoFailure("The demo model failed in the middle of its answer, as it was asked to.")
        if isinstance(part, Text):
            yield part.text
