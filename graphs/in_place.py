"""Runs a plain function of the state where it is called, not in a thread.

LangGraph runs a plain function in a thread when the graph runs in an event loop, and there are only so many
threads: a function that computes for a moment would wait for those that sleep.
"""

from collections.abc import Callable
from typing import TypeVar

from langchain_core.runnables import RunnableLambda

State = TypeVar("State")
Result = TypeVar("Result")


def in_place(function: Callable[[State], Result]) -> RunnableLambda[State, Result]:
    """Return the function as a node or an edge that needs no thread. It must not block."""

    async def call(state: State) -> Result:
        return function(state)

    return RunnableLambda(function, afunc=call, name=getattr(function, "__name__", None))
