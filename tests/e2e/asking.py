"""A graph that asks twice, and works between its questions.

The model that works answers "brief 1" as the upstream's script says.
"""

import operator
from typing import Annotated

from langgraph.graph import START, StateGraph
from langgraph.types import interrupt
from typing_extensions import TypedDict

from seltzer.models import chat_model


class State(TypedDict):
    said: Annotated[list[list[str]], operator.add]


async def one(state: State) -> State:
    return {"said": [["one?", interrupt("one?")]]}


async def between(state: State) -> State:
    await chat_model().ainvoke("brief 1")
    return {"said": []}


async def two(state: State) -> State:
    return {"said": [["two?", interrupt("two?")]]}


graph = StateGraph(State).add_sequence([one, between, two]).add_edge(START, "one").compile()
