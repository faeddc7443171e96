"""Tools for models that can't call any: chat models and completion models."""

import asyncio
from typing import Any

import pytest
from langchain_core.language_models import FakeListLLM
from langchain_core.messages import (
    AIMessage,
    AIMessageChunk,
    AnyMessage,
    HumanMessage,
    SystemMessage,
    ToolMessage,
)
from langchain_core.tools import tool
from langchain_core.utils.function_calling import convert_to_openai_tool

from graphs import agent
from graphs.calculator import calculator
from seltzer.models import UpstreamMalformed
from seltzer.models.completion import CompletionChatModel
from seltzer.models.openai import StrictChatOpenAI, openai_chat
from seltzer.models.react import ReActJSONChatModel
from seltzer.models.react.prompt import arguments_for, as_react
from tests.graphs.scripted import PiecewiseChatModel, question, streamed
from tests.replies import Reply
from tests.upstream import Upstream

pytestmark = pytest.mark.anyio

CALL = ['Let me see. {"action": "calc', 'ulator", "action_in', 'put": "sqrt(71)"}', "\nObservation: 42"]
ANSWER = ['```json\n{"action": "Final', ' Answer", "action_input": "It', " is", " 8.4", '."}\n```']
BROKEN = ['{"action": "calculator", "action_input": 2+2}']


def _react(*texts: list[str]) -> ReActJSONChatModel:
    return ReActJSONChatModel(inner=PiecewiseChatModel(texts=list(texts)))


async def test_the_agent_runs_on_it_and_only_the_final_answer_shows() -> None:
    graph = agent.build(_react(CALL, ANSWER))

    parts = await streamed(graph, question("root of 71?"))

    assert [m.text for m in parts if isinstance(m, AIMessageChunk) and m.text] == ["It", " is", " 8.4", "."]
    assert [m.text for m in parts if isinstance(m, ToolMessage)] == ["8.426149773176359"]


async def test_its_events_have_no_json_either() -> None:
    graph = agent.build(_react(CALL, ANSWER))

    events = [event async for event in graph.astream_events(question("q"), version="v2")]

    streamed = [e["data"]["chunk"].text for e in events if e["event"] == "on_chat_model_stream"]
    assert "".join(streamed) == "It is 8.4."


async def test_a_call_is_emitted_completely_and_in_standard_chunks() -> None:
    speaker = _react(CALL).bind_tools([calculator])

    chunks = [chunk async for chunk in speaker.astream("q") if isinstance(chunk, AIMessageChunk)]

    whole = sum(chunks[1:], chunks[0])
    assert [(call["name"], call["args"]) for call in whole.tool_calls] == [
        ("calculator", {"expression": "sqrt(71)"})
    ]
    assert whole.response_metadata["finish_reason"] == "tool_calls"
    assert chunks[-1].chunk_position == "last"
    assert whole.text == ""


async def test_it_drives_the_agent() -> None:
    state = await agent.build(_react(CALL, ANSWER)).ainvoke(question("q"))

    assert state["messages"][-1].text == "It is 8.4."


def test_it_works_without_an_event_loop() -> None:
    assert asyncio.run(_react(ANSWER).ainvoke("q")).text == _react(ANSWER).invoke("q").text


async def test_a_broken_call_is_reported_to_the_model() -> None:
    model = _react(BROKEN, ANSWER)

    state = await agent.build(model).ainvoke(question("q"))

    assert [m.type for m in state["messages"]] == ["human", "ai", "tool", "ai"]
    assert state["messages"][2].status == "error"


async def test_a_stream_that_ends_in_the_middle_of_a_call_calls_nothing() -> None:
    answer = await _react(CALL[:2]).bind_tools([calculator]).ainvoke("q")

    assert (answer.tool_calls, answer.invalid_tool_calls) == ([], [])
    assert answer.response_metadata["finish_reason"] == "length"


async def test_a_stream_that_ends_in_the_middle_of_an_answer_keeps_what_was_shown() -> None:
    answer = await _react(ANSWER[:3]).ainvoke("q")

    assert answer.text == "It is"
    assert answer.response_metadata["finish_reason"] == "length"


