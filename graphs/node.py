"""A graph's node in both kinds: LangGraph runs the one for `invoke`, the other for `ainvoke`."""

from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

from langchain_core.runnables import Runnable, RunnableConfig

State = TypeVar("State")


class Node(Runnable[State, State]):
    """Two functions of the state that do the same.

    Departs from RunnableLambda: a call isn't a run of its own inside the node's, of which all who listen
    would be told: a twentieth of what a short request costs.
    """

    def __init__(
        self, function: Callable[[State], State], afunction: Callable[[State], Awaitable[State]]
    ) -> None:
        self._function = function
        self._afunction = afunction

    def invoke(self, input: State, config: RunnableConfig | None = None, **kwargs: Any) -> State:
        return self._function(input)

    async def ainvoke(self, input: State, config: RunnableConfig | None = None, **kwargs: Any) -> State:
        return await self._afunction(input)
