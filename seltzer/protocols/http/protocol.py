"""What a protocol declares of itself, for main to collect."""

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True)
class Protocol:
    """A way to talk to runs. A graph can't be served at /{name} if the name is reserved."""

    name: str
    reserved: frozenset[str] = frozenset()


# Of protocols still to come: a graph that took one of these names would have to move.
PLANNED: Final = Protocol(
    "planned",
    frozenset(
        {"assistants", "crons", "info", "mcp", "metrics", "ok", "runs", "static", "store", "threads", "v1"}
    ),
)
