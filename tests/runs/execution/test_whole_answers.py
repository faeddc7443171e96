"""Answers that aren't whole, of models of any class, in both ways of running a graph."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from typing import Any

import pytest
from langchain_core.language_models import BaseChatModel
from langchain_core.messages import AIMessage, AIMessageChunk, BaseMessage
from langchain_core.messages.tool import tool_call_chunk
from langchain_core.outputs import ChatGeneration, ChatGenerationChunk, ChatResult
from langchain_core.tools import tool
from langgraph.graph import START, MessagesState, StateGraph
from langgraph.prebuilt import ToolNode, tools_condition

from seltzer.runs.event import Event
from seltzer.runs.graph import AnyPregel
from tests.runs.conftest import Engines
from tests.runs.scenario import run_spec, run_to_end

pytestmark = [
    pytest.mark.anyio,
    pytest.mark.parametrize("accelerate", [True, False], ids=["in place", "plain"]),
]


class Model(BaseChatModel):
    """Streams its chunks at its first call, and says `done` at later ones."""

    chunks: Any
    provider: str = ""
    calls: int = 0

    @property
    def _llm_type(self) -> str:
        return "scripted"

    def _get_ls_params(self, stop: list[str] | None = None, **options: Any) -> Any:
        return {**super()._get_ls_params(stop, **options), "ls_provider": self.provider}

    def _generate(self, messages: list[BaseMessage], *args: Any, **options: Any) -> ChatResult:
        message = AIMessage("whole", response_metadata={"model_provider": self.provider})
        return ChatResult(generations=[ChatGeneration(message=message)], llm_output={"model": "m"})

    def _stream(self, *args: Any, **options: Any) -> Iterator[ChatGenerationChunk]:
        self.calls += 1
        for message in self.chunks if self.calls == 1 else [text("done", END)]:
            yield ChatGenerationChunk(message=message.model_copy(deep=True))

    async def _astream(self, *args: Any, **options: Any) -> AsyncIterator[ChatGenerationChunk]:
        for chunk in self._stream():
            yield chunk
            await asyncio.sleep(0)


END = {"finish_reason": "stop"}
CUT = {"finish_reason": "length"}


def text(content: str, metadata: dict[str, Any] | None = None) -> AIMessageChunk:
    return AIMessageChunk(content=content, response_metadata={"model_provider": "openai", **(metadata or {})})


def piece(args: str, call_id: str | None = None, index: int | None = 0) -> AIMessageChunk:
    """Return a piece of a call's arguments; its beginning has an id."""
    call = tool_call_chunk(name="note" if call_id else None, args=args, id=call_id, index=index)
    return AIMessageChunk(content="", tool_call_chunks=[call], response_metadata={"model_provider": "openai"})


def graph(model: Model, ran: list[str], *, in_loop: bool = True, tags: tuple[str, ...] = ()) -> AnyPregel:
    @tool
    def note(a: str) -> str:
        """Note it."""
        ran.append(a)
        return "noted"

    config: Any = {"tags": list(tags)}

    async def acall(state: MessagesState) -> Any:
        return {"messages": [await model.ainvoke(state["messages"], config)]}

    def call(state: MessagesState) -> Any:
        return {"messages": [model.invoke(state["messages"], config)]}

    builder = StateGraph(MessagesState).add_node("call", acall if in_loop else call)
    builder.add_node("tools", ToolNode([note])).add_edge(START, "call")
    return builder.add_conditional_edges("call", tools_condition).add_edge("tools", "call").compile()


async def run(engine_of: Engines, pregel: AnyPregel, *, accelerate: bool) -> Event:
    return (await run_to_end(await engine_of(pregel, accelerate=accelerate), run_spec()))[-1]


@pytest.mark.parametrize("in_loop", [True, False])
@pytest.mark.parametrize("tags", [(), ("nostream",)])
async def test_a_stream_that_just_ends_is_truncated(
    engine_of: Engines, accelerate: bool, in_loop: bool, tags: tuple[str, ...]
) -> None:
    pregel = graph(Model(chunks=[text("one "), text("two")]), [], in_loop=in_loop, tags=tags)

    last = await run(engine_of, pregel, accelerate=accelerate)

    assert (last.kind, last.data["code"]) == ("failed", "upstream_truncated")


