"""The agent: a chat model, a calculator, and a loop between them. Copy this file to begin your own.

The model sees the last exchanges; the thread keeps all of them. It may call tools in three rounds a turn;
then it has to answer from what it has. The graph has no checkpointer: its server provides one. Its nodes and
edges are coroutines, which need no thread: ask it by `ainvoke` and `astream`.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Annotated, Protocol

from langchain_core.language_models import BaseChatModel, LanguageModelInput
from langchain_core.messages import AIMessage, AnyMessage, SystemMessage, ToolMessage
from langchain_core.tools import BaseTool, ToolException
from langgraph.graph import END, START, StateGraph
from langgraph.graph.message import add_messages
from langgraph.graph.state import CompiledStateGraph
from langgraph.prebuilt import ToolNode
from langgraph.prebuilt.tool_node import ToolCallRequest
from langgraph.types import Command
from typing_extensions import TypedDict

from graphs.calculator import calculator
from graphs.history import last_exchanges, this_turn, with_every_call_answered, without_broken_calls
from seltzer.models import chat_model

SYSTEM = "You are a helpful assistant. Calculate with the calculator. Answer briefly, in the user's language."
ANSWER_NOW = "You have used your tool calls for this turn. Answer now, from what you have."
TOOLS: Sequence[BaseTool] = [calculator]
WINDOW = 5  # exchanges the model sees, besides the current one
MAX_TOOL_ROUNDS = 3
TOOL_TIMEOUT_S = 60


class State(TypedDict):
    """The thread: every message, oldest first."""

    messages: Annotated[list[AnyMessage], add_messages]


class Node(Protocol):
    """A node: it is given the state, and returns what changes."""

    async def __call__(self, state: State) -> State: ...


def build(
    model: BaseChatModel, tools: Sequence[BaseTool] = TOOLS
) -> CompiledStateGraph[State, None, State, State]:
    """Build the graph: the model is called and its tool calls are run, until it answers."""
    graph = StateGraph(State)
    graph.add_node("model", model_node(model, tools))
    graph.add_node("tools", tool_node(tools))
    graph.add_edge(START, "model")
    graph.add_conditional_edges("model", where_next, ["tools", "model", END])
    graph.add_edge("tools", "model")
    return graph.compile()


def model_node(model: BaseChatModel, tools: Sequence[BaseTool]) -> Node:
    """Make the node that calls the model."""
    with_tools = model.bind_tools(tools)

    async def call(state: State) -> State:
        chosen = with_tools if _may_call_tools(state) else model
        return {"messages": without_broken_calls(await chosen.ainvoke(_prompt(state)))}

    return call


def tool_node(tools: Sequence[BaseTool]) -> ToolNode:
    """Make the node that runs the model's calls, all at once."""
    return ToolNode(tools, handle_tool_errors=_error_text, awrap_tool_call=_within_time)


def _prompt(state: State) -> LanguageModelInput:
    """Choose what the model sees."""
    system = SYSTEM if _may_call_tools(state) else f"{SYSTEM}\n{ANSWER_NOW}"
    shown = with_every_call_answered(last_exchanges(state["messages"], WINDOW))
    return [SystemMessage(system), *shown]


def _may_call_tools(state: State) -> bool:
    return len(_answers_this_turn(state)) < MAX_TOOL_ROUNDS


async def where_next(state: State) -> str:
    """Run the model's calls; call it again if they were all broken; end the turn if it made none."""
    answers = _answers_this_turn(state)
    if len(answers) > MAX_TOOL_ROUNDS:
        return END
    if answers[-1].tool_calls:
        return "tools"
    return "model" if answers[-1].invalid_tool_calls else END


def _answers_this_turn(state: State) -> list[AIMessage]:
    return [message for message in this_turn(state["messages"]) if isinstance(message, AIMessage)]


async def _within_time(
    request: ToolCallRequest, run: Callable[[ToolCallRequest], Awaitable[ToolMessage | Command[str]]]
) -> ToolMessage | Command[str]:
    """Give a tool TOOL_TIMEOUT_S seconds; then abandon it, and let the model know."""
    try:
        async with asyncio.timeout(TOOL_TIMEOUT_S):
            return await run(request)
    except TimeoutError:
        return ToolMessage(
            f"The tool took longer than {TOOL_TIMEOUT_S} s and was abandoned.",
            name=request.tool_call["name"],
            tool_call_id=request.tool_call["id"],
            status="error",
        )


def _error_text(error: Exception) -> str:
    """Describe a tool's error to the model, so that it can answer without the tool.

    Clients read it too: of an error that wasn't written for the model, only its class is named. A call with
    wrong arguments is a ToolException as well.
    """
    return f"The tool failed: {error if isinstance(error, ToolException) else type(error).__name__}"


graph = build(chat_model())
