"""What langgraph.json sets of the stores: `checkpointer.serde` and `store`. Fields have its keys' names."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
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
