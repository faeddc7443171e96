"""A graph that is made for each run, around a session that is open as long as the run."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from langchain_core.messages import AIMessage
from langchain_core.runnables import RunnableConfig
from langgraph.graph import END, START, MessagesState, StateGraph
from langgraph_sdk.runtime import ServerRuntime
from model import WordsModel
from session import open_session


@asynccontextmanager
async def make_graph(config: RunnableConfig, runtime: ServerRuntime) -> AsyncIterator[StateGraph]:
    manner = config.get("configurable", {}).get("manner", "plainly")
    if runtime.access_context != "threads.create_run":  # for schemas and drawing: nothing to connect to
        yield _graph(None, manner)
        return
    async with open_session() as session:
        yield _graph(session, manner)


def _graph(session, manner):
    async def look_up(state: MessagesState) -> dict:
        result = await session.call("search")
        return {"messages": [AIMessage(result, name="look_up")]}

    async def answer(state: MessagesState) -> dict:
        greeting = os.environ["SESSION_GREETING"]
        model = WordsModel(text=f"{greeting}, {state['messages'][-1].text}, said {manner}")
        return {"messages": [await model.ainvoke(state["messages"])]}

    builder = StateGraph(MessagesState)
    builder.add_node("look_up", look_up)
    builder.add_node("answer", answer)
    builder.add_edge(START, "look_up")
    builder.add_edge("look_up", "answer")
    builder.add_edge("answer", END)
    return builder
