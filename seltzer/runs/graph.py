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
    around), input_schema a pydantic model of its input. line is where the name is defined in the file,
    from 1.
    """

    name: str
    pregel: AnyPregel
    served: Runnable[Any, Any]
    takes_messages: bool
    file: Path
    line: int
    description: str = ""
    input_schema: Any = None

    def __post_init__(self) -> None:
        if self.input_schema is None:  # asked once: LangChain reads a function's source for it
            object.__setattr__(self, "input_schema", self.served.get_input_schema())

    @property
    def is_wrapped(self) -> bool:
        return self.served is not self.pregel
