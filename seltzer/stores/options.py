"""What the settings set of the stores, and langgraph.json: its `checkpointer.serde` and `store`.

The latter have its keys' names.
"""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from typing import TypeAlias

from langchain_core.embeddings import Embeddings

ClassName: TypeAlias = tuple[str, ...]  # module and name, as in ("my_agent.models", "Plan")
Vectors: TypeAlias = list[list[float]]
Embed: TypeAlias = (
    str | Embeddings | Callable[[Sequence[str]], Vectors] | Callable[[Sequence[str]], Awaitable[Vectors]]
)


@dataclass(frozen=True, slots=True)
class SerdeOptions:
    """`checkpointer.serde`: what may be stored in a thread's state, and revived from it.

    allowed_msgpack_modules: classes that are revived besides those that a graph's state declares; True for
    any class, None or False for no other. pickle_fallback: whether values that msgpack can't express are
    pickled; anyone who can write to the data folder can then run code in the server.
    """

    allowed_msgpack_modules: Sequence[ClassName] | bool | None = None
    pickle_fallback: bool = False


@dataclass(frozen=True, slots=True)
class IndexOptions:
    """`store.index`: how items are embedded, for search by meaning.

    embed: `provider:model`, as for LangChain's init_embeddings, or what a path in langgraph.json led to.
    """

    embed: Embed
    dims: int
    fields: Sequence[str] = ("$",)


@dataclass(frozen=True, slots=True)
class TtlOptions:
    """`store.ttl`: how long an item is kept after it was written, or read if refresh_on_read; in minutes."""

    default_ttl: float | None = None
    refresh_on_read: bool = True
    sweep_interval_minutes: int | None = None


@dataclass(frozen=True, slots=True)
class StoreOptions:
    """`store`: the store that graphs get which weren't compiled with their own."""

    index: IndexOptions | None = None
    ttl: TtlOptions | None = None


@dataclass(frozen=True, slots=True)
class Retention:
    """How much is kept: events of a run, states of a thread, and for how long an ended run's events.

    turns: of how many of a thread's turns the first and the last state are kept besides; 0 for all.
    """

    events: int = 10_000
    checkpoints: int = 20
    retention_s: float = 3600.0
    turns: int = 0


@dataclass(frozen=True, slots=True)
class DatabaseOptions:
    """A Postgres database. direct_url: the same one past a pooler. pool_limit: connections of a process."""

    url: str = field(repr=False)
    direct_url: str | None = field(default=None, repr=False)
    pool_limit: int = 10
