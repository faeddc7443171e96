"""The demo model as LangChain's chat and completion model."""

import asyncio
from typing import Any

import pytest
from langchain_core.messages import AIMessage, AIMessageChunk, HumanMessage

from graphs.calculator import calculator
from seltzer.models.demo import DemoChatModel, DemoCompletion, Pace
from seltzer.models.errors import DemoFailure

pytestmark = pytest.mark.anyio

QUESTION = "what is the square root of 71?"


async def _chunks(question: str, *, tools: bool = False) -> list[AIMessageChunk]:
    model = DemoChatModel()
    speaker = model.bind_tools([calculator]) if tools else model
    return [chunk async for chunk in speaker.astream(question) if isinstance(chunk, AIMessageChunk)]


async def test_its_chunks_are_the_ones_a_provider_sends() -> None:
    chunks = await _chunks("hi there!")

    *words, last = chunks
    assert [chunk.text for chunk in words][:4] == ["Hello!", " I'm", " a", " scripted"]
    assert last.chunk_position == "last"
    assert last.response_metadata["finish_reason"] == "stop"
    assert last.response_metadata["model_name"] == "demo"
    assert last.usage_metadata == {
        "input_tokens": 4,
        "output_tokens": len(words),
        "total_tokens": 4 + len(words),
    }
    assert len({chunk.id for chunk in chunks}) == 1


async def test_its_tool_calls_are_streamed_in_chunks_that_add_up() -> None:
    chunks = await _chunks(QUESTION, tools=True)

    whole = sum(chunks[1:], chunks[0])
    assert whole.tool_calls[0]["name"] == "calculator"
    assert whole.tool_calls[0]["args"] == {"expression": "sqrt(71)"}
    assert whole.response_metadata["finish_reason"] == "tool_calls"
    assert len([chunk for chunk in chunks if chunk.tool_call_chunks]) >= 4


async def test_reasoning_is_not_content() -> None:
    whole = sum((chunks := await _chunks("think out loud"))[1:], chunks[0])

    assert whole.additional_kwargs["reasoning_content"].startswith("The user wants to see me think.")
    assert "scripted" in whole.text


def test_all_methods_return_the_same_answer() -> None:
    model = DemoChatModel()

    streamed = "".join(chunk.text for chunk in model.stream("hi there!"))

    assert streamed == model.invoke("hi there!").text == asyncio.run(model.ainvoke("hi there!")).text


def test_tool_choice_none_removes_the_tools() -> None:
    answer = DemoChatModel().bind_tools([calculator], tool_choice="none").invoke(QUESTION)

    assert answer.tool_calls == []
    assert "no calculator" in answer.text


async def test_it_fails_in_the_middle_with_a_named_error() -> None:
    texts = []

    async def listen() -> None:
        async for chunk in DemoChatModel().astream("fail in the middle"):
            texts.append(chunk.text)

    with pytest.raises(DemoFailure, match="as it was asked to"):
        await listen()

    assert len(texts) > 5


@pytest.mark.parametrize("version", ["v1", "v2"])
@pytest.mark.filterwarnings("ignore:astream_events version=.v1. is deprecated")
async def test_its_events_carry_every_token(version: Any) -> None:
    for model in (DemoChatModel(), DemoCompletion()):
        events = [event async for event in model.astream_events("hi there!", version=version)]

        names = [event["event"] for event in events]
        assert names[0].endswith("_start")
        assert sum(name.endswith("_stream") for name in names) > 5
        assert names[-1].endswith("_end")


def test_the_completion_model_streams_words_and_states_that_it_is_scripted() -> None:
    model = DemoCompletion()

    tokens = list(model.stream("Tell me a joke"))

    assert tokens[:4] == ["I'm", " a", " scripted", " demo"]
    assert "".join(tokens) == model.invoke("Tell me a joke") == asyncio.run(model.ainvoke("Tell me a joke"))


def test_the_completion_model_reads_the_transcript_it_is_given() -> None:
    prompt = "Human: my name is Bob\nAI: Hello\nHuman: what is my name?\nAI:"

    assert "Bob" in DemoCompletion().invoke(prompt)


async def test_the_completion_model_fails_when_asked_to() -> None:
    with pytest.raises(DemoFailure):
        await DemoCompletion().ainvoke("fail in the middle")
    with pytest.raises(DemoFailure):
        DemoCompletion().invoke("fail in the middle")


def test_its_parameters_identify_it() -> None:
    for model in (DemoChatModel(), DemoCompletion()):
        assert model._llm_type.startswith("demo")
        assert model._identifying_params == {"model_name": "demo"}
    assert DemoChatModel()._get_ls_params()["ls_provider"] == "demo"


def test_messages_are_counted_as_they_would_be_cut() -> None:
    answer = DemoChatModel().invoke([HumanMessage("one two three"), AIMessage("four"), HumanMessage("hi")])

    assert answer.usage_metadata
    assert answer.usage_metadata["input_tokens"] >= 5


def test_a_pace_is_a_schedule_from_the_first_token_on() -> None:
    pace = Pace.of(ttft_ms=150, tps=50)

    assert (pace.first_s, pace.gap_s) == (0.15, 0.02)
    assert Pace.of(ttft_ms=0, tps=0) == Pace(0, 0)


async def test_a_paced_model_takes_its_time_by_thread_and_by_loop() -> None:
    model = DemoChatModel(pace=Pace.of(ttft_ms=2, tps=2_000))

    in_loop = [chunk.text async for chunk in model.astream("hi there!")]

    assert in_loop == await asyncio.to_thread(lambda: [chunk.text for chunk in model.stream("hi there!")])
