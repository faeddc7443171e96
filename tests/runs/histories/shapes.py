"""The shapes of graph that the histories are played with: each has the same turns.

state      messages in a state, added by LangGraph's reducer
reducer    the same with a reducer of the author's own, which only appends
list       the state is the list of messages itself
memory     a tool is a subgraph that keeps a conversation of its own from turn to turn
function   an @entrypoint function, which saves its messages when it returns
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Annotated, Any, Final

from langchain_core.messages import AIMessage, BaseMessage, HumanMessage, ToolMessage
from langchain_core.runnables import RunnableConfig
from langgraph.func import entrypoint
from langgraph.graph import END, START, StateGraph, add_messages
from typing_extensions import TypedDict

from seltzer.runs.graph import AnyPregel
from seltzer.runs.threads.input.completion import CONTINUED
from tests.runs.histories.graph import World, has_work
from tests.runs.histories.messages import is_accepted, open_calls, shown
from tests.runs.scripted import Messages


def append(left: list[BaseMessage], right: list[BaseMessage]) -> list[BaseMessage]:
    return [*left, *right]


class Appended(TypedDict):
    messages: Annotated[list[BaseMessage], append]


def _state(world: World, schema: Any = Messages) -> AnyPregel:
    async def model(state: Any, config: RunnableConfig) -> Any:
        return {"messages": [await world.answer(state["messages"], config)]}

    return _compiled(schema, model, world.tools(), lambda state: state["messages"])


def _reducer(world: World) -> AnyPregel:
    return _state(world, Appended)


def _list(world: World) -> AnyPregel:
    async def model(state: list[BaseMessage], config: RunnableConfig) -> Any:
        return [await world.answer(state, config)]

    return _compiled(Annotated[list[BaseMessage], add_messages], model, world.tools(), lambda state: state)


def _memory(world: World) -> AnyPregel:
    async def plan(state: Any) -> Any:
        assert is_accepted(shown(state["messages"])), state["messages"]
        text = state["messages"][-1].text
        call = {"name": "work", "args": {"text": text}, "id": f"inner {len(state['messages'])}"}
        return {"messages": [AIMessage("", tool_calls=[call])]}

    builder = StateGraph(Messages).add_node("plan", plan).add_node("tools", world.tools())
    builder.add_edge(START, "plan").add_edge("plan", "tools")
    remembering = builder.compile(checkpointer=True)

    async def model(state: Any, config: RunnableConfig) -> Any:
        return {"messages": [await world.answer(state["messages"], config)]}

    async def tools(state: Any) -> Any:
        [call] = state["messages"][-1].tool_calls
        done = await remembering.ainvoke({"messages": [HumanMessage(call["args"]["text"])]})
        return {"messages": [ToolMessage(done["messages"][-1].text, tool_call_id=call["id"])]}

    return _compiled(Messages, model, tools, lambda state: state["messages"])


def _function(world: World) -> AnyPregel:
    @entrypoint()
    async def agent(
        given: list[BaseMessage], *, previous: list[BaseMessage] | None = None, config: RunnableConfig
    ) -> Any:
        messages = _with_results(previous or [], given)
        messages.append(await world.answer(messages, config))
        while has_work(messages):
            [call] = messages[-1].tool_calls  # type: ignore[attr-defined]  # as has_work has found
            done = await world.work(call["args"]["text"], config)
            messages.append(ToolMessage(done, tool_call_id=call["id"]))
            messages.append(await world.answer(messages, config))
        return entrypoint.final(value=messages, save=messages)

    return agent


def _with_results(previous: Sequence[BaseMessage], given: Sequence[BaseMessage]) -> list[BaseMessage]:
    results = [each for each in given if isinstance(each, ToolMessage)]
    missing = open_calls(shown([*previous, *results]))
    unanswered = [ToolMessage(CONTINUED, tool_call_id=call) for call in missing]
    return [*previous, *results, *unanswered, *(each for each in given if not isinstance(each, ToolMessage))]


def _compiled(schema: Any, model: Any, tools: Any, messages_of: Callable[[Any], Any]) -> AnyPregel:
    builder = StateGraph(schema).add_node("model", model).add_node("tools", tools)
    builder.add_edge(START, "model").add_edge("tools", "model")
    return builder.add_conditional_edges(
        "model", lambda state: "tools" if has_work(messages_of(state)) else END, ["tools", END]
    ).compile()


SHAPES: Final[Mapping[str, Callable[[World], AnyPregel]]] = {
    "state": _state,
    "reducer": _reducer,
    "list": _list,
    "memory": _memory,
    "function": _function,
}
