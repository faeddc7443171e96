"""A graph of one node on messages around a model, with nothing else: what llm.py and completion.py serve."""

from typing import Annotated

from langchain_core.language_models import BaseChatModel
from langchain_core.messages import AnyMessage
from langgraph.graph import END, START, StateGraph
from langgraph.graph.message import add_messages
from langgraph.graph.state import CompiledStateGraph
from typing_extensions import TypedDict


class State(TypedDict):
    """The thread: every message, oldest first."""

    messages: Annotated[list[AnyMessage], add_messages]


def build(model: BaseChatModel) -> CompiledStateGraph[State, None, State, State]:
    """Build the graph: the model is asked once, with the whole conversation."""

    async def call(state: State) -> State:
        return {"messages": [await model.ainvoke(state["messages"])]}

    graph = StateGraph(State)
    graph.add_node("model", call)
    graph.add_edge(START, "model")
    graph.add_edge("model", END)
    return graph.compile()
