"""A graph as the core sees it: a name and something LangGraph can run."""

from collections.abc import Mapping, Sequence
from contextlib import AbstractAsyncContextManager, nullcontext
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, Protocol, TypeAlias

from langchain_core.messages import BaseMessage
from langchain_core.runnables import Runnable, RunnableConfig
from langgraph.pregel import Pregel
from langgraph.store.base import BaseStore

from seltzer.errors import GraphBroken, LoadError
from seltzer.runs.messages.spellings import MESSAGES
from seltzer.runs.schemas.schemas import GraphSchemas

AnyPregel: TypeAlias = Pregel[Any, Any, Any, Any]


@dataclass(frozen=True, slots=True)
class GraphAccess:
    """Why a graph is opened, and what its factory may use for it.

    purpose is LangGraph's: `threads.create_run` for a run, the only one that has a context; `assistants.read`
    for the graph's schemas and its drawing. user is the caller, None without authentication.
    """

    purpose: Literal["threads.create_run", "threads.update", "threads.read", "assistants.read"]
    store: BaseStore | None = None
    context: Any = None
    user: Any = None


class GraphFactory(Protocol):
    """Makes a graph anew for each run."""

    def open(self, config: RunnableConfig, access: GraphAccess) -> AbstractAsyncContextManager[AnyPregel]:
        """Make the graph for one run; what the factory opened for it is closed at the block's end."""


@dataclass(frozen=True, slots=True)
class Graph:
    """What langgraph.json names.

    pregel executes it; served is what the file has (the same, or the bare Runnable that pregel was made of).
    With a factory, pregel is the graph it made for an empty config: it has the schemas and can be drawn, and
    open() yields the one that a run executes. line is where the name is defined in the file, from 1.
    slug names the graph in addresses, and path is where its routes begin: /{slug}, or /graphs/{slug} where
    that address is the server's own. answer_nodes are the nodes whose text is the answer; none: found out.
    """

    name: str
    pregel: AnyPregel
    served: Runnable[Any, Any]
    takes_messages: bool
    file: Path
    line: int
    description: str = ""
    slug: str = ""
    path: str = ""
    answer_nodes: tuple[str, ...] = ()
    factory: GraphFactory | None = None
    schemas: GraphSchemas = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "slug", self.slug or self.name)
        object.__setattr__(self, "path", self.path or f"/{self.slug}")
        object.__setattr__(self, "schemas", GraphSchemas(self.pregel, self.served))

    @property
    def is_wrapped(self) -> bool:
        """Whether the file has a bare Runnable, which pregel was made of."""
        return self.served is not self.pregel

    @property
    def recursion_limit(self) -> int | None:
        """The limit of steps that the graph's author has bound to it with with_config."""
        bound = (self.pregel.config or {}).get("recursion_limit")
        return (
            bound
            if bound is not None
            else (getattr(self.served, "config", None) or {}).get("recursion_limit")
        )

    @property
    def answers_in_text(self) -> bool:
        """Whether its output is the answer's text: it takes messages, and isn't declared to return others."""
        channels = self.pregel.output_channels
        is_other = MESSAGES not in channels and not isinstance(channels, str)
        return self.takes_messages and not is_other and self.schemas.may_return_messages

    @property
    def input_schema(self) -> Any:
        """A pydantic model of the graph's input."""
        return self.schemas.input_model

    def message_input(self, messages: Sequence[BaseMessage], others: Mapping[str, Any] | None = None) -> Any:
        """Return messages, and what else an input has, as the graph takes them."""
        if self.schemas.takes_message_list:
            return [*messages]
        return {**(others or {}), MESSAGES: [*messages]}

    def open(self, config: RunnableConfig, access: GraphAccess) -> AbstractAsyncContextManager[AnyPregel]:
        """Yield the graph that a run with this config executes, until the block ends.

        Without a factory that is pregel itself. Raises whatever the factory does.
        """
        return nullcontext(self.pregel) if self.factory is None else self.factory.open(config, access)


@dataclass(frozen=True, slots=True)
class BrokenGraph:
    """A graph that langgraph.json names and that can't be loaded. slug and path: its address."""

    name: str
    slug: str
    path: str
    reason: LoadError

    def error(self) -> GraphBroken:
        """Return the error that a request for this graph gets, a new one for each."""
        return GraphBroken(self.name, self.reason)
