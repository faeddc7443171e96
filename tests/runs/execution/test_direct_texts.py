"""A graph whose model's texts use the direct path emits what it emits on the long one."""

import asyncio
import re
from collections.abc import Callable
from typing import Any

import anyio
import pytest
from langchain_core.language_models import BaseChatModel
from langchain_openai import ChatOpenAI
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.graph import END, START, StateGraph

pytest.importorskip("openai", minversion="3.52")  # the accelerated model's

from seltzer.models.openai.accelerated import AcceleratedChatOpenAI
from seltzer.models.openai.strict import StrictChatOpenAI
from seltzer.runs.execution.driver.graph_driver import in_place_driver
from seltzer.runs.execution.driver.graph_stream import Part
from seltzer.runs.execution.translation.answer_shape import AnswerShape
from seltzer.runs.execution.translation.translator import Translator
from seltzer.runs.graph import AnyPregel
from tests.models.openai.accelerated.listeners import ByTheTask, events_of, model_at, rounds, spoken
from tests.models.openai.dialects import DONE, STREAMS, frame
from tests.models.openai.wire import CHUNKED, Answer, answering, chunked, read_request
from tests.models.openai.wire import END as END_OF_BODY
from tests.runs.scripted import Messages, agent

pytestmark = pytest.mark.anyio

ASKED = {"messages": [{"role": "user", "content": "hi", "id": "h"}]}
Making = Callable[[BaseChatModel], AnyPregel]


def calling(*texts: str) -> list[bytes]:
    """Return the events of an answer that calls `double`, after a preamble."""
    call = {"index": 0, "id": "c1", "type": "function", "function": {"name": "double", "arguments": ""}}
    pieces = [{"index": 0, "function": {"arguments": piece}} for piece in ('{"x"', ": 4}")]
    frames = [
        *(frame({"content": text}) for text in texts),
        *(frame({"tool_calls": [each]}) for each in (call, *pieces)),
        frame({}, choice={"finish_reason": "tool_calls"}),
    ]
    return [*(each.encode() for each in frames), DONE.encode()]


def a_tool(model: BaseChatModel) -> AnyPregel:
    return agent(model=model).copy({"checkpointer": InMemorySaver()})  # type: ignore[arg-type]  # any will do


def nodes(*calls_of: int) -> Making:
    """Make a graph whose nodes call the model so often each, and keep the last answer."""

    def made(model: BaseChatModel) -> AnyPregel:
        def node(calls: int) -> Any:
            async def say(state: Messages) -> Any:
                answers = [await model.ainvoke(state["messages"]) for _ in range(calls)]
                return {"messages": answers[-1:]}

            return say

        builder = StateGraph(Messages)
        builder.add_sequence([(f"n{at}", node(calls)) for at, calls in enumerate(calls_of)])
        builder.add_edge(START, "n0").add_edge(f"n{len(calls_of) - 1}", END)
        return builder.compile(InMemorySaver())

    return made


def within(model: BaseChatModel) -> AnyPregel:
    """A graph in a graph."""
    inner = agent(model=model)  # type: ignore[arg-type]  # any will do
    builder = StateGraph(Messages).add_node("inner", inner).add_edge(START, "inner").add_edge("inner", END)
    return builder.compile(InMemorySaver())


SHAPES: dict[str, tuple[Making, list[list[bytes]]]] = {
    "an answer": (nodes(1), [spoken("one ", "two ", "", "three")]),
    "every kind of text": (nodes(1), [events_of(STREAMS["openai"])]),
    "reasoning": (nodes(1), [events_of(STREAMS["deepseek"])]),
    "half a character": (
        nodes(1),
        [
            [
                *spoken("a", "b")[:2],
                frame({"content": "?"}).encode().replace(b"?", b"\\ud83e"),
                *spoken("c"),
            ]
        ],
    ),
    "text before a tool call": (a_tool, [calling("Let ", "me ", "see."), spoken("It ", "is ", "8.")]),
    "no text before a tool call": (a_tool, [calling(), spoken("It ", "is ", "8.")]),
    "two nodes": (nodes(1, 1), [spoken("one ", "two"), spoken("three ", "four")]),
    "two calls of a node": (nodes(2), [spoken("one ", "two"), spoken("three ", "four")]),
    "a subgraph": (within, [calling("Let ", "me"), spoken("It ", "is ", "8.")]),
    "a cut answer": (nodes(1), [spoken("one ", "two ")[:2]]),
}


