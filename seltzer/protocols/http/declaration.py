"""What each protocol declares about itself, for main to collect."""

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True)
class Declaration:
    """What main needs to know of a protocol. A graph can't be served at /{name} if the name is reserved."""

    name: str
    reserved: frozenset[str] = frozenset()


# Of future protocols: a graph with one of these names would have to move.
PLANNED: Final = Declaration(
    "planned",
    frozenset({"assistants", "crons", "mcp", "metrics", "ok", "static", "store", "threads", "v1"}),
)