async def test_a_provider_that_nobody_knows_may_end_as_it_likes(engine_of: Engines, accelerate: bool) -> None:
    chunk = AIMessageChunk(content="one", response_metadata={"model_provider": "acme"})

    assert (await run(engine_of, graph(Model(chunks=[chunk]), []), accelerate=accelerate)).kind == "finished"


async def test_claude_without_usage_has_no_reason_to_miss(engine_of: Engines, accelerate: bool) -> None:
    chunk = AIMessageChunk(content="one", response_metadata={"model_provider": "anthropic"})

    assert (await run(engine_of, graph(Model(chunks=[chunk]), []), accelerate=accelerate)).kind == "finished"


async def test_a_provider_may_be_known_by_its_model_alone(engine_of: Engines, accelerate: bool) -> None:
    model = Model(chunks=[AIMessageChunk(content="one")], provider="ollama")

    last = await run(engine_of, graph(model, []), accelerate=accelerate)

    assert last.data["code"] == "upstream_truncated"


async def test_an_answer_that_was_not_streamed_is_whole(engine_of: Engines, accelerate: bool) -> None:
    model = Model(chunks=[], provider="openai", disable_streaming=True)

    assert (await run(engine_of, graph(model, []), accelerate=accelerate)).kind == "finished"


@pytest.mark.parametrize("in_loop", [True, False])
@pytest.mark.parametrize(
    ("pieces", "ending", "code", "ran"),
    [
        ([piece('{"a"', "c1"), piece(': "x"}')], END, None, ["x"]),
        ([piece("", "c1"), piece('{"a": "x"')], CUT, "upstream_truncated", []),
        ([piece('{"a": "x"}', "c1"), piece('{"a": ', "c2", 1)], CUT, "upstream_truncated", []),
        ([piece('{"a": "x"', "c1")], END, "upstream_malformed", []),
        ([piece('["x"]', "c1")], END, "upstream_malformed", []),
        ([piece('{"a": NaN}', "c1")], END, "upstream_malformed", []),
        ([piece('{"a": [-Infinity]}', "c1")], END, "upstream_malformed", []),
        ([piece('{"a": "x"}', "c1"), piece('{"a": "y"}', "c2", 0)], END, None, ["x", "y"]),
        ([piece('{"a": "x"}', "c1", None), piece('{"a": "y"}', "c2", None)], END, None, ["x", "y"]),
        ([piece('{"a": "x"}', "c"), piece('{"a": "y",', "c", 1)], END, None, ["x"]),
        ([piece('{"a": "x",', "c"), piece('{"a": "y"}', "c", 1)], END, None, ["y"]),
        ([piece('["x"]', "c"), piece('{"a": "y"}', "c", 1)], END, None, ["y"]),
        ([piece('{"a": "x",', "c"), piece('{"a": "x",', "c", 1)], END, "upstream_malformed", []),
        ([piece('{"a": "x\\ud800"}', "c1")], END, None, ["x?"]),
        ([piece('{"a": ' + "[" * 70 + "]" * 70 + "}", "c1")], END, "upstream_malformed", []),
        ([piece('{"a": "' + "[" * 70 + '\\""}', "c1")], END, None, ["[" * 70 + '"']),
    ],
)
async def test_a_call_is_run_if_its_arguments_are_whole(
    engine_of: Engines,
    accelerate: bool,
    in_loop: bool,
    pieces: list[AIMessageChunk],
    ending: dict[str, str],
    code: str | None,
    ran: list[str],
) -> None:
    found: list[str] = []
    pregel = graph(Model(chunks=[*pieces, text("", ending)]), found, in_loop=in_loop)

    last = await run(engine_of, pregel, accelerate=accelerate)

    assert last.kind == ("failed" if code else "finished")
    assert last.data.get("code") == code
    assert sorted(found) == ran
