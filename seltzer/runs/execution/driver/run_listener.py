"""The run's own listener to LangChain's callbacks, which both ways of running a graph have."""

from typing import Any
from uuid import UUID

from langchain_core.callbacks import BaseCallbackHandler
from langchain_core.messages import ToolMessage
from langchain_core.outputs import LLMResult

from seltzer.runs.execution.driver.whole_answers import WholeAnswers
from seltzer.runs.execution.translation.parallel_calls import ParallelCalls
from seltzer.runs.execution.translation.tool_runs import ToolRuns
from seltzer.runs.text import clean_value
from seltzer.runs.upstream.called_model import called_options
from seltzer.runs.upstream.silence import SilenceWatch


class RunListener(ToolRuns):
    """Marks what runs inside tools, and models that run at once; refuses answers that aren't whole.

    It raises in the model's call. watch: notes each call, and each of its tokens.
    """

    ignore_llm = False
    raise_error = True

    def __init__(self, watch: SilenceWatch) -> None:
        super().__init__()
        self.watch = watch
        self._answers = WholeAnswers()
        self._parallel = ParallelCalls()

    def on_chat_model_start(
        self,
        *args: Any,
        metadata: dict[str, Any] | None = None,
        **kwargs: Any,
    ) -> None:
        super().on_chat_model_start(*args, metadata=metadata, **kwargs)
        self._answers.begin(kwargs["run_id"], metadata)
        options = called_options(args[0], kwargs.get("invocation_params"))
        self.watch.begin(kwargs["run_id"], metadata, options)
        self._parallel.begin(kwargs["run_id"], metadata, kwargs.get("tags"))

    def on_llm_new_token(self, token: Any, *, chunk: Any = None, run_id: UUID, **kwargs: Any) -> None:
        self.watch.note(run_id)
        pieces = getattr(getattr(chunk, "message", None), "tool_call_chunks", None)
        if pieces:
            self._answers.note(run_id, pieces)

    def on_tool_end(self, output: Any, **kwargs: Any) -> None:
        if isinstance(output, ToolMessage):
            output.content = clean_value(output.content)  # no provider's client can send half a character

    def on_llm_end(self, response: LLMResult, *, run_id: UUID, **kwargs: Any) -> None:
        self.watch.end(run_id)
        self._parallel.end(run_id)
        self._answers.end(run_id, response)

    def on_llm_error(self, error: BaseException, *, run_id: UUID, **kwargs: Any) -> None:
        self.watch.end(run_id)
        self._parallel.end(run_id)
        self._answers.end(run_id)


class WithRunListener(BaseCallbackHandler):
    """The listener within another one, whose class comes after this: each more costs time at every step."""

    raise_error = True

    def __init__(self, watch: SilenceWatch, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self._run = RunListener(watch)

    def on_tool_start(self, *args: Any, **options: Any) -> None:
        self._run.on_tool_start(*args, **options)

    def on_chain_start(self, *args: Any, **options: Any) -> None:
        self._run.on_chain_start(*args, **options)
        super().on_chain_start(*args, **options)

    def on_chat_model_start(self, *args: Any, **options: Any) -> None:
        self._run.on_chat_model_start(*args, **options)
        super().on_chat_model_start(*args, **options)

    def on_tool_end(self, *args: Any, **options: Any) -> None:
        self._run.on_tool_end(*args, **options)

    def on_llm_new_token(self, token: Any, *, chunk: Any = None, **options: Any) -> None:
        self._run.on_llm_new_token(token, chunk=chunk, **options)
        super().on_llm_new_token(token, chunk=chunk, **options)

    def on_llm_end(self, *args: Any, **options: Any) -> None:
        try:
            self._run.on_llm_end(*args, **options)
        finally:
            super().on_llm_end(*args, **options)

    def on_llm_error(self, *args: Any, **options: Any) -> None:
        self._run.on_llm_error(*args, **options)
        super().on_llm_error(*args, **options)
