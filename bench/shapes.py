"""The shape of the graph that calls a tool; the one of a single call is graphs.bare."""

from langchain_core.language_models import BaseChatModel
from langchain_core.tools import tool
from langgraph.graph import END, START, StateGraph
from langgraph.graph.state import CompiledStateGraph
from langgraph.prebuilt import ToolNode

from graphs.bare import State


@tool
def look() -> str:
    """Look."""
    return "seen"


def with_tool(model: BaseChatModel) -> CompiledStateGraph[State, None, State, State]:
    """Build model -> tool -> model, as often as the model calls."""
    bound = model.bind_tools([look])

    async def ask(state: State) -> State:
        return {"messages": [await bound.ainvoke(state["messages"])]}

    def goes_on(state: State) -> str:
        return "tools" if getattr(state["messages"][-1], "tool_calls", None) else END

    graph = StateGraph(State)
    graph.add_node("model", ask)
    graph.add_node("tools", ToolNode([look]))
    graph.add_edge(START, "model")
    graph.add_conditional_edges("model", goes_on, ["tools", END])
    graph.add_edge("tools", "model")
    return graph.compile()
