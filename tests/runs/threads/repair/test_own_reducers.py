"""Threads whose messages are merged by the author's own reducer, or by none: a stopped tool wedges none."""

import asyncio
import operator
from collections.abc import Sequence
from typing import Annotated, Any

import anyio
import pytest
from langchain_core.messages import AIMessage, BaseMessage, ToolMessage
from langchain_core.tools import BaseTool, tool
from langgraph.channels import LastValue
from langgraph.errors import InvalidUpdateError
from langgraph.graph import END, START, StateGraph, add_messages
from langgraph.prebuilt import ToolNode
from typing_extensions import TypedDict

from seltzer.runs.engine import Engine
from seltzer.runs.graph import AnyPregel
from tests.runs.conftest import Engines
from tests.runs.scenario import read_all, run_spec, run_to_end
from tests.runs.scripted import ScriptedModel, call
from tests.runs.threads.repair.test_repair import is_valid

pytestmark = pytest.mark.anyio


def cut(old: list[Any], new: Any) -> list[Any]:
    added: Any = add_messages(old, new)
    return [*added][-20:]


def cut_to_two(old: list[Any], new: Any) -> list[Any]:
    return [*old, *new][-2:]


def replace(old: list[Any], new: list[Any]) -> list[Any]:
    return new


def without_errors(old: list[Any], new: list[Any]) -> list[Any]:
    return [*old, *(each for each in new if getattr(each, "status", "") != "error")]


def strict(old: list[Any], new: list[Any]) -> list[Any]:
    if any(isinstance(each, ToolMessage) and each.status == "error" for each in new):
        raise ValueError("no errors here")
    return [*old, *new]


REDUCERS: Sequence[Any] = (
    add_messages,
    cut,
    cut_to_two,
    operator.add,
    lambda old, new: old + new,
    replace,
    without_errors,
    strict,
)


def state_of(**channels: Any) -> Any:
    return TypedDict("State", channels)  # type: ignore[operator]  # its fields are a test's parameters


class Stuck:
    """A tool that never ends, or fails as soon as it may."""

    def __init__(self) -> None:
        self.begun, self.gate = asyncio.Event(), asyncio.Event()

    def tool(self) -> BaseTool:
        @tool
        async def stuck(x: int) -> str:
            """Wait."""
            self.begun.set()
            await self.gate.wait()
            raise RuntimeError("broken")

        return stuck


def agent_with(schema: Any, model: ScriptedModel, tool: BaseTool, *, replaces: bool = False) -> AnyPregel:
    """Return an agent on the state. replaces: its nodes write all of its messages."""

    async def say(state: Any) -> Any:
        answer = await model.ainvoke(state["messages"])
        return {"messages": [*state["messages"], answer] if replaces else [answer]}

    builder = StateGraph(schema)
    builder.add_node("model", say)
    builder.add_node("tools", ToolNode([tool], handle_tool_errors=False))
    builder.add_edge(START, "model")
    builder.add_conditional_edges("model", lambda s: "tools" if s["messages"][-1].tool_calls else END)
    builder.add_edge("tools", "model")
    return builder.compile()


async def stop(engine: Engine, stuck: Stuck, how: str, run_id: str = "r1") -> None:
    """End the run amid its tool, in one way or the other."""
    with anyio.fail_after(10):
        await stuck.begun.wait()
    if how == "cancelled":
        await engine.cancel(run_id)
    else:
        stuck.gate.set()
    assert (await read_all(engine.follow(run_id)))[-1].kind == how


@pytest.mark.parametrize("how", ["cancelled", "failed"])
@pytest.mark.parametrize("reducer", REDUCERS, ids=lambda reducer: reducer.__name__)
async def test_a_stopped_tools_call_gets_a_result_whatever_the_reducer(
    engine_of: Engines, reducer: Any, how: str
) -> None:
    schema = state_of(messages=Annotated[list[BaseMessage], reducer])
    model, stuck = ScriptedModel(scripts=[[call("stuck", '{"x": 1}')], ["hello"]]), Stuck()
    is_replacing = reducer is replace
    engine = await engine_of(agent_with(schema, model, stuck.tool(), replaces=is_replacing))
    await engine.start(run_spec("1", run_id="r1"))

    await stop(engine, stuck, how)

    messages = await engine.messages("agent", "t")
    assert isinstance(messages[-1], ToolMessage)
    assert (messages[-1].tool_call_id, messages[-1].status) == ("c1", "error")
    assert is_valid(messages)
    assert [m.type for m in messages][-2:] == ["ai", "tool"]
    if not is_replacing:  # its input replaces the conversation, too
        await run_to_end(engine, run_spec("2", run_id="r2"))
        assert is_valid([m for m in await engine.messages("agent", "t") if m.type != "human"][:2])
        assert (await engine.messages("agent", "t"))[-1].text == "hello"


