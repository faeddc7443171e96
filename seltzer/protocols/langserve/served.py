"""A graph as the Runnable that LangServe serves: its runs are the engine's, attached to the request.

A graph on messages is served as answer text: input `{"messages": [..]}` or a string, output the final
answer's text, whose tokens are the stream. Any other graph, be it one on messages that is declared to return
something else, has its own schema's output: the stream is its updates, or, for a bare Runnable, its chunks.
"""

from collections.abc import AsyncGenerator, AsyncIterator, Callable, Iterable
from contextlib import aclosing
from typing import Any, Final

from langchain_core.callbacks import AsyncCallbackManagerForChainRun
from langchain_core.runnables import (
    ConfigurableFieldSpec,
    Runnable,
    RunnableConfig,
    RunnableGenerator,
    RunnableLambda,
)
from langchain_core.runnables.config import get_config_list
from langchain_core.runnables.schema import StreamEvent
from langchain_core.tracers.log_stream import RunLog, RunLogPatch
from langgraph.graph.state import CompiledStateGraph
from pydantic import BaseModel

from seltzer.protocols.http.bodies.modifier import OURS
from seltzer.protocols.langserve.chain import inner_callbacks, stream_chain
from seltzer.protocols.langserve.frames import public_event, public_patch
from seltzer.protocols.langserve.run_request import REQUEST, EventForm, ServedRequest
from seltzer.protocols.langserve.schemas import ChatInput, as_v2, unchecked_model, unique_model
from seltzer.runs.event import Event
from seltzer.runs.graph import Graph
from seltzer.runs.messages.answer import AnswerText
from seltzer.runs.run import RunSpec

_INDEX: Final = "__seltzer_index"  # keys in `configurable`, set by the server for each request
_WITH_STEPS: Final = "__seltzer_with_steps"


