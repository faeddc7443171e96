"""A graph as the core sees it: a name and something LangGraph can run."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias

from langchain_core.runnables import Runnable
from langgraph.pregel import Pregel

AnyPregel: TypeAlias = Pregel[Any, Any, Any, Any]


@dataclass(frozen=True, slots=True)
class Graph:
    """What langgraph.json names.

    pregel executes it; served is what the file held (the same, or the bare Runnable we wrapped a graph
    around). line is where the name is defined in the file, from 1.
    """

    name: str
    pregel: AnyPregel
    served: Runnable[Any, Any]
    takes_messages: bool
    file: Path
    line: int
    description: str = ""

    @property
    def is_wrapped(self) -> bool:
        return self.served is not self.pregel