async def test_so_does_one_of_a_list_without_a_reducer(engine_of: Engines) -> None:
    schema = state_of(messages=list[BaseMessage])
    model, stuck = ScriptedModel(scripts=[[call("stuck", '{"x": 1}')]]), Stuck()
    engine = await engine_of(agent_with(schema, model, stuck.tool(), replaces=True))
    await engine.start(run_spec("1", run_id="r1"))

    await stop(engine, stuck, "cancelled")

    assert [m.type for m in await engine.messages("agent", "t")] == ["human", "ai", "tool"]


async def test_the_partial_answer_is_kept_whatever_the_reducer(engine_of: Engines) -> None:
    schema = state_of(messages=Annotated[list[BaseMessage], operator.add])
    model = ScriptedModel(scripts=[["half an ", "ans", asyncio.Event()], ["two"]])
    engine = await engine_of(agent_with(schema, model, Stuck().tool()))
    await engine.start(run_spec("1", run_id="r1"))
    events = engine.follow("r1")
    texts = ""
    with anyio.fail_after(10):
        while texts != "half an ans":
            event = await anext(events)
            texts += event.data["text"] if event.kind == "token" else ""
    await engine.cancel("r1")
    await read_all(events)

    assert [m.text for m in await engine.messages("agent", "t")] == ["1", "half an ans"]


async def cancel_once(begun: asyncio.Event, engine: Engine) -> None:
    """Start a run, and cancel it once its tool has begun."""
    await engine.start(run_spec("1", run_id="r1"))
    with anyio.fail_after(10):
        await begun.wait()
    await engine.cancel("r1")
    await read_all(engine.follow("r1"))


async def test_dicts_in_openais_form_get_a_result_in_that_form(engine_of: Engines) -> None:
    """As of people who call OpenAI's client in their nodes, without LangChain's messages."""
    schema = state_of(messages=Annotated[list[Any], operator.add])
    begun = asyncio.Event()
    function = {"name": "look_up", "arguments": "{}"}
    asked = {"id": "c1", "type": "function", "function": function}

    async def say(state: Any) -> Any:
        return {"messages": [{"role": "assistant", "content": None, "tool_calls": [asked]}]}

    async def look_up(state: Any) -> Any:
        begun.set()
        await asyncio.Event().wait()

    builder = StateGraph(schema)
    builder.add_sequence([("say", say), ("look_up", look_up)]).add_edge(START, "say")
    engine = await engine_of(builder.compile())
    await cancel_once(begun, engine)

    last: Any = (await engine.threads.state("agent", "t")).values["messages"][-1]
    assert (last["role"], last["tool_call_id"]) == ("tool", "c1")


async def test_every_conversation_of_a_state_is_repaired(engine_of: Engines) -> None:
    """As of a supervisor that keeps its researchers' messages beside its own."""
    schema = state_of(
        messages=Annotated[list[BaseMessage], add_messages],
        research=Annotated[list[BaseMessage], operator.add],
    )
    begun = asyncio.Event()

    async def research(state: Any) -> Any:
        return {"research": [AIMessage("", tool_calls=[{"name": "search", "args": {}, "id": "s1"}])]}

    async def search(state: Any) -> Any:
        begun.set()
        await asyncio.Event().wait()

    builder = StateGraph(schema)
    builder.add_sequence([("research", research), ("search", search)]).add_edge(START, "research")
    engine = await engine_of(builder.compile())
    await cancel_once(begun, engine)

    values = (await engine.threads.state("agent", "t")).values
    assert [each["type"] for each in values["research"]] == ["ai", "tool"]
    assert [each["type"] for each in values["messages"]] == ["human"]


class Sealed(LastValue[Any]):
    """A channel that refuses errors, in whatever way they are written."""

    def update(self, values: Sequence[Any]) -> bool:
        if any(getattr(each, "status", "") == "error" for value in values for each in value):
            raise InvalidUpdateError("no errors here")
        return super().update(values)


async def test_a_conversation_that_can_not_be_repaired_is_logged(
    engine_of: Engines, caplog: pytest.LogCaptureFixture
) -> None:
    schema = state_of(messages=Annotated[list[BaseMessage], Sealed])
    model, stuck = ScriptedModel(scripts=[[call("stuck", '{"x": 1}')], ["hello"]]), Stuck()
    engine = await engine_of(agent_with(schema, model, stuck.tool(), replaces=True))
    await engine.start(run_spec("1", run_id="r1"))

    await stop(engine, stuck, "cancelled")

    assert "nothing can be appended to channel 'messages'" in caplog.text
    assert [m.type for m in await engine.messages("agent", "t")] == ["human", "ai"]