class ServedGraph(Runnable[Any, Any]):
    """Runs the graph through the request's AttachedRuns, which the config carries.

    Async only: LangServe calls nothing else. listener is what chain.py needs to stream with less work;
    without it the stream is Runnable's own.
    """

    def __init__(self, graph: Graph, listener: type[Any] | None = None) -> None:
        self.graph = graph
        self._listener = listener
        self.name = graph.name
        self._invoking = RunnableLambda[Any, Any](self._whole, name=graph.name)
        self._streaming = RunnableGenerator[Any, Any](self._chunks_of, name=graph.name)  # type: ignore[arg-type]  # it may have the run and its config as parameters
        has_state = isinstance(graph.pregel, CompiledStateGraph)
        self._input_model = (unchecked_model if has_state else unique_model)(graph.schemas.input_model)
        self._output_model = unchecked_model(
            as_v2(super().get_output_schema()) if graph.answers_in_text else graph.schemas.output_model
        )

    @property
    def config_specs(self) -> list[ConfigurableFieldSpec]:
        thread = ConfigurableFieldSpec(
            id="thread_id",
            annotation=str,
            name="Thread",
            description="The conversation to continue; empty for a new one.",
            default="",
        )
        on_busy = ConfigurableFieldSpec(
            id="on_busy",
            annotation=str,
            name="On busy",
            description="While the thread has a run: reject, enqueue, interrupt or rollback.",
            default="reject",
        )
        return [thread, on_busy, *(spec for spec in self.graph.served.config_specs if spec.id not in OURS)]

    def get_input_schema(self, config: RunnableConfig | None = None) -> type[BaseModel]:
        if self.graph.takes_messages:
            return ChatInput
        return self._input_model

    def get_output_schema(self, config: RunnableConfig | None = None) -> type[BaseModel]:
        return self._output_model

    @property
    def InputType(self) -> Any:
        return ChatInput if self.graph.takes_messages else self._input_model

    @property
    def OutputType(self) -> Any:
        return str if self.graph.answers_in_text else self._output_model

    def invoke(self, input: Any, config: RunnableConfig | None = None, **kwargs: Any) -> Any:
        raise NotImplementedError("a served graph is async only: use ainvoke")

    async def ainvoke(self, input: Any, config: RunnableConfig | None = None, **kwargs: Any) -> Any:
        return await self._invoking.ainvoke(input, config)

    async def abatch(
        self,
        inputs: list[Any],
        config: RunnableConfig | list[RunnableConfig] | None = None,
        *,
        return_exceptions: bool = False,
        **kwargs: Any | None,
    ) -> list[Any]:
        configs = [
            {**each, "configurable": {**each.get("configurable", {}), _INDEX: index}}
            for index, each in enumerate(get_config_list(config, len(inputs)))
        ]
        return await super().abatch(inputs, configs, return_exceptions=return_exceptions, **kwargs)  # type: ignore[arg-type]  # a RunnableConfig with our key

    def astream(
        self, input: Any, config: RunnableConfig | None = None, **kwargs: Any | None
    ) -> AsyncIterator[Any]:
        if self._listener is None:
            return self._streaming.astream(input, config)
        return stream_chain(self._chunks, input, config, self.get_name(), self._listener)

    async def astream_events(  # type: ignore[override]  # v3 isn't served
        self, input: Any, config: RunnableConfig | None = None, **kwargs: Any
    ) -> AsyncIterator[StreamEvent]:
        kwargs["version"] = _form(config).version  # LangServe's own is fixed
        async for event in super().astream_events(input, _with_steps(config), **kwargs):
            yield public_event(event)

    async def astream_log(  # type: ignore[override]
        self, input: Any, config: RunnableConfig | None = None, **kwargs: Any
    ) -> AsyncIterator[RunLogPatch | RunLog]:
        log, shows_whole = RunLog(state=None), _form(config).shows_whole_log  # type: ignore[arg-type]  # as LangChain begins one
        async for patch in super().astream_log(input, _with_steps(config), **kwargs):
            if shows_whole:
                log += patch
                patch = RunLogPatch({"op": "replace", "path": "", "value": log.state})
            yield public_patch(patch)

    async def _whole(
        self, input: Any, run_manager: AsyncCallbackManagerForChainRun, config: RunnableConfig
    ) -> Any:
        request, spec = self._run(input, run_manager, config)
        async for _ in request.run(spec):
            pass
        return await request.attachment.output(spec)

    async def _chunks_of(
        self, inputs: AsyncIterator[Any], run_manager: AsyncCallbackManagerForChainRun, config: RunnableConfig
    ) -> AsyncGenerator[Any]:
        async for each in inputs:
            async with aclosing(self._chunks(each, run_manager, config)) as chunks:
                async for chunk in chunks:
                    yield chunk

    async def _chunks(
        self, input: Any, run_manager: AsyncCallbackManagerForChainRun, config: RunnableConfig
    ) -> AsyncGenerator[Any]:
        callbacks = (
            inner_callbacks(run_manager, self._listener) if config["configurable"].get(_WITH_STEPS) else None
        )
        request, spec = self._run(input, run_manager, config)
        render = self._render()
        async for event in request.run(spec, callbacks):
            for chunk in render(event):
                yield chunk

    def _run(
        self, input: Any, run_manager: AsyncCallbackManagerForChainRun, config: RunnableConfig
    ) -> tuple[ServedRequest, RunSpec]:
        configurable = config["configurable"]
        request: ServedRequest = configurable[REQUEST]
        requested = request.runs[configurable.get(_INDEX, 0)]
        if self.graph.takes_messages or isinstance(self.graph.pregel, CompiledStateGraph):
            input = requested.input  # LangServe's has lost the keys that its schema doesn't name
        return request, requested.spec(self.graph.name, str(run_manager.run_id), input)

    def _render(self) -> Callable[[Event], Iterable[Any]]:
        """Return what turns an event into the stream's chunks."""
        if self.graph.answers_in_text:
            return AnswerText().chunks
        return _custom_values if self.graph.is_wrapped else _updates


def _custom_values(event: Event) -> tuple[Any, ...]:
    return (event.data["value"],) if event.kind == "custom" else ()


def _updates(event: Event) -> tuple[Any, ...]:
    if event.kind != "update" or event.data["namespace"]:
        return ()
    return ({event.data["node"]: event.data["values"]},)


def _form(config: RunnableConfig | None) -> EventForm:
    request: ServedRequest = (config or {})["configurable"][REQUEST]
    return request.form


def _with_steps(config: RunnableConfig | None) -> RunnableConfig:
    """Request the graph's inner steps: LangChain's own events are made of callbacks."""
    config = config or {}
    return {**config, "configurable": {**config.get("configurable", {}), _WITH_STEPS: True}}
