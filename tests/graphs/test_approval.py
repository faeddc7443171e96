"""The agent that asks first: what a person's answers do."""

from typing import Any

import pytest
from langchain_core.messages import AIMessage, AIMessageChunk, AnyMessage, ToolMessage
from langchain_core.runnables import RunnableConfig
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.graph.state import CompiledStateGraph
from langgraph.types import Command

from graphs import agent, approval
from seltzer.models.demo import DemoChatModel
from tests.graphs.scripted import ScriptedChatModel, calling, question, streamed

pytestmark = pytest.mark.anyio

Graph = CompiledStateGraph[agent.State, None, agent.State, agent.State]
CONFIG: RunnableConfig = {"configurable": {"thread_id": "t"}}
ASKED = "send an email to ada@example.org: hello"
BOTH = "send an email to ada@example.org and bob@example.org: hello"


def _graph(model: Any = None) -> Graph:
    graph = approval.build(model or DemoChatModel())
    graph.checkpointer = InMemorySaver()
    return graph


def _emailing(*addresses: str) -> AIMessage:
    """An answer that calls send_email, once for each address."""
    calls = [
        {"name": "send_email", "args": {"to": to, "subject": "s", "body": "b"}, "id": f"e{i}"}
        for i, to in enumerate(addresses)
    ]
    return AIMessage("", tool_calls=calls)


async def _asked(graph: Graph, asked: Any) -> list[Any]:
    """Go on, and return what is asked then."""
    await graph.ainvoke(asked, CONFIG)
    return [each.value for each in (await graph.aget_state(CONFIG)).interrupts]


async def _messages(graph: Graph) -> list[AnyMessage]:
    state = await graph.aget_state(CONFIG)
    messages: list[AnyMessage] = state.values["messages"]
    return messages


async def _results(graph: Graph) -> list[ToolMessage]:
    return [message for message in await _messages(graph) if isinstance(message, ToolMessage)]


async def _resumed(graph: Graph, answer: Any) -> list[Any]:
    parts: Any = graph.astream(Command(resume=answer), CONFIG, stream_mode="messages")
    return [message async for message, _ in parts]


async def _interrupt_id(graph: Graph) -> str:
    (waiting,) = (await graph.aget_state(CONFIG)).interrupts
    return waiting.id


async def test_the_call_is_put_before_a_person_and_nothing_has_happened_yet() -> None:
    graph = _graph()

    (asked,) = await _asked(graph, question(ASKED))

    assert asked == {
        "question": approval.QUESTION,
        "tool": "send_email",
        "args": {"to": "ada@example.org", "subject": "hello", "body": "hello"},
    }
    assert await _results(graph) == []


async def test_a_yes_runs_the_tool_and_the_answer_has_its_result() -> None:
    graph = _graph()
    await _asked(graph, question(ASKED))

    parts = await _resumed(graph, "yes")

    assert [m.status for m in await _results(graph)] == ["success"]
    text = "".join(m.text for m in parts if isinstance(m, AIMessageChunk))
    assert "nothing was sent" in text
    assert "ada@example.org" in text


@pytest.mark.parametrize(
    "answer", ["no", "いいえ", "否", False, None, {"approved": False}, "maybe tomorrow", 1, []]
)
async def test_anything_but_a_yes_is_a_no_and_the_model_sees_the_words(answer: Any) -> None:
    model = ScriptedChatModel(answers=[_emailing("ada@example.org"), AIMessage("As you wish.")])
    graph = _graph(model)
    await _asked(graph, question(ASKED))

    assert await _asked(graph, Command(resume={(await _interrupt_id(graph)): answer})) == []

    (result,) = await _results(graph)
    assert result.status == "error"
    assert "was not run" in result.text
    assert (answer if isinstance(answer, str) else "said: ") in result.text
    assert model.asked[-1][-1] == result
    assert (await _messages(graph))[-1].text == "As you wish."


@pytest.mark.parametrize(
    "answer",
    [
        *("yes", " Yes! ", "OK", "y", "yes, please", "ＹＥＳ"),
        *("はい", "はい、お願いします。", "是", "好的！"),
        *(True, {"approved": True}, {"approved": "yes"}),
    ],
)
def test_a_yes_is_understood(answer: Any) -> None:
    assert approval.is_yes(answer)


@pytest.mark.parametrize(
    "answer", ["", "yes but not to her", "yesterday", "no, ok?", "是不是", "👍", 1, {}, {"args": {}}, [True]]
)
def test_what_is_unclear_is_no_yes(answer: Any) -> None:
    assert not approval.is_yes(answer)