def scripted(answers: list[list[bytes]]) -> Answer:
    """Answer the n-th request with the n-th answer, an event at a time."""
    left = list(answers)

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while True:
            await read_request(reader)
            writer.write(CHUNKED)
            for event in left.pop(0):
                writer.write(chunked(event))
                await rounds()
            writer.write(END_OF_BODY)

    return answer


async def driven(making: Making, answers: list[list[bytes]], kind: type[StrictChatOpenAI]) -> Any:
    """Return the modes of the parts, what they emit, and the translator's end; ids by their order."""
    parts: list[Part] = []
    error = ""
    with anyio.fail_after(10):
        async with answering(scripted(answers)) as url:
            graph = making(await model_at(url, kind))
            translator = Translator(AnswerShape(graph))
            try:
                async for _ in in_place_driver()(
                    graph, ASKED, {"configurable": {"thread_id": "t"}}, parts.append
                ):
                    pass
            except Exception as caught:  # noqa: BLE001  any: both ways must fail alike
                error = repr(caught)
    events = [(each.kind, each.data) for part in parts for each in translator.feed(*part)]
    outcome = [events, translator.returned, translator.usage, translator.values, error]
    return [mode for _, mode, _ in parts], _without_ids(repr(outcome))


def _without_ids(text: str) -> str:
    known: dict[str, str] = {}
    return re.sub(
        "[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f-]{22}",
        lambda found: known.setdefault(found[0], f"ID{len(known)}"),
        text,
    )


@pytest.mark.parametrize("shape", SHAPES)
async def test_the_texts_are_those_of_the_messages(shape: str) -> None:
    making, answers = SHAPES[shape]

    modes, direct = await driven(making, answers, AcceleratedChatOpenAI)
    untold_modes, untold = await driven(making, answers, ByTheTask)
    _, long = await driven(making, answers, StrictChatOpenAI)

    assert direct == untold == long
    assert "texts" in modes or shape == "reasoning"
    assert "texts" not in untold_modes
    assert len(modes) == len(untold_modes)


async def test_text_before_a_tool_call_is_retracted() -> None:
    making, answers = SHAPES["text before a tool call"]

    modes, direct = await driven(making, answers, AcceleratedChatOpenAI)

    assert modes.count("texts") == 4
    assert direct.index("see.") < direct.index("'retracted'") < direct.index("tool_call") < direct.index("8.")


async def test_interleaved_answers_are_kept_apart() -> None:
    """Two calls at once, whose texts alternate: each text is its own message's."""
    words, at_turn = "abcdef", [asyncio.Event() for _ in range(7)]
    begun: list[int] = []

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await read_request(reader)
        begun.append(1)
        mine = len(begun) - 1
        if mine == 1:
            at_turn[0].set()
        writer.write(CHUNKED)
        for turn in range(mine, 6, 2):
            await at_turn[turn].wait()
            writer.write(chunked(spoken(words[turn])[0]))
            await rounds()
            at_turn[turn + 1].set()
        await at_turn[6].wait()
        writer.write(chunked(b"".join(spoken())) + END_OF_BODY)
        await reader.read()

    async def both(state: Messages) -> Any:
        answers = await asyncio.gather(*(models[0].ainvoke(state["messages"]) for _ in range(2)))
        return {"messages": sorted(answers, key=lambda each: str(each.text))[-1:]}

    graph = StateGraph(Messages).add_node("n", both).add_edge(START, "n").compile(InMemorySaver())
    translator, parts, models = Translator(AnswerShape(graph)), list[Part](), list[ChatOpenAI]()
    with anyio.fail_after(10):
        async with answering(answer) as url:
            models.append(await model_at(url))
            async for _ in in_place_driver()(
                graph, ASKED, {"configurable": {"thread_id": "t"}}, parts.append
            ):
                pass
    tokens = [each.data for part in parts for each in translator.feed(*part) if each.kind == "token"]

    assert [mode for _, mode, _ in parts].count("texts") == 4
    assert "".join(each["text"] for each in tokens) == words
    texts: dict[str, str] = {}
    for each in tokens:
        texts[each["message_id"]] = texts.get(each["message_id"], "") + each["text"]
    assert sorted(texts.values()) == ["ace", "bdf"]