async def test_plain_prose_is_the_answer() -> None:
    assert (await _react(["It is ", "8.4."]).ainvoke("q")).text == "It is 8.4."


async def test_a_tool_asked_for_where_there_is_none_is_an_error() -> None:
    with pytest.raises(UpstreamMalformed, match="'calculator'"):
        await _react(CALL).ainvoke("q")
    with pytest.raises(UpstreamMalformed):
        await _react(CALL).bind_tools([calculator], tool_choice="none").ainvoke("q")


async def test_a_completion_model_gets_tools_too_and_may_answer_in_one_chunk() -> None:
    completion = FakeListLLM(responses=["".join(CALL), "".join(ANSWER)])
    graph = agent.build(ReActJSONChatModel(inner=CompletionChatModel(completion=completion)))

    state = await graph.ainvoke(question("q"))

    assert [m.text for m in state["messages"]][-2:] == ["8.426149773176359", "It is 8.4."]


@pytest.fixture
def openai(upstream: Upstream) -> StrictChatOpenAI:
    """A real client; made outside the event loop, as making one reads files."""
    return openai_chat("test-model", None, upstream.url)


async def test_usage_and_name_of_the_model_inside_are_passed_on(
    upstream: Upstream, openai: StrictChatOpenAI
) -> None:
    upstream.script([Reply(text=ANSWER), Reply(text=["half an ans"], finish_reason="length")])
    model = ReActJSONChatModel(inner=openai)

    whole = await model.ainvoke("q")
    cut = await model.ainvoke("q")

    assert whole.usage_metadata
    assert whole.usage_metadata["input_tokens"] == 7
    assert whole.response_metadata["model_name"] == "test-model"
    assert cut.response_metadata["finish_reason"] == "length"


def test_the_conversation_is_written_as_the_model_is_to_write() -> None:
    conversation: list[AnyMessage] = [
        SystemMessage("Be brief."),
        HumanMessage("root?"),
        AIMessage("", tool_calls=[{"name": "calculator", "args": {"expression": "sqrt(4)"}, "id": "c"}]),
        ToolMessage("2", tool_call_id="c", name="calculator"),
        AIMessage("It is 2."),
        HumanMessage("thanks"),
    ]

    system, *rest = as_react(conversation, [convert_to_openai_tool(calculator)])

    assert system.text.startswith("Be brief.")
    assert "- calculator: " in system.text
    assert [(m.type, m.text) for m in rest] == [
        ("human", "root?"),
        ("ai", '{"action": "calculator", "action_input": {"expression": "sqrt(4)"}}'),
        ("human", "Observation from calculator: 2"),
        ("ai", '{"action": "Final Answer", "action_input": "It is 2."}'),
        ("human", "thanks"),
    ]


def test_without_tools_the_instructions_name_none() -> None:
    (system,) = as_react([], [])

    assert "tools" not in system.text
    assert "Final Answer" in system.text


@tool
def twice(number: int) -> int:
    """Double it."""
    return 2 * number


@tool
def add(a: int, b: int) -> int:
    """Add."""
    return a + b


@pytest.mark.parametrize(
    ("given", "tool_given", "arguments"),
    [
        ({"expression": "1"}, calculator, {"expression": "1"}),
        ("1+1", calculator, {"expression": "1+1"}),
        ('{"expression": "1+1"}', calculator, {"expression": "1+1"}),
        ('{"other": 1}', calculator, {"expression": '{"other": 1}'}),
        (71, calculator, {"expression": "71"}),
        ([1], calculator, {"expression": "[1]"}),
        (None, calculator, {}),
        (4, twice, {"number": 4}),
        ('{"a": 1, "b": 2}', add, {"a": 1, "b": 2}),
        ("1 and 2", add, {"input": "1 and 2"}),
        ("x", None, {"input": "x"}),
    ],
)
def test_an_input_becomes_arguments(given: Any, tool_given: Any, arguments: dict[str, Any]) -> None:
    assert arguments_for(given, convert_to_openai_tool(tool_given) if tool_given else None) == arguments