async def test_two_calls_are_asked_about_one_after_the_other() -> None:
    graph = _graph()

    (first,) = await _asked(graph, question(BOTH))
    (second,) = await _asked(graph, Command(resume="no"))
    assert await _asked(graph, Command(resume="yes")) == []

    assert [each["args"]["to"] for each in (first, second)] == ["ada@example.org", "bob@example.org"]
    declined, sent = await _results(graph)
    assert (declined.status, sent.status) == ("error", "success")
    assert "bob@example.org" in sent.text
    assert [m.type for m in await _messages(graph)] == ["human", "ai", "tool", "tool", "ai"]


async def test_a_yes_to_the_first_call_is_none_to_the_second() -> None:
    graph = _graph()
    await _asked(graph, question(BOTH))

    (second,) = await _asked(graph, Command(resume="yes"))

    assert second["args"]["to"] == "bob@example.org"
    assert len(await _results(graph)) == 1  # the first has been run already, and isn't run again
    await _asked(graph, Command(resume="yes"))
    assert [m.text.count("bob") for m in await _results(graph)] == [0, 1]


async def test_arguments_can_be_changed_with_the_yes() -> None:
    graph = _graph()
    await _asked(graph, question(ASKED))

    await _asked(graph, Command(resume={"approved": True, "args": {"to": "eve@example.org"}}))

    (sent,) = await _results(graph)
    assert "eve@example.org with the subject 'hello'" in sent.text


async def test_changed_arguments_that_are_wrong_are_reported_to_the_model() -> None:
    graph = _graph()
    await _asked(graph, question(ASKED))

    await _asked(graph, Command(resume={"approved": True, "args": {"to": 7}}))

    (result,) = await _results(graph)
    assert result.status == "error"


async def test_what_needs_no_yes_is_run_without_one_and_first() -> None:
    both = AIMessage("", tool_calls=[*_emailing("ada@example.org").tool_calls, *calling("1+1").tool_calls])
    graph = _graph(ScriptedChatModel(answers=[both, AIMessage("done")]))

    assert len(await _asked(graph, question("both"))) == 1
    assert [m.text for m in await _results(graph)] == ["2"]
    await _asked(graph, Command(resume="no"))

    assert [m.tool_call_id for m in await _results(graph)] == ["call-0", "e0"]


async def test_arithmetic_streams_as_it_does_in_the_agent() -> None:
    asked = question("what is the square root of 71?")

    through = [
        [m.text for m in await streamed(graph, asked) if m.text]
        for graph in (approval.build(DemoChatModel()), agent.build(DemoChatModel()))
    ]

    assert through[0] == through[1]
    assert "".join(through[0]).endswith("8.426149773176359.")


async def test_a_plain_new_question_drops_the_call() -> None:
    model = ScriptedChatModel(answers=[_emailing("ada@example.org"), AIMessage("fine")])
    graph = _graph(model)
    await _asked(graph, question(ASKED))

    await _asked(graph, question("never mind"))

    assert [m.type for m in model.asked[-1]] == ["system", "human", "ai", "tool", "human"]


@pytest.mark.parametrize(
    ("asked", "body"),
    [
        ("email ada@example.org saying good morning", "good morning"),
        ("send an email to ada@example.org", "Greetings from a scripted demo model."),
        ("ada@example.orgに「こんにちは」とメールしてください", "こんにちは"),
        ("ada@example.org にメールを送って：明日会いましょう", "明日会いましょう"),
        ("给ada@example.org发邮件：你好", "你好"),
    ],
)
async def test_the_demo_model_reads_what_to_send_in_its_languages(asked: str, body: str) -> None:
    graph = _graph()

    (put,) = await _asked(graph, question(asked))
    await _asked(graph, Command(resume="はい"))

    assert (put["args"]["to"], put["args"]["body"]) == ("ada@example.org", body)
    assert "nothing was sent" in (await _messages(graph))[-1].text


@pytest.mark.parametrize("asked", ["what does ada@example.org mean?", "hello", "send a letter"])
async def test_the_demo_model_sends_no_email_that_nobody_asked_for(asked: str) -> None:
    assert await _asked(_graph(), question(asked)) == []


async def test_the_agent_has_no_email_to_send() -> None:
    state = await agent.build(DemoChatModel()).ainvoke(question(ASKED))

    assert [m.type for m in state["messages"]] == ["human", "ai"]
