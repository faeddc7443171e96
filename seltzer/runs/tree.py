"""A thread's checkpoints as a tree: each run continues a branch, or begins one where it forks."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

INPUT: Final = "input"  # the source of a checkpoint that a turn begins with


@dataclass(frozen=True, slots=True)
class Node:
    """A checkpoint of the graph itself, without its content.

    source is LangGraph's: input, loop, update or fork. run_id is empty where no run has written it.
    """

    checkpoint_id: str
    parent_id: str | None
    source: str
    run_id: str


def branch(nodes: Sequence[Node], leaf: str | None = None) -> list[Node]:
    """Return the leaf and its ancestors as far as they are kept, newest first.

    nodes: all of a thread's, in the order of writing. Without a leaf that is the one written last.
    """
    by_id = {node.checkpoint_id: node for node in nodes}
    node = nodes[-1] if leaf is None and nodes else by_id.get(leaf or "")
    found = []
    while node is not None:
        found.append(node)
        node = by_id.get(node.parent_id or "")
    return found


def questions(nodes: Sequence[Node]) -> list[Node]:
    """Return the checkpoints that the turns of the thread's newest branch begin with, newest first."""
    return [node for node in branch(nodes) if node.source == INPUT]


def leaves(nodes: Sequence[Node]) -> list[Node]:
    """Return the last checkpoint of each branch, the one written last first."""
    parents = {node.parent_id for node in nodes}
    return [node for node in reversed(nodes) if node.checkpoint_id not in parents]


def forked_from(nodes: Sequence[Node], leaf: Node) -> str | None:
    """Return the nearest ancestor that another branch continues too; None if there is none."""
    counts = Counter(node.parent_id for node in nodes)
    ancestors = branch(nodes, leaf.checkpoint_id)[1:]
    return next((node.checkpoint_id for node in ancestors if counts[node.checkpoint_id] > 1), None)
