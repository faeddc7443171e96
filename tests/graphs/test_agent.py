"""The agent's loop, with a model scripted by the test."""

import asyncio
from typing import Any

import pytest
from langchain_core.messages import AIMessage, AIMessageChunk, AnyMessage, HumanMessage, ToolMessage
from langchain_core.messages.tool import invalid_tool_call
from langchain_core.tools import ToolException, tool
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.graph.state import CompiledStateGraph

from graphs import agent
from seltzer.models.demo import DemoChatModel
from tests.graphs.scripted import ScriptedChatModel, calling, question, streamed, texts_of

pytestmark = pytest.mark.anyio

Graph = CompiledStateGraph[agent.State, None, agent.State, agent.State]


async def _answer(graph: Graph, text: str) -> list[AnyMessage]:
    state = await graph.ainvoke(question(text))
    messages: list[AnyMessage] = state["messages"]
    return messages


async def test_a_question_goes_through_the_calculator_to_a_streamed_answer() -> None:
    graph = agent.build(DemoChatModel())

    parts = await streamed(graph, question("what is the square root of 71?"))

    tokens = [m.text for m in parts if isinstance(m, AIMessageChunk) and m.text]
    assert tokens == ["The", " square", " root", " of", " 71", " is", " 8.426149773176359."]
    assert [m.text for m in parts if isinstance(m, ToolMessage)] == ["8.426149773176359"]


async def test_the_model_sees_five_exchanges_and_the_thread_keeps_all() -> None:
    model = ScriptedChatModel(answers=[AIMessage("fine")])
    graph = agent.build(model)
    graph.checkpointer = InMemorySaver()
    config: Any = {"configurable": {"thread_id": "t"}}

    for number in range(8):
        await graph.ainvoke(question(f"question {number}"), config)

    asked = [m.text for m in model.asked[-1] if isinstance(m, HumanMessage)]
    assert asked == [f"question {number}" for number in range(2, 8)]
    assert len((await graph.aget_state(config)).values["messages"]) == 16


async def test_after_three_rounds_it_answers_without_tools() -> None:
    answers = [calling("1+1", call_id=str(n)) for n in range(3)] + [AIMessage("It is 2.")]
    model = ScriptedChatModel(answers=answers)

    messages = await _answer(agent.build(model), "1+1?")

    assert model.tools_bound == [True, True, True, False]
    assert messages[-1].text == "It is 2."
    assert [m.text for m in messages if isinstance(m, ToolMessage)] == ["2", "2", "2"]


async def test_a_model_that_calls_tools_it_no_longer_has_is_stopped() -> None:
    model = ScriptedChatModel(answers=[calling("1+1", call_id=str(n)) for n in range(9)])

    messages = await _answer(agent.build(model), "1+1?")

    assert len(model.asked) == 4
    assert isinstance(messages[-1], AIMessage)


async def test_a_new_turn_has_its_tool_rounds_again() -> None:
    model = ScriptedChatModel(answers=[AIMessage("fine")])
    earlier = [HumanMessage("q"), *[AIMessage("a")] * 5, HumanMessage("again")]

    await agent.build(model).ainvoke(question(*earlier))

    assert model.tools_bound == [True]


async def test_calls_in_one_message_are_all_run() -> None:
    model = ScriptedChatModel(answers=[calling("2+2", "3+3"), AIMessage("4 and 6")])

    messages = await _answer(agent.build(model), "2+2 and 3+3?")

    assert texts_of([m for m in messages if isinstance(m, ToolMessage)]) == ["4", "6"]


async def test_a_call_left_unanswered_by_a_stopped_run_is_repaired_before_the_model_sees_it() -> None:
    model = ScriptedChatModel(answers=[AIMessage("fine")])
    thread = [HumanMessage("q"), calling("1+1"), HumanMessage("still there?")]

    state = await agent.build(model).ainvoke(question(*thread))

    assert [m.type for m in model.asked[0]] == ["system", "human", "ai", "tool", "human"]
    assert [m.type for m in state["messages"]] == ["human", "ai", "human", "ai"]


async def test_a_broken_call_is_reported_to_the_model_and_never_run() -> None:
    broken = invalid_tool_call(name="calculator", args='{"expression": "1+', id="c", error=None)
    model = ScriptedChatModel(answers=[AIMessage("", invalid_tool_calls=[broken]), AIMessage("sorry")])

    messages = await _answer(agent.build(model), "1+1?")

    assert [m.type for m in messages] == ["human", "ai", "tool", "ai"]
    assert isinstance(refusal := messages[2], ToolMessage)
    assert refusal.status == "error"
    assert [m.type for m in model.asked[1]] == ["system", "human", "ai", "tool"]


async def test_a_call_cut_off_by_the_length_limit_is_never_run() -> None:
    cut = calling("1+1").model_copy(update={"response_metadata": {"finish_reason": "length"}})
    model = ScriptedChatModel(answers=[cut, AIMessage("sorry")])

    messages = await _answer(agent.build(model), "1+1?")

    assert [m.status for m in messages if isinstance(m, ToolMessage)] == ["error"]


@pytest.mark.parametrize(
    ("error", "text"),
    [
        (ToolException("out of order"), "The tool failed: out of order"),
        (RuntimeError("password=hunter2"), "The tool failed: RuntimeError"),
    ],
)
async def test_of_a_tool_that_raises_the_model_sees_only_what_was_written_for_it(
    error: Exception, text: str
) -> None:
    @tool
    def calculator(expression: str) -> str:
        """Fail."""
        raise error

    model = ScriptedChatModel(answers=[calling("1+1"), AIMessage("sorry")])

    messages = await _answer(agent.build(model, [calculator]), "1+1?")

    assert isinstance(result := messages[2], ToolMessage)
    assert (result.status, result.text) == ("error", text)


async def test_wrong_arguments_are_reported_to_the_model() -> None:
    @tool
    def calculator(number: int) -> str:
        """Double."""
        return str(2 * number)

    model = ScriptedChatModel(answers=[calling("1+1"), AIMessage("sorry")])

    messages = await _answer(agent.build(model, [calculator]), "1+1?")

    assert isinstance(result := messages[2], ToolMessage)
    assert result.status == "error"
    assert "number: Field required" in result.text


async def test_a_call_of_an_unknown_tool_is_reported_to_the_model() -> None:
    unknown = AIMessage("", tool_calls=[{"name": "weather", "args": {}, "id": "w"}])
    model = ScriptedChatModel(answers=[unknown, AIMessage("sorry")])

    messages = await _answer(agent.build(model), "weather?")

    assert isinstance(result := messages[2], ToolMessage)
    assert result.status == "error"
    assert "calculator" in result.text


async def test_a_tool_that_takes_too_long_is_abandoned(monkeypatch: pytest.MonkeyPatch) -> None:
    @tool
    async def calculator(expression: str) -> str:
        """Never answer."""
        return str(await asyncio.Event().wait())

    monkeypatch.setattr(agent, "TOOL_TIMEOUT_S", 0.01)
    model = ScriptedChatModel(answers=[calling("1+1"), AIMessage("sorry")])

    messages = await _answer(agent.build(model, [calculator]), "1+1?")

    assert isinstance(result := messages[2], ToolMessage)
    assert result.status == "error"
    assert "longer" in result.text
